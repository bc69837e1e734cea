"""Search against a verifier: accuracy over budgets of every strategy, and by difficulty.

Paper figures 3 and 12; 16 of the camera-ready for the larger policy.
"""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from ttc import strategies
from ttc.figures import style
from ttc.figures.entry import BY_BIN, FIXED, OTHER_SEARCHES, VOTES, Entry
from ttc.figures.sentences import AGGREGATION, LARGER, ORACLE, PREDICTED, QUESTIONS, SEARCH, SEED
from ttc.tables.study import NotMeasured, Study

BEAM, BASE = "beam(width=4)", "best_of_n_weighted"
BANDED = ("majority", BASE, BEAM)


def searched(study: Study, beyond_paper: bool) -> list[str]:
    """All searches that were measured, those of the paper or those beyond it, sorted by name."""
    names = [name for name in study.strategies("search") if strategies.is_search(name)]
    return [name for name in names if strategies.is_beyond_paper(name) == beyond_paper]


def draw(study: Study, options: dict) -> Figure:
    """Accuracy over all questions against generations per question, one line for each search strategy.

    Left the paper's strategies; right, where they were measured, those beyond the paper.
    """
    base = [name for name in ("majority", BASE) if study.has("search", name)]
    shown = []
    paper, beyond = searched(study, beyond_paper=False), searched(study, beyond_paper=True)
    if paper:
        shown.append(("The paper's strategies", base + paper))
    if beyond:
        beam = [BEAM] if study.has("search", BEAM) else []
        shown.append(("Beyond the paper", base + beam + beyond))
    if not shown:
        raise NotMeasured("the study has no search against a verifier")
    # votes reach further than searches, which are what is compared
    largest = max(study.curve("search", name)["budget"].max() for name in paper + beyond)
    drawn = style.figure(8.0 if len(shown) == 1 else 12.0, 4.8)
    axes = drawn.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for panel, (title, names) in zip(axes, shown, strict=True):
        lines = []
        for name in names:
            rows = study.curve("search", name)
            rows, banded = rows.filter(rows["budget"] <= largest), name in BANDED or title != shown[0][0]
            lines.append(style.line(panel, rows, style.look(name, names), style.named(name), band=banded))
        style.budget_axis(panel, [budget for line in lines for budget in line.get_xdata()])
        if len(shown) > 1:
            panel.set_title(title, fontweight="normal")
    for panel in axes:  # the panels share an axis, which is final only now
        style.accuracy_axis(panel, style.ACCURACY if panel is axes[0] else "")
        style.end_labels(panel, [line for line in panel.get_lines() if line.get_label() in _labels(shown)])
    style.heading(drawn, f"Searching with the {study.verifier}: accuracy by generations per question")
    bands = f"For legibility not on every curve{' at the left' if len(shown) > 1 else ''}."
    style.note(drawn, style.interval_note(study.curve("search", shown[0][1][0]), bands))
    return drawn


def _labels(shown):
    return {style.named(name) for _, names in shown for name in names}


def draw_by_bin(study: Study, options: dict, family: str = "search", kind: str = "oracle") -> Figure:
    """Best-of-N weighted beside beam search in each bin, at four budgets; the mark is majority voting.

    `family` is whose generations they are: `search` of the policy, `larger` of the larger one; `kind` of bins.
    """
    bins = study.bins(kind)
    measured = study.curve(family, BEAM)["budget"]
    wanted = options["sweep_budgets"]
    budgets = [budget for budget in wanted if budget in measured]
    if not budgets:
        raise NotMeasured(f"{BEAM} was not measured at any of {', '.join(map(str, wanted))}")
    drawn, axes = style.panels(len(bins), 2.1, 3.9)
    for panel, index in zip(axes, bins, strict=True):
        for shift, name in ((-0.2, BASE), (0.2, BEAM)):
            rows = _at(study, family, name, kind, index, budgets)
            places = np.array([budgets.index(budget) for budget in rows["budget"]]) + shift
            style.bars(panel, places, rows, style.look(name), style.named(name))
        if study.has(family, "majority", bins=kind, bin=index):
            rows = _at(study, family, "majority", kind, index, budgets)
            places = np.array([budgets.index(budget) for budget in rows["budget"]])
            panel.hlines(
                rows["accuracy"], places - 0.42, places + 0.42, color=style.BLACK, linestyle=":", linewidth=1.6,
                zorder=4, label=style.named("majority"),
            )  # fmt: skip
        panel.set_xticks(range(len(budgets)), [str(budget) for budget in budgets])
        panel.set_title(style.bin_name(index, len(bins)), fontweight="normal")
    axes[0].set_ylim(0, 1.02)
    style.percent(axes[0].yaxis)
    axes[0].set_ylabel(style.ACCURACY)
    axes[len(axes) // 2].set_xlabel(style.BUDGET)
    handles, labels = axes[0].get_legend_handles_labels()
    whose = "The larger policy: beam search" if family == "larger" else "Beam search"
    style.heading_beside_legend(drawn, f"{whose} against best-of-N, {kind} bins", handles, labels, 3)
    count = len(study.table("difficulty").drop_nulls(f"{kind}_bin"))
    style.note(
        drawn,
        f"Bars: mean of the bin's questions with its 95 % bootstrap interval ({count} questions in all), with the "
        f"weighted vote. {kind.capitalize()} bins{' of the small policy' if family == 'larger' else ''}.",
    )
    return drawn


def _at(study, family, name, kind, index, budgets):
    rows = study.curve(family, name, bins=kind, bin=index)
    return rows.filter(rows["budget"].is_in(budgets))


FIGURES = (
    Entry(
        name="search_sweep",
        title="Search strategies",
        place=30,
        caption=(
            "Accuracy by generations per question for each search strategy, beside votes over independent samples; a "
            "lookahead is billed for its rollouts. Apart from them, where they were measured, strategies beyond the "
            "paper.",
            SEARCH,
            AGGREGATION,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": VOTES
            | {"strategy": (*FIXED, "beam(*", "lookahead(*", "dvts(*", "rebase(*", OTHER_SEARCHES)},
        },
        draw=draw,
        v1="3, left",
        main=True,
    ),
    Entry(
        name="search_by_bin",
        title="Beam search by difficulty",
        place=40,
        caption=(
            "Best-of-N weighted and beam search of width 4 in each difficulty bin at {figures.sweep_budgets} "
            "generations; dotted: majority vote.",
            ORACLE,
            QUESTIONS.replace("bands", "bars"),
            SEED,
        ),
        reads={"curves": BY_BIN | {"family": ("search",), "bins": ("oracle", "none")}, "difficulty": {}},
        draw=draw_by_bin,
        v1="3, right",
        main=True,
    ),
    Entry(
        name="search_by_predicted_bin",
        title="Beam search by predicted difficulty",
        place=170,
        caption=(
            "Best-of-N weighted and beam search of width 4 at {figures.sweep_budgets} generations in bins that need no "
            "gold answer; dotted: majority vote.",
            PREDICTED,
            QUESTIONS.replace("bands", "bars"),
            SEED,
        ),
        reads={"curves": BY_BIN | {"family": ("search",), "bins": ("predicted", "none")}, "difficulty": {}},
        draw=partial(draw_by_bin, kind="predicted"),
        v1="12",
    ),
    Entry(
        name="larger_search_by_bin",
        title="The larger policy searched",
        place=230,
        caption=(
            "Best-of-N weighted and beam search of width 4 with the larger policy and the same PRM, at "
            "{figures.sweep_budgets} generations where measured, in the small policy's bins; dotted: majority vote.",
            LARGER,
            ORACLE,
            QUESTIONS.replace("bands", "bars"),
            SEED,
        ),
        reads={"curves": BY_BIN | {"family": ("larger",), "bins": ("oracle", "none")}, "difficulty": {}},
        draw=partial(draw_by_bin, family="larger"),
        camera_ready="16",
    ),
)
