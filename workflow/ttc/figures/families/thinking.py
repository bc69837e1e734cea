"""Samples or thought: accuracy over samples and tokens of thought, and over all tokens (not in the paper)."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import SEED
from ttc.figures.style import Look
from ttc.tables.study import Study

# What is shown: the best that the study has, which no number of it decides
PREFERRED = ("best_of_n_weighted", "majority")
NAMES = {"best_of_n_weighted": "weighted votes", "majority": "majority votes"}
SHORTEST = (Look(style.PURPLE, "v", "--", filled=False), Look(style.VERMILION, "<", "-.", filled=False))
CHOSEN = (
    ("best_fixed", None, Look(style.BLUE, "o", "--"), "best fixed"),
    ("compute_optimal", "predicted", Look(style.GREEN, "P", "-", 2.4), "chosen by predicted difficulty"),
    ("compute_optimal", "oracle", Look(style.BLACK, "*", ":", filled=False), "chosen by oracle difficulty"),
)


def draw(study: Study, options: dict) -> Figure:
    """Left the surface, right accuracy by tokens per question."""
    surface, curves = study.table("thinking"), study.table("thinking_curves")
    present = set(surface["selection"])
    selection = next(each for each in PREFERRED if each in present)
    drawn = style.figure(12.4, 4.6)
    left, right = drawn.subplots(1, 2, width_ratios=(1.0, 1.25))
    whole = surface.filter(selection=selection, shortest=0)
    _surface(left, whole)
    _by_tokens(right, whole, surface.filter(pl.col("shortest") > 0), curves)
    style.heading(drawn, f"Samples or thought? {NAMES[selection].capitalize()}")
    style.note(
        drawn,
        f"{surface['questions'][0]} questions. Tokens are those of thoughts and answers, of all samples of a question. "
        "Dashed: votes of the shortest thoughts at the largest budget. Bands: 95 % over questions; what is chosen was "
        "chosen on other questions.",
    )
    return drawn


def _surface(axes: Axes, rows: pl.DataFrame) -> None:
    """Accuracy as numbers and shades, at powers of two of the samples."""
    budgets = sorted(set(rows["thinking"]))
    sizes = [size for size in sorted(set(rows["samples"])) if size & (size - 1) == 0]
    known = {(row["thinking"], row["samples"]): row["accuracy"] for row in rows.iter_rows(named=True)}
    values = np.array([[known.get((budget, size), np.nan) for size in sizes] for budget in budgets])
    axes.imshow(values, origin="lower", aspect="auto", cmap="viridis")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for row in range(len(budgets)):
        for column in range(len(sizes)):
            if not np.isnan(value := values[row, column]):
                colour = "black" if value > middle else "white"
                axes.text(
                    column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour, fontsize=8.5
                )
    axes.set_xticks(range(len(sizes)), [f"{size}" for size in sizes])
    axes.set_yticks(range(len(budgets)), [f"{budget:,}" for budget in budgets])
    axes.grid(False)
    axes.set_xlabel("Samples per question")
    axes.set_ylabel("Budget of thought, tokens")
    axes.set_title("Accuracy, %")


def _by_tokens(axes: Axes, rows: pl.DataFrame, shortest: pl.DataFrame, curves: pl.DataFrame) -> None:
    budgets = sorted(set(rows["thinking"]))
    for place, budget in enumerate(budgets, 1):
        look = style.bin_look(place, len(budgets))
        of_budget = rows.filter(thinking=budget).sort("tokens")
        style.line(axes, of_budget, look, f"thoughts up to {budget:,}", band=False, x="tokens")
    for voters in sorted(set(shortest["shortest"])):
        of_voters = shortest.filter(shortest=voters, thinking=budgets[-1]).sort("samples")
        look = SHORTEST[min(voters, 2) - 1]
        said = "the shortest thought" if voters == 1 else f"the {voters} shortest thoughts"
        style.line(axes, of_voters, look, said, band=False, x="tokens")
    for strategy, kind, look, said in CHOSEN:
        chosen = curves.filter(pl.col("bin") == 0, strategy=strategy)
        chosen = chosen.filter(bins=kind or "none").sort("budget")
        if len(chosen):
            style.line(axes, chosen, look, said, band=strategy == "compute_optimal" and kind == "predicted")
    style.amount_axis(axes)
    style.accuracy_axis(axes)
    axes.set_xlabel("Tokens per question")
    axes.set_title("What tokens buy")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


FIGURES = (
    Entry(
        name="thinking",
        title="Samples or thought?",
        place=46,
        caption=(
            "Accuracy at each budget of thought with each number of samples in parallel, and by tokens per question.",
            "A thought whose budget is used up is ended, and the answer drawn behind it (budget forcing, s1); budgets "
            "cut the same thoughts, so that their differences are paired.",
            "The shortest of k thoughts vote, and the others are stopped when these have ended (short-m@k).",
            "Chosen: the rule and the budget of thought by bin of difficulty at a budget of tokens, cross-validated.",
            "Bands: 95 % over questions.",
            SEED,
        ),
        reads={"thinking": {}, "thinking_curves": {}},
        draw=draw,
        main=True,
    ),
)
