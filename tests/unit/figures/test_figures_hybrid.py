"""Figures of the hybrid: which rows they show, in which units, and that nothing overlaps in small studies."""

from itertools import combinations

import polars as pl
import pytest

from tests.support import synthetic_ablations, synthetic_hybrid
from tests.support.figure_options import QUICK, laid_out
from ttc.figures import style
from ttc.figures.families import hybrid
from ttc.figures.registry import FIGURES
from ttc.tables.study import NotMeasured, Study

NAMES = tuple(entry.name for entry in hybrid.FIGURES)


@pytest.fixture(scope="module")
def study():
    return Study(synthetic_ablations.study())


def draw(study, name):
    with style.context():
        return laid_out(FIGURES[name].draw(study, QUICK))


def test_every_way_of_spending_stands_over_what_it_spent_in_each_unit(study):
    panels = draw(study, "ways_of_spending").axes
    labels = {label for _, _, label in hybrid.RULES}
    rows = hybrid.rule_rows(study.table("hybrid"), "hybrid")
    assert set(rows["form"]) == {"steps"} and set(rows["probe"]) == {1}
    for panel, unit in zip(panels, ("generations", "tokens", "flops"), strict=True):
        shown = {line.get_label(): line for line in panel.get_lines()}
        assert labels == set(shown)
        assert shown["hybrid"].get_xdata().tolist() == rows[unit].to_list()
        assert shown["hybrid"].get_ydata().tolist() == rows["accuracy"].to_list()


def test_what_was_not_measured_is_not_drawn(study):
    table = study.frames["hybrid"].with_columns(flops=pl.lit(None, pl.Float64))
    table = table.filter(~pl.col("rule").is_in(["cascade", "small"]))
    panels = draw(Study({"hybrid": table}), "ways_of_spending").axes
    assert len(panels) == 2
    shown = {line.get_label() for line in panels[0].get_lines()}
    assert not shown & {"stopping early", "cascade to larger policy", "hybrid without larger policy"}
    alone = Study(
        {name: study.frames[name].filter(pl.col("rule") != "hybrid") for name in ("hybrid", "hybrid_choices")}
    )
    for name in ("hybrid_choices", "hybrid_break_even"):
        with pytest.raises(NotMeasured, match="nothing but more samples"):
            draw(alone, name)


def test_no_panel_is_empty(study):
    """Where FLOPs are known of rows alone that are not drawn, as of pools whose looks have no price."""
    table = study.frames["hybrid"]
    drawn = [hybrid.rule_rows(table, rule) for rule, _, _ in hybrid.RULES if rule != hybrid.STOPPING]
    key = ["rule", "form", "selection", "budget", "probe"]
    kept = table.join(pl.concat([rows.select(key) for rows in drawn]), on=key, how="semi").select(key)
    shown = pl.struct(key).is_in(kept.to_struct("key").implode())
    table = table.with_columns(flops=pl.when(~shown).then(pl.col("flops")))
    assert 0 < table["flops"].null_count() < len(table)
    panels = draw(Study({"hybrid": table}), "ways_of_spending").axes
    assert len(panels) == 2 and all(panel.get_lines() for panel in panels)


def test_the_vote_without_a_verifier_stands_in(study):
    table = study.frames["hybrid"].filter(pl.col("selection") != "best_of_n_weighted")
    assert hybrid.voted(table) == "majority"
    assert set(hybrid.rule_rows(table, "hybrid")["selection"]) == {"majority"}
    # It has no looks that are not scored beside those that are
    assert hybrid.rule_rows(table, "unscored").is_empty()
    unscored = hybrid.rule_rows(study.frames["hybrid"], "unscored")
    assert set(unscored["selection"]) == {"majority"} and set(unscored["rule"]) == {"hybrid"}


def test_shares_of_a_bar_fill_it_in_the_order_of_the_legend(study):
    panels = draw(study, "hybrid_choices").axes
    assert len(panels) == 6 and [panel.get_title(loc="left") for panel in panels][:2] == [
        "all",
        "bin 1\n(easiest)",
    ]
    rows = hybrid.rule_rows_of_choices(study.table("hybrid_choices"))
    assert list(hybrid.kinds_shown(rows)) == [
        "stop", "samples", "beam", "dvts", "lookahead", "rebase", "revisions", "larger",
    ]  # fmt: skip
    hardest = panels[-1].containers[-1]
    tops = [bar.get_y() + bar.get_height() for bar in hardest]
    assert tops == pytest.approx([1.0] * 6)
    own = rows.filter(bins="oracle", bin=5, kind="larger").sort("budget")
    assert [bar.get_height() for bar in hardest] == pytest.approx(own["share"].to_list())


def test_regret_and_break_even_are_in_points(study):
    (axes,) = draw(study, "hybrid_regret").axes
    shown = {line.get_label(): line for line in axes.get_lines()}
    rows = hybrid.rule_rows(study.table("hybrid"), "hybrid")
    assert shown["hybrid"].get_ydata() == pytest.approx(100 * rows["regret"].to_numpy())
    assert "oracle" not in shown
    drawn = draw(study, "hybrid_break_even")
    assert "1: from 4 on, 2: from 8 on, 4: from 16 on, 8: never" in drawn.get_supxlabel().replace("\n", " ")


def ticks_outside(axes):
    """Labels of ticks that lie outside of the axes, and are not drawn."""
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps_where_there_are_few_bins_and_budgets(study, name):
    few = synthetic_hybrid.tables(6, budgets=(2, 4), probes=(1,), bins=2)
    drawn = draw(Study(study.frames | few), name)
    unseen = {text for axes in drawn.axes for text in ticks_outside(axes)}
    texts = [text for text in drawn.findobj(style.Text) if text.get_text().strip() and text.get_visible()]
    with style.context():
        # Of a label with a line to its curve, the words
        boxes = [
            (text.get_text(), style.Text.get_window_extent(text)) for text in texts if text not in unseen
        ]
    whole = drawn.bbox
    for text, box in boxes:
        assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1, text
    for (one, first), (two, second) in combinations(boxes, 2):
        assert not (first.padded(-1).overlaps(second.padded(-1))), (one, two)
