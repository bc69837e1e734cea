"""The figure of two studies: its curves can be told apart, and neither legend nor edge covers any of it."""

import numpy as np
import polars as pl
import pytest

from tests.support.figure_options import laid_out
from ttc.figures import style, versus
from ttc.tables.studies import DIFFERENCES

CURVES = (
    ("baseline", "pass_at_1", "pass_at_1", "none"),
    *(("search", rule, rule, "none") for rule in versus.RULES[1:]),
    *(("search", f"lookahead(width=4, depth={depth})", "best_of_n_weighted", "none") for depth in (1, 2, 3)),
    ("search", "compute_optimal", "best_of_n_weighted", "oracle"),
    ("search", "compute_optimal", "best_of_n_weighted", "predicted"),
    ("revisions", "compute_optimal", "best_of_n_weighted", "oracle"),
    ("revisions", "compute_optimal", "best_of_n_weighted", "predicted"),
    *(
        ("revisions", ways, rule, "none")
        for ways in versus.REVISED
        for rule in ("majority", "best_of_n_weighted")
    ),
)


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(3)
    rows = []
    for family, strategy, selection, bins in CURVES:
        for budget in (4, 16, 64):
            middle = random.normal(0, 0.03)
            row = dict.fromkeys(DIFFERENCES.dtypes, 0) | {
                "family": family, "strategy": strategy, "selection": selection, "bins": bins, "budget": budget,
                "questions": 300, "difference": middle, "low": middle - 0.02, "high": middle + 0.02,
                "band_low": middle - 0.05, "band_high": middle + 0.05, "test": "mcnemar",
            }  # fmt: skip
            rows.append(row)
    with style.context():
        return laid_out(versus.draw(pl.DataFrame(rows, schema=DIFFERENCES.dtypes), "a", "b"))


def test_every_curve_of_a_panel_has_a_look_of_its_own(drawn):
    shown = 0
    for axes in drawn.axes:
        lines = [line for line in axes.lines if not line.get_label().startswith("_")]
        looks = {
            (line.get_color(), line.get_marker(), line.get_linestyle(), line.get_markerfacecolor())
            for line in lines
        }
        assert len(looks) == len(lines) == len({line.get_label() for line in lines})
        shown += len(lines)
    assert shown == len(CURVES)


def test_legends_cover_nothing_and_everything_is_inside(drawn):
    whole = drawn.bbox
    for axes in drawn.axes:
        legend = axes.get_legend().get_window_extent()
        assert not legend.overlaps(axes.get_window_extent())
        for box in (legend, axes.yaxis.label.get_window_extent()):
            assert box.width == 0 or (whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0)
