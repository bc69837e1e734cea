"""Difficulty: how often each bin is solved with one solution, and predicted against oracle difficulty (paper §3.2)."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc.evaluation.cuts import cuts_of
from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import ORACLE, SEED
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval, with_ends
from ttc.tables.study import NotMeasured, Study

KINDS = (("oracle", "", style.BLUE, "oracle bins"), ("predicted", "///", style.ORANGE, "predicted bins"))
# Pass rates up to which points of one rate are spread, and ties that the note lists
FEW_RATES, TIES_LISTED = 12, 3


def pass_at_1(study: Study, kind: str, replicates: int, seed: int) -> list[tuple[int, float, float, float]]:
    """(bin, pass@1, low, high) for each bin of a kind: mean pass rate of its questions with a 95 % interval."""
    table = study.table("difficulty").drop_nulls(f"{kind}_bin").sort("problem_id")
    cuts = cuts_of(table, table["problem_id"].to_list())[kind]
    rates = table["oracle"].to_numpy()[:, None]
    counts = bootstrap_counts(len(rates), replicates, generator(seed, "pass_at_1", kind))
    rows = []
    for index in study.bins(kind):
        means = bootstrap_means(rates, cuts.drawn(counts, [index]))
        size = np.array([(cuts.bins == index).sum()])
        random = generator(seed, "pass_at_1", kind, index)
        low, high = percentile_interval(with_ends(means[1:], size, (0.0, 1.0), random))
        rows.append((index, float(means[0, 0]), float(low[0]), float(high[0])))
    return rows


def draw(study: Study, options: dict) -> Figure:
    """Pass@1 by difficulty bin; beside it, where a verifier scored the pool, predicted against oracle difficulty."""
    table = study.table("difficulty")
    kinds = [kind for kind in KINDS if table[f"{kind[0]}_bin"].drop_nulls().len()]
    both = len(kinds) == 2
    drawn = style.figure(10.0 if both else 5.4, 4.0)
    axes = drawn.subplots(1, 2 if both else 1, squeeze=False, width_ratios=[1.25, 1] if both else None)[0]
    _bars(axes[0], study, kinds, options)
    if both:
        _scatter(axes[1], table)
    bars = f"Bars: mean of the bin with its 95 % bootstrap interval over questions ({len(table)} in all)."
    style.note(drawn, " ".join([bars, *filter(None, [tied(table), _spread_note(table) if both else ""])]))
    return drawn


def tied(table: pl.DataFrame) -> str:
    """What to say of questions whose equal pass rates are shared out to several oracle bins; empty where none are."""
    rates = table.drop_nulls("oracle_bin").group_by("oracle")
    rates = rates.agg(bins=pl.col("oracle_bin").unique().sort(), questions=pl.len())
    rates = rates.filter(pl.col("bins").list.len() > 1).sort("questions", "oracle", descending=True)
    if rates.is_empty():
        return ""
    where = [
        f"{100 * rate:.3g} % ({questions:,} questions in bins {' and '.join(map(str, bins))})"
        for rate, bins, questions in rates.iter_rows()
    ]
    listed = ", ".join(where[:TIES_LISTED]) + (" and others" if len(where) > TIES_LISTED else "")
    return f"Ties: questions of equal pass rate were parted between oracle bins by their ids alone: {listed}."


def _spread_note(table: pl.DataFrame) -> str:
    return (
        "At the right, bins that share a pass rate lie side by side." if _step(table) and tied(table) else ""
    )


def _step(table: pl.DataFrame) -> float:
    """The least distance of two pass rates where there are few of them, so that points hide each other; else 0."""
    rates = np.unique(table["oracle"].to_numpy())
    return float(np.diff(rates).min()) if 1 < len(rates) <= FEW_RATES else 0.0


def _bars(axes, study, kinds, options):
    width = 0.8 / len(kinds)
    bins = study.bins(kinds[0][0])
    for place, (kind, hatch, colour, label) in enumerate(kinds):
        rows = pass_at_1(study, kind, options["bootstrap"], options["seed"])
        index, mean, low, high = np.array(rows).T
        x = index + (place - (len(kinds) - 1) / 2) * width
        errors = np.clip([mean - low, high - mean], 0, None)
        axes.bar(x, mean, width * 0.94, color=colour, hatch=hatch, edgecolor="white", label=label, zorder=2)
        axes.errorbar(x, mean, errors, fmt="none", ecolor=style.BLACK, elinewidth=1, capsize=2.5, zorder=3)
        for at, top, value in zip(x, high, mean, strict=True):
            axes.text(at, top + 0.015, f"{100 * value:.0f}", ha="center", va="bottom", fontsize=8)
    axes.set_xticks(bins, [style.bin_name(b, len(bins)).replace(" (", "\n(") for b in bins])
    axes.set_xlim(0.45, len(bins) + 0.55)
    axes.set_ylim(0, 1.08)
    axes.set_yticks(np.linspace(0, 1, 6))
    style.percent(axes.yaxis)
    axes.set_ylabel("Pass@1 of the policy")
    axes.set_xlabel("Difficulty")
    axes.set_title("One solution per question, by difficulty", pad=22)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(kinds), borderaxespad=0.1, handlelength=1.4
    )


def _scatter(axes, table):
    table = table.drop_nulls("predicted")
    bins = int(table["oracle_bin"].max())
    width = 0.3 * _step(table)
    # bins that share a pass rate have a lane each
    lane = pl.col("oracle_bin").rank("dense", descending=True).over("oracle")
    lane = (lane - (pl.col("oracle_bin").n_unique().over("oracle") + 1) / 2) * width
    table = table.with_columns(x=pl.col("oracle") + lane)
    for index in range(1, bins + 1):
        rows = table.filter(table["oracle_bin"] == index).sort("problem_id")
        look = style.bin_look(index, bins)
        axes.plot(
            rows["x"], rows["predicted"], linestyle="none", marker=look.marker, color=look.colour, markersize=4.5,
            markeredgecolor="white", markeredgewidth=0.4, zorder=3,
            label=style.bin_name(index, bins).removeprefix("bin "),
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.8, linestyle=":", zorder=1)
    axes.set_xlim(-0.03 - width / 2, 1.03 + width / 2)
    axes.set_ylim(-0.03, 1.03)
    style.percent(axes.xaxis)
    style.percent(axes.yaxis)
    axes.set_xlabel("Oracle: share of correct solutions")
    scored = table["score_std"].null_count() < len(table)
    axes.set_ylabel(
        "Predicted: mean verifier score" if scored else "Predicted: share of the most frequent answer"
    )
    rank = rank_correlation(table)
    said = "no rank correlation, one is constant" if np.isnan(rank) else f"rank correlation {rank:.2f}"
    axes.set_title(f"Predicted against oracle: {said}", pad=22)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.02), handletextpad=0.1, title="Oracle bin", fontsize=7.5
    )


def rank_correlation(table) -> float:
    """Spearman's correlation of oracle and predicted difficulty, ties at their mean rank; NaN if either is constant."""
    if len(table) < 2:
        raise NotMeasured("fewer than two questions have a predicted difficulty")
    oracle, predicted = (table[name].rank("average").to_numpy() for name in ("oracle", "predicted"))
    if oracle.std() == 0 or predicted.std() == 0:
        return float("nan")
    return float(np.corrcoef(oracle, predicted)[0, 1])


FIGURES = (
    Entry(
        name="difficulty",
        title="Difficulty",
        place=20,
        caption=(
            "How often one solution of the policy is correct in each difficulty bin.",
            ORACLE,
            "By predicted difficulty ({predicted} questions) beside it, and at the right one against the other.",
            "Pass rates over {sampling.samples} samples a question.",
            "{questions} test questions; bars are 95 % bootstrap intervals ({figures.bootstrap} resamples).",
            SEED,
        ),
        reads={"difficulty": {}},
        draw=draw,
        beside="section 3.2",
        main=True,
    ),
)
