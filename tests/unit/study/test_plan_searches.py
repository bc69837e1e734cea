"""From configuration to artifacts: searches and revisions, their blocks, budgets and labels."""

import pytest

from tests.support.planned import ALONE
from ttc.estimate.counts import expected
from ttc.estimate.measured import assumed
from ttc.search.strategy import Strategy
from ttc.study.build import plan_study
from ttc.study.sections.search import Search


class TestSearches:
    def test_equal_searches_are_made_once_and_known_by_both_names(self, root):
        given = {"search": {"strategies": [{"kind": "beam", "width": 4}, {"kind": "beam", "width": "sqrt"}]}}
        plan = plan_study(given | ALONE, root)
        assert len(plan.of("search")) == 4 + 3
        (evaluate,) = plan.of("evaluate")
        named = list(zip(evaluate.spec["searches"], evaluate.inputs["searches"], strict=True))
        at_16 = [(name, each.key) for name, each in named if each.spec["budget"] == 16]
        assert [name for name, _ in at_16] == ["beam(width=4)", "beam(width=sqrt)"]
        assert len({key for _, key in at_16}) == 1

    def test_repeats_add_searches_and_leave_the_first_run_its_key(self, root):
        """The spec of a first run says nothing of repeats, as before there were any."""
        asked = {"strategies": [{"kind": "beam", "width": 4}], "budgets": [4, 16], "block_problems": 150}
        plans = [
            plan_study({"search": asked | {"repeats": repeats, "larger_repeats": repeats}}, root)
            for repeats in (1, 2, 4)
        ]
        made = [{each.key: each for each in plan.of("search")} for plan in plans]
        assert set(made[0]) < set(made[1]) < set(made[2])
        # Two blocks of two searches of the policy and three of the larger one, whose 64 beams are not repeated
        assert [len(each) for each in made] == [10, 18, 34]
        assert all("repeat" not in each.spec for each in made[0].values())
        added = {each.spec["repeat"] for key, each in made[2].items() if key not in made[0]}
        assert added == {1, 2, 3}
        labels = {each.label for each in made[1].values()} - {each.label for each in made[0].values()}
        assert {"beam-m4-n4-repeat1-0to150", "larger-beam-m4-n16-repeat1-0to150"} <= labels
        (evaluate,) = plans[2].of("evaluate")
        named = zip(evaluate.spec["searches"], evaluate.inputs["searches"], strict=True)
        assert [name for name, _ in named] == ["beam(width=4)"] * 16
        # What is drawn in the report is one whole run
        (report,) = plans[2].of("report")
        assert [each.spec.get("repeat", 0) for each in report.inputs["searches"]] == [0, 0]

    def test_a_search_has_its_own_repeats_and_a_dear_one_runs_once(self, root):
        strategies = [
            {"kind": "beam", "width": 4, "repeats": 3},
            {"kind": "lookahead", "width": 4, "depth": 3},
        ]
        asked = {"strategies": strategies, "budgets": [4, 16, 64], "repeats": 2, "repeated_up_to": 16}
        found = [
            (each.name[:4], each.budget, each.repeats) for each in Search.model_validate(asked).searches()
        ]
        # A lookahead of three steps is billed four times its beams
        assert found == [("beam", 4, 3), ("beam", 16, 3), ("beam", 64, 1), ("look", 4, 2), ("look", 16, 1)]
        every = Search.model_validate(asked | {"repeated_up_to": None}).searches()
        assert [each.repeats for each in every] == [3, 3, 3, 2, 2]

    def test_a_search_under_two_names_is_run_as_often_as_the_one_that_asks_more(self, root):
        strategies = [{"kind": "beam", "width": 4}, {"kind": "beam", "width": "sqrt", "repeats": 3}]
        plan = plan_study({"search": {"strategies": strategies, "budgets": [16]}} | ALONE, root)
        assert [each.spec.get("repeat", 0) for each in plan.of("search")] == [0, 1, 2]
        (evaluate,) = plan.of("evaluate")
        assert evaluate.spec["searches"] == ["beam(width=4)"] + ["beam(width=sqrt)"] * 3

    def test_the_estimate_counts_every_run(self, root):
        asked = {"strategies": [{"kind": "beam", "width": 4}], "budgets": [4]}
        one, four = (plan_study({"search": asked | {"repeats": repeats}} | ALONE, root) for repeats in (1, 4))
        work = [
            sum(expected(each, assumed(plan)).generations for each in plan.of("search"))
            for plan in (one, four)
        ]
        assert work == pytest.approx([4 * 300, 4 * 4 * 300])

    def test_one_subtree_of_dvts_is_beam_search(self, root):
        strategies = [{"kind": "beam", "width": 4}, {"kind": "dvts", "width": 4}]
        plan = plan_study({"search": {"strategies": strategies, "budgets": [4, 8]}} | ALONE, root)
        assert [each.label for each in plan.of("search")] == ["beam-m4-n4", "beam-m4-n8", "dvts-m4-n8"]

    def test_rebase_does_not_depend_on_what_ended_beams_do(self, root):
        given = {"strategies": [{"kind": "rebase", "temperature": 0.2}], "budgets": [8]}
        before, after = (
            plan_study({"search": given | {"finished": finished}}, root).of("search")[0]
            for finished in ("shrink", "refill")
        )
        assert before.label == "rebase-t0_2-n8" and before.key == after.key
        assert before.spec["strategy"] == {"kind": "rebase", "temperature": 0.2}

    def test_the_papers_sweep_is_the_default(self, root):
        """Paper §5.2: beam √N, beam 4, lookahead 3 on both, lookahead 1 on √N; none is billed more than 256."""
        [evaluate] = plan_study({}, root).of("evaluate")
        found = {}
        for name, each in zip(evaluate.spec["searches"], evaluate.inputs["searches"], strict=True):
            if "repeat" not in each.spec:
                found.setdefault(name, []).append(each.spec["budget"])
        assert found == {
            "beam(width=4)": [4, 16, 64, 256],
            "beam(width=sqrt)": [4, 16, 64, 256],
            "lookahead(width=4, depth=3)": [4, 16, 64],
            "lookahead(width=sqrt, depth=3)": [4, 16, 64],
            "lookahead(width=sqrt, depth=1)": [4, 16, 64],
            "dvts(width=4)": [4, 16, 64, 256],
            "rebase(temperature=0.2)": [4, 16, 64, 256],
        }

    def test_widths_are_resolved(self, root):
        given = {"search": {"strategies": [{"kind": "beam", "width": "sqrt"}], "budgets": [4, 16, 64, 256]}}
        specs = [each.spec for each in plan_study(given | ALONE, root).of("search")]
        assert [(spec["budget"], spec["strategy"]["width"]) for spec in specs] == [
            (4, 2),
            (16, 4),
            (64, 8),
            (256, 16),
        ]

    def test_lookahead_pays_for_its_rollouts(self):
        # billed N·(k+1): with k = 3, N = 64 costs 256 and N = 256 would cost 1024
        strategy = {"kind": "lookahead", "width": 4, "depth": 3}
        asked = {"strategies": [strategy], "budgets": [4, 16, 64, 256]}
        assert list(Search.model_validate(asked).searches()) == [
            ("lookahead(width=4, depth=3)", Strategy("lookahead", 4, 3), budget, 1) for budget in (4, 16, 64)
        ]
        asked = {"strategies": [strategy | {"budgets": [256]}], "budgets": [4]}
        assert [each.budget for each in Search.model_validate(asked).searches()] == [256]


class TestRevisions:
    def test_trajectories_have_samples_of_their_own(self, root):
        pairs = {"train_problems": 70, "samples": 6, "temperature": 1.5}
        plan = plan_study(
            {"revision": {"pairs": pairs}, "sampling": {"train_problems": 200, "train_block_problems": 50}},
            root,
        )
        made = [each for each in plan.of("sample") if each.label.startswith("pairs")]
        assert [each.spec["problems"] for each in made] == [[0, 50], [50, 70]]
        assert {(each.spec["split"], *each.spec["samples"], each.spec["temperature"]) for each in made} == {
            ("train", 0, 6, 1.5)
        }
        (of_samples, of_chains) = plan.of("pair_revisions")
        assert of_samples.inputs["samples"] == made and of_samples.inputs["chains"] == []
        assert of_chains.inputs["samples"] == [] and len(of_chains.inputs["chains"]) == 1

    def test_evaluation_reports_the_grid_and_chains_serve_it(self, root):
        given = {"revision": {"max_generations": 4}, "figures": {"ratio_budget": 4}}
        plan = plan_study(given, root)
        (evaluate,) = plan.of("evaluate")
        expected = {(1, 1), (1, 2), (2, 1), (1, 4), (2, 2), (4, 1)}
        assert set(evaluate.spec["ratios"]) == expected
        test = [each for each in plan.of("revise") if each.label.startswith("test")]
        assert [each.spec["lengths"] for each in test] == [[4, 2, 1, 1]] * len(test)
        assert not any("until_correct" in each.spec for each in test)

    def test_only_chains_of_training_problems_are_cut_by_their_verdicts(self, root):
        cut = [
            each.spec["split"] for each in plan_study({}, root).of("revise") if "until_correct" in each.spec
        ]
        assert cut == ["train"]

    def test_the_rest_reviser_starts_from_the_policy(self, root):
        plan = plan_study({}, root)
        first, rest = plan.of("train_reviser")
        assert first.inputs["policy"] == rest.inputs["policy"] == plan.of("train_policy")
        assert rest.inputs["pairs"] == plan.of("pair_revisions")[1:]

    def test_a_verifier_without_history_is_trained_and_read_without_it(self, root):
        plan = plan_study({}, root)
        contexts = {each.label: each.spec["max_context"] for each in plan.of("train_revision_orm")}
        assert contexts == {"revision_orm": 4, "revision_orm_no_history": 0}
        for each in plan.of("score_revisions"):
            (verifier,) = each.inputs["verifier"]
            assert each.spec["max_context"] == contexts.get(verifier.label, 0)
        (evaluate,) = plan.of("evaluate")
        for role, label in (
            ("", "revision_orm"),
            ("_no_history", "revision_orm_no_history"),
            ("_prm", "prm"),
        ):
            scores = evaluate.inputs[f"chain_scores{role}"]
            assert {each.inputs["verifier"][0].label for each in scores} == {label}
            read = [chains for each in scores for chains in each.inputs["chains"]]
            assert read == evaluate.inputs["chains"]

    @pytest.mark.parametrize(
        ("switch", "roles"),
        [
            (
                "revision_verifiers",
                ["chain_scores_no_history", "chain_scores_prm", "revision_orm_no_history"],
            ),
            ("rest_em", ["rest_chains", "rest_reviser"]),
        ],
    )
    def test_an_ablation_that_is_off_leaves_its_jobs_out(self, root, switch, roles):
        plan = plan_study({"ablations": {switch: False}}, root)
        (evaluate,) = plan.of("evaluate")
        assert [evaluate.inputs[role] for role in roles] == [[]] * len(roles)
        assert len(plan.artifacts) < len(plan_study({}, root).artifacts)
        (trace,) = plan.of("trace_revisions")
        assert trace.inputs["rest_chains"] == evaluate.inputs["rest_chains"]
