"""Figures of stopping rules: what their lines and points are, and what a pool without tokens leaves out."""

import numpy as np
import polars as pl
import pytest

from tests.support import synthetic_stopping
from tests.support.figure_options import QUICK
from ttc.figures import style
from ttc.figures.registry import FIGURES
from ttc.strategies import rule_label
from ttc.tables.study import NotMeasured, Study


@pytest.fixture(scope="module")
def study():
    return Study(synthetic_stopping.tables())


def draw(study, name):
    with style.context():
        return FIGURES[name].draw(study, QUICK)


def line(axes, label):
    (found,) = [each for each in axes.get_lines() if each.get_label() == label]
    return found


def test_each_vote_has_its_uniform_curve_and_its_rules(study):
    axes = draw(study, "stopping").axes
    # Four votes beside each other, by samples and below by tokens, and then the next four
    assert [each.get_title(loc="left") for each in (*axes[:4], *axes[8:12])] == [
        "majority vote", "vote by own confidence", "vote by mean confidence", "vote by tail confidence",
        "vote by bottom confidence", "vote by lowest confidence", "best-of-N weighted", "best-of-N",
    ]  # fmt: skip
    rows = study.table("stopping_curves")
    for panel, axis in ((axes[0], "samples"), (axes[4], "tokens")):
        for label, rule in ((rule_label("beta"), "beta"), ("the same number for all", "uniform")):
            drawn = line(panel, label)
            wanted = rows.filter(rule=rule, vote="majority")
            wanted = wanted.sort("budget") if rule == "uniform" else wanted.filter(budget=16).sort("place")
            np.testing.assert_allclose(drawn.get_xdata(), wanted[axis].to_numpy())
            np.testing.assert_allclose(drawn.get_ydata(), wanted["accuracy"].to_numpy())


def test_savings_are_points_with_intervals_of_the_largest_budget(study):
    panel = draw(study, "stopping_savings").axes[0]
    names = [text.get_text().split("\n")[0] for text in panel.get_yticklabels()]
    row = study.table("stopping").filter(rule="beta", target="equal", budget=16).row(0, named=True)
    at = names.index(rule_label("beta"))
    points = [each for each in panel.get_lines() if list(each.get_ydata()) == [at]]
    assert [each.get_xdata()[0] for each in points] == [pytest.approx(row["saving_tokens"])]
    assert {each.get_label() for each in panel.get_lines() if each.get_label()[0] != "_"} == {
        "samples", "tokens", "FLOPs",
    }  # fmt: skip


def test_what_is_not_known_is_not_drawn(study):
    unknown = {
        name: frame.with_columns(
            pl.lit(None, dtype=pl.Float64).alias(column)
            for column in frame.columns
            if "tokens" in column or "flops" in column
        )
        for name, frame in study.frames.items()
    }
    assert len(draw(Study(unknown), "stopping").axes) == 8
    labels = {each.get_label() for each in draw(Study(unknown), "stopping_savings").axes[0].get_lines()}
    assert "samples" in labels and "tokens" not in labels
    with pytest.raises(NotMeasured, match="no stopping rule"):
        draw(Study({}), "stopping")
