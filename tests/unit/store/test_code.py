"""The code of a stage: which modules count, and what of their text."""

import ast

import pytest

from ttc.errors import InputError
from ttc.store.code import Sources
from ttc.store.outline import outline

FILES = {
    "__init__.py": "",
    "stages/__init__.py": "",
    "stages/sample.py": "from ttc.engine import draw\n\n\ndef run():\n    import polars\n\n    return draw()\n",
    "stages/plot.py": "from ..figures.style import COLOUR\nfrom .. import helper\n",
    "engine.py": '"""Draws."""\n\n\ndef draw():\n    """Draw."""\n    return 1  # one\n',
    "helper.py": "import sklearn.metrics\n",
    "figures/__init__.py": "from . import base\n",
    "figures/base.py": 'RESOURCES = ("style.css",)\n',
    "figures/style.py": "COLOUR = 'blue'\n",
    "figures/style.css": "a {}\n",
}
TASKS = {
    "tasks/__init__.py": 'NAMED_BY = ("task", "kind")\nDEFAULT = "clock"\n',
    "tasks/clock.py": "DECLARATION = {}\n",
    "tasks/sums.py": "from ttc import helper\nDECLARATION = {}\n",
}
CLAIMS = {
    "claims/__init__.py": "NAMED_BY = None\n",
    "claims/search.py": "DECLARATION = {}\n",
    "claims/revisions.py": "from ttc import helper\nDECLARATION = {}\n",
}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def package(tmp_path):
    return write(tmp_path, FILES)


def modules(package, unit):
    return Sources(package).closure(unit).modules


def digests(package):
    sources = Sources(package)
    return {stage: sources.closure(f"stages.{stage}").digest for stage in ("sample", "plot")}


def changed(package, before):
    after = digests(package)
    return {stage for stage in before if before[stage] != after[stage]}


def test_closure_follows_every_kind_of_import(package):
    assert modules(package, "stages.sample") == ("ttc", "ttc.engine", "ttc.stages", "ttc.stages.sample")
    figures = ("ttc.figures", "ttc.figures.base", "ttc.figures.style")
    assert modules(package, "stages.plot") == ("ttc", *figures, "ttc.helper", "ttc.stages", "ttc.stages.plot")


def test_an_import_inside_a_function_counts(package):
    write(package, {"late.py": "LATE = 1\n", "engine.py": "def draw():\n    from ttc import late\n"})
    assert "ttc.late" in modules(package, "stages.sample")


@pytest.mark.parametrize(
    ("name", "text", "stages"),
    [
        ("engine.py", '"""Other words."""\n\n# a comment\ndef draw():\n    return (1)\n', set()),
        ("engine.py", "def draw():\n    return 2\n", {"sample"}),
        ("engine.py", "def draw():\n    return 1.0\n", {"sample"}),
        ("engine.py", "def draw():\n    return '1'\n", {"sample"}),
        ("figures/style.py", "COLOUR = 'red'\n", {"plot"}),
        ("figures/style.css", "b {}\n", {"plot"}),
        ("figures/__init__.py", "from . import base\n\nbase.X = 1\n", {"plot"}),
        ("__init__.py", "VERSION = 1\n", {"sample", "plot"}),
        ("__init__.py", "def open(path):\n    from ttc import unused\n", set()),
        ("unused.py", "X = 1\n", set()),
    ],
)
def test_what_changes_a_digest(package, name, text, stages):
    before = digests(package)
    write(package, {name: text})
    assert changed(package, before) == stages


DRAW = "def draw(n):\n    {}\n    return n\n"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("raise InputError(f'{n} is bad')", "raise InputError(f'of all numbers {n} is worst')", True),
        ("raise errors.InputError('a', 'b')", "raise errors.InputError('c')", True),
        ("raise InputError(f'{n:,}') from None", "raise InputError(f'{n:.2f}') from None", True),
        ("raise InputError(f'{n}')", "raise InputError(f'{n + 1}')", False),
        ("raise InputError('a')", "raise ValueError('a')", False),
        ("raise NotMeasured('a')", "raise NotMeasured('b')", False),
        ("print('a', n)", "print(n, 'b', 'c')", True),
        ("print('a', file=sys.stderr)", "print('b', file=sys.stderr)", True),
        ("print('a', file=output)", "print('b', file=output)", False),
        ("x = print('a')", "x = print('b')", False),
        ("'a string that nobody uses'", "'another'", True),
        ("x = 'a'", "x = 'b'", False),
    ],
)
def test_only_words_for_people_are_left_out(package, before, after, same):
    write(package, {"engine.py": DRAW.format(before)})
    old = digests(package)
    write(package, {"engine.py": DRAW.format(after)})
    assert changed(package, old) == (set() if same else {"sample"})


def test_the_meaning_of_a_column_is_left_out(package):
    declared = "X = text(meaning='{}', unit='{}')\nY = text('{}')\n"
    write(package, {"engine.py": declared.format("a", "b", "c")})
    before = digests(package)
    write(package, {"engine.py": declared.format("z", "b", "c")})
    assert changed(package, before) == set()
    for words in (("a", "z", "c"), ("a", "b", "z")):
        write(package, {"engine.py": declared.format(*words)})
        assert changed(package, before) == {"sample"}


def test_what_a_stage_declares_is_the_plans(package):
    before = digests(package)
    write(package, {"stages/sample.py": 'DECLARATION = {"memory": 3}\n' + FILES["stages/sample.py"]})
    assert changed(package, before) == set()
    write(package, {"stages/sample.py": "LIMIT = 3\n" + FILES["stages/sample.py"]})
    assert changed(package, before) == {"sample"}


def test_a_module_that_is_in_no_key_is_left_out_with_what_it_imports(package):
    write(package, {"engine.py": 'from ttc import helper\nIN_NO_KEY = "only says things"\n'})
    assert modules(package, "stages.sample") == ("ttc", "ttc.stages", "ttc.stages.sample")
    before = digests(package)
    write(package, {"engine.py": 'IN_NO_KEY = "only says things"\nX = 1\n'})
    assert changed(package, before) == set()


def test_a_program_named_as_resource_counts_with_its_imports(package):
    write(package, {"engine.py": 'RESOURCES = ("worker.py",)\n', "worker.py": "import torch\n"})
    before = digests(package)
    assert "torch" in Sources(package).closure("stages.sample").distributions
    write(package, {"worker.py": "import torch  # the same\n"})
    assert changed(package, before) == set()
    write(package, {"worker.py": "import torch\nfrom ttc import helper\n"})
    assert changed(package, before) == {"sample"}
    assert "ttc.helper" in modules(package, "stages.sample")


def test_missing_and_broken_modules_are_named(package):
    for text, said in (
        ("from ttc.nowhere import x\n", r"ttc\.nowhere"),
        ("def (\n", "line 1"),
        ('RESOURCES = ("nothing.css",)\n', r"nothing\.css"),
    ):
        write(package, {"engine.py": text})
        with pytest.raises(InputError, match=said):
            Sources(package).closure("stages.sample")


# ---- plug-ins


@pytest.mark.parametrize(
    "uses",
    [
        "from ttc import tasks\n",
        "import ttc.tasks\n",
        "def f():\n    from ttc import tasks\n",
        'TASKS = "ttc.tasks"\n',
        'plugins.load("ttc.tasks", "clock")\n',
    ],
)
def test_plug_ins_that_specifications_name_are_units_of_their_own(package, uses):
    write(package, TASKS | {"engine.py": uses})
    sources = Sources(package)
    assert "ttc.tasks" in modules(package, "stages.sample")
    assert "ttc.tasks.sums" not in modules(package, "stages.sample")
    assert sources.units("sample", {"task": {"kind": "sums"}}) == ["stages.sample", "tasks.sums"]
    assert sources.units("plot", {"task": {"kind": "sums"}}) == ["stages.plot"]
    assert sources.all_units() == ["stages.plot", "stages.sample", "tasks.clock", "tasks.sums"]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"task": {"kind": "sums"}}, "sums"),
        ({"task": {}}, "clock"),
        ({"task": {"kind": None}}, "clock"),
        ({}, None),
        ({"kind": "sums"}, None),
        ({"task": "sums"}, None),
    ],
)
def test_the_default_is_meant_where_a_section_names_none(package, spec, name):
    write(package, TASKS | {"engine.py": "from ttc import tasks\n"})
    assert Sources(package).units("sample", spec)[1:] == ([f"tasks.{name}"] if name else [])


def test_a_plug_in_that_is_imported_by_name_is_part_of_the_closure(package):
    write(package, TASKS | {"engine.py": "from ttc.tasks.sums import x\n"})
    assert {"ttc.tasks.sums", "ttc.helper"} <= set(modules(package, "stages.sample"))


def test_a_plug_in_that_may_work_as_another_one_has_it_in_its_closure(package):
    write(package, TASKS | {"tasks/times.py": 'DECLARATION = {"at_one": "sums", "title": "clock sums"}\n'})
    assert {"ttc.tasks.sums", "ttc.helper"} <= set(modules(package, "tasks.times"))
    assert "ttc.tasks.clock" not in modules(package, "tasks.times")


def test_a_plug_in_may_use_plug_ins_of_another_kind(package):
    files = {
        "engines/__init__.py": 'NAMED_BY = ("engine",)\nDEFAULT = "here"\n',
        "engines/here.py": "from ttc import tasks\n",
        "engine.py": "from ttc import engines\n",
    }
    write(package, TASKS | files)
    units = Sources(package).units("sample", {"task": {}})
    assert units == ["stages.sample", "engines.here", "tasks.clock"]


def test_plug_ins_that_are_used_together_are_all_in_the_closure(package):
    write(package, CLAIMS | {"engine.py": "from ttc import claims\n"})
    assert {"ttc.claims.search", "ttc.claims.revisions", "ttc.helper"} <= set(
        modules(package, "stages.sample")
    )
    before = digests(package)
    write(package, {"claims/further.py": "DECLARATION = {}\n"})
    assert changed(package, before) == {"sample"}


# ---- outlines

SOURCES = [
    "x = [1, *y]",
    "f(a, *b, c=1, **d)",
    "{**a, 'b': 1}",
    "def f(a, /, b=1, *, c): ...",
    "x = -1",
    "x = 1 - 1",
    "raise InputError(x)",
    "raise x",
]


@pytest.mark.parametrize("source", SOURCES)
def test_the_outline_of_a_tree_tells_programs_apart_as_its_dump_does(source):
    same = [other for other in SOURCES if _lines(other) == _lines(source)]
    assert same == [other for other in SOURCES if ast.dump(ast.parse(other)) == ast.dump(ast.parse(source))]


def _lines(source):
    return outline(source.encode(), "ttc").lines
