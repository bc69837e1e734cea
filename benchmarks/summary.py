"""From the records of all items to one table (Markdown) and one chart (PNG)."""

import itertools
import json
import math
import os
import platform
from pathlib import Path

from benchmarks.frame import Record, exponent

NAMED = 5  # curves of a panel at most that a legend names
REFERENCE = ("ours", "baseline")


def summarise(folder: Path, docs: Path | None = None) -> list[Path]:
    """Write benchmarks.md and benchmarks.png for the JSON files of `folder`; returns what was written."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    if not found:
        return []
    for each in found:
        each["records"] = [Record(**record) for record in each["records"]]
    places = [(folder / "benchmarks.md", folder / "benchmarks.png")]
    if docs is not None:
        places.append((docs / "benchmarks.md", docs / "images/benchmarks.png"))
    for table, chart in places:
        draw(found, chart)
        table.write_text(page(found, os.path.relpath(chart, table.parent)), encoding="utf-8")
    return [path for place in places for path in place]


def page(found: list[dict], chart: str) -> str:
    """The whole page."""
    import torch

    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`.  Each item compares ours with a named baseline in the same process, one thread; the",
        "benchmark's file says what the baseline is and checks that both gave the same result.  Ratios are of work per",
        "second, and hold for one machine:",
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}.",
        "",
    ]
    if any(each["quick"] for each in found):
        lines += ["**Made in quick mode: the numbers mean nothing.**", ""]
    lines += [f"![Ratios and growth]({chart})", "", "## Goals", ""]
    lines += _table(["item", "goal", "measured", "wanted", "met"], _goal_rows(found))
    lines += ["", "## Timings", ""]
    lines += _table(["item", "case", "what", "seconds", "rate", "peak MiB", "note"], _headline_rows(found))
    lines += ["", "## Growth", "", "Exponent e of the fit seconds ~ size^e.", ""]
    lines += _table(["item", "what", "axis", "sizes", "seconds", "e"], _growth_rows(found))
    lines += ["", "## Equal results", ""]
    lines += [f"- {each['title']}: {line}" for each in found for line in each["equalities"]]
    return "\n".join(lines) + "\n"


def ratios(found: list[dict]) -> list[tuple[str, float]]:
    """(name, how many times the rate of the baseline ours has) for each case of each item that has both."""
    made = []
    for each in found:
        rates: dict[str, dict[str, float]] = {}
        for record in each["records"]:
            if not record.axis:
                rates.setdefault(record.case, {})[record.variant] = record.rate
        for case, known in rates.items():
            if all(name in known for name in REFERENCE):
                name = f"{each['title']}: {case}" if case else each["title"]
                made.append((name, known["ours"] / known["baseline"]))
    return made


def series(each: dict) -> dict[tuple[str, str], list[Record]]:
    """Growth records of an item by (axis, variant), sorted by size."""
    grouped: dict[tuple[str, str], list[Record]] = {}
    for record in each["records"]:
        if record.axis:
            grouped.setdefault((record.axis, record.variant), []).append(record)
    return {key: sorted(records, key=lambda record: record.size) for key, records in sorted(grouped.items())}


def draw(found: list[dict], path: Path) -> None:
    """Bars of the ratios, and one panel of growth curves per item that has any."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    grown, named = [each for each in found if series(each)], ratios(found)
    rows = max(1, math.ceil(len(grown) / 3))
    heights = 0.9 + 0.24 * len(named), 3.4 * rows
    figure = Figure(figsize=(11, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    # Apart, so that long names of bars leave the panels below their width
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    _draw_ratios(above.subplots(), named)
    grid = below.add_gridspec(rows, 3)
    for index, each in enumerate(grown):
        _draw_growth(below.add_subplot(grid[index // 3, index % 3]), each)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _draw_ratios(axes, named: list[tuple[str, float]]) -> None:
    from matplotlib.ticker import StrMethodFormatter

    names, values = [name for name, _ in named][::-1], [value for _, value in named][::-1]
    axes.barh(names, values, color="#0072B2", height=0.6)
    axes.axvline(1, color="#767676", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("Rate of ours over the baseline's", fontsize=8)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for place, value in enumerate(values):
        axes.annotate(
            f"{value:.3g}×",
            (value, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _draw_growth(axes, each: dict) -> None:
    from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, StrMethodFormatter

    markers = itertools.cycle("osD^vP<>X")
    colours = {"ours": "#0072B2", "baseline": "#D55E00"}
    curves = series(each)
    for (axis, variant), records in curves.items():
        sizes, seconds = [record.size for record in records], [record.seconds for record in records]
        axes.plot(
            sizes,
            seconds,
            marker=next(markers),
            markersize=4,
            linewidth=1.4,
            color=colours.get(variant, "#767676"),
            label=f"{variant}, {axis}: e = {exponent(sizes, seconds):.2f}",
        )
    axes.set(xscale="log", yscale="log")
    axes.set_title(each["title"], fontsize=9)
    axes.set_xlabel("Size", fontsize=8)
    axes.set_ylabel("Seconds", fontsize=8)
    axes.tick_params(labelsize=7, which="both")
    for which in (axes.xaxis, axes.yaxis):
        which.set_minor_formatter(NullFormatter())
        which.set_major_formatter(StrMethodFormatter("{x:g}"))
    # Few ticks that no two meet: the sizes' ends, and decades of seconds or what is near them
    every = sorted({record.size for records in curves.values() for record in records})
    axes.xaxis.set_major_locator(FixedLocator([every[0], every[len(every) // 2], every[-1]]))
    axes.yaxis.set_major_locator(LogLocator(numticks=5, subs=(1.0, 3.0)))
    if len(curves) > NAMED:
        grown = [
            exponent([one.size for one in each], [one.seconds for one in each]) for each in curves.values()
        ]
        axes.text(
            0,
            -0.32,
            f"{len(curves)} series: e from {min(grown):.2f} to {max(grown):.2f}",
            fontsize=6.5,
            transform=axes.transAxes,
        )
    else:
        axes.legend(fontsize=6.5, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.22))
    axes.spines[["top", "right"]].set_visible(False)


def _goal_rows(found: list[dict]) -> list[list[str]]:
    rows = []
    for each in found:
        for goal in each["goals"]:
            limits = (("≥", goal["at_least"]), ("≤", goal["at_most"]))
            wanted = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
            met = ("yes" if goal["met"] else "**no**") if wanted else "only reported"
            rows.append([each["title"], goal["name"], f"{goal['value']:.3g}", " and ".join(wanted), met])
    return rows


def _headline_rows(found: list[dict]) -> list[list[str]]:
    rows = []
    for each in found:
        for record in each["records"]:
            if not record.axis:
                peak = "" if record.peak_mib is None else f"{record.peak_mib:,.0f}"
                rate = f"{record.rate:,.4g} {record.unit}/s"
                who = [each["title"], record.case, record.variant]
                rows.append([*who, f"{record.seconds:.3g}", rate, peak, record.note])
    return rows


def _growth_rows(found: list[dict]) -> list[list[str]]:
    rows = []
    for each in found:
        for (axis, variant), records in series(each).items():
            sizes, seconds = [record.size for record in records], [record.seconds for record in records]
            rows.append(
                [
                    each["title"],
                    variant,
                    axis,
                    ", ".join(f"{size:g}" for size in sizes),
                    ", ".join(f"{second:.3g}" for second in seconds),
                    f"{exponent(sizes, seconds):.2f}",
                ]
            )
    return rows


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
