"""What the verifier is worth: PRM against ORM over budgets, and the rules that select an answer (paper appendix)."""

from matplotlib.figure import Figure

from ttc.figures import style
from ttc.results import NotMeasured, Study


def draw(study: Study, options: dict) -> Figure:
    """Left: weighted votes by PRM and ORM and the plain vote. Right: the selection rules on the same samples."""
    if not study.has("search", "best_of_n_weighted"):
        raise NotMeasured("no verifier scored the samples")
    orm = study.has("search", "orm_best_of_n_weighted")
    drawn = style.figure(10.5 if orm else 7.4, 4.5)
    axes = drawn.subplots(1, 2 if orm else 1, squeeze=False)[0]
    if orm:
        names = {
            "best_of_n_weighted": "PRM, weighted",
            "orm_best_of_n_weighted": "ORM, weighted",
            "orm_best_of_n": "ORM, best-of-N",
            "majority": "majority vote",
        }
        _panel(axes[0], study, names, "PRM against ORM")
    names = {
        "pass_at_k": "any of N correct",
        "best_of_n_weighted": "best-of-N weighted",
        "best_of_n": "best-of-N",
        "majority": "majority vote",
    }
    names |= {
        n: style.named(n)
        for n in study.strategies("search")
        if n.startswith("best_of_n_weighted(aggregation")
    }
    _panel(axes[-1], study, names, "Rules that select one answer")
    bands = "Bands on the first verifier curve and majority."
    style.note(drawn, style.interval_note(study.curve("search", "best_of_n_weighted"), bands))
    return drawn


def _panel(axes, study, names, title):
    lines = []
    for name, label in names.items():
        family = "baseline" if name == "pass_at_k" else "search"
        if not study.has(family, name):
            continue
        rows = study.curve(family, name)
        banded = name in ("best_of_n_weighted", "majority")
        lines.append(style.line(axes, rows, style.look(name, list(names)), label, band=banded))
    style.budget_axis(axes, [b for line in lines for b in line.get_xdata()])
    style.accuracy_axis(axes)
    style.end_labels(axes, lines)
    axes.set_title(title)
