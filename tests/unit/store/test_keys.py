"""Keys: what changes a stage's code digest and what does not."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.store import keys

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
PINS = {"polars": "2.1.0", "scikit-learn": "1.9.1", "torch": "2.13.0"}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def digests(package, pins=PINS):
    code = keys.Code(package, pins)
    return {stage: code.digest(stage) for stage in ("sample", "plot")}


def test_closure_follows_every_kind_of_import(package):
    code = keys.Code(package, PINS)
    assert code.closure("sample") == ["ttc", "ttc.engine", "ttc.stages", "ttc.stages.sample"]
    figures = ["ttc.figures", "ttc.figures.base", "ttc.figures.style"]
    assert code.closure("plot") == ["ttc", *figures, "ttc.helper", "ttc.stages", "ttc.stages.plot"]


def test_an_import_inside_a_function_counts(package):
    (package / "late.py").write_text("LATE = 1\n")
    (package / "engine.py").write_text("def draw():\n    from ttc import late\n    return late.LATE\n")
    assert "ttc.late" in keys.Code(package).closure("sample")


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("engine.py", '"""Other words."""\n\n# a comment\ndef draw():\n    return (1)\n', set()),
        ("engine.py", "def draw():\n    return 2\n", {"sample"}),
        ("engine.py", "def draw():\n    return 1.0\n", {"sample"}),
        ("engine.py", "def draw():\n    return '1'\n", {"sample"}),
        ("figures/style.py", "COLOUR = 'red'\n", {"plot"}),
        ("figures/style.css", "b {}\n", {"plot"}),
        ("figures/__init__.py", "from . import base\n\nbase.X = 1\n", {"plot"}),
        ("__init__.py", "VERSION = 1\n", {"sample", "plot"}),
        ("unused.py", "X = 1\n", set()),
    ],
)
def test_what_changes_a_digest(package, name, text, changed):
    before = digests(package)
    (package / name).write_text(text)
    after = digests(package)
    assert {stage for stage in before if before[stage] != after[stage]} == changed


@pytest.mark.parametrize(
    ("pin", "changed"), [("polars", {"sample"}), ("scikit-learn", {"plot"}), ("torch", set())]
)
def test_locked_versions_of_imported_distributions_count(package, pin, changed):
    before = digests(package)
    after = digests(package, PINS | {pin: "99"})
    assert {stage for stage in before if before[stage] != after[stage]} == changed


def test_a_program_named_as_resource_counts_with_its_imports(package):
    (package / "engine.py").write_text('RESOURCES = ("worker.py",)\n\n\ndef draw():\n    return 1\n')
    (package / "worker.py").write_text("import torch\n")
    before = digests(package)
    (package / "worker.py").write_text("import torch  # the same\n")
    assert digests(package) == before
    assert digests(package, PINS | {"torch": "99"})["sample"] != before["sample"]


def test_missing_modules_are_the_users_mistake_and_named(package):
    with pytest.raises(InputError, match="the stage 'score' has no module"):
        keys.Code(package).digest("score")
    (package / "engine.py").write_text("from ttc.nowhere import x\n")
    with pytest.raises(InputError, match=r"ttc\.nowhere"):
        keys.Code(package).digest("sample")
    (package / "engine.py").write_text("def (\n")
    with pytest.raises(InputError, match="line 1"):
        keys.Code(package).digest("sample")
    (package / "engine.py").write_text('RESOURCES = ("nothing.css",)\n')
    with pytest.raises(InputError, match=r"nothing\.css"):
        keys.Code(package).digest("sample")


def test_lock_file(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "# made by hand\nscikit_learn==1.9.1\ntorch==2.13.0+cpu\nPyYAML==6.0 ; python_version > '3'\n"
    )
    assert keys.read_lock(lock) == {"scikit-learn": "1.9.1", "torch": "2.13.0", "pyyaml": "6.0"}
    with pytest.raises(InputError, match="no such file"):
        keys.read_lock(tmp_path / "other.txt")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values))
def test_the_order_of_keys_does_not_count(spec):
    turned = dict(reversed(spec.items()))
    assert keys.canonical(spec) == keys.canonical(turned)
    assert keys.artifact_key("s", spec, "c", {}) == keys.artifact_key("s", turned, "c", {})


def test_everything_that_a_key_is_made_of_counts():
    base = ("sample", {"n": 1}, "code", {"policy": ["a"], "problems": ["b"]})
    others = [
        ("score", *base[1:]),
        (base[0], {"n": 2}, *base[2:]),
        (*base[:2], "other", base[3]),
        (*base[:3], {"policy": ["b"], "problems": ["a"]}),
        (*base[:3], {"policy": ["a", "b"], "problems": []}),
    ]
    made = {keys.artifact_key(*each) for each in (base, *others)}
    assert len(made) == 6
    assert all(len(key) == 16 and set(key) <= set("0123456789abcdef") for key in made)


def test_not_a_number_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        keys.canonical({"x": float("nan")})


SOURCES = [
    "x = [1, *y]",
    "f(a, *b, c=1, **d)",
    "{**a, 'b': 1}",
    "def f(a, /, b=1, *, c): ...",
    "x = -1",
    "x = 1 - 1",
]


@pytest.mark.parametrize("source", SOURCES)
def test_the_outline_of_a_tree_tells_programs_apart_as_its_dump_does(source):
    same = [other for other in SOURCES if _outline(other) == _outline(source)]
    assert same == [other for other in SOURCES if ast.dump(ast.parse(other)) == ast.dump(ast.parse(source))]


def _outline(source):
    return list(keys._outline(ast.parse(source)))
