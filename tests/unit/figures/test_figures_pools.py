"""Figures of pools: an outcome verifier by its name, many steps, ties, what is not drawn, and pools compared."""

from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from tests.support import synthetic_ablations
from tests.support.figure_options import QUICK, laid_out
from ttc.figures import captions, style
from ttc.figures.families import difficulty
from ttc.figures.registry import FIGURES
from ttc.paper.claim import Settings
from ttc.paper.findings import find
from ttc.tables.comparison import POOL_ACCURACY, POOL_EXCHANGE
from ttc.tables.study import NotMeasured, Study

BINS = ("bin", "oracle_bin", "predicted_bin")


@pytest.fixture(scope="module")
def study():
    return Study(synthetic_ablations.study())


def draw(study, name, options=QUICK):
    with style.context():
        return laid_out(FIGURES[name].draw(study, options))


def caption(study, name):
    stated = {key: 1 for key in captions.fields(FIGURES[name].caption) if "." in key or key == "seed"}
    return FIGURES[name].described(stated | study.counts())["caption"]


def texts(drawn):
    found = [text.get_text() for axes in drawn.axes for text in (*axes.texts, axes.title, axes._left_title)]
    labels = [label for axes in drawn.axes for label in axes.get_legend_handles_labels()[1]]
    ticks = [tick.get_text() for axes in drawn.axes for tick in axes.get_yticklabels()]
    return " ".join([*found, *labels, *ticks, drawn.get_suptitle()])


def votes_only(study, *tables, **frames):
    """A pool's study: votes over samples, by one verifier."""
    plain = pl.col("strategy").str.starts_with("orm_").not_() & pl.col("family").is_in(["search", "baseline"])
    plain &= ~pl.col("strategy").str.contains("beam|lookahead|dvts|rebase")
    left = {name: study.frames[name].filter(plain) for name in ("curves", "outcomes")}
    return Study({"difficulty": study.frames["difficulty"]} | left | frames)


@pytest.fixture(scope="module")
def outcome(study):
    """A study whose only verifier gave one score to each solution."""
    of_orm = pl.col("verifier") == "orm"
    tables = {name: study.frames[name].filter(of_orm) for name in ("verifier_quality", "calibration")}
    return votes_only(study, **tables)


def test_an_outcome_verifier_is_called_so_in_every_figure(outcome):
    assert outcome.verifier == "ORM"
    for name in [
        name for name, entry in FIGURES.items() if any("bins" in rows for rows in entry.reads.values())
    ]:
        try:
            drawn = draw(outcome, name)
        except NotMeasured:
            continue
        assert "PRM" not in texts(drawn) and "PRM" not in caption(outcome, name), name
        assert "tep scores" not in caption(outcome, name), name
    for name in ("selection_rules", "verifier_quality", "step_quality"):
        assert "ORM" in texts(draw(outcome, name))
    with pytest.raises(NotMeasured, match="one score"):
        draw(outcome, "aggregations")


def test_claims_of_the_paper_about_a_prm_are_not_measured_on_an_orm(outcome, study):
    found = find(outcome, Settings(bootstrap=20, seed=0))
    verdicts = dict(found.select("claim", "verdict").iter_rows())
    assert verdicts["weighted_over_majority"] == verdicts["prm_auc"] == "not measured"
    assert verdicts["weighted_over_plain_orm"] != "not measured"
    assert verdicts["orm_auc"] == "measured"
    # with both verifiers nothing changes its name
    assert study.verifier == "PRM"
    both = dict(find(study, Settings(bootstrap=20, seed=0)).select("claim", "verdict").iter_rows())
    assert "not measured" not in {
        both[name] for name in ("weighted_over_majority", "weighted_over_plain_orm")
    }


def steps(count, later=True):
    """verifier_quality of a PRM whose solutions have `count` steps, and more that few reach."""
    rows = [("prm", "step", step, "auc", 0.8, 0.7, 0.9, 100) for step in range(count + 1)]
    rows += [("prm", "solution", 0, "auc", 0.8, 0.7, 0.9, 100)]
    rows += [("prm", "later_steps", count + 1, "auc", 0.6, 0.5, 0.7, 30)] if later else []
    columns = ["verifier", "level", "step", "measure", "value", "low", "high", "count"]
    return Study({"verifier_quality": pl.DataFrame(rows, schema=columns, orient="row")})


@pytest.mark.parametrize("count", [1, 9, 15, 18, 40, 120])
@pytest.mark.parametrize("later", [True, False])
def test_labels_of_many_steps_do_not_overlap(count, later):
    with style.context():
        drawn = laid_out(FIGURES["step_quality"].draw(steps(count, later), QUICK))
        axes = drawn.axes[0]
        renderer = (
            drawn.canvas.get_renderer() if hasattr(drawn.canvas, "get_renderer") else drawn._get_renderer()
        )
        boxes = [tick.get_window_extent(renderer) for tick in axes.get_xticklabels() if tick.get_text()]
    assert boxes and all(left.x1 < right.x0 for left, right in pairwise(boxes))
    labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert (f"{count + 1}+" in labels) == later
    if later:
        pooled = axes.containers[-1].lines[0]
        assert pooled.get_markerfacecolor() == "white" and pooled.get_ydata() == pytest.approx([0.6])


def test_the_legend_of_difficulty_is_not_over_the_bars(study):
    everybody = study.frames["difficulty"].with_columns(oracle=pl.lit(1.0))
    with style.context():
        drawn = laid_out(difficulty.draw(Study({"difficulty": everybody}), QUICK))
        axes = drawn.axes[0]
        legend = axes.get_legend().get_window_extent(drawn._get_renderer())
        assert all(not legend.overlaps(bar.get_window_extent()) for bar in axes.patches)


def test_ties_between_bins_are_said_and_their_points_lie_apart():
    rates, bins = [0.5] * 6 + [0.0] * 6, [1] * 3 + [2] * 6 + [3] * 3
    table = pl.DataFrame(
        {
            "problem_id": [f"p{index:02}" for index in range(12)],
            "oracle": rates,
            "predicted": np.linspace(0.9, 0.1, 12),
            "oracle_bin": bins,
            "predicted_bin": bins,
            "score_std": 0.1,
        },
        schema_overrides={"oracle_bin": pl.Int32, "predicted_bin": pl.Int32},
    )
    said = difficulty.tied(table)
    assert "50 % (6 questions in bins 1 and 2)" in said and "0 % (6 questions in bins 2 and 3)" in said
    with style.context():
        scatter = difficulty.draw(Study({"difficulty": table}), QUICK).axes[1]
    places = [set(np.round(line.get_xdata(), 6)) for line in scatter.get_lines()[:3]]
    assert not (places[0] & places[1]) and not (places[1] & places[2])
    assert difficulty.tied(table.with_columns(oracle=pl.Series(np.linspace(0.9, 0.1, 12)))) == ""


def test_the_summary_speaks_of_what_it_draws(study):
    both = caption(study, "summary")
    assert "larger policy" in both and "R = 1" in both
    pool = votes_only(study)
    mixed = pl.when(pl.col("strategy") == "compute_optimal").then(pl.lit("mixed")).otherwise("selection")
    pool = Study(pool.frames | {"curves": pool.frames["curves"].with_columns(selection=mixed)})
    assert "larger policy" not in caption(pool, "summary") and "R = " not in caption(pool, "summary")
    drawn = draw(pool, "summary")
    assert len(drawn.axes) == 1 and "Choosing among samples" in texts(drawn) and "Search" not in texts(drawn)
    assert "selection rule" in texts(draw(pool, "compute_optimal_search"))


def test_where_one_rule_competes_nothing_is_chosen(study):
    """A pool without a verifier has the majority vote alone."""
    curves = votes_only(study).frames["curves"]
    known = curves.filter(pl.col("strategy").is_in(["majority", "pass_at_k", "compute_optimal"]))
    named = pl.when(pl.col("strategy") == "compute_optimal").then(pl.lit("majority")).otherwise("selection")
    alone = Study({"curves": known.with_columns(selection=named), "difficulty": study.frames["difficulty"]})
    for name in ("compute_optimal_search", "summary"):
        with pytest.raises(NotMeasured):
            draw(alone, name)
    assert len(draw(alone, "accuracy_by_budget").axes[0].get_lines()) == 2


def test_accuracy_by_bin_draws_the_curves_of_every_bin(study):
    axes = draw(study, "accuracy_by_bin").axes
    assert len(axes) == 5
    for index, panel in enumerate(axes, start=1):
        (drawn,) = [line for line in panel.get_lines() if line.get_label() == "majority vote"]
        rows = study.curve("search", "majority", bins="oracle", bin=index)
        np.testing.assert_allclose(drawn.get_ydata(), rows["accuracy"].to_numpy())


def compared(flops):
    models = {"policy": "Model-3B", "other": "Model-1B"}
    rows = [
        (pool, model, rule, budget, 0.1 * budget, 0.05, 0.5, 10.0, flops and flops * budget, 20)
        for pool, model in models.items()
        for rule in ("pass_at_k", "majority")
        for budget in (1, 2, 4)
    ]
    accuracy = pl.DataFrame(rows, schema=POOL_ACCURACY.dtypes, orient="row")
    numbers = (3.0, None, 3.0, 2.0)
    rows = [
        (
            "other",
            "policy",
            rule,
            version,
            ratio,
            bin,
            *numbers,
            version == "v1",
            0.3,
            0.2,
            0.4,
            0.5,
            0.4,
            0.6,
        )
        + (-0.2, -0.3, -0.1, 20, "undecided")
        for rule in ("pass_at_k", "majority")
        for version, ratio in (("inference", 0.0), ("v1", 22.0), ("camera_ready", 11.0))
        for bin in (0, 1, 2)
    ]
    exchange = pl.DataFrame(rows, schema=POOL_EXCHANGE.dtypes, orient="row")
    return Study({"pool_accuracy": accuracy, "pool_exchange": exchange})


@pytest.mark.parametrize(("flops", "rows"), [(None, 1), (1e12, 2)])
def test_models_are_drawn_beside_each_other_by_samples_and_where_known_by_flops(flops, rows):
    study = compared(flops)
    drawn = draw(study, "pools")
    assert len(drawn.axes) == 2 * rows
    for axes in drawn.axes:
        assert {line.get_label() for line in axes.get_lines()} == {"Model-3B", "Model-1B"}
    assert ("No FLOPs of" in drawn._supxlabel.get_text()) == (flops is None)
    alone = Study({"pool_accuracy": study.frames["pool_accuracy"].filter(pool="policy")})
    with pytest.raises(NotMeasured, match="one pool"):
        draw(alone, "pools")


def test_the_exchange_of_samples_for_parameters_marks_what_could_not_be_paid_for():
    left, right = draw(compared(None), "pool_exchange").axes
    assert "Model-1B" in left._left_title.get_text() and "Model-3B" in left._left_title.get_text()
    ticks = [tick.get_text() for tick in left.get_xticklabels()]
    assert ticks == ["inference\nalone\nN = 3", "R = 22\nN = 3"]
    open_points = [bars for bars in left.containers if bars.lines[0].get_markerfacecolor() == "white"]
    assert len(open_points) == 2 and all(
        bars.lines[0].get_ydata() == pytest.approx(-20) for bars in open_points
    )
    assert len(right.get_xticks()) == 2
    with pytest.raises(NotMeasured):
        draw(Study({}), "pool_exchange")


def test_equal_money_is_one_more_price_and_one_more_row_of_panels():
    study = compared(1e12)
    accuracy = study.frames["pool_accuracy"].with_columns(money=pl.col("budget") * 0.001)
    exchange = study.frames["pool_exchange"]
    paid = exchange.filter(version="inference").with_columns(version=pl.lit("money"), multiplier=pl.lit(2.5))
    both = Study({"pool_accuracy": accuracy, "pool_exchange": pl.concat([exchange, paid])})
    drawn = draw(both, "pools")
    assert [axes.get_xlabel() for axes in drawn.axes[-2:]] == 2 * ["Money for 1,000 questions"]
    shown = {x for line in drawn.axes[-1].get_lines() for x in line.get_xdata()}
    assert shown == {float(budget) for budget in accuracy["budget"]}
    left, right = draw(both, "pool_exchange").axes
    ticks = [tick.get_text() for tick in left.get_xticklabels()]
    assert ticks == ["inference\nalone\nN = 3", "R = 22\nN = 3", "equal\nmoney\nN = 2.5"]
    assert "inference FLOPs" in right._left_title.get_text()
    alone = draw(Study({"pool_accuracy": accuracy, "pool_exchange": paid}), "pool_exchange")
    assert "at equal money" in alone.axes[1]._left_title.get_text()


def test_wording_of_spoilt_scores_does_not_say_who_trained_the_verifier(study):
    assert "as trained" not in texts(draw(study, "verifier_quality"))
    assert partial(caption, study)("verifier_quality").startswith("Votes weighted by the scores of the PRM")


def test_figures_of_flops_say_which_samples_they_rest_on():
    study = compared(1e12)
    pools = study.frames["pool_accuracy"]["pool"].unique().to_list()
    checks = pl.DataFrame(
        {"pool": pools, "samples": 3000, "missing_tokens": [2500 * (name == "policy") for name in pools]}
    )
    study = Study(study.frames | {"pool_checks": checks})
    called = dict(study.frames["pool_accuracy"].select("pool", "model").iter_rows())
    expected = (
        f"Tokens and FLOPs of {called['policy']} rest on the 500 of 3,000 samples whose tokens are recorded."
    )
    assert study.token_basis(called) == [expected]
    assert expected in " ".join(draw(study, "pools")._supxlabel.get_text().split())
    without = Study(compared(None).frames | {"pool_checks": checks})
    assert expected not in " ".join(draw(without, "pools")._supxlabel.get_text().split())
    assert Study().token_basis(called) == []


@pytest.mark.parametrize("bins", [1, 2])
def test_titles_lie_beside_legends_however_few_bins_there_are(study, bins):
    kept = {
        name: frame.filter(
            *[pl.col(column).is_null() | (pl.col(column) <= bins) for column in BINS if column in frame]
        )
        for name, frame in study.frames.items()
    }
    few, seen = Study(kept), 0
    for name in [
        name for name, entry in FIGURES.items() if any("bins" in rows for rows in entry.reads.values())
    ]:
        try:
            drawn = draw(few, name)
        except NotMeasured:
            continue
        for legend in drawn.legends:
            assert not legend.get_window_extent().overlaps(drawn._suptitle.get_window_extent()), name
            assert legend.get_window_extent().x0 >= 0, name
            seen += 1
        assert drawn._suptitle is None or drawn._suptitle.get_window_extent().x1 <= drawn.bbox.x1, name
    assert seen >= 5, "figures whose panels share a legend"
