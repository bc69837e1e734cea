"""Budgets spread across questions: accuracy by what is spent, probes that pay, and who gets how much (our own)."""

import polars as pl
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import ORACLE, SEED
from ttc.figures.style import Look
from ttc.statistics.grouped import group_mean
from ttc.tables.study import NotMeasured, Study

STEPS, BATCH = "price_by_steps", "batch"
# Rule, its look and its name
RULES = (
    ("uniform", Look(style.GREY, "s", ":"), "the same for all"),
    ("best_fixed", Look(style.BLUE, "o", "--"), "best fixed vote"),
    ("known_difficulty", Look(style.PURPLE, "v", "-.", filled=False), "by difficulty, not paid for"),
    (BATCH, Look(style.ORANGE, "D", "-"), "after a probe"),
    (STEPS, Look(style.GREEN, "P", "-", 2.4), "step by step"),
    ("oracle", Look(style.BLACK, "*", ":", filled=False), "each curve known"),
)
UNITS = (
    ("generations", Look(style.GREEN, "P", "-", 2.4), "equal generations"),
    ("tokens", Look(style.BLUE, "o", "--"), "equal tokens"),
    ("flops", Look(style.VERMILION, "D", "-."), "equal FLOPs"),
)
PROBES = (style.SKY, style.BLUE, style.PURPLE, style.INDIGO, style.BROWN, style.BLACK)
MARKERS = "os^Dv<"


def spread(study: Study) -> pl.DataFrame:
    """The table `spending` of the weighted vote, or of the majority where there is no verifier."""
    table = study.table("spending")
    scored = table.filter(selection="best_of_n_weighted")
    return table.filter(selection="majority") if scored.is_empty() else scored


def rule_rows(table: pl.DataFrame, rule: str) -> pl.DataFrame:
    """One row of a rule for each budget: of probes the largest that is no more than half of the budget, or the first.

    No probe is chosen by how well it did.  Of `price_by_steps` the smallest probe: it looks again anyway.
    """
    rows = table.filter(rule=rule)
    if rule == BATCH:
        rows = rows.filter(2 * pl.col("probe") <= pl.col("budget"))
        return rows.sort("budget", "probe").unique("budget", keep="last").sort("budget")
    return rows.sort("budget", "probe").unique("budget", keep="first").sort("budget")


def draw(study: Study, options: dict) -> Figure:
    """Accuracy over generations spent, by rule; beside it what is gained step by step at equal spending, by unit."""
    table = spread(study)
    drawn = style.figure(11.0, 4.4)
    left, right = drawn.subplots(1, 2, width_ratios=[1.15, 1])
    lines = []
    for rule, look, label in RULES:
        rows = rule_rows(table, rule)
        if not rows.is_empty():
            band = rule in (STEPS, "uniform")
            lines.append(style.line(left, rows, look, label, band=band, x="generations"))
    style.budget_axis(left, table["budget"], "Generations spent per question (mean)")
    style.accuracy_axis(left)
    style.end_labels(left, lines, gap=0.06)
    left.set_title("Accuracy by what is spent")
    rows = rule_rows(table, STEPS)
    for unit, look, label in UNITS:
        _gain(right, rows.drop_nulls(f"gain_{unit}"), unit, look, label)
    style.budget_axis(right, table["budget"], "Mean budget (generations per question)")
    _points(right)
    right.set_title("Step by step, less the same for all")
    right.legend(loc="best")
    style.note(
        drawn,
        style.interval_note(
            rows, "In each resample everything is learnt anew. Everything spent counts, probes too."
        ),
    )
    return drawn


def draw_probes(study: Study, options: dict) -> Figure:
    """What a batch gains at equal generations after a probe of each size, over mean budgets."""
    table = spread(study)
    probes = sorted(table.filter(rule=BATCH)["probe"].unique())
    rows = {
        probe: table.filter(pl.col("budget") > probe, rule=BATCH, probe=probe).sort("budget")
        for probe in probes
    }
    drawn = style.figure(7.4, 4.4)
    axes = drawn.subplots()
    for place, (probe, found) in enumerate((probe, found) for probe, found in rows.items() if len(found)):
        look = Look(
            PROBES[place % len(PROBES)], MARKERS[place % len(MARKERS)], ("-", "--", "-.", ":")[place % 4]
        )
        _gain(axes, found, "generations", look, f"probe of {probe}")
    style.budget_axis(axes, table["budget"], "Mean budget (generations per question)")
    _points(axes)
    axes.set_title("A batch after one probe, less the same for all")
    axes.legend(loc="best")
    style.note(drawn, style.interval_note(table.filter(rule=BATCH), _pays(study, table["selection"][0])))
    return drawn


def draw_by_bin(study: Study, options: dict) -> Figure:
    """Generations that the questions of each oracle bin get step by step, over mean budgets."""
    table = spread(study)
    bins = study.bins("oracle")
    first = table.filter(rule=STEPS)["probe"].min()
    spent = study.table("spent").filter(selection=table["selection"][0], rule=STEPS, probe=first)
    means = (
        spent.join(study.table("difficulty").select("problem_id", "oracle_bin"), on="problem_id")
        .group_by("oracle_bin", "budget", maintain_order=True)
        .agg(group_mean("generations"))
        .sort("budget")
    )
    drawn = style.figure(7.4, 4.4)
    axes = drawn.subplots()
    for index in bins:
        rows = means.filter(oracle_bin=index)
        look = style.bin_look(index, len(bins))
        named = {"color": look.colour, "marker": look.marker, "label": style.bin_name(index, len(bins))}
        axes.plot(rows["budget"], rows["generations"], **named)
    budgets = sorted(set(table["budget"]))
    axes.plot(budgets, budgets, color=style.LIGHT, linestyle=":", label="the same for all")
    style.budget_axis(axes, budgets, "Mean budget (generations per question)")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(style.mpl.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylabel("Generations spent (mean of the bin)")
    axes.set_title("Who gets the budget, step by step")
    axes.legend(loc="best")
    style.note(
        drawn,
        f"{spent['problem_id'].n_unique()} questions. Bins are known to the reader only, not to the rule.",
    )
    return drawn


def _gain(axes, rows: pl.DataFrame, unit: str, look: Look, label: str) -> None:
    """Accuracy gained at equal spending in one unit, in points, over the mean budget, with its interval."""
    named = {"accuracy": f"gain_{unit}", "low": f"gain_{unit}_low", "high": f"gain_{unit}_high"}
    points = rows.select("budget", **{name: 100 * pl.col(column) for name, column in named.items()})
    if len(points):
        style.line(axes, points, look, label)


def _points(axes) -> None:
    axes.axhline(0, color=style.BLACK, linewidth=0.9)
    axes.set_ylabel("Points of accuracy")


def _pays(study: Study, selection: str) -> str:
    """From which mean budget on each probe pays for itself, in words."""
    rows = study.table("break_even").filter(selection=selection, rule=BATCH).sort("probe")
    if rows.is_empty():
        raise NotMeasured("no budget is larger than a probe")
    told = [
        f"{probe}: " + ("never" if value is None else f"from {value:g} on")
        for probe, value in rows.select("probe", "break_even").iter_rows()
    ]
    return f"Ahead of the same for all, by probe: {', '.join(told)}."


SPREAD = (
    "A budget is spread by what a ridge regression expects of further samples, given answers, scores and lengths of "
    "those so far; it is learnt on other questions ({allocation.folds} folds).",
    "Pools are drawn in {spending.orders} random orders; bands are 95 % bootstrap intervals over questions "
    "({spending.bootstrap} resamples).",
)
EVERY = {"rule": tuple(rule for rule, _, _ in RULES)}

FIGURES = (
    Entry(
        name="spending",
        title="A budget spread across questions",
        place=55,
        caption=(
            "After a probe a batch of all questions shares the budget; step by step a question gets more samples as "
            "long as they are expected to gain what the others would gain by them.",
            "The probe of a budget is the largest of {spending.probes} that is at most half of it.",
            *SPREAD,
            SEED,
        ),
        reads={"spending": EVERY},
        draw=draw,
        main=True,
    ),
    Entry(
        name="probe_break_even",
        title="From which budget on a probe pays",
        place=56,
        caption=("Probes of {spending.probes} samples; they are paid for, and vote.", *SPREAD, SEED),
        reads={"spending": {"rule": (BATCH,)}, "break_even": {"rule": (BATCH,)}},
        draw=draw_probes,
    ),
    Entry(
        name="spent_by_difficulty",
        title="Spent budgets by difficulty",
        place=57,
        caption=("Mean generations of the questions of each bin.", ORACLE, *SPREAD, SEED),
        reads={"spending": {"rule": (STEPS,)}, "spent": {"rule": (STEPS,)}, "difficulty": {}},
        draw=draw_by_bin,
    ),
)
