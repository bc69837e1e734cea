"""Figures draw the numbers of the tables, say why they cannot, and give equal bytes for equal tables."""

import hashlib
import io
import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import synthetic_study
from tests.support.figure_options import QUICK
from ttc import strategies
from ttc.figures import style
from ttc.figures.families import compute_optimal, difficulty, exchange, ratios, revisions, search_sweep
from ttc.figures.registry import FIGURES, figure
from ttc.runtime import Runtime
from ttc.stages import plot
from ttc.tables.registry import SCHEMAS
from ttc.tables.study import NotMeasured, Study, load_folder


@pytest.fixture(scope="module")
def study():
    return Study(synthetic_study.study())


def lines(axes, label):
    found = [line for line in axes.get_lines() if line.get_label() == label]
    assert len(found) == 1, [line.get_label() for line in axes.get_lines()]
    return found[0]


def assert_drawn(line, rows, x="budget"):
    np.testing.assert_allclose(line.get_xdata(), rows[x].to_numpy())
    np.testing.assert_allclose(line.get_ydata(), rows["accuracy"].to_numpy())


def test_search_sweep_draws_the_curves_and_their_intervals(study):
    with style.context():
        axes = search_sweep.draw(study, QUICK).axes[0]
    rows = study.curve("search", "beam(width=4)")
    assert_drawn(lines(axes, "beam, width 4"), rows)
    assert_drawn(lines(axes, "majority vote"), study.curve("search", "majority"))
    # the band of the beam holds every low and high of the table
    wanted = {
        (b, round(v, 9)) for name in ("low", "high") for b, v in rows.select("budget", name).iter_rows()
    }
    bands = [
        {(x, round(y, 9)) for path in band.get_paths() for x, y in path.vertices} for band in axes.collections
    ]
    assert any(wanted <= band for band in bands)


def test_the_budget_axis_has_powers_of_four(study):
    with style.context():
        drawn = search_sweep.draw(study, QUICK)
        drawn.draw_without_rendering()
    assert [tick.get_text() for tick in drawn.axes[0].get_xticklabels()] == ["1", "4", "16", "64", "256"]


def test_bars_by_bin_have_the_heights_of_the_table(study):
    with style.context():
        drawn = search_sweep.draw_by_bin(study, QUICK)
    for index, axes in enumerate(drawn.axes[:5], start=1):
        for container, name in zip(
            axes.containers[::2], ("best_of_n_weighted", "beam(width=4)"), strict=False
        ):
            rows = study.curve("search", name, bins="oracle", bin=index)
            rows = rows.filter(rows["budget"].is_in([4, 16, 64, 256]))
            np.testing.assert_allclose([bar.get_height() for bar in container], rows["accuracy"].to_numpy())


def test_compute_optimal_draws_both_kinds_of_bins_and_the_saving(study):
    with style.context():
        axes = compute_optimal.draw_search(study, QUICK).axes[0]
    for kind in ("oracle", "predicted"):
        rows = study.curve("search", "compute_optimal", bins=kind)
        assert_drawn(lines(axes, f"compute-optimal, {kind} bins"), rows)
    reference, optimal = (
        study.curve("search", "best_of_n_weighted"),
        study.curve("search", "compute_optimal", bins="oracle"),
    )
    target, budget = compute_optimal.saving(reference, optimal, 64)
    assert target == reference.filter(budget=64)["accuracy"][0]
    assert np.interp(np.log2(budget), np.log2(optimal["budget"]), optimal["accuracy"]) == pytest.approx(
        target
    )
    assert f"{64 / budget:.1f}× fewer" in [text.get_text() for text in axes.texts]


def test_revisions_draw_steps_curves_and_ratios(study):
    with style.context():
        left, right = revisions.draw_steps(study, QUICK).axes
        assert_drawn(lines(left, "revision"), study.curve("baseline", "revision_step"))
        assert_drawn(
            lines(right, "sequential, verifier"), study.curve("revisions", "sequential", "hierarchical")
        )
        assert_drawn(
            lines(right, "parallel, majority vote"), study.curve("revisions", "parallel", "majority")
        )
        left, right = ratios.draw(study, QUICK).axes
    rows = ratios.ratios(study, "hierarchical").filter(budget=64)
    assert rows["ratio"].to_list() == [4.0**power for power in range(-3, 4)]
    assert_drawn(lines(left, "64 generations"), rows, "ratio")
    hardest = ratios.ratios(study, "hierarchical", "oracle", 5).filter(budget=64)
    assert_drawn(lines(right, "bin 5 (hardest)"), hardest, "ratio")


def test_exchange_draws_the_larger_policy_at_every_budget(study):
    with style.context():
        drawn = exchange.draw(study, QUICK, "search")
    rows = study.exchange("search").filter(bin=3)
    stars = [line for line in drawn.axes[2].get_lines() if line.get_marker() == "*"]
    assert sorted(star.get_xdata()[0] for star in stars) == sorted(rows["budget"])
    assert {star.get_ydata()[0] for star in stars} == {rows["larger"][0]}
    curve = study.curve("search", "compute_optimal", bins="oracle", bin=3)
    assert_drawn(lines(drawn.axes[2], "small policy, compute-optimal"), curve)


def test_ratios_with_budgets_close_together_are_named_together():
    rows = pl.DataFrame(
        {"ratio": [0.16, 0.79, 22.0], "budget": [64.0, 63.4, 15.8], "clipped": [True, False, False]}
    )
    assert exchange.marks(rows, 64) == [([15.8], ["22"]), ([63.4, 64.0], ["0.79", "0.16→"])]
    apart = rows.with_columns(budget=pl.Series([256.0, 63.4, 15.8]))
    assert [names for _, names in exchange.marks(apart, 256)] == [["22"], ["0.79"], ["0.16→"]]


def test_the_chart_of_differences_writes_every_number(study):
    with style.context():
        drawn = exchange.draw_differences(study, QUICK)
    rows = study.exchange("search")
    texts = [text.get_text() for text in drawn.axes[0].texts]
    assert len(texts) == 2 * len(rows)
    marks = {"small": "▲", "larger": "▼", "undecided": "○"}
    for row in rows.iter_rows(named=True):
        points = round(100 * row["difference"])
        text = f"{points:+d}".replace("-", "−") if points else "0"
        assert f"{marks[row['winner']]} {text}{'*' if row['clipped'] else ''}" in texts


def test_pass_at_1_by_bin_is_the_mean_pass_rate(study):
    table = study.table("difficulty")
    for kind in ("oracle", "predicted"):
        for index, mean, low, high in difficulty.pass_at_1(study, kind, 200, 0):
            rates = table.filter(table[f"{kind}_bin"] == index)["oracle"]
            assert mean == pytest.approx(rates.mean())
            assert low <= mean <= high


def test_rank_correlation_of_known_orders():
    rising = pl.DataFrame({"oracle": [0.1, 0.2, 0.3], "predicted": [0.0, 0.5, 0.9]})
    assert difficulty.rank_correlation(rising) == pytest.approx(1)
    swapped = rising.with_columns(predicted=pl.Series([0.5, 0.9, 0.0]))  # ranks 2, 3, 1: 1 - 6·6/(3·8) = -1/2
    assert difficulty.rank_correlation(swapped) == pytest.approx(-0.5)
    assert np.isnan(difficulty.rank_correlation(rising.with_columns(predicted=pl.lit(0.5))))


def test_a_difficulty_that_is_constant_has_no_rank_correlation(study):
    """Such as the pass rates of a policy that is never right."""
    table = study.frames["difficulty"].with_columns(oracle=pl.lit(0.0))
    with style.context():
        drawn = difficulty.draw(Study(study.frames | {"difficulty": table}), QUICK)
    titles = [axes.get_title("left") for axes in drawn.axes]
    assert titles[1] == "Predicted against oracle: no rank correlation, one is constant"


def test_equal_tables_give_equal_bytes_and_shuffled_rows_too(study):
    shuffled = Study(
        {name: frame.sample(fraction=1, shuffle=True, seed=3) for name, frame in study.frames.items()}
    )
    digests = []
    for source in (study, shuffled):
        found = {}
        for name in ("compute_optimal_search", "exchange_differences"):
            with style.context():
                drawn = style.settle(figure(name).draw(source, QUICK))
                found[name] = [hashlib.sha256(style.encoded(drawn, kind)).digest() for kind in ("svg", "png")]
        digests.append(found)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("kind", style.METADATA)
def test_files_are_those_of_savefig_after_two_whole_drawings(study, kind):
    def drawn():
        return figure("compute_optimal_search").draw(study, QUICK)

    slow = io.BytesIO()
    with style.context():
        whole = drawn()
        whole.draw_without_rendering()
        whole.set_layout_engine("none")
        whole.savefig(slow, format=kind, dpi=70, metadata=style.METADATA[kind])
        assert style.encoded(style.settle(drawn()), kind, 70) == slow.getvalue()


def test_settings_of_the_reader_do_not_matter_and_are_left_alone(study):
    import matplotlib as mpl

    def digest():
        with style.context():
            return style.encoded(figure("difficulty").draw(study, QUICK), "svg")

    before = digest()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert digest() == before
        assert mpl.rcParams["font.size"] == 30


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_spread_labels_keep_their_order_and_distance(heights):
    gap = 0.052
    heights = sorted(heights)
    moved = style.spread(heights, gap)
    assert all(above - below >= gap - 1e-9 for below, above in pairwise(moved))
    assert moved[0] >= 0 and moved[-1] <= 1


def test_spread_leaves_labels_that_do_not_touch():
    assert style.spread([0.1, 0.5, 0.9], 0.05) == [0.1, 0.5, 0.9]


def test_every_paper_strategy_has_a_look_of_its_own():
    names = [
        "majority",
        "best_of_n",
        "best_of_n_weighted",
        "beam(width=4)",
        "beam(width=sqrt)",
        "compute_optimal",
    ]
    names += [
        "lookahead(width=4, depth=3)",
        "lookahead(width=sqrt, depth=3)",
        "lookahead(width=sqrt, depth=1)",
    ]
    looks = [style.look(name) for name in names]
    assert len({look.colour for look in looks}) == len({look.marker for look in looks}) == len(names)
    unlisted = ["beam(width=8)", "beam(width=2)"]
    assert style.look(unlisted[0], unlisted) != style.look(unlisted[1], unlisted)


def test_names_of_strategies():
    assert strategies.parse("revisions(sequential=8, parallel=2)") == (
        "revisions",
        {"sequential": 8, "parallel": 2},
    )
    assert strategies.ratio("revisions(sequential=8, parallel=2)") == (8, 2)
    assert strategies.label("beam(width=sqrt)") == "beam, width √N"
    assert strategies.label("lookahead(width=4, depth=3)") == "lookahead, width 4, depth 3"
    assert strategies.label("dvts(width=4)") == "DVTS, width 4"
    assert strategies.label("rebase(temperature=0.2)") == "REBASE, temperature 0.2"
    assert strategies.label("majority") == "majority vote"
    with pytest.raises(ValueError, match="not the name"):
        strategies.parse("beam(width=4")
    with pytest.raises(ValueError, match="not a ratio"):
        strategies.ratio("beam(width=4)")


def write(frames, folder):
    """Tables in a folder, as the stages hand them over; returns the inputs of `plot`."""
    fitted = folder / "fitted"
    inputs = {}
    for name, frame in frames.items():
        place = fitted if name in plot.FITTED else folder
        SCHEMAS[name].write(frame, place / f"{name}.parquet")
        inputs[name] = [place / f"{name}.parquet"]
    return inputs | {"allocation": [fitted]}


def test_a_pool_study_skips_what_it_lacks_and_says_why(study, tmp_path):
    """A pool has samples and scores only: no searches, no chains, no larger policy, and no ORM."""
    kept = pl.col("strategy").is_in(["majority", "best_of_n", "best_of_n_weighted", "pass_at_1", "pass_at_k"])
    optimal = (pl.col("strategy") == "compute_optimal") & (pl.col("family") == "search")
    frames = {
        "difficulty": study.frames["difficulty"],
        "outcomes": study.frames["outcomes"].filter(kept),
        "curves": study.frames["curves"].filter(kept | optimal),
        "allocator_calibration": SCHEMAS["allocator_calibration"].empty(),
    }
    inputs = write(frames, tmp_path) | {"exchange": []}
    plot.run(QUICK, inputs, tmp_path / "plots", Runtime())
    index = {entry["name"]: entry for entry in json.loads((tmp_path / "plots" / "index.json").read_text())}
    assert set(index) == {name for name, figure in FIGURES.items() if not figure.silent}
    drawn = {name for name, entry in index.items() if entry["files"]}
    votes = {"accuracy_by_budget", "accuracy_by_bin"}
    assert drawn == {"summary", "difficulty", "compute_optimal_search", "selection_rules"} | votes
    assert sorted(file.name for file in (tmp_path / "plots").glob("*.svg")) == sorted(
        f"{name}.svg" for name in drawn
    )
    for name in set(index) - drawn:
        assert index[name]["skipped"]
    assert "larger policy" in index["exchange_search"]["skipped"]


def test_a_published_folder_reads_back_as_a_study(study, tmp_path):
    for name in ("difficulty", "outcomes", "curves", "exchange"):
        SCHEMAS[name].write(study.frames[name], tmp_path / f"{name}.parquet")
    found = load_folder(tmp_path)
    assert found.curve("search", "majority").equals(study.curve("search", "majority"))
    assert found.has("search", "majority") and not found.has("search", "beam(width=9)")
    with pytest.raises(NotMeasured, match="findings"):
        found.table("findings")
    with pytest.raises(ValueError, match="several selection rules"):
        found.curve("revisions", "parallel")
