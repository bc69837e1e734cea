"""What golden jobs say of changed units: which get a new behaviour, and which keep theirs."""

import pytest

from tools.golden import verdicts
from tools.golden.jobs import difference
from ttc.store.code import Sources

FILES = {
    "__init__.py": "",
    "stages/__init__.py": "",
    "stages/sample.py": "from ttc.engine import draw\n",
    "stages/search.py": "from ttc import methods\nfrom ttc.engine import draw\n",
    "stages/plot.py": 'METHODS = "ttc.methods"\n',
    "stages/sums.py": "",
    "engine.py": "def draw():\n    return 1\n",
    "methods/__init__.py": 'NAMED_BY = ("kind",)\n',
    "methods/beam.py": "from ttc.engine import draw\nDECLARATION = {}\n",
    "methods/dvts.py": "from ttc.engine import draw\nDECLARATION = {}\n",
    "methods/tree.py": "from ttc import own\nfrom ttc.engine import draw\nDECLARATION = {}\n",
    "own.py": "X = 1\n",
}
OTHER_DRAW = {"engine.py": "def draw():\n    return 2\n"}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Sources(folder)


def job(stage, label, inputs=(), **spec):
    made = {"name": f"small/{stage}/{label}", "stage": stage, "spec": spec, "output": f"{stage}/{label}"}
    return made | {"inputs": {"given": list(inputs)}}


JOBS = [
    job("sample", "test"),
    job("search", "beam", ["sample/test"], kind="beam"),
    job("search", "dvts", ["sample/test"], kind="dvts"),
    job("plot", "figures", ["search/beam/tree.parquet"]),
    job("sums", "all", ["sample/test"]),
]


@pytest.fixture
def judge(tmp_path):
    """A function from edits and the jobs that differ to the units with a new behaviour, and those without."""

    def found(edits, *differing):
        before = write(tmp_path / "before", FILES)
        after = write(tmp_path / "after", FILES | edits)
        changed = [
            unit for unit in after.all_units() if after.closure(unit).digest != before.closure(unit).digest
        ]
        asked = verdicts.touched(JOBS, changed, after)
        differs = {each["name"]: "x" if each["output"] in differing else "" for each in asked}
        judged = verdicts.judge(asked, differs, changed, after, before)
        assert sorted(set(judged.other) | set(judged.same)) == sorted(set(changed) | set(judged.other))
        return set(judged.other), set(judged.same)

    return found


def names(jobs):
    return {each["output"] for each in jobs}


def test_only_jobs_that_use_what_changed_are_run_again(tmp_path):
    sources = write(tmp_path, FILES)
    assert names(verdicts.touched(JOBS, ["stages.sums"], sources)) == {"sums/all"}
    assert names(verdicts.touched(JOBS, ["methods.dvts"], sources)) == {"search/dvts"}
    assert names(verdicts.touched(JOBS, ["stages.search"], sources)) == {"search/beam", "search/dvts"}


def test_a_stage_that_may_read_a_declaration_is_run_again_with_the_plug_in(tmp_path):
    sources = write(tmp_path, FILES)
    assert names(verdicts.touched(JOBS, ["methods.beam"], sources)) == {"search/beam", "plot/figures"}


def test_where_all_write_the_same_all_keep_their_behaviour(judge):
    other, same = judge(OTHER_DRAW)
    assert other == set()
    assert same == {"stages.sample", "stages.search", "methods.beam", "methods.dvts", "methods.tree"}


def test_only_the_stages_that_differ_get_a_new_behaviour(judge):
    other, same = judge(OTHER_DRAW, "sample/test")
    assert other == {"stages.sample", "methods.tree"} - {"methods.tree"}
    assert {"stages.search", "methods.beam"} <= same


def test_where_only_one_plug_in_differs_it_is_that_one(judge):
    assert judge(OTHER_DRAW, "search/beam")[0] == {"methods.beam"}


def test_where_all_jobs_of_a_stage_differ_it_is_the_stage(judge):
    other, same = judge(OTHER_DRAW, "search/beam", "search/dvts")
    assert "stages.search" in other
    assert {"methods.beam", "methods.dvts"} <= same


def test_a_plug_in_that_changed_alone_gets_the_new_behaviour_itself(judge):
    edit = {"methods/beam.py": FILES["methods/beam.py"] + "X = 2\n"}
    assert judge(edit, "search/beam") == ({"methods.beam"}, set())


def test_a_figure_that_shows_another_legend_gets_a_new_behaviour_and_the_search_keeps_its(judge):
    edit = {"methods/beam.py": FILES["methods/beam.py"] + "X = 2\n"}
    assert judge(edit, "plot/figures") == ({"stages.plot"}, {"methods.beam"})


def test_a_plug_in_that_no_golden_job_runs_is_vouched_for_by_its_stages_where_only_their_code_changed(judge):
    assert judge(OTHER_DRAW)[0] == set()
    assert judge(OTHER_DRAW | {"own.py": "X = 2\n"})[0] == {"methods.tree"}
    assert "methods.tree" in judge(OTHER_DRAW, "search/beam", "search/dvts")[0]


def test_a_stage_without_golden_jobs_gets_a_new_behaviour(tmp_path):
    before = write(tmp_path / "before", FILES)
    after = write(tmp_path / "after", FILES | {"stages/sums.py": "X = 1\n"})
    judged = verdicts.judge([], {}, ["stages.sums"], after, before)
    assert judged.other == {"stages.sums": "no golden job runs it"}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"": {"rows": 2, "digest": "a"}}, ""),
        ({"": {"rows": 3, "digest": "a"}}, "the table has 3 rows instead of 2"),
        ({"": {"rows": 2, "digest": "b"}}, "the table has other content"),
        ({"": {"rows": 2, "digest": "a"}, "x": {"rows": None, "digest": "a"}}, "has x"),
        ({}, "lacks the table"),
    ],
)
def test_differences_are_said_in_a_few_words(now, said):
    assert difference({"": {"rows": 2, "digest": "a"}}, now) == said
