"""Difficulty: how often each bin is solved with one solution, and predicted against oracle difficulty (paper §3.2)."""

import numpy as np
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import ORACLE, SEED
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_interval
from ttc.tables.study import NotMeasured, Study

KINDS = (("oracle", "", style.BLUE, "oracle bins"), ("predicted", "///", style.ORANGE, "predicted bins"))


def pass_at_1(study: Study, kind: str, replicates: int, seed: int) -> list[tuple[int, float, float, float]]:
    """(bin, pass@1, low, high) for each bin of a kind: mean pass rate of its questions with a 95 % interval."""
    table = study.table("difficulty").drop_nulls(f"{kind}_bin").sort("problem_id")
    rows = []
    for index in study.bins(kind):
        rates = table.filter(table[f"{kind}_bin"] == index)["oracle"].to_numpy()
        random = generator(seed, "pass_at_1", kind, index)
        mean, low, high = bootstrap_interval(rates[:, None], replicates, random)
        rows.append((index, float(mean[0]), float(low[0]), float(high[0])))
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
    style.note(
        drawn, f"Bars: mean of the bin with its 95 % bootstrap interval over questions ({len(table)} in all)."
    )
    return drawn


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
    axes.set_title("One solution per question, by difficulty")
    axes.legend(loc="upper right")


def _scatter(axes, table):
    table = table.drop_nulls("predicted")
    bins = int(table["oracle_bin"].max())
    for index in range(1, bins + 1):
        rows = table.filter(table["oracle_bin"] == index)
        look = style.bin_look(index, bins)
        axes.plot(
            rows["oracle"], rows["predicted"], linestyle="none", marker=look.marker, color=look.colour, markersize=4.5,
            markeredgecolor="white", markeredgewidth=0.4, zorder=3,
            label=style.bin_name(index, bins).removeprefix("bin "),
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.8, linestyle=":", zorder=1)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    style.percent(axes.xaxis)
    style.percent(axes.yaxis)
    axes.set_xlabel("Oracle: share of correct solutions")
    scored = table["score_std"].null_count() < len(table)
    axes.set_ylabel(
        "Predicted: mean verifier score" if scored else "Predicted: share of the most frequent answer"
    )
    axes.set_title(f"Predicted against oracle: rank correlation {rank_correlation(table):.2f}")
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
            "How often one solution of the policy is correct in each difficulty bin, by oracle and by predicted "
            "difficulty; right, one against the other.",
            ORACLE,
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
