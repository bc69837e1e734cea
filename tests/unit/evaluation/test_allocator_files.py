"""Files of allocators: skops with an allow-list, JSON of binned rules that comes back exactly, and the card."""

import json
import zipfile

import numpy as np
import polars as pl
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from ttc.errors import InputError
from ttc.evaluation import allocator_card, allocator_files, allocator_json
from ttc.evaluation.allocators.best_fixed import BestFixedAllocator
from ttc.evaluation.allocators.binned import BinnedAllocator
from ttc.evaluation.allocators.oracle import OracleAllocator
from ttc.tables.analysis import CURVES

NAMES, BUDGETS = ["majority", "beam(width=4)"], [1, 4, 16]


def fitted(kind, seed=0, **parameters):
    random = np.random.default_rng(seed)
    y = random.random((30, 6))
    y[:, random.integers(6)] = np.nan
    costs = np.where(random.random((30, 6)) < 0.1, np.nan, random.random((30, 6)))
    return kind(strategies=NAMES, budgets=BUDGETS, **parameters).fit(random.random((30, 1)), y, costs=costs)


def everything():
    return {name: fitted(kind) for name, kind in allocator_files.kinds().items()}


def test_stored_allocators_predict_the_same_and_equal_ones_give_equal_bytes(tmp_path):
    rules = everything()
    allocator_files.dump(rules, tmp_path / "one.skops")
    allocator_files.dump(everything(), tmp_path / "two.skops")
    assert (tmp_path / "one.skops").read_bytes() == (tmp_path / "two.skops").read_bytes()
    found = allocator_files.load(tmp_path / "one.skops")
    X = np.linspace(-0.2, 1.2, 50)[:, None]
    assert set(found) == {"best_fixed", "binned", "ridge"}
    for name, rule in rules.items():
        assert np.array_equal(found[name].predict_values(X), rule.predict_values(X), equal_nan=True)
        assert np.array_equal(found[name].predict(X), rule.predict(X))
        assert found[name].get_params() == rule.get_params()


def test_a_file_names_no_place_of_the_package(tmp_path):
    allocator_files.dump(everything(), tmp_path / "one.skops")
    schema = zipfile.ZipFile(tmp_path / "one.skops").read("schema.json").decode()
    assert "ttc.evaluation" not in schema and '"__module__": "ttc.allocators.ridge"' in schema


@pytest.mark.parametrize(
    ("stranger", "match"),
    [
        ({"rule": OracleAllocator()}, "classes that are no allocators"),
        ({"rule": {"x": print}}, "classes that are no allocators"),
        # skops trusts what is scikit-learn's own
        ({"rule": StandardScaler()}, "not a dict of allocators"),
        ([fitted(BinnedAllocator)], "not a dict of allocators"),
    ],
)
def test_only_kinds_that_can_be_used_are_read(tmp_path, stranger, match):
    (tmp_path / "strange.skops").write_bytes(skops.io.dumps(stranger))
    with pytest.raises(InputError, match=match):
        allocator_files.load(tmp_path / "strange.skops")


@given(st.integers(0, 500), st.sampled_from([{"bins": 4}, {"bins": None}, None]), st.booleans())
@settings(deadline=None, max_examples=40)
def test_binned_rules_come_back_from_json_to_the_last_bit(seed, parameters, cut):
    kind = BestFixedAllocator if parameters is None else BinnedAllocator
    rule = fitted(kind, seed, **(parameters or {}))
    if cut and rule.cuts_ is None:
        values = np.random.default_rng(seed).random((30, 1))
        rule = rule.with_cuts(values[:, 0], values[:, 0], "oracle") if len(np.unique(values)) == 30 else rule
    text = allocator_json.dumps({"rule": rule})
    found = allocator_json.loads(text)["rule"]
    assert type(found) is type(rule) and found.get_params() == rule.get_params()
    assert vars(found).keys() == vars(rule).keys()
    for name, value in vars(rule).items():
        if name.endswith("_") and value is not None and not isinstance(value, int):
            mine = np.asarray(getattr(found, name))
            assert mine.dtype == np.asarray(value).dtype, name
            assert np.array_equal(mine, value, equal_nan=mine.dtype.kind == "f"), name
    assert allocator_json.dumps({"rule": found}) == text


def test_the_json_can_be_read_without_this_package():
    rule = fitted(BinnedAllocator, bins=3)
    read = json.loads(allocator_json.dumps({"rule": rule}))
    assert (read["schema"], read["version"]) == ("ttc.allocator", 1)
    table = read["rules"]["rule"]
    random = np.random.default_rng(5)
    for ease, budget in zip(
        [*random.random(40), *rule.cuts_], [*random.integers(1, 40, 40), 4, 4], strict=True
    ):
        # As the module says it
        row = next((place for place, cut in enumerate(table["cuts"]) if ease >= cut), len(table["bins"]) - 1)
        column = max(place for place, each in enumerate(table["budgets"]) if each <= budget)
        assert table["choices"][row][column] == rule.predict([[ease]], budget=int(budget))[0]


def test_json_that_is_no_rule_is_refused():
    text = allocator_json.dumps({"rule": fitted(BinnedAllocator)})
    for changed, match in (
        (text.replace('"version": 1', '"version": 2'), "version 2"),
        (text.replace("ttc.allocator", "other"), "schema"),
        (text[:-30], "not JSON of allocators"),
        (text.replace('"cuts"', '"cut"'), "cuts"),
        ("[]", "not JSON of allocators"),
    ):
        with pytest.raises(InputError, match=match):
            allocator_json.loads(changed)
    content = json.loads(text)
    content["rules"]["rule"]["all"][0] = (
        "beam(width=4)" if content["rules"]["rule"]["all"][0] == "majority" else NAMES[0]
    )
    with pytest.raises(InputError, match="not the best of its means"):
        allocator_json.loads(json.dumps(content))


SPEC = {"seed": 7, "folds": 10, "repeats": 3, "bootstrap": 2000, "at_most": True}


def test_the_card_says_on_what_how_good_and_where_not():
    group = "search/best_of_n_weighted"
    rules = {
        f"{group}/oracle/binned": fitted(BinnedAllocator),
        f"{group}/none/best_fixed": fitted(BestFixedAllocator),
    }
    row = {"family": "search", "selection": "best_of_n_weighted", "bin": 0, "problems": 30}
    optimal = row | {"strategy": "compute_optimal", "bins": "oracle", "budget": 4}
    fixed = row | {"strategy": "best_fixed", "bins": "none", "budget": 16}
    measured = [
        optimal | {"accuracy": 0.5, "low": 0.41, "high": 0.62},
        fixed | {"accuracy": 0.4, "low": 0.3, "high": 0.5},
    ]
    curves = CURVES.check(pl.DataFrame(measured), "t")
    told = {"oracle": np.array([0.125, 0.75])}
    text = allocator_card.card(rules, curves, told, ["q1", "q2"], SPEC)
    assert text == allocator_card.card(rules, curves, told, ["q1", "q2"], SPEC)
    assert "| budget | best_fixed | binned, oracle |" in text
    assert "| 4 | – | 50.0 [41.0, 62.0] |" in text and "| 16 | 40.0 [30.0, 50.0] | – |" in text
    assert f'["{group}/oracle/binned"]' in text and 'pl.DataFrame({"oracle": [0.5]})' in text
    assert "0.125 to 0.75 here" in text and "9 of 10 folds" in text and "`beam(width=4)`" in text
    assert "must not be used" in text and "their cost is not in the budget" in text
    other = allocator_card.card(rules, curves, told, ["q1", "q3"], SPEC)
    assert other != text
    assert "there are no rules" in allocator_card.card({}, CURVES.empty(), told, [], SPEC)
