"""Figure of what money buys: accuracy by what questions cost, of the policy and the larger policy (our own)."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ttc import strategies
from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import SEED
from ttc.figures.style import Look
from ttc.tables.study import Study

PLAIN = (
    ("majority", Look(style.GREY, "s", ":"), "majority vote"),
    ("best_of_n_weighted", Look(style.ORANGE, "D", "-."), "best-of-N weighted"),
)
FIXED, ADAPTIVE = Look(style.BLUE, "o", "--"), Look(style.GREEN, "P", "-", 2.4)
EITHER = Look(style.BLACK, "v", ":", filled=False)
BY = {"predicted": "by predicted difficulty", "oracle": "by oracle difficulty"}


def draw(study: Study, options: dict) -> Figure:
    """Left all questions, right what each bin is best given, at every level of money."""
    table = study.table("money_curves")
    kind = next((each for each in BY if each in set(table["bins"])), None)
    drawn = style.figure(11.4 if kind else 7.4, 4.7)
    panels = drawn.subplots(1, 2 if kind else 1, squeeze=False, sharey=True)[0]
    currency = table["currency"][0]
    lines = _whole(panels[0], table.filter(bin=0), kind)
    panels[0].set_title("All questions", fontweight="normal")
    if kind:
        _bins(panels[1], table.filter(bins=kind), kind)
    for panel in panels:
        style.money_axis(panel)
        panel.set_xlabel(f"{currency} for 1,000 questions, mean")
        style.accuracy_axis(panel, style.ACCURACY if panel is panels[0] else "")
    style.heading_beside_legend(drawn, "What money buys", lines, [each.get_label() for each in lines], 3)
    count = table["problems"].max()
    style.note(
        drawn,
        f"{count} questions. Money is that of all tokens that policy and verifier read and write. Bands: 95 % over "
        "questions; what is chosen was chosen on other questions. What it takes to learn a question's difficulty is "
        "not counted.",
    )
    return drawn


def _whole(axes: Axes, rows: pl.DataFrame, kind: str | None) -> list:
    own, larger = rows.filter(family="search"), rows.filter(family="larger")
    none = own.filter(bins="none")
    lines = [_line(axes, none.filter(strategy=name), look, said, band=False) for name, look, said in PLAIN]
    lines.append(_line(axes, none.filter(strategy="best_fixed"), FIXED, "best fixed strategy", band=False))
    if kind:
        chosen = own.filter(bins=kind, strategy="compute_optimal")
        lines.append(_line(axes, chosen, ADAPTIVE, f"chosen {BY[kind]}"))
        either = larger.filter(bins=kind, strategy="compute_optimal")
        lines.append(_line(axes, either, EITHER, "chosen, larger policy too", band=False))
    offered = larger.filter(pl.col("strategy").str.starts_with(strategies.LARGER), bins="none")
    names = offered["strategy"].unique(maintain_order=True).sort()
    for place, name in enumerate(names):
        look = Look((style.VERMILION, style.INDIGO, style.PURPLE, style.BROWN)[place % 4], "^", "-.")
        lines.append(
            _line(axes, offered.filter(strategy=name), look, style.named(name), band=len(names) == 1)
        )
    return [each for each in lines if each is not None]


def _bins(axes: Axes, rows: pl.DataFrame, kind: str) -> None:
    chosen = rows.filter(pl.col("bin") > 0, family="search", strategy="compute_optimal")
    numbers = sorted(set(chosen["bin"]))
    looks = {number: style.bin_look(number, len(numbers)) for number in numbers}
    names = {number: style.bin_name(number, len(numbers)) for number in numbers}
    lines = [_line(axes, chosen.filter(bin=each), looks[each], names[each]) for each in numbers]
    axes.set_title(f"The policy's strategies, chosen {BY[kind]}", fontweight="normal")
    axes.legend(
        handles=[each for each in lines if each is not None], loc="center left", bbox_to_anchor=(1.01, 0.5)
    )


def _line(axes: Axes, rows: pl.DataFrame, look: Look, said: str, band: bool = True):
    """A curve over what is really spent; where a higher level buys nothing more, once.  None without rows."""
    rows = (
        style.for_thousand(rows.drop_nulls("spent"), "spent")
        .sort("level")
        .unique("spent", keep="first", maintain_order=True)
    )
    return style.line(axes, rows.sort("spent"), look, said, band=band, x="spent") if len(rows) else None


FIGURES = (
    Entry(
        name="money",
        title="What money buys",
        place=58,
        caption=(
            "Accuracy by what a question costs. A level of money pays for as many samples, or as large a search, as it "
            "is enough for on average.",
            "Chosen: the strategy of each bin of difficulty at a level of money, cross-validated ({allocation.folds} "
            "folds).",
            "Bands: 95 % over questions.",
            SEED,
        ),
        reads={"money_curves": {}},
        draw=draw,
        main=True,
        silent=True,
    ),
)
