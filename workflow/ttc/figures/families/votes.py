"""Accuracy of votes over independent samples by budget, over all questions and by difficulty (not in the paper)."""

from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import ALL, Entry
from ttc.figures.sentences import ORACLE, QUESTIONS, SAMPLES, SEED, SUBSETS
from ttc.tables.study import NotMeasured, Study

# (family, strategy): coverage, which needs the gold answer, then the rules that choose one answer
RULES = (
    ("baseline", "pass_at_k"),
    ("search", "best_of_n_weighted"),
    ("search", "best_of_n"),
    ("search", "majority"),
)
LABELS = {"pass_at_k": "pass@k: any of them correct"}
ROWS = {"family": ("baseline", "search"), "strategy": tuple(strategy for _, strategy in RULES)}


def measured(study: Study) -> list[tuple[str, str]]:
    """The rules that this study has; NotMeasured where it has none at two budgets."""
    found = [rule for rule in RULES if study.has(*rule)]
    if not any(study.curve(*rule)["budget"].n_unique() > 1 for rule in found):
        raise NotMeasured("the samples were evaluated at one budget only")
    return found


def draw(study: Study, options: dict) -> Figure:
    """Pass@k and every selection rule over budgets, over all questions."""
    rules = measured(study)
    drawn = style.figure(8.0, 4.6)
    axes = drawn.subplots()
    lines = [_line(axes, study, rule) for rule in rules]
    style.budget_axis(axes, [budget for line in lines for budget in line.get_xdata()])
    style.accuracy_axis(axes)
    style.end_labels(axes, lines)
    axes.set_title("Independent samples: accuracy by budget")
    style.note(drawn, style.interval_note(study.curve(*rules[0])))
    return drawn


def draw_by_bin(study: Study, options: dict) -> Figure:
    """The same in each oracle bin."""
    bins, rules = study.bins("oracle"), measured(study)
    drawn, panels = style.panels(len(bins), 2.2, 3.9)
    for axes, index in zip(panels, bins, strict=True):
        here = {"bins": "oracle", "bin": index}
        lines = [_line(axes, study, rule, **here) for rule in rules if study.has(*rule, **here)]
        style.budget_axis(axes, [budget for line in lines for budget in line.get_xdata()], "")
        axes.set_title(style.bin_name(index, len(bins)), fontweight="normal")
    panels[0].set_ylim(-0.02, 1.02)
    style.percent(panels[0].yaxis)
    panels[0].set_ylabel(style.ACCURACY)
    panels[len(panels) // 2].set_xlabel(style.BUDGET)
    handles, labels = panels[0].get_legend_handles_labels()
    style.heading_beside_legend(drawn, "By difficulty", handles, labels, len(labels))
    count = len(study.table("difficulty").drop_nulls("oracle_bin"))
    style.note(
        drawn,
        f"Bands: 95 % bootstrap interval over the questions of the bin ({count} questions in all). Oracle bins are "
        "made of the pass rates of the samples themselves: with few samples, luck that makes a question look easy also "
        "raises its bin's accuracy.",
    )
    return drawn


def _line(axes, study: Study, rule: tuple[str, str], **where):
    strategy = rule[1]
    label = LABELS.get(strategy, style.named(strategy))
    return style.line(axes, study.curve(*rule, **where), style.look(strategy), label)


FIGURES = (
    Entry(
        name="accuracy_by_budget",
        title="Accuracy by budget",
        place=25,
        caption=(
            "Independent samples: the share of questions that any of N samples answers (pass@k), and what selection "
            "rules make of them.",
            "Scores are the {verifier}'s.",
            SAMPLES,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        reads={"curves": ROWS | ALL},
        draw=draw,
        main=True,
    ),
    Entry(
        name="accuracy_by_bin",
        title="Accuracy by budget and difficulty",
        place=45,
        caption=(
            "Pass@k and every selection rule over budgets in each difficulty bin.",
            ORACLE,
            SAMPLES,
            QUESTIONS,
            SEED,
        ),
        reads={"curves": ROWS | {"bins": ("oracle", "none")}, "difficulty": {}},
        draw=draw_by_bin,
        main=True,
    ),
)
