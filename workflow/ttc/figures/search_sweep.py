"""Search against a verifier: accuracy over budgets for every strategy, and by difficulty (paper figure 3)."""

import numpy as np
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.results import NotMeasured, Study

ORDER = ("majority", "best_of_n", "best_of_n_weighted")
BEAM, BASE = "beam(width=4)", "best_of_n_weighted"


def searched(study: Study) -> list[str]:
    """Strategies that search: beams and lookaheads."""
    return [name for name in study.strategies("search") if name.startswith(("beam(", "lookahead("))]


def draw(study: Study, options: dict) -> Figure:
    """Accuracy over all questions against generations per question, one line for each search strategy."""
    searches = searched(study)
    if not searches:
        raise NotMeasured("the study has no beam or lookahead search")
    names = [name for name in ("majority", BASE) if study.has("search", name)] + searches
    drawn = style.figure(8.0, 4.6)
    axes = drawn.subplots()
    lines, budgets = [], []
    for name in names:
        rows = study.curve("search", name)
        budgets += rows["budget"].to_list()
        banded = name in (BASE, BEAM, "majority")
        lines.append(style.line(axes, rows, style.look(name, names), style.named(name), band=banded))
    style.budget_axis(axes, budgets)
    style.accuracy_axis(axes)
    style.end_labels(axes, lines)
    axes.set_title("Accuracy by generations per question: search strategies")
    bands = "Bands only on majority, best-of-N weighted and beam of width 4, for legibility."
    style.note(drawn, style.interval_note(study.curve("search", names[0]), bands))
    return drawn


def draw_by_bin(study: Study, options: dict) -> Figure:
    """Best-of-N weighted beside beam search in each oracle bin, at four budgets; the mark is majority voting."""
    bins = study.bins("oracle")
    budgets = [
        b for b in options["sweep_budgets"] if not study.curve("search", BEAM).filter(budget=b).is_empty()
    ]
    if not budgets:
        raise NotMeasured(
            f"{BEAM} was not measured at any of {', '.join(map(str, options['sweep_budgets']))}"
        )
    drawn, axes = style.panels(len(bins), 2.1, 3.9)
    places = np.arange(len(budgets))
    for panel, index in zip(axes, bins, strict=True):
        for shift, name in ((-0.2, BASE), (0.2, BEAM)):
            rows = study.curve("search", name, bins="oracle", bin=index)
            rows = rows.filter(rows["budget"].is_in(budgets))
            look = style.look(name)
            mean, low, high = (rows[column].to_numpy() for column in ("accuracy", "low", "high"))
            at = np.array([budgets.index(b) for b in rows["budget"]]) + shift
            panel.bar(
                at,
                mean,
                0.38,
                color=look.colour,
                hatch=look.hatch,
                edgecolor="white",
                zorder=2,
                label=style.named(name),
            )
            errors = np.clip([mean - low, high - mean], 0, None)
            panel.errorbar(
                at, mean, errors, fmt="none", ecolor=style.BLACK, elinewidth=0.9, capsize=1.5, zorder=3
            )
        if study.has("search", "majority", bins="oracle", bin=index):
            rows = study.curve("search", "majority", bins="oracle", bin=index)
            rows = rows.filter(rows["budget"].is_in(budgets))
            for number, (budget, value) in enumerate(rows.select("budget", "accuracy").iter_rows()):
                at = budgets.index(budget)
                label = style.named("majority") if number == 0 else None
                panel.hlines(
                    value,
                    at - 0.4,
                    at + 0.4,
                    color=style.BLACK,
                    linestyle=":",
                    linewidth=1.4,
                    zorder=4,
                    label=label,
                )
        panel.set_xticks(places, [str(b) for b in budgets])
        panel.set_title(style.bin_name(index, len(bins)), fontweight="normal")
    axes[0].set_ylim(0, 1.02)
    style.percent(axes[0].yaxis)
    axes[0].set_ylabel(style.ACCURACY)
    handles, labels = axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper right", ncols=3)
    drawn.suptitle("Beam search against best-of-N weighted, by difficulty", x=0.01, ha="left")
    axes[len(axes) // 2].set_xlabel(style.BUDGET)
    style.note(drawn, "Bars: mean of the bin's questions with its 95 % bootstrap interval. Oracle bins.")
    return drawn
