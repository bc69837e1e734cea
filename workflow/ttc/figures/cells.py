"""Outputs of cells of notebooks: curves as a picture, and sentences."""

import polars as pl

from ttc.figures import style


def sentence(text: str):
    """Markdown as a cell's output, such as the reason why there is nothing to show."""
    from IPython.display import Markdown

    return Markdown(text)


def table(frame: pl.DataFrame):
    """All rows of a small table, with whole texts."""
    from IPython.display import HTML

    with pl.Config(fmt_str_lengths=1000, tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True):
        return HTML(frame._repr_html_())


def curves(
    lines: list[tuple[str, str, pl.DataFrame]], title: str, x: str = "budget", label: str = style.BUDGET
):
    """A picture with a curve and its 95 % band for each (label, strategy whose look it has, rows), over column `x`.

    Rows have the columns `x`, accuracy, low and high.  Without any line, a sentence.
    """
    from IPython.display import Image

    lines = [each for each in lines if len(each[2])]
    if not lines:
        return sentence("This study has no such curve.")
    with style.context():
        figure = style.figure(8, 4.4)
        axes = figure.subplots()
        drawn = [style.line(axes, rows.sort(x), style.look(look), name, x=x) for name, look, rows in lines]
        style.budget_axis(axes, [budget for line in drawn for budget in line.get_xdata()], label)
        style.accuracy_axis(axes)
        style.end_labels(axes, drawn)
        axes.set_title(title)
        return Image(style.encoded(figure, "png", dpi=110))


def fenced(text: str) -> str:
    """Any text as a block of code in Markdown."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"
