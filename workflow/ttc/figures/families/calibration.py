"""Calibration of verifier scores: reliability diagrams, and AUC by step (not in the paper)."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import SEED, TRACED
from ttc.tables.study import NotMeasured, Study

VERIFIERS = {"prm": "PRM", "orm": "ORM", "revision_orm": "revision ORM"}
LEVELS = {"solution": "Whole solutions", "step": "Single steps"}
# measure -> (axis label, value without information)
MEASURES = {
    "auc": ("AUC", 0.5),
    "auc_within": ("AUC within\na question", 0.5),
    "brier": ("Brier score", None),
    "calibration_error": ("Calibration error", 0.0),
}
# Steps with a label on the axis at most: more would touch
STEP_LABELS = 11


def draw_calibration(study: Study, options: dict) -> Figure:
    """Share of correct samples by the score they got, above; how the scores are spread, below."""
    table = study.table("calibration")
    levels = [level for level in LEVELS if level in table["level"]]
    drawn = style.figure(5.6 * len(levels) + 1.2, 5.4)
    axes = drawn.subplots(2, len(levels), sharex=True, sharey="row", squeeze=False, height_ratios=[3.2, 1])
    for (upper, lower), level in zip(axes.T, levels, strict=True):
        upper.plot([0, 1], [0, 1], color=style.GREY, linewidth=1, linestyle=":", zorder=1, label="calibrated")
        for verifier, label in VERIFIERS.items():
            rows = table.filter(level=level, verifier=verifier).filter(pl.col("count") > 0).sort("bin")
            if not rows.is_empty():
                _verifier(upper, lower, rows, style.look(verifier), label)
        upper.set_title(LEVELS[level], fontweight="normal")
        upper.set_xlim(-0.02, 1.02)
        upper.set_ylim(-0.02, 1.02)
        style.percent(lower.xaxis)
        lower.set_xlabel("Score of the verifier (mean of the bin)")
        upper.legend(loc="upper left")
    for panel, label in zip(axes[:, 0], ("Correct in the end", "Share of all"), strict=True):
        panel.set_ylabel(label)
        style.percent(panel.yaxis)
    axes[1, 0].set_ylim(0, None)
    style.heading(drawn, "Can the scores be believed? Score against what came true")
    style.note(
        drawn,
        "Above: bars are 95 % bootstrap intervals over questions; points below the diagonal are over-confident. "
        "Below: how the scores are spread over ten bins of equal width.",
    )
    return drawn


def _verifier(upper, lower, rows, look, label):
    score, correct = rows["score"].to_numpy(), rows["correct"].to_numpy()
    low, high = rows["low"].fill_null(strategy="zero"), rows["high"]
    errors = np.clip([correct - low.to_numpy(), high.to_numpy() - correct], 0, None)
    upper.errorbar(
        score, correct, errors, color=look.colour, marker=look.marker, linestyle=look.line, linewidth=1.6,
        elinewidth=0.9, capsize=2, markersize=5, label=label, zorder=3,
    )  # fmt: skip
    share = rows["count"] / rows["count"].sum()
    lower.plot(
        score,
        share,
        color=look.colour,
        marker=look.marker,
        linestyle=look.line,
        linewidth=1.2,
        markersize=3.5,
    )


def draw_quality(study: Study, options: dict) -> Figure:
    """AUC of step scores by step, where there are some; beside it how good the scores of every verifier are."""
    table = study.table("verifier_quality")
    steps = table.filter(pl.col("level").is_in(("step", "later_steps")), pl.col("step") > 0)
    steps = steps.filter(measure="auc").drop_nulls("value").sort("step")
    whole = table.filter(step=0)
    if whole.is_empty():
        raise NotMeasured("no verifier scored the samples")
    measures = [measure for measure in MEASURES if measure in whole["measure"]]
    widths = [1] * len(measures) if steps.is_empty() else [2.1] + [1] * len(measures)
    drawn = style.figure(2.0 * sum(widths) + 0.2, 4.4)
    panels = list(drawn.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0])
    pooled = ""
    if not steps.is_empty():
        pooled = _by_step(panels.pop(0), steps)
    _dots(dict(zip(measures, panels, strict=True)), whole)
    style.heading(drawn, "How well verifiers tell right from wrong")
    style.note(
        drawn,
        "AUC: chance that a sample that ends correct scores above one that does not. Bars: 95 % bootstrap intervals "
        f"over questions.{pooled}",
    )
    return drawn


def _by_step(axes, steps: pl.DataFrame) -> str:
    """A point for each step, and apart from them an open one for all later steps; returns what the note says of it."""
    for verifier, rows in steps.group_by("verifier", maintain_order=True):
        look = style.look(verifier[0])
        for level, line, filled in (("step", look.line, look.colour), ("later_steps", "none", "white")):
            part = rows.filter(level=level)
            mean, low, high = (part[name].to_numpy() for name in ("value", "low", "high"))
            label = VERIFIERS[verifier[0]] if level == "step" else None
            axes.errorbar(
                part["step"].to_numpy() + (0.6 if level == "later_steps" else 0), mean,
                np.clip([mean - low, high - mean], 0, None), color=look.colour, marker=look.marker, linestyle=line,
                markerfacecolor=filled, capsize=2.5, elinewidth=1, label=label,
            )  # fmt: skip
    axes.axhline(0.5, color=style.GREY, linewidth=1, linestyle=":")
    axes.text(steps["step"].min(), 0.505, "chance", fontsize=8, color=style.GREY, va="bottom")
    later = steps.filter(level="later_steps")
    alone = steps.filter(level="step")["step"]
    every = -(-len(alone.unique()) // STEP_LABELS)
    places = {step: str(step) for step in sorted(alone.unique()) if (step - 1) % every == 0}
    for step in later["step"].unique():
        # a label of its own, unless another one stands where it would be written
        places = {place: name for place, name in places.items() if place <= step - every}
        places[step + 0.6] = f"{step}+"
    axes.set_xticks(list(places), list(places.values()))
    axes.set_ylim(min(0.45, float(steps["low"].min()) - 0.02), 1.01)
    axes.set_xlabel("Step of the solution")
    axes.set_ylabel("AUC of the step's score")
    verifiers = steps["verifier"].unique()
    axes.set_title(
        "By step" if len(verifiers) > 1 else f"{VERIFIERS[verifiers[0]]} by step", fontweight="normal"
    )
    if len(verifiers) > 1:
        axes.set_ylim(top=1.1)
        axes.legend(loc="upper right", ncols=len(verifiers))
    if later.is_empty():
        return ""
    first = " or ".join(str(step) for step in sorted(later["step"].unique()))
    return (
        f" Open: step {first} and all later ones, which fewer than a tenth of the solutions reach, together."
    )


def _dots(axes, whole):
    """A panel for each measure, a row for each verifier and level, with the number written beside the dot."""
    rows = [
        (verifier, level)
        for verifier in VERIFIERS
        for level in LEVELS
        if len(whole.filter(verifier=verifier, level=level))
    ]
    for measure, panel in axes.items():
        label, without = MEASURES[measure]
        for place, (verifier, level) in enumerate(rows):
            found = whole.filter(verifier=verifier, level=level, measure=measure).drop_nulls("value")
            if found.is_empty():
                continue
            value, low, high = (found[name][0] for name in ("value", "low", "high"))
            look = style.look(verifier)
            panel.errorbar(
                value, place, xerr=np.clip([[value - low], [high - value]], 0, None), color=look.colour,
                marker=look.marker, capsize=2.5, elinewidth=1, markersize=6,
            )  # fmt: skip
            panel.text(value, place - 0.16, f"{value:.2f}", ha="center", va="bottom", fontsize=8)
        if without is not None:
            panel.axvline(without, color=style.GREY, linewidth=1, linestyle=":")
        names = [f"{VERIFIERS[verifier]},\n{LEVELS[level].lower()}" for verifier, level in rows]
        panel.set_yticks(range(len(rows)), names if measure == next(iter(axes)) else [""] * len(rows))
        panel.set_ylim(len(rows) - 0.5, -0.6)
        low, high = panel.get_xlim()
        panel.set_xlim(low - 0.12 * (high - low), high + 0.12 * (high - low))
        panel.xaxis.set_major_locator(style.mpl.ticker.MaxNLocator(3))
        panel.set_title(label, fontweight="normal")
        panel.grid(True, axis="x")
        panel.grid(False, axis="y")


FIGURES = (
    Entry(
        name="calibration",
        title="Calibration of the verifiers",
        place=260,
        caption=(
            "Share of samples that end correct, by the score they got; below, how the scores are spread.",
            "Left, scores of whole solutions; right, {step_scores}.",
            TRACED.replace("bands", "bars"),
            SEED,
        ),
        reads={"calibration": {}},
        draw=draw_calibration,
    ),
    Entry(
        name="step_quality",
        title="Verifiers by step",
        place=270,
        caption=(
            "AUC, Brier score and calibration error of every verifier.",
            "Left, the AUC of {step_scores} by step; steps that few solutions reach are taken together.",
            TRACED.replace("bands", "bars"),
            SEED,
        ),
        reads={"verifier_quality": {}},
        draw=draw_quality,
    ),
)
