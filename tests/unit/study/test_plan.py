"""From configuration to artifacts: blocks, searches, chains, keys, and what the plan imports."""

import itertools
import subprocess
import sys
from types import SimpleNamespace

import polars as pl
import pytest

from tests.support.planned import ALONE, changed, keys
from tests.support.workflow_project import SOURCE
from ttc.commands.summary import late, rows, text
from ttc.errors import InputError
from ttc.study.blocks import SHARDING
from ttc.study.build import plan_jobs, plan_study
from ttc.study.relevant import shown_configuration
from ttc.study.stages import STAGES

# stages of other kinds of study
ELSEWHERE = {"import_pool", "import_search", "compare_pools", "compare_votes"}
ELSEWHERE |= {"fetch_model", "check_prompts", "preflight", "compare_replicates"}
ELSEWHERE |= {"think", "check_thoughts", "evaluate_thinking", "evaluate_money"}
# budgets that half a pool can serve
HALF = {"evaluation": {"budgets": [1, 4, 16, 64]}, "figures": {"sweep_budgets": [4, 16, 64]}}
REVISED = {"revise", "pair_revisions", "train_revision_orm", "score_revisions", "trace_revisions"}
DOWNSTREAM = {
    "evaluate",
    "evaluate_hybrid",
    "fit_allocator",
    "advise",
    "match_flops",
    "compare_strategies",
    "find",
    "plot",
    "browse",
}
DOWNSTREAM |= {"gallery", "report", "notebook", "publish"}
FITTED = {
    "evaluate",
    "evaluate_hybrid",
    "fit_allocator",
    "advise",
    "match_flops",
    "compare_strategies",
    "browse",
}
MEASURED = {"trace_revisions", "measure_verifiers"}


def test_the_default_study_is_some_hundred_jobs(root):
    artifacts = plan_study({}, root).artifacts
    assert len(artifacts) <= 110
    assert len({each.path for each in artifacts}) == len(artifacts)
    assert {each.stage for each in artifacts} == STAGES.keys() - ELSEWHERE


def test_artifacts_read_only_earlier_ones(root):
    seen = set()
    for artifact in plan_study({}, root).artifacts:
        for each in itertools.chain.from_iterable(artifact.inputs.values()):
            assert not hasattr(each, "stage") or each in seen
        seen.add(artifact)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"runtime": {"batch_rows": 7, "threads": 2, "device": "cpu"}}, set()),
        ({"figures": {"dpi": 99}}, {"plot", "gallery", "report", "publish"}),
        ({"findings": {"bootstrap": 99}}, MEASURED | DOWNSTREAM - FITTED),
        ({"report": {"examples": 1}}, {"report", "publish"}),
        (
            {"allocation": {"repeats": 3}},
            DOWNSTREAM - {"evaluate", "evaluate_hybrid", "compare_strategies", "browse"},
        ),
        ({"extrapolation": {"times": 5}}, {"extrapolate", "plot", "gallery", "report", "publish"}),
        ({"stopping": {"loss": 0.02}}, {"evaluate_stopping", "plot", "gallery", "report", "publish"}),
        (
            {"exchange": {"versions": ["v1"]}},
            {"match_flops", "find", "plot", "gallery", "report", "notebook", "publish"},
        ),
        ({"orm": {"training": {"steps": 9}}}, {"train_orm", "score", "measure_verifiers"} | DOWNSTREAM),
        (
            {"prm": {"training": {"steps": 9}}},
            {"train_prm", "score", "score_revisions", "search", "measure_difficulty", "measure_verifiers"}
            | {"evaluate_stopping", "evaluate_spending", "pick_solutions"}
            | DOWNSTREAM,
        ),
        ({"ablations": {"aggregations": False}}, DOWNSTREAM),
        ({"ablations": {"verifier_quality": False}}, DOWNSTREAM),
        ({"evaluation": {"noisy_verifiers": {"share": 0.3}}}, DOWNSTREAM),
        (
            {"difficulty": {"samples": "disjoint"}, **HALF},
            {"measure_difficulty", "evaluate_spending"} | DOWNSTREAM,
        ),
        (
            {"spending": {"orders": 9}},
            {"evaluate_spending", "evaluate_hybrid", "plot", "gallery", "report", "publish"},
        ),
        (
            {"spending": {"hybrid_unit": "tokens"}},
            {"evaluate_hybrid", "plot", "gallery", "report", "publish"},
        ),
        ({"search": {"max_rounds": 9}}, {"search"} | DOWNSTREAM),
        (
            {"larger_policy": {"training": {"steps": 9}}},
            {"train_larger_policy", "sample", "score", "search"} | DOWNSTREAM,
        ),
        ({"search": {"larger_budgets": [8]}}, {"search"} | DOWNSTREAM),
        (
            {"revision": {"training": {"steps": 9}}},
            REVISED | {"train_reviser", "measure_verifiers"} | DOWNSTREAM,
        ),
    ],
)
def test_a_key_changes_what_depends_on_it_and_nothing_else(root, given, expected):
    everything = (
        {"report", "publish"} if given.keys() != {"runtime"} else set()
    )  # both show the configuration
    assert changed(root, **given) == expected | everything


def test_without_notebooks_all_else_keeps_its_name_but_what_shows_the_configuration(root):
    without = plan_study({"notebooks": {"use": False}}, root)
    assert "notebook" not in without.stages
    shown = {"report", "publish", "notebook"}
    given, left = (
        {each.path for each in plan.artifacts if each.stage not in shown}
        for plan in (plan_study({}, root), without)
    )
    assert given == left
    assert shown_configuration(without.configuration)["notebooks"] == {"use": False}
    assert "notebooks" not in shown_configuration(plan_study({}, root).configuration)


def test_an_ablation_that_is_off_asks_for_no_rows(root):
    on, off = (
        plan_study({"ablations": dict.fromkeys(("aggregations", "verifier_quality"), wanted)}, root)
        .of("evaluate")[0]
        .spec
        for wanted in (True, False)
    )
    assert on["aggregations_compared"] == ["min", "prod", "mean"]
    assert on["noisy_verifiers"] == {"share": 0.2, "acts_on": "step"}
    assert off["aggregations_compared"] == [] and off["noisy_verifiers"] is None


def test_verifiers_are_measured_where_something_was_scored(root):
    plan = plan_study({}, root)
    (measured,) = plan.of("measure_verifiers")
    assert {"scores", "orm_scores", "chain_scores"} <= {
        role for role, given in measured.inputs.items() if given
    }
    (found,), (drawn,) = plan.of("find"), plan.of("plot")
    for table, reader in (("verifier_quality", found), ("verifier_quality", drawn), ("calibration", drawn)):
        assert [each.name for each in reader.inputs[table]] == [f"{table}.parquet"]


def test_the_seed_changes_everything_that_draws(root):
    same = STAGES.keys() - changed(root, seed=1) - ELSEWHERE
    assert same == set()


def test_more_samples_only_add_blocks(root):
    same = {"evaluation": {"budgets": [1, 4, 16, 64]}, "figures": {"sweep_budgets": [4, 16]}}
    blocks = {"block_problems": 100, "block_samples": 64}
    same |= {"task": {"test_problems": 200}} | ALONE
    few = keys(root, sampling=blocks | {"samples": 128}, **same)
    more = keys(root, sampling=blocks | {"samples": 256}, **same)
    sampled = {name: key for name, key in few.items() if name[0] == "sample"}
    assert len(sampled) == 3 + 2 * 2
    assert sampled.items() <= more.items()


@pytest.mark.parametrize(("tests", "block"), [(150, 75), (150, 64), (7, 100), (7, 1)])
def test_blocks_cover_every_problem_once(root, tests, block):
    given = {
        "task": {"test_problems": tests},
        "sampling": {"block_problems": block, "block_samples": 100},
        "revision": {"block_problems": block},
    }
    plan = plan_study(given, root)
    for policy, count in (("policy", 256), ("larger", 64)):
        cells = [
            cell
            for each in plan.of("sample")
            if each.spec["split"] == "test" and each.spec["temperature"] > 0
            if each.inputs["policy"][0].label == policy
            for cell in itertools.product(range(*each.spec["problems"]), range(*each.spec["samples"]))
        ]
        assert sorted(cells) == list(itertools.product(range(tests), range(count)))
    revised = [range(*each.spec["problems"]) for each in plan.of("revise") if each.label.startswith("test")]
    assert sorted(itertools.chain.from_iterable(revised)) == list(range(tests))


def test_the_sizes_of_shards_are_all_known_and_not_in_the_report(root):
    plan = plan_study({}, root)
    named = {
        (section, name)
        for section, values in plan.configuration.model_dump().items()
        if isinstance(values, dict)
        for name in values
        if "block_" in name or "shards" in name
    }
    assert named == {(section, name) for section, names in SHARDING.items() for name in names}
    cut = {section: dict.fromkeys(names, 50) for section, names in SHARDING.items()}
    other = plan_study(cut, root)
    blocks = -(-plan.configuration.task.test_problems // 50)
    (report,), (other_report,) = plan.of("report"), other.of("report")
    assert report.spec == other_report.spec
    assert other.of("publish")[0].spec["configuration"]["search"]["block_problems"] == 50
    assert len(other_report.inputs["searches"]) == blocks  # all blocks of the search whose tree is drawn
    assert len({each.spec["budget"] for each in other_report.inputs["searches"]}) == 1


def test_the_larger_policy_is_searched_with_the_policys_verifier_unless_switched_off(root):
    plan = plan_study({"search": {"larger_budgets": [4, 16]}}, root)
    larger = [each for each in plan.of("search") if each.inputs["policy"][0].stage == "train_larger_policy"]
    assert [each.label for each in larger] == ["larger-beam-m4-n4", "larger-beam-m4-n16"]
    [prm] = plan.of("train_prm")
    assert all(each.inputs["verifier"] == [prm] for each in larger)
    [evaluate] = plan.of("evaluate")
    assert evaluate.inputs["larger_searches"] == larger
    assert evaluate.spec["larger_searches"] == ["beam(width=4)"] * 2
    scores = evaluate.inputs["larger_scores"]
    assert all(each.inputs["verifier"] == [prm] for each in scores)
    scored = [sample for each in scores for sample in each.inputs["samples"]]
    assert scored == evaluate.inputs["larger_samples"]
    assert not set(larger) & set(evaluate.inputs["searches"])

    off = plan_study(ALONE, root)
    used = [each for each in off.artifacts if each.stage in ("sample", "score", "search")]
    assert [each.label for each in used if "larger" in each.label] == ["larger-greedy-0to300-0to1"]


def test_rollouts_read_only_the_samples_of_their_problems(root):
    given = {"sampling": {"train_problems": 100, "train_block_problems": 25}, "prm": {"block_problems": 50}}
    for each in plan_study(given, root).of("roll_out"):
        blocks = [sample.spec["problems"] for sample in each.inputs["samples"]]
        start = each.spec["problems"][0]
        assert blocks == [[start, start + 25], [start + 25, start + 50]]


class TestPlan:
    def test_a_rule_finds_its_artifact(self, root):
        plan = plan_study({}, root)
        (artifact,) = plan.of("evaluate")
        wildcards = SimpleNamespace(label=artifact.label, key=artifact.key)
        inputs = plan_jobs(plan).inputs("evaluate")(wildcards)
        assert inputs["problems"] == [plan.of("problems")[0].path]
        assert len(inputs["searches"]) == len(artifact.spec["searches"])
        assert plan_jobs(plan).priority("evaluate")(wildcards) == STAGES["evaluate"].priority
        resources = plan_jobs(plan).resources("evaluate")
        first = STAGES["evaluate"].memory + plan_jobs(plan).site.extra_memory
        memory = [resources["mem_mb"](wildcards, attempt=attempt) for attempt in (1, 2, 3)]
        assert memory == [first, first * 3 // 2, first * 2]
        assert resources["runtime"](wildcards, attempt=3) == STAGES["evaluate"].minutes * 3
        assert (
            plan_jobs(plan).how("evaluate")(wildcards, threads=1)
            == "--threads 1 --batch-rows 1024 --device auto"
        )
        assert plan_jobs(plan).how("sample")(wildcards, threads=1).endswith(" --device auto --gpus 1")

    def test_an_artifact_of_another_configuration_is_refused(self, root):
        with pytest.raises(InputError, match="does not belong to this configuration"):
            plan_study({}, root).find("evaluate", "policy-" + "0" * 16)

    def test_gpus_are_asked_for_only_with_cuda_and_only_where_models_run(self, root):
        assert plan_jobs(plan_study({}, root)).gpus("sample") == 0
        plan = plan_study({"runtime": {"device": "cuda"}}, root)
        assert (plan_jobs(plan).gpus("sample"), plan_jobs(plan).gpus("evaluate")) == (1, 0)
        assert plan_jobs(plan).resources("sample")["gpu"] == 1
        assert "gpu" not in plan_jobs(plan).resources("evaluate")

    def test_a_stage_may_ask_for_other_resources_than_the_rest(self, root):
        runtime = {"gpus": 1, "jobs": {"search": {"memory": 9000, "minutes": 7, "gpus": 2}}}
        plan = plan_study({"runtime": runtime}, root)
        resources = plan_jobs(plan).resources("search")
        assert resources["mem_mb"](None, attempt=1) == 9000 + plan_jobs(plan).site.extra_memory
        assert resources["runtime"](None, attempt=2) == 14
        assert (resources["gpu"], plan_jobs(plan).gpus("sample"), plan_jobs(plan).gpus("evaluate")) == (
            2,
            1,
            0,
        )
        assert plan_jobs(plan).how("search")(None, threads=1).endswith(" --gpus 2")
        assert keys(root, runtime=runtime) == keys(root)

    def test_light_stages_stay_beside_snakemake(self, root):
        plan = plan_study({}, root)
        assert [
            stage for stage in ("problems", "publish", "evaluate", "sample") if plan_jobs(plan).local(stage)
        ] == [
            "problems",
            "publish",
        ]

    def test_the_shown_configuration_gives_the_same_keys(self, root):
        plan = plan_study({"seed": 5, "runtime": {"threads": 3}}, root)
        shown = shown_configuration(plan.configuration)
        assert "runtime" not in shown
        assert keys(root, **shown) == keys(root, seed=5)

    def test_summary_adds_up_benchmarks(self, root, tmp_path):
        plan = plan_study({}, root)
        for seconds, artifact in enumerate(plan.of("search"), start=1):
            (tmp_path / "search").mkdir(exist_ok=True)
            line = f'{{"s": {seconds}, "max_rss": {"100.5" if seconds > 1 else chr(34) + "NA" + chr(34)}}}\n'
            (tmp_path / "search" / f"{artifact.name}.jsonl").write_text(line)
        count = len(plan.of("search"))
        (search,) = (row for row in rows(plan, tmp_path) if row[0] == "search")
        assert search == ("search", count, count, count * (count + 1) / 2, count, 100.5)
        assert "results/default" in text(plan, tmp_path)


class TestPools:
    def pool_study(self, root, **source):
        return {"source": SOURCE | source, "study": {"name": "pool"}, "evaluation": {"budgets": None}}

    def test_summary_counts_answers_whose_comparison_ran_out_of_time(self, root, tmp_path):
        plan = plan_study(self.pool_study(root), root)
        assert late(plan, tmp_path) == []
        (imported,) = plan.of("import_pool")
        (tmp_path / imported.path).mkdir(parents=True)
        for column, lines in (([False, False], 0), ([True, False], 1)):
            pl.DataFrame({"late": column}).write_parquet(tmp_path / imported.path / "grading.parquet")
            assert len(found := late(plan, tmp_path)) == lines
        assert found[0].startswith(f"{imported.name}: 1 answers")

    def test_one_import_stands_in_for_what_generates(self, root):
        plan = plan_study(self.pool_study(root), root)
        assert plan.stages == [
            "import_pool", "measure_difficulty", "evaluate", "fit_allocator", "advise", "evaluate_spending",
            "evaluate_hybrid", "measure_verifiers", "evaluate_stopping", "find", "pick_solutions",
            "compare_strategies", "extrapolate", "list_questions", "compare_pools", "plot", "browse", "report",
            "gallery", "notebook", "publish",
        ]  # fmt: skip
        (imported,) = plan.of("import_pool")
        expected = {"problems", "pools", "grading", "missing_samples", "contradicted", "accept"}
        assert imported.spec.keys() == expected
        assert "path" not in str(imported.spec)
        inputs = plan_jobs(plan).inputs("measure_difficulty")
        (first, second) = plan.of("measure_difficulty")
        assert (first.label, second.label) == ("policy", "other")
        by_role = inputs(SimpleNamespace(label="other", key=second.key))
        assert by_role["samples"] == [f"{imported.path}/other.samples.parquet"]
        assert by_role["scores"] == []
        assert [each.label for each in plan.of("measure_verifiers")] == [
            "policy"
        ]  # the other pool has no scores

    def test_the_content_of_the_files_counts_and_not_their_place(self, root):
        before = keys(root, **self.pool_study(root))
        moved = SOURCE["pools"]["policy"] | {"path": "elsewhere.jsonl"}
        (root / "elsewhere.jsonl").write_bytes((root / "pool.jsonl").read_bytes())
        source = {"pools": SOURCE["pools"] | {"policy": moved}}
        after = keys(root, **self.pool_study(root, **source))
        assert {name for name in before if before[name] != after[name]} == {
            ("report", "policy"), ("publish", "pool"),
        }  # fmt: skip
        (root / "elsewhere.jsonl").write_text("{}\n")
        again = keys(root, **self.pool_study(root, **source))
        assert all(again[name] != before[name] for name in before)

    def test_a_missing_file_is_named_with_the_key_that_asks_for_it(self, root):
        pools = {"policy": SOURCE["pools"]["policy"] | {"path": ["pool.jsonl", "gone.jsonl"]}}
        with pytest.raises(InputError, match=r"source\.pools\.policy\.path: there is no file gone\.jsonl"):
            plan_study(self.pool_study(root, pools=pools), root)


def test_planning_imports_nothing_heavy():
    program = (
        "import sys, ttc.study.build; print(*sorted({name.split('.')[0] for name in sys.modules} & {'numpy', 'polars',"
        " 'torch', 'pandas', 'sklearn', 'transformers', 'matplotlib', 'pyarrow'}))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
