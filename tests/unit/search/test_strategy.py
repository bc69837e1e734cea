"""Strategies: names, parsing, widths at a budget, and what the user is told about mistakes."""

import copy

import pytest

from ttc import strategies
from ttc.errors import InputError
from ttc.search.options import Options
from ttc.search.strategy import Strategy, from_spec


def read(name):
    """The strategy of a name."""
    kind, parameters = strategies.parse(name)
    return Strategy(kind, **parameters)


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("beam(width=4)", Strategy("beam", 4)),
        ("beam(width=sqrt)", Strategy("beam", "sqrt")),
        ("lookahead(width=4, depth=3)", Strategy("lookahead", 4, 3)),
        ("lookahead(width=sqrt, depth=1)", Strategy("lookahead", "sqrt", 1)),
        ("dvts(width=4)", Strategy("dvts", 4)),
        ("rebase(temperature=0.2)", Strategy("rebase", temperature=0.2)),
        ("rebase(temperature=1e-05)", Strategy("rebase", temperature=1e-5)),
    ],
)
def test_a_name_is_read_back(name, strategy):
    assert read(name) == strategy
    assert strategy.name == name


def test_a_name_may_be_spaced_freely():
    assert read(" lookahead( depth = 3,width=4 ) ") == Strategy("lookahead", 4, 3)


@pytest.mark.parametrize(("budget", "width"), [(1, 1), (4, 2), (16, 4), (64, 8), (256, 16)])
def test_square_root_widths(budget, width):
    assert Strategy("beam", "sqrt").at(budget) == Strategy("beam", width)


def test_a_lookahead_of_depth_k_is_billed_k_plus_one_times():
    assert Strategy("beam", 4).generations(16) == 16
    assert Strategy("lookahead", 4, 3).generations(16) == 64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Strategy("beam", 4).at(6),
            "beam(width=4): the budget 6 is not a multiple of the width 4",
        ),
        (lambda: Strategy("beam", 4).at(2), "not a multiple"),
        (lambda: Strategy("beam", "sqrt").at(8), "the nearest squares are 4 and 9"),
        (lambda: Strategy("beam", 4).at(0), "allowed is a whole number from 1"),
        (lambda: Strategy("beam", 0), "width is 0"),
        (lambda: Strategy("beam", True), "width is True"),
        (lambda: Strategy("beam", 4, depth=2), "depth is 2, and beam has none; it has width"),
        (lambda: Strategy("dvts"), "'width' is missing; it has width"),
        (lambda: Strategy("dvts", 3).at(4), "dvts(width=3): the budget 4 is not a multiple of the width 3"),
        (
            lambda: Strategy("rebase", width=4, temperature=0.2),
            "width is 4, and rebase has none; it has temperature",
        ),
        (lambda: Strategy("rebase", temperature=0), "temperature is 0; allowed is a number above 0"),
        (lambda: Strategy("rebase", temperature=0.2).at(0), "allowed is a whole number from 1"),
        (lambda: read("rebase(temperature=low)"), "temperature is 'low'"),
        (lambda: Strategy("lookahead", 4), "'depth' is missing; it has width, depth"),
        (lambda: Strategy("lookahead", 4, 0), "depth is 0; allowed is a whole number from 1"),
        (lambda: Strategy("beem", 4), "did you mean 'beam'?"),
        (lambda: read("beam"), "'width' is missing"),
        (lambda: read("beam(widht=4)"), "did you mean 'width'?"),
        (lambda: read("beam(width=wide)"), "width is 'wide'"),
        (lambda: read("beam()"), "'width' is missing"),
        (lambda: Strategy("beam", 4, 2), "2 hyper-parameters were given; it has width"),
        (lambda: from_spec({"width": 4}), "'kind' is missing; allowed are beam, "),
        (lambda: from_spec({"kind": "lookahead", "width": 4, "deepth": 1}), "did you mean 'depth'?"),
        (lambda: Options(finished="shrnk"), "did you mean 'shrink'?"),
        (lambda: Options(duplicates="both"), "allowed are keep, drop"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(InputError) as error:
        make()
    assert message in str(error.value)


def test_a_spec_holds_the_hyper_parameters_of_its_kind():
    for strategy in (
        Strategy("beam", 4),
        Strategy("lookahead", "sqrt", 1),
        Strategy("rebase", temperature=0.5),
    ):
        assert from_spec(strategy.spec) == strategy


@pytest.mark.parametrize(
    ("name", "budget", "label"),
    [
        ("beam(width=4)", 16, "beam-m4-n16"),
        ("lookahead(width=4, depth=3)", 16, "lookahead-m4-k3-n16"),
        ("rebase(temperature=0.2)", 4, "rebase-t0_2-n4"),
    ],
)
def test_files_of_a_search_are_named_by_the_declared_letters(name, budget, label):
    assert strategies.file_label(name, budget) == label


def test_a_strategy_is_a_value():
    strategy = Strategy("lookahead", depth=3, width=4)
    assert (strategy.width, strategy.depth) == (4, 3)
    assert copy.deepcopy(strategy) == strategy and hash(copy.copy(strategy)) == hash(strategy)
    with pytest.raises(AttributeError):
        strategy.temperature  # noqa: B018 - the access is what is tested


def test_equal_searches_have_one_plain_name():
    assert Strategy("lookahead", "sqrt", 3).at(16) == Strategy("lookahead", 4, 3)
    assert Strategy("dvts", 4).at(16) == Strategy("dvts", "sqrt").at(16) == Strategy("dvts", 4)
    assert Strategy("dvts", 4).at(4) == Strategy("beam", 4)  # one subtree
    assert Strategy("rebase", temperature=0.2).at(7) == Strategy("rebase", temperature=0.2)
