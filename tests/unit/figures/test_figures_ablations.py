"""Figures of the appendices draw the rows that the catalogue names, and no others."""

import hashlib

import numpy as np
import polars as pl
import pytest
from matplotlib.text import Text

from tests.support import synthetic_ablations, synthetic_study
from tests.support.figure_options import QUICK, laid_out
from ttc.figures import style
from ttc.figures.comparison import BESIDE, REVISIONS, SEARCH
from ttc.figures.comparison import revisions as compared_revisions
from ttc.figures.families import calibration, exchange, ratios, revisions, search_sweep
from ttc.figures.registry import FIGURES
from ttc.figures.sources import selected, sources
from ttc.tables.study import NotMeasured, Study

# Those that need no second pool of samples; `test_figures_pools.py` draws the others
ALONE = [
    name for name, entry in FIGURES.items() if not {"pool_accuracy", "pool_exchange"} & entry.reads.keys()
]


# Figures that do without one of their tables, and the panels that they have then: the left half of the summary, and
# ways of spending without rules that stop
WITHOUT = {("summary", "exchange"): 2, ("ways_of_spending", "stopping_curves"): 3}


@pytest.fixture(scope="module")
def study():
    return Study(synthetic_ablations.study())


def draw(study, name, options=QUICK):
    with style.context():
        return FIGURES[name].draw(study, options)


def line(axes, label):
    (found,) = [line for line in axes.get_lines() if line.get_label() == label]
    return found


def assert_drawn(drawn, rows, x="budget", y="accuracy"):
    np.testing.assert_allclose(drawn.get_xdata(), rows[x].to_numpy())
    np.testing.assert_allclose(drawn.get_ydata(), rows[y].to_numpy())


def test_figures_come_in_the_order_of_their_places():
    places = [entry.place for entry in FIGURES.values()]
    assert places == sorted(set(places))
    assert list(FIGURES)[:2] == ["summary", "difficulty"]


@pytest.mark.parametrize("name", ALONE)
def test_a_figure_is_drawn_from_the_rows_that_the_catalogue_names(study, name):
    named = {table: selected(study.frames[table], rows) for table, rows in FIGURES[name].reads.items()}
    assert all(len(frame) for frame in named.values())
    digests = []
    for source in (study, Study(named)):
        with style.context():
            drawn = style.encoded(style.settle(FIGURES[name].draw(source, QUICK)), "png", 40)
            digests.append(hashlib.sha256(drawn).hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_what_is_missing(study, name):
    """Without any one of the tables that it reads there is a reason in words, never an empty panel."""
    for table in FIGURES[name].reads:
        left = Study({other: frame for other, frame in study.frames.items() if other != table})
        if (name, table) in WITHOUT:
            assert len(draw(left, name).axes) == WITHOUT[name, table]
            continue
        with pytest.raises(NotMeasured, match=r"\w+ \w+"):
            draw(left, name)


@pytest.mark.parametrize("name", ALONE)
def test_every_panel_holds_something_and_no_label_overlaps_another(study, name):
    with style.context():
        drawn = laid_out(FIGURES[name].draw(study, QUICK))
        renderer = (
            drawn.canvas.get_renderer() if hasattr(drawn.canvas, "get_renderer") else drawn._get_renderer()
        )
        for axes in drawn.axes:
            assert axes.lines or axes.patches or axes.collections or axes.images
            boxes = [Text.get_window_extent(text, renderer) for text in axes.texts if text.get_text()]
            for place, box in enumerate(boxes):
                for other in boxes[place + 1 :]:
                    shared = (
                        min(box.y1, other.y1) - max(box.y0, other.y0),
                        min(box.x1, other.x1) - max(box.x0, other.x0),
                    )
                    assert min(shared) < 0.35 * min(box.height, other.height), (name, axes.get_title())


def test_strategies_beyond_the_paper_have_a_panel_of_their_own(study):
    left, right = draw(study, "search_sweep").axes
    labels = [{line.get_label() for line in axes.get_lines()} for axes in (left, right)]
    for strategy in ("dvts(width=4)", "rebase(temperature=0.2)"):
        label = style.named(strategy)
        assert label in labels[1] - labels[0]
        assert_drawn(line(right, label), study.curve("search", strategy))
    assert style.named("lookahead(width=4, depth=3)") in labels[0] - labels[1]
    assert sources(study, FIGURES["search_sweep"])[0]["rows"].endswith(
        "beam(*, lookahead(*, dvts(*, rebase(*"
    )
    only_paper = Study(synthetic_study.study())
    assert len(draw(only_paper, "search_sweep").axes) == 1


def test_a_search_that_nobody_lists_is_drawn_beyond_the_paper_and_named_as_a_source(study):
    """A table may hold a method that is new or gone: no curve is left out without a word."""
    renamed = study.frames["curves"].with_columns(
        pl.col("strategy").str.replace("rebase(temperature=0.2)", "unheard_of(width=4)", literal=True)
    )
    changed = Study(study.frames | {"curves": renamed})
    _, right = draw(changed, "search_sweep").axes
    assert_drawn(line(right, "unheard of, width 4"), changed.curve("search", "unheard_of(width=4)"))
    (before,) = sources(study, FIGURES["search_sweep"])
    (after,) = sources(changed, FIGURES["search_sweep"])
    assert after["rows"].endswith("rebase(*, unheard_of(*") and after["count"] == before["count"]


def test_the_larger_policy_has_bars_of_its_own(study):
    drawn = draw(study, "larger_search_by_bin")
    rows = study.curve("larger", "beam(width=4)", bins="oracle", bin=2)
    rows = rows.filter(rows["budget"].is_in(QUICK["sweep_budgets"]))
    heights = [bar.get_height() for bar in drawn.axes[1].containers[2]]
    np.testing.assert_allclose(heights, rows["accuracy"].to_numpy())
    assert "larger policy" in drawn.get_suptitle()


def test_bars_by_predicted_bin_are_of_predicted_bins(study):
    drawn = draw(study, "search_by_predicted_bin")
    rows = study.curve("search", "best_of_n_weighted", bins="predicted", bin=3)
    rows = rows.filter(rows["budget"].is_in(QUICK["sweep_budgets"]))
    np.testing.assert_allclose(
        [bar.get_height() for bar in drawn.axes[2].containers[0]], rows["accuracy"].to_numpy()
    )


def test_the_in_sample_optimum_is_a_thin_line_beside_the_cross_validated_one(study):
    for name, comparison in (
        ("compute_optimal_search", SEARCH),
        ("compute_optimal_revisions", REVISIONS),
    ):
        axes = draw(study, name).axes[0]
        thin, thick = line(axes, "oracle bins, in-sample optimum"), line(axes, "compute-optimal, oracle bins")
        rows = study.curve(comparison.family, "in_sample_optimal", comparison.selection, bins="oracle")
        assert_drawn(thin, rows)
        assert thin.get_linewidth() < thick.get_linewidth()


def test_the_ridge_the_best_fixed_strategy_and_the_ceiling_stand_beside_the_choice(study):
    for name, comparison in (("compute_optimal_search", SEARCH), ("compute_optimal_revisions", REVISIONS)):
        axes = draw(study, name).axes[0]
        for strategy, kind, label in BESIDE:
            rows = study.curve(comparison.family, strategy, comparison.selection, bins=kind)
            assert_drawn(line(axes, label), rows)
    summary = {one.get_label() for axes in draw(study, "summary").axes for one in axes.get_lines()}
    assert not summary & {label for *_, label in BESIDE}


def test_calibration_of_allocators_draws_outcomes_by_prediction_and_says_the_optimism(study):
    drawn = draw(study, "allocator_calibration")
    search, revisions_ = drawn.axes
    table = study.table("allocator_calibration").filter(family="search", strategy="compute_optimal")
    shown = search.containers[0]
    assert_drawn(shown.lines[0], table.filter(pl.col("bin") > 0).sort("bin"), "predicted", "correct")
    assert shown.get_label() == "compute-optimal: +2.0 [+1.0, +3.0]"
    assert [each.get_label().split(":")[0] for each in search.containers] == [
        "compute-optimal",
        "compute-optimal, smooth in difficulty",
        "best fixed strategy",
    ]
    assert len(revisions_.containers) == 1


def test_ratios_by_majority_and_by_predicted_bins(study):
    left, right = draw(study, "revision_ratio_majority").axes
    assert_drawn(line(left, "64 generations"), ratios.ratios(study, "majority").filter(budget=64), "ratio")
    rows = ratios.ratios(study, "majority", "oracle", 4).filter(budget=64)
    assert_drawn(line(right, "bin 4"), rows, "ratio")
    for axes, selection in zip(
        draw(study, "predicted_revisions").axes, ("hierarchical", "majority"), strict=True
    ):
        rows = ratios.ratios(study, selection, "predicted", 4).filter(budget=64)
        assert_drawn(line(axes, "bin 4"), rows, "ratio")


@pytest.fixture(scope="module")
def by_majority(study):
    """A study without any verifier, in which a majority alone chooses among revisions."""
    rules = ("none", "majority")
    curves = study.frames["curves"].filter(
        (pl.col("family") != "revisions") | pl.col("selection").is_in(rules)
    )
    table = study.frames["difficulty"].with_columns(score_std=pl.lit(None, pl.Float64))
    frames = {name: frame for name, frame in study.frames.items() if name != "verifier_quality"}
    return Study(frames | {"curves": curves, "difficulty": table})


def notes(drawn):
    return " ".join(text.get_text().replace("\n", " ") for text in drawn.findobj(Text))


def test_without_a_verifier_revisions_chosen_by_majority_are_drawn_alone(study, by_majority):
    (axes,) = (drawn := draw(by_majority, "predicted_revisions")).axes
    rows = ratios.ratios(study, "majority", "predicted", 4).filter(budget=64)
    assert_drawn(line(axes, "bin 4"), rows, "ratio")
    assert "Bins by the share of the most frequent answer" in notes(drawn)
    assert "Bins by the verifier's mean score" in notes(draw(study, "predicted_revisions"))
    with pytest.raises(NotMeasured, match="no verifier chose among revisions"):
        draw(by_majority, "revision_verifiers")


def test_compute_optimal_revisions_are_those_of_a_majority_where_no_verifier_chose(by_majority):
    axes = draw(by_majority, "compute_optimal_revisions").axes[0]
    rows = by_majority.curve("revisions", "compute_optimal", "majority", bins="oracle")
    assert_drawn(line(axes, "compute-optimal, oracle bins"), rows)
    assert_drawn(
        line(axes, "parallel, majority vote"), by_majority.curve("revisions", "parallel", "majority")
    )
    titles = [axes.get_title("left") for axes in draw(by_majority, "summary").axes]
    assert "Revising answers: accuracy" in titles
    assert compared_revisions(Study({"curves": by_majority.frames["curves"].clear()})) == REVISIONS


def test_the_only_rule_that_chooses_among_revisions_has_intervals(study, by_majority):
    """Beside a verifier's lines those of majority have none, for legibility."""
    for each, dashes, bands in ((study, ":", 2), (by_majority, "-", 2)):
        drawn = draw(each, "revision_steps")
        against = drawn.axes[1]
        assert line(against, "sequential, majority vote").get_linestyle() == dashes
        assert len(against.collections) == bands
        assert ("No band on majority votes" in notes(drawn)) == (each is study)


def test_captions_say_who_chose_among_revisions(study, by_majority):
    trained = study.frames["verifier_quality"].filter(pl.col("verifier") == "revision_orm")
    assert len(trained)
    prm = Study(
        study.frames
        | {"verifier_quality": study.frames["verifier_quality"].join(trained, on="verifier", how="anti")}
    )
    alone = "the PRM, which reads each answer alone"
    said = (
        (
            study,
            "the revision verifier or by majority",
            "the revision verifier (left) and by majority (right)",
        ),
        (prm, "the PRM or by majority", "the PRM (left) and by majority (right)"),
        (by_majority, "majority", "majority"),
    )
    for each, choosers, panels in said:
        counts = each.counts()
        assert (counts["revision_choosers"], counts["revision_panels"]) == (choosers, panels)
    assert study.counts()["revision_verifier"] == "the revision verifier"
    assert prm.counts()["revision_verifier"] == alone
    assert "revision_verifier" not in by_majority.counts()
    assert not {"revision_choosers", "revision_panels"} & Study({}).counts().keys()


@pytest.mark.parametrize("version", ["v1", "camera_ready"])
def test_each_formula_has_its_own_figures(study, version):
    rows = exchange.compared(study, "search", version)
    assert set(rows["version"]) == {version}
    suffix = "" if version == "v1" else "_camera_ready"
    drawn = draw(study, f"exchange_search{suffix}")
    stars = [one for one in drawn.axes[1].get_lines() if one.get_marker() == "*"]
    assert sorted(star.get_xdata()[0] for star in stars) == sorted(rows.filter(bin=2)["budget"])
    names = " ".join(text.get_text() for text in drawn.axes[1].texts)
    assert all(f"{ratio:g}" in names for ratio in rows["ratio"].unique())
    other = {"v1": "camera_ready", "camera_ready": "v1"}[version]
    alone = Study(study.frames | {"exchange": study.frames["exchange"].filter(version=other)})
    with pytest.raises(NotMeasured, match=f"formula {version}"):
        draw(alone, f"exchange_differences{suffix}")


def test_revisions_chosen_by_each_verifier(study):
    for axes, strategy in zip(
        draw(study, "revision_verifiers").axes, ("sequential", "parallel"), strict=True
    ):
        for selection, label in revisions.VERIFIERS.items():
            assert_drawn(line(axes, label), study.curve("revisions", strategy, selection))
    without = study.frames["curves"].filter(
        ~pl.col("selection").is_in(["hierarchical_no_history", "hierarchical_prm"])
    )
    with pytest.raises(NotMeasured, match="only one verifier chose"):
        draw(Study({"curves": without}), "revision_verifiers")


def test_rest_em_beside_the_reviser(study):
    (axes,) = draw(study, "rest_em").axes
    for name, label in revisions.REVISERS.items():
        assert_drawn(line(axes, label), study.curve("baseline", name, "none"))


def test_transitions_are_those_of_the_table_and_steps_without_any_are_left_out(study):
    left, right = draw(study, "transitions").axes
    table = study.table("transitions").filter(reviser="rest").sort("step")
    assert_drawn(line(left, "ReST^EM reviser"), table, "step", "correct_to_incorrect")
    known = table.drop_nulls("incorrect_to_correct")
    assert len(known) == len(table) - 1
    assert_drawn(line(right, "ReST^EM reviser"), known, "step", "incorrect_to_correct")


def test_votes_by_aggregation_verifier_and_spoilt_scores(study):
    left, right = draw(study, "aggregations").axes
    assert_drawn(line(left, "minimum"), study.curve("search", "best_of_n_weighted(aggregation=min)"))
    assert_drawn(line(right, "product"), study.curve("search", "best_of_n(aggregation=prod)"))
    assert_drawn(line(right, "last step"), study.curve("search", "best_of_n"))
    (axes,) = draw(study, "verifier_quality").axes
    assert_drawn(line(axes, "random scores"), study.curve("search", "best_of_n_weighted(verifier=random)"))
    prm, orm = draw(study, "selection_rules").axes
    assert_drawn(line(prm, "best single score"), study.curve("search", "best_of_n"))
    assert_drawn(line(orm, "best single score"), study.curve("search", "orm_best_of_n"))
    (axes,) = draw(study, "verifiers").axes
    assert_drawn(line(axes, "ORM, weighted"), study.curve("search", "orm_best_of_n_weighted"))


def test_the_configured_aggregation_names_its_curve(study):
    (left, _) = draw(study, "aggregations", QUICK | {"aggregation": "prod"}).axes
    assert "product" in {one.get_label() for one in left.get_lines()}


def test_calibration_draws_every_bin_with_its_share(study):
    solution, step, below, _ = draw(study, "calibration").axes
    rows = study.table("calibration").filter(verifier="orm", level="solution").sort("bin")
    points = [container for container in solution.containers if container.get_label() == "ORM"]
    assert_drawn(points[0].lines[0], rows, "score", "correct")
    shares = [one.get_ydata() for one in below.get_lines()]
    assert any(np.allclose(share, rows["count"] / rows["count"].sum()) for share in shares)
    assert [container.get_label() for container in step.containers] == ["PRM"]


def test_step_quality_writes_every_measure(study):
    left, *right = draw(study, "step_quality").axes
    table = study.table("verifier_quality")
    rows = table.filter(pl.col("step") > 0, measure="auc").sort("step")
    assert_drawn(left.containers[0].lines[0], rows, "step", "value")
    for axes, measure in zip(right, calibration.MEASURES, strict=True):
        written = sorted(text.get_text() for text in axes.texts)
        values = table.filter(step=0, measure=measure)["value"]
        assert written == sorted(f"{value:.2f}" for value in values)


def test_lines_of_one_figure_differ_in_more_than_colour(study):
    """Markers or dashes tell all lines of a panel apart, so that it can be read in grey."""
    for name in ALONE:
        for axes in draw(study, name).axes:
            looks = [
                (one.get_marker(), one.get_linestyle(), one.get_markerfacecolor() == "white")
                for one in axes.get_lines()
                if not one.get_label().startswith("_")
                and one.get_label() not in ("calibrated", "first answer")
            ]
            dashed = [
                (one.get_marker(), one._dash_pattern) for one in axes.get_lines() if one.get_label()[0] != "_"
            ]
            assert len(set(map(str, dashed))) == len(dashed) or len(set(looks)) == len(looks), (name, looks)


def test_sources_say_which_rows_and_how_many(study):
    found = sources(study, FIGURES["rest_em"])
    steps = [study.curve("baseline", name) for name in ("revision_step", "rest_revision_step")]
    assert found == [
        {
            "table": "tables/curves.parquet",
            "rows": "family = baseline; strategy = revision_step, rest_revision_step; bins = none",
            "count": sum(map(len, steps)),
        }
    ]
    assert sources(Study({}), FIGURES["transitions"])[0]["count"] == 0


def test_names_that_end_in_a_star_stand_for_all_that_begin_so():
    frame = pl.DataFrame(
        {"strategy": ["beam(width=4)", "beam(width=sqrt)", "dvts(width=4)", "majority"], "bin": [0, 1, 0, 0]}
    )
    found = selected(frame, {"strategy": ("beam(*", "majority"), "bin": (0,)})
    assert found["strategy"].to_list() == ["beam(width=4)", "majority"]


def test_beyond_the_paper_is_no_search_of_the_paper(study):
    paper, beyond = (search_sweep.searched(study, beyond_paper=beyond) for beyond in (False, True))
    assert {name.split("(")[0] for name in paper} == {"beam", "lookahead"}
    assert {name.split("(")[0] for name in beyond} == {"dvts", "rebase"}
