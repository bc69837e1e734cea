"""Figures of budgets spread across questions: which rows they show, and what they say of probes."""

import polars as pl
import pytest

from tests.support import synthetic_ablations
from tests.support.figure_options import QUICK, laid_out
from ttc.figures import style
from ttc.figures.families import spending
from ttc.figures.registry import FIGURES
from ttc.tables.study import NotMeasured, Study


@pytest.fixture(scope="module")
def study():
    return Study(synthetic_ablations.study())


def draw(study, name):
    with style.context():
        return laid_out(FIGURES[name].draw(study, QUICK))


def test_no_probe_is_chosen_by_how_well_it_did(study):
    table = spending.spread(study)
    assert set(table["selection"]) == {"best_of_n_weighted"}
    batch = spending.rule_rows(table, "batch")
    assert list(zip(batch["budget"], batch["probe"], strict=True)) == [
        (2, 1),
        (4, 2),
        (8, 4),
        (16, 8),
        (32, 8),
        (64, 8),
    ]
    # Whatever the accuracies are
    worse = table.with_columns(accuracy=pl.when(pl.col("probe") == 8).then(0.0).otherwise("accuracy"))
    assert spending.rule_rows(worse, "batch")["probe"].to_list() == batch["probe"].to_list()
    assert set(spending.rule_rows(table, "price_by_steps")["probe"]) == {1}
    assert len(spending.rule_rows(table, "oracle")) == 6


def test_accuracy_stands_over_what_was_spent_and_gains_are_in_points(study):
    left, right = draw(study, "spending").axes
    shown = {line.get_label(): line for line in left.get_lines()}
    assert set(shown) == {label for _, _, label in spending.RULES}
    rows = spending.rule_rows(spending.spread(study), "price_by_steps")
    assert shown["step by step"].get_xdata().tolist() == rows["generations"].to_list()
    gains = {line.get_label(): line for line in right.get_lines()}
    assert gains["equal tokens"].get_ydata() == pytest.approx(100 * rows["gain_tokens"].to_numpy())


def test_units_that_are_not_known_are_not_drawn_and_the_majority_stands_in(study):
    unknown = [pl.lit(None, pl.Float64).alias(f"gain_flops{end}") for end in ("", "_low", "_high")]
    table = study.frames["spending"].filter(selection="majority").with_columns(unknown)
    _, right = draw(Study({"spending": table}), "spending").axes
    assert {"equal generations", "equal tokens"} == set(right.get_legend_handles_labels()[1])


def test_the_note_says_from_which_budget_on_a_probe_pays(study):
    drawn = draw(study, "probe_break_even")
    note = drawn.get_supxlabel().replace("\n", " ")
    assert "1: from 2 on, 2: from 4 on, 4: from 8 on, 8: never" in note
    assert drawn.axes[0].get_legend_handles_labels()[1] == [f"probe of {each}" for each in (1, 2, 4, 8)]
    nothing = Study(study.frames | {"break_even": study.frames["break_even"].clear()})
    with pytest.raises(NotMeasured):
        draw(nothing, "probe_break_even")


def test_what_each_bin_gets_is_the_mean_over_its_questions(study):
    (axes,) = draw(study, "spent_by_difficulty").axes
    shown = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    first = study.frames["spent"].filter(selection="best_of_n_weighted", rule="price_by_steps", probe=1)
    hardest = study.frames["difficulty"].filter(oracle_bin=5)["problem_id"]
    means = (
        first.filter(pl.col("problem_id").is_in(hardest.to_list()))
        .group_by("budget")
        .agg(pl.col("generations").mean())
    )
    assert list(shown["bin 5 (hardest)"]) == means.sort("budget")["generations"].to_list()
