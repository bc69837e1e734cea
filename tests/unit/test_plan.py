"""From configuration to artifacts: blocks, searches, chains, keys, and what the plan imports."""

import itertools
import subprocess
import sys
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.plan import generated
from ttc.plan.analysis import shown_configuration
from ttc.plan.stages import STAGES
from ttc.plan.study import plan_study
from ttc.plan.summary import late, rows, text
from workflow_project import SOURCE, Project


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A copy of the project with stages in miniature: the plan needs every stage's module."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.add_pool()
    return project.folder


def keys(root, **given):
    return {(each.stage, each.label): each.key for each in plan_study(given, root).artifacts}


def changed(root, **given):
    """Stages that have a new artifact with the configuration `given`."""
    before = set(keys(root).items())
    return {
        stage for (stage, label), key in keys(root, **given).items() if ((stage, label), key) not in before
    }


DOWNSTREAM = {"evaluate", "fit_allocator", "match_flops", "find", "plot"}
DOWNSTREAM |= {"gallery", "report", "notebook", "publish"}


def test_the_default_study_is_at_most_about_forty_jobs(root):
    artifacts = plan_study({}, root).artifacts
    assert len(artifacts) <= 45
    assert len({each.path for each in artifacts}) == len(artifacts)
    assert {each.stage for each in artifacts} == STAGES.keys() - {"import_pool", "compare_votes"}


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
        ({"findings": {"bootstrap": 99}}, {"find", "report", "notebook", "publish"}),
        ({"report": {"examples": 1}}, {"report", "publish"}),
        ({"allocation": {"repeats": 3}}, DOWNSTREAM - {"evaluate"}),
        (
            {"exchange": {"versions": ["v1"]}},
            {"match_flops", "find", "plot", "gallery", "report", "notebook", "publish"},
        ),
        ({"orm": {"training": {"steps": 9}}}, {"train_orm", "score"} | DOWNSTREAM),
        (
            {"prm": {"training": {"steps": 9}}},
            {"train_prm", "score", "search", "measure_difficulty"} | DOWNSTREAM,
        ),
        ({"search": {"max_rounds": 9}}, {"search"} | DOWNSTREAM),
        ({"larger_policy": {"training": {"steps": 9}}}, {"train_larger_policy", "sample"} | DOWNSTREAM),
        (
            {"revision": {"training": {"steps": 9}}},
            {"train_reviser", "revise", "train_revision_orm", "score_revisions"} | DOWNSTREAM,
        ),
    ],
)
def test_a_key_changes_what_depends_on_it_and_nothing_else(root, given, expected):
    everything = (
        {"report", "publish"} if given.keys() != {"runtime"} else set()
    )  # both show the configuration
    assert changed(root, **given) == expected | everything


def test_the_seed_changes_everything_that_draws(root):
    same = STAGES.keys() - changed(root, seed=1) - {"import_pool", "compare_votes"}
    assert same == set()


def test_more_samples_only_add_blocks(root):
    same = {"evaluation": {"budgets": [1, 4, 16, 64]}, "figures": {"sweep_budgets": [4, 16]}}
    blocks = {"block_problems": 100, "block_samples": 64}
    same["task"] = {"test_problems": 200}
    few = keys(root, sampling=blocks | {"samples": 128}, **same)
    more = keys(root, sampling=blocks | {"samples": 256}, **same)
    sampled = {name: key for name, key in few.items() if name[0] == "sample"}
    assert len(sampled) == 2 + 2 * 2
    assert sampled.items() <= more.items()


@pytest.mark.parametrize(("tests", "block"), [(150, 75), (150, 64), (7, 100), (7, 1)])
def test_blocks_cover_every_problem_once(root, tests, block):
    given = {
        "task": {"test_problems": tests},
        "sampling": {"block_problems": block, "block_samples": 100},
        "revision": {"block_problems": block},
    }
    plan = plan_study(given, root)
    cells = [
        cell
        for each in plan.of("sample")
        if each.spec["split"] == "test" and each.spec["temperature"] > 0
        for cell in itertools.product(range(*each.spec["problems"]), range(*each.spec["samples"]))
    ]
    assert sorted(cells) == list(itertools.product(range(tests), range(256)))
    revised = [range(*each.spec["problems"]) for each in plan.of("revise") if each.spec["split"] == "test"]
    assert sorted(itertools.chain.from_iterable(revised)) == list(range(tests))


def test_the_sizes_of_shards_are_all_known_and_not_in_the_report(root):
    plan = plan_study({}, root)
    named = {
        (section, name)
        for section, values in plan.configuration.items()
        if isinstance(values, dict)
        for name in values
        if "block_" in name or "shards" in name
    }
    assert named == {(section, name) for section, names in generated.SHARDING.items() for name in names}
    cut = {section: dict.fromkeys(names, 50) for section, names in generated.SHARDING.items()}
    other = plan_study(cut, root)
    (report,), (other_report,) = plan.of("report"), other.of("report")
    assert report.spec == other_report.spec
    assert other.of("publish")[0].spec["configuration"]["search"]["block_problems"] == 50
    assert len(other_report.inputs["searches"]) == 4  # all blocks of the search whose tree is drawn
    assert len({each.spec["budget"] for each in other_report.inputs["searches"]}) == 1


def test_rollouts_read_only_the_samples_of_their_problems(root):
    given = {"sampling": {"train_problems": 100, "train_block_problems": 25}, "prm": {"block_problems": 50}}
    for each in plan_study(given, root).of("roll_out"):
        blocks = [sample.spec["problems"] for sample in each.inputs["samples"]]
        start = each.spec["problems"][0]
        assert blocks == [[start, start + 25], [start + 25, start + 50]]


class TestSearches:
    def test_equal_searches_are_made_once_and_known_by_both_names(self, root):
        given = {"search": {"strategies": [{"kind": "beam", "width": 4}, {"kind": "beam", "width": "sqrt"}]}}
        plan = plan_study(given, root)
        assert len(plan.of("search")) == 4 + 3
        (evaluate,) = plan.of("evaluate")
        named = list(zip(evaluate.spec["searches"], evaluate.inputs["searches"], strict=True))
        at_16 = [(name, each.key) for name, each in named if each.spec["budget"] == 16]
        assert [name for name, _ in at_16] == ["beam(width=4)", "beam(width=sqrt)"]
        assert len({key for _, key in at_16}) == 1

    def test_widths_are_resolved(self, root):
        given = {"search": {"strategies": [{"kind": "beam", "width": "sqrt"}], "budgets": [4, 16, 64, 256]}}
        specs = [each.spec for each in plan_study(given, root).of("search")]
        assert [(spec["budget"], spec["strategy"]["width"]) for spec in specs] == [
            (4, 2),
            (16, 4),
            (64, 8),
            (256, 16),
        ]

    def test_lookahead_pays_for_its_rollouts(self):
        # billed N·(k+1): with k = 3, N = 64 costs 256 and N = 256 would cost 1024
        strategy = {"kind": "lookahead", "width": 4, "depth": 3}
        assert generated.search_budgets(strategy, [4, 16, 64, 256]) == [4, 16, 64]
        assert generated.search_budgets(strategy | {"budgets": [256]}, [4]) == [256]
        assert generated.strategy_name(strategy) == "lookahead(width=4, depth=3)"
        assert generated.strategy_name({"kind": "beam", "width": "sqrt"}) == "beam(width=sqrt)"


class TestChainLengths:
    @given(st.integers(0, 8), st.integers(1, 6))
    def test_enough_for_every_ratio_and_never_too_long(self, exponent, full):
        generations = 2**exponent
        lengths = generated.chain_lengths(generations, full)
        for s in range(exponent + 1):
            for p in range(exponent + 1 - s):
                assert sum(length >= 2**s for length in lengths) >= 2**p
        assert max(lengths) == generations
        assert sum(length == generations for length in lengths) == min(full, generations)

    def test_one_full_chain_costs_what_the_levels_sum_to(self):
        # 1·8 + 1·4 + 2·2 + 4·1: each further power of two of chains costs half the budget
        assert generated.chain_lengths(8, 1) == [8, 4, 2, 2, 1, 1, 1, 1]


class TestPlan:
    def test_a_rule_finds_its_artifact(self, root):
        plan = plan_study({}, root)
        (artifact,) = plan.of("evaluate")
        wildcards = SimpleNamespace(label=artifact.label, key=artifact.key)
        inputs = plan.inputs("evaluate")(wildcards)
        assert inputs["problems"] == [plan.of("problems")[0].path]
        assert len(inputs["searches"]) == len(artifact.spec["searches"])
        assert plan.priority("evaluate")(wildcards) == STAGES["evaluate"].priority
        assert plan.memory("evaluate")(wildcards, attempt=2) == STAGES["evaluate"].memory * 3 // 2
        assert plan.minutes("evaluate")(wildcards, attempt=3) == STAGES["evaluate"].minutes * 3
        assert plan.how(wildcards, threads=1) == "--threads 1 --batch-rows 1024 --device auto"

    def test_an_artifact_of_another_configuration_is_refused(self, root):
        with pytest.raises(InputError, match="does not belong to this configuration"):
            plan_study({}, root).find("evaluate", SimpleNamespace(label="policy", key="0" * 16))

    def test_gpus_are_asked_for_only_with_cuda_and_only_where_models_run(self, root):
        assert plan_study({}, root).gpus("sample") == 0
        plan = plan_study({"runtime": {"device": "cuda"}}, root)
        assert (plan.gpus("sample"), plan.gpus("evaluate")) == (1, 0)

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
            "import_pool", "measure_difficulty", "evaluate", "fit_allocator", "find", "plot", "report",
            "gallery", "notebook", "publish",
        ]  # fmt: skip
        (imported,) = plan.of("import_pool")
        assert imported.spec.keys() == {"problems", "pools", "grading", "missing_samples"}
        assert "path" not in str(imported.spec)
        inputs = plan.inputs("measure_difficulty")
        (first, second) = plan.of("measure_difficulty")
        assert (first.label, second.label) == ("policy", "other")
        by_role = inputs(SimpleNamespace(label="other", key=second.key))
        assert by_role["samples"] == [f"{imported.path}/other.samples.parquet"]
        assert by_role["scores"] == []

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
        "import sys, ttc.plan.study; print(*sorted({name.split('.')[0] for name in sys.modules} & {'numpy', 'polars',"
        " 'torch', 'pandas', 'sklearn', 'transformers', 'matplotlib', 'pyarrow'}))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
