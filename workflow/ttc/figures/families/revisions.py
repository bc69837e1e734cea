"""Revisions along a chain: pass@1 by step, what turns right and wrong, ReST^EM, and the verifier that chooses.

Paper figures 6, 15 and 16; §6.1 for the answers that a revision turns incorrect.
"""

import polars as pl
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import ALL, Entry
from ttc.figures.sentences import ASKED, CHAINS, FIRST, QUESTIONS, REST, SEED, STEPS, TRACED
from ttc.tables.study import NotMeasured, Study

RULES = (("hierarchical", "verifier", "-"), ("majority", "majority vote", ":"))
VERIFIERS = {
    "hierarchical": "revision verifier, with history",
    "hierarchical_no_history": "revision verifier, no history",
    "hierarchical_prm": "PRM on the answer alone",
    "majority": "majority vote",
}
REVISERS = {"revision_step": "reviser", "rest_revision_step": "ReST^EM reviser"}
# the reviser's name in the table `transitions`
REVISER_OF = {"reviser": "revision_step", "rest": "rest_revision_step"}
MARKED = 20  # positions; longer chains are drawn on a logarithmic axis and without a marker on each
SHOWN = (
    64  # positions drawn, the length of the paper's chains; few chains are longer, and their pass@1 is noise
)
POSITION = "Position in the chain (1 = first answer)"


def draw_steps(study: Study, options: dict) -> Figure:
    """Pass@1 of each revision in a chain; beside it, sequential against parallel sampling at equal budgets."""
    steps = study.curve("baseline", "revision_step", "none")
    drawn = style.figure(11.4, 4.4)
    left, right = drawn.subplots(1, 2, width_ratios=[1, 1.25])
    _step_lines(left, study, {"revision_step": "revision"})
    left.set_title("Pass@1 of each answer of a chain", fontweight="normal")
    _against(right, study)
    right.set_title("Sequential against parallel, equal budgets", fontweight="normal")
    style.heading(drawn, "Revisions: along a chain, and against independent samples")
    unbanded = "No band on majority votes, for legibility." if len(_rules(study)) > 1 else ""
    style.note(drawn, style.interval_note(steps, f"{_longer(steps)}{unbanded}".strip()))
    return drawn


def draw_rest(study: Study, options: dict) -> Figure:
    """Pass@1 at each step of a chain: the reviser beside the one fine-tuned by ReST^EM."""
    rows = study.curve("baseline", "rest_revision_step", "none")
    study.curve("baseline", "revision_step", "none")  # or NotMeasured
    drawn = style.figure(7.6, 4.4)
    axes = drawn.subplots()
    _step_lines(axes, study, REVISERS)
    style.heading(drawn, "Pass@1 along a chain: the reviser against ReST^EM")
    style.note(drawn, style.interval_note(rows, _longer(study.curve("baseline", "revision_step", "none"))))
    return drawn


def _longer(steps) -> str:
    """A sentence where chains are longer than what is drawn of them."""
    longest = int(steps["budget"].max())
    return f"The first {SHOWN} of {longest} positions. " if longest > SHOWN else ""


def _step_lines(axes, study, names) -> None:
    """Pass@1 by position for each of `names`, and the first answer's as a dotted line."""
    lines = []
    for name, label in names.items():
        steps = study.curve("baseline", name, "none").filter(pl.col("budget") <= SHOWN)
        lines.append(style.line(axes, steps, style.look(name), label))
    _thin_markers(lines)
    longest = max(line.get_xdata()[-1] for line in lines)
    first = [lines[0].get_ydata()[0]] * 2
    lines += axes.plot(
        [1, longest], first, color=style.GREY, linewidth=1, linestyle=":", label="first answer"
    )
    _position_axis(axes, longest)
    style.accuracy_axis(axes, "Pass@1")
    style.end_labels(axes, lines)


def _thin_markers(lines):
    """On a long chain a marker at positions 1, 2, 4, 8, … only, which the axis then shows at equal distances."""
    for line in lines:
        positions = line.get_xdata()
        if len(positions) > MARKED:
            line.set_markevery([place for place, at in enumerate(positions) if at & (at - 1) == 0])
            line.set_linewidth(1.2)


def _position_axis(axes, longest, label=POSITION):
    """Positions from 1 to `longest`; a long axis is logarithmic, since what changes does so within a few steps."""
    if longest > MARKED:
        style.budget_axis(axes, [1, longest])
    else:
        ticks = [1, *range(max(2, longest // 4), longest + 1, max(1, longest // 4))]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel(label)


def _rules(study) -> list[tuple[str, str, str]]:
    """Those of `RULES` by which answers were chosen; one that is alone is drawn as the verifier's is."""
    strategies = ("sequential", "parallel")
    rules = [rule for rule in RULES if any(study.has("revisions", each, rule[0]) for each in strategies)]
    return [(*rules[0][:2], "-")] if len(rules) == 1 else rules


def _against(axes, study):
    lines = []
    for selection, word, dashes in _rules(study):
        for strategy in ("sequential", "parallel"):
            if not study.has("revisions", strategy, selection):
                continue
            rows = study.curve("revisions", strategy, selection)
            base, chosen = style.look(strategy), dashes == "-"
            look = style.Look(base.colour, base.marker, dashes, filled=chosen)
            lines.append(style.line(axes, rows, look, f"{strategy}, {word}", band=chosen))
    if not lines:
        raise NotMeasured("sequential and parallel revisions were not measured")
    style.budget_axis(axes, [budget for line in lines for budget in line.get_xdata()])
    style.accuracy_axis(axes)
    style.end_labels(axes, lines)


def draw_verifiers(study: Study, options: dict) -> Figure:
    """Who chooses among revisions: the revision verifier with and without history, the PRM, or majority.

    Left in one chain of sequential revisions, right among parallel answers, which have no history.
    """
    chosen = {name for name in VERIFIERS if study.has("revisions", "sequential", name)}
    if chosen == {"majority"}:
        raise NotMeasured("no verifier chose among revisions, which majority did alone")
    compared = [name for name in list(VERIFIERS)[1:3] if study.has("revisions", "sequential", name)]
    if not compared:
        raise NotMeasured("only one verifier chose among revisions, and no other is beside it")
    drawn = style.figure(11.6, 4.6)
    axes = drawn.subplots(1, 2, sharey=True)
    for panel, strategy in zip(axes, ("sequential", "parallel"), strict=True):
        for selection, label in VERIFIERS.items():
            if study.has("revisions", strategy, selection):
                rows = study.curve("revisions", strategy, selection)
                style.line(panel, rows, style.look(selection), label, band=selection != "majority")
        style.budget_axis(panel, [budget for line in panel.get_lines() for budget in line.get_xdata()])
        panel.set_title(f"{strategy.capitalize()} answers", fontweight="normal")
    for panel in axes:
        style.accuracy_axis(panel, style.ACCURACY if panel is axes[0] else "")
        style.end_labels(panel, panel.get_lines())
    style.heading(drawn, "Who chooses among revisions")
    rows = study.curve("revisions", "sequential", compared[0])
    style.note(drawn, style.interval_note(rows, "No band on majority votes, for legibility."))
    return drawn


def draw_transitions(study: Study, options: dict) -> Figure:
    """Shares of the correct answers of a step that the next one turns incorrect, and of the incorrect ones it mends."""
    table = study.table("transitions")
    drawn = style.figure(11.0, 4.4)
    axes = drawn.subplots(1, 2, sharey=True)
    curves = {}
    for panel, column in zip(axes, ("correct_to_incorrect", "incorrect_to_correct"), strict=True):
        lines = curves[panel] = []
        for reviser, name in REVISER_OF.items():
            rows = table.filter(pl.col("step") <= SHOWN, reviser=reviser).drop_nulls(column).sort("step")
            if rows.is_empty():
                continue
            ends = {"low": f"{column}_low", "high": f"{column}_high", "accuracy": column}
            rows = rows.select("step", **{name: pl.col(source) for name, source in ends.items()})
            lines.append(style.line(panel, rows, style.look(name), REVISERS[name], x="step"))
        _thin_markers(lines)
        panel.set_title(column.replace("_to_", " → ").capitalize(), fontweight="normal")
        _position_axis(panel, min(SHOWN, int(table["step"].max())), "Position of the answer that is revised")
    axes[0].set_ylim(0, None)
    for panel, lines in curves.items():  # the panels share an axis, which is final only now
        style.accuracy_axis(panel, "Share of the answers at this step" if panel is axes[0] else "")
        style.end_labels(panel, lines)
    style.heading(drawn, "What the next revision turns wrong, and what it mends")
    style.note(drawn, "Bands: 95 % bootstrap interval over questions. No point where no answer could turn.")
    return drawn


FIGURES = (
    Entry(
        name="revision_steps",
        title="Revisions",
        place=60,
        caption=(
            "Pass@1 of each answer along a chain of revisions, and sequential against parallel answers at equal "
            "budgets, chosen by {revision_choosers}.",
            CHAINS,
            ASKED,
            STEPS,
            FIRST,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": {
                "family": ("baseline", "revisions"),
                "strategy": ("revision_step", "sequential", "parallel"),
            }
            | {"selection": ("none", "hierarchical", "majority")}
            | ALL
        },
        draw=draw_steps,
        v1="6",
        camera_ready="9",
        main=True,
    ),
    Entry(
        name="revision_verifiers",
        title="The verifier that chooses among revisions",
        place=200,
        caption=(
            "Sequential (left) and parallel (right) answers chosen by the revision verifier with and without the "
            "answers before in its context, by the PRM, and by majority.",
            CHAINS,
            ASKED,
            QUESTIONS,
            SEED,
        ),
        reads={"curves": {"family": ("revisions",), "strategy": ("sequential", "parallel")} | ALL},
        draw=draw_verifiers,
        v1="15",
        camera_ready="18",
    ),
    Entry(
        name="rest_em",
        title="A reviser made by ReST^EM",
        place=210,
        caption=(
            "Pass@1 of each answer along a chain: the reviser, and the one fine-tuned on its own chains by ReST^EM.",
            CHAINS,
            STEPS,
            REST,
            FIRST,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": {"family": ("baseline",), "strategy": ("revision_step", "rest_revision_step")} | ALL
        },
        draw=draw_rest,
        v1="16",
        camera_ready="19",
    ),
    Entry(
        name="transitions",
        title="What a revision turns",
        place=250,
        caption=(
            "Share of the correct answers of each step that the next revision turns incorrect, and of the incorrect "
            "ones that it turns correct.",
            CHAINS,
            ASKED,
            REST,
            TRACED,
            SEED,
        ),
        reads={"transitions": {}},
        draw=draw_transitions,
        beside="section 6.1",
    ),
)
