"""Keys: what they are made of, and when they take a recorded behaviour instead of the code itself."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.digests import canonical
from ttc.errors import InputError
from ttc.store import lock
from ttc.store.keys import Code, artifact_key

FILES = {
    "__init__.py": "",
    "stages/__init__.py": "",
    "stages/sample.py": "from ttc.engine import draw\n\n\ndef run():\n    import polars\n\n    return draw()\n",
    "stages/search.py": "from ttc import methods\nfrom ttc.engine import draw\n",
    "engine.py": "def draw():\n    import torch\n\n    return 1\n",
    "methods/__init__.py": 'NAMED_BY = ("strategy", "kind")\n',
    "methods/beam.py": "DECLARATION = {}\nWIDTH = 4\n",
    "methods/dvts.py": "from ttc.methods.beam import WIDTH\nDECLARATION = {}\n",
}
PINS = {"polars": "2.1.0", "scikit-learn": "1.9.1", "torch": "2.13.0"}
BEAM, DVTS = ({"strategy": {"kind": kind}} for kind in ("beam", "dvts"))


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def observed(package, pins=PINS):
    """Records of the code as it is, as the first `stages.lock` has them."""
    code = Code(package, pins)
    return {unit: code.observed(code.sources.closure(unit)) for unit in code.sources.all_units()}


def behaviours(package, pins=PINS, records=None):
    """The behaviour of a sampling and of two searches."""
    code = Code(package, pins, records)
    jobs = {"sample": ("sample", {}), "beam": ("search", BEAM), "dvts": ("search", DVTS)}
    return {name: code.behaviour(*job) for name, job in jobs.items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def edit(package):
    (package / "engine.py").write_text("def draw():\n    import torch\n\n    return 2\n")


def test_a_key_takes_the_stage_and_the_plug_ins_that_its_specification_names(package):
    code = Code(package, PINS)
    assert code.behaviour("sample", BEAM).keys() == {"stages.sample"}
    assert code.behaviour("search", BEAM).keys() == {"stages.search", "methods.beam"}
    assert code.behaviour("search", DVTS).keys() == {"stages.search", "methods.dvts"}
    assert code.behaviour("search", {}).keys() == {"stages.search"}


def test_a_plug_in_that_is_not_named_does_not_count(package):
    before = behaviours(package)
    (package / "methods/dvts.py").write_text("from ttc.methods.beam import WIDTH\nDECLARATION = {'x': 1}\n")
    (package / "methods/particles.py").write_text("DECLARATION = {}\n")
    assert changed(before, behaviours(package)) == {"dvts"}


def test_a_plug_in_counts_with_what_it_imports(package):
    before = behaviours(package)
    (package / "methods/beam.py").write_text("DECLARATION = {}\nWIDTH = 5\n")
    assert changed(before, behaviours(package)) == {"beam", "dvts"}


def test_recorded_code_has_the_recorded_behaviour(package):
    records = {
        unit: dataclasses.replace(record, behaviour=f"of {unit}")
        for unit, record in observed(package).items()
    }
    assert behaviours(package, PINS, records)["beam"] == {
        "stages.search": "of stages.search",
        "methods.beam": "of methods.beam",
    }


def test_the_first_record_changes_no_key(package):
    assert behaviours(package, PINS, observed(package)) == behaviours(package)


def test_edited_code_is_never_taken_for_the_recorded_one(package):
    records, before = observed(package), behaviours(package)
    edit(package)
    after = behaviours(package, PINS, records)
    assert changed(before, after) == {"sample", "beam", "dvts"}
    assert after == behaviours(package)


def test_edited_code_that_was_seen_to_do_the_same_has_the_old_keys(package):
    records, before = observed(package), behaviours(package)
    edit(package)
    renewed = {
        unit: dataclasses.replace(records[unit], digest=record.digest)
        for unit, record in observed(package).items()
    }
    assert behaviours(package, PINS, renewed) == before


def test_a_new_behaviour_is_called_what_the_edited_code_was_called_before(package):
    edit(package)
    unrecorded = behaviours(package, PINS, {})
    assert behaviours(package, PINS, observed(package)) == unrecorded


@pytest.mark.parametrize(
    ("pin", "touched"),
    [("polars", {"sample"}), ("torch", {"sample", "beam", "dvts"}), ("scikit-learn", set())],
)
@pytest.mark.parametrize("recorded", [True, False])
def test_locked_versions_of_imported_distributions_count(package, pin, touched, recorded):
    records = observed(package) if recorded else None
    before = behaviours(package, PINS, records)
    assert changed(before, behaviours(package, PINS | {pin: "99"}, records)) == touched


def test_an_upgrade_that_is_taken_back_finds_the_old_results(package):
    records = observed(package)
    new, newer = (behaviours(package, PINS | {"torch": each}, records) for each in ("3", "4"))
    assert changed(new, newer) == {"sample", "beam", "dvts"}
    assert behaviours(package, PINS, records) == behaviours(package)


def test_a_new_import_alone_is_a_change_of_code_and_not_of_versions(package):
    """Once the code was seen to do the same, a distribution that it did not import before is in no key."""
    records, before = observed(package), behaviours(package)
    (package / "engine.py").write_text("def draw():\n    import sklearn\n    import torch\n\n    return 1\n")
    assert changed(before, behaviours(package, PINS, records)) == {"sample", "beam", "dvts"}
    renewed = {
        unit: dataclasses.replace(records[unit], digest=record.digest)
        for unit, record in observed(package).items()
    }
    assert behaviours(package, PINS, renewed) == before


def test_a_missing_stage_or_plug_in_is_named(package):
    with pytest.raises(InputError, match="the stage 'score' has no module"):
        Code(package).behaviour("score", {})
    with pytest.raises(
        InputError, match=r"strategy\.kind: there is no 'baem' in ttc\.methods.*did you mean 'beam'"
    ):
        Code(package).behaviour("search", {"strategy": {"kind": "baem"}})


# ---- lock files


def test_pins(tmp_path):
    file = tmp_path / "lock.txt"
    file.write_text(
        "# made by hand\nscikit_learn==1.9.1\ntorch==2.13.0+cpu\nPyYAML==6.0 ; python_version > '3'\n"
    )
    assert lock.read_pins(file) == {"scikit-learn": "1.9.1", "torch": "2.13.0", "pyyaml": "6.0"}
    with pytest.raises(InputError, match="no such file"):
        lock.read_pins(tmp_path / "other.txt")


def test_the_lock_of_stages_is_read_as_it_was_written(package, tmp_path):
    records = observed(package)
    text = lock.stages_text(records)
    assert lock.parse_stages(text) == records
    assert text == lock.stages_text(dict(reversed(records.items())))
    assert lock.read_stages(tmp_path / "stages.lock") == {}
    (tmp_path / "stages.lock").write_text(text)
    assert lock.read_stages(tmp_path / "stages.lock") == records


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", '["stages.sample"]\nbehaviour = "a"\n', "x = 1\n"])
def test_a_damaged_lock_says_what_to_do(text):
    with pytest.raises(InputError, match="make stages-lock"):
        lock.parse_stages(text)


# ---- the key itself

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values))
def test_the_order_of_keys_does_not_count(spec):
    turned = dict(reversed(spec.items()))
    assert canonical(spec) == canonical(turned)
    assert artifact_key("s", spec, {"s": "c"}, {}) == artifact_key("s", turned, {"s": "c"}, {})


def test_everything_that_a_key_is_made_of_counts():
    base = ("sample", {"n": 1}, {"stages.sample": "code"}, {"policy": ["a"], "problems": ["b"]})
    others = [
        ("score", *base[1:]),
        (base[0], {"n": 2}, *base[2:]),
        (*base[:2], {"stages.sample": "other"}, base[3]),
        (*base[:2], base[2] | {"methods.beam": "code"}, base[3]),
        (*base[:3], {"policy": ["b"], "problems": ["a"]}),
        (*base[:3], {"policy": ["a", "b"], "problems": []}),
    ]
    made = {artifact_key(*each) for each in (base, *others)}
    assert len(made) == 7
    assert all(len(key) == 16 and set(key) <= set("0123456789abcdef") for key in made)


def test_not_a_number_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"x": float("nan")})
