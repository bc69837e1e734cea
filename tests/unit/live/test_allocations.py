"""Allocations: an allocator's strategy by difficulty, shares of a budget after probes, and what is refused."""

import polars as pl
import pytest

from tests.support.taken_home import MOST, NAME, QUESTIONS, allocator, seen_of, text
from ttc.errors import InputError
from ttc.evaluation import allocator_files, allocator_json
from ttc.evaluation.spending import take_home
from ttc.live import allocations


def test_an_allocator_names_the_strategy_of_each_difficulty():
    features = pl.DataFrame({"predicted": [0.1, 0.9, 0.2]})
    table = allocations.by_difficulty(allocator(), ["c", "a", "b"], features, 8)
    assert table["problem_id"].to_list() == ["a", "b", "c"]
    assert table["strategy"].to_list() == ["majority", "beam(width=4)", "beam(width=4)"]
    assert table["expected"].to_list() == pytest.approx([0.9, 0.6, 0.6])
    assert table["budget"].to_list() == table["further"].to_list() == [8, 8, 8]
    said = allocations.summary(table)
    assert "beam(width=4) 2, majority 1" in said and "expected accuracy 70.0%" in said


@pytest.mark.parametrize("budget", [3, 17])
def test_a_budget_outside_of_what_was_fitted_is_refused(budget):
    with pytest.raises(InputError, match=f"--budget: {budget} is outside of the budgets .* 4 to 16"):
        allocations.by_difficulty(allocator(), ["a"], pl.DataFrame({"predicted": [0.5]}), budget)


def test_both_files_of_allocators_are_read_and_others_refused(tmp_path):
    allocator_files.dump({NAME: allocator()}, tmp_path / "a.skops")
    (tmp_path / "a.json").write_text(allocator_json.dumps({NAME: allocator()}))
    features = pl.DataFrame({"predicted": [0.1, 0.9]})
    for name in ("a.skops", "a.json"):
        found, rule = allocations.named(allocations.load_allocators(tmp_path / name), None, tmp_path / name)
        assert found == NAME
        assert rule.predict(features, budget=4).tolist() == ["beam(width=4)", "majority"]
    with pytest.raises(InputError, match="did you mean 'search/weighted/predicted/binned'"):
        allocations.named({NAME: allocator()}, "search/weighted/predicted/bined", tmp_path)
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(InputError, match="not JSON of allocators"):
        allocations.load_allocators(tmp_path / "b.json")
    with pytest.raises(InputError, match="no such file"):
        allocations.load_allocators(tmp_path / "c.json")


def probes(size):
    return [seen_of(row, 0, size) for row in range(QUESTIONS)]


def test_a_batch_shares_its_budget_and_no_more():
    spender = take_home.loads(text())["majority"]
    for budget in (2, 3, 8):
        table = allocations.by_probe(spender, probes(2), budget=budget)
        assert table["budget"].sum() <= budget * QUESTIONS
        assert (table["seen"] == 2).all() and (table["further"] == table["budget"] - 2).all()
    at_two = allocations.by_probe(spender, probes(2), budget=2)
    assert at_two["further"].sum() == 0
    wider = allocations.by_probe(spender, probes(2), budget=4)
    assert wider["expected"].mean() >= at_two["expected"].mean()


def test_at_a_price_a_question_does_not_depend_on_the_others():
    spender = take_home.loads(text())["best_of_n_weighted"]
    whole = allocations.by_probe(spender, probes(2), price=0.01)
    alone = pl.concat([allocations.by_probe(spender, [each], price=0.01) for each in probes(2)])
    assert alone.sort("problem_id").equals(whole)
    assert allocations.by_probe(spender, probes(2), price=10.0)["further"].sum() == 0


def test_probes_that_the_rule_cannot_read_are_refused():
    spender = take_home.loads(text())["majority"]
    uneven = [seen_of(0, 0, 1), seen_of(1, 0, 2)]
    for given, sentence in (
        (uneven, "questions have 1 to 2 samples; all need the same number, one of 1, 2, 4"),
        (probes(3), "a probe of 3 samples was not fitted"),
    ):
        with pytest.raises(InputError, match=sentence):
            allocations.by_probe(spender, given, budget=4)
    for budget in (1, MOST + 1):
        with pytest.raises(InputError, match=f"a mean of {budget} samples .* fitted up to 8"):
            allocations.by_probe(spender, probes(2), budget=budget)
