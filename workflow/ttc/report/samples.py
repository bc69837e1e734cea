"""Sentences of the report about more samples, and about strategies that cannot be told from the best."""

import polars as pl

from ttc import strategies

# The budget whose best strategies the report names, if it was measured; else the nearest
BUDGET = 16
LISTED = 12


def more(table: pl.DataFrame | None) -> str:
    """What so many times more samples would give; empty where nothing was extrapolated."""
    if table is None or table.is_empty():
        return ""
    samples, most = table["samples"][0], table["budget"].max()
    said = [f"Would more samples help? From {samples:,} samples a question to {most:,}"]
    parts = []
    for measure, name in (("pass_at_k", "pass@k"), ("majority", "the majority vote")):
        rows = table.filter(measure=measure)
        if rows.is_empty():
            continue
        now, then = (rows.row(by_predicate=pl.col("budget") == each, named=True) for each in (samples, most))
        ends = f"{_percent(now['accuracy'])} to {_percent(then['accuracy'])} per cent {_band(then)}"
        part = f"{name} would go from {ends}"
        if then["without_masses"] is not None and _percent(then["never"]) != "0.0":
            part += (
                f": {_percent(then['without_masses'])} if every question is answered rightly at last, "
                f"{_percent(then['with_masses'])} if {_percent(then['never'])} per cent of them never are, which "
                f"{samples:,} samples cannot tell"
            )
        parts.append(part)
        limit = rows.filter(budget=0)
        if len(limit):
            last = limit.row(0, named=True)
            parts.append(f"with infinitely many to {_percent(last['accuracy'])} {_band(last)}")
    return f"{said[0]} {'; '.join(parts)}. Bands hold the whole curve at once with 95 %."


def told_apart(table: pl.DataFrame | None) -> str:
    """Which strategies cannot be told from the best at one budget; empty where no two were measured."""
    if table is None or table.is_empty():
        return ""
    budget = min(table["budget"].unique().sort(), key=lambda each: (abs(each - BUDGET), each))
    rows = table.filter(budget=budget).sort(
        ["accuracy", "family", "strategy"], descending=[True, False, False]
    )
    rows = _each_once(rows)
    kept = rows.filter("best")
    if len(kept) == len(rows):
        which = f"none of the {len(rows)} strategies can be told from the best"
    else:
        names = [_named(row, rows) for row in kept.head(LISTED).iter_rows(named=True)]
        more_ = f" and {len(kept) - LISTED} more" if len(kept) > LISTED else ""
        verb = "is the best of" if len(kept) == 1 else "cannot be told from the best of"
        listed = ", ".join(names) if more_ else _and(names)
        which = f"{listed}{more_} {verb} {len(rows)} strategies"
    return (
        f"At {budget:,} generations {which}, with 95 % confidence, their number counted in (a model confidence set "
        f"over {rows['questions'][0]:,} questions; the table best has every budget)."
    )


def _each_once(rows: pl.DataFrame) -> pl.DataFrame:
    """Without the ratios that are `sequential` or `parallel` by another name, where these are there."""
    alone = rows.filter(pl.col("strategy").is_in(["sequential", "parallel"]))
    same = ["family", "selection", "accuracy"]
    twice = rows.filter(pl.col("strategy").str.contains(r"^revisions\(.*=1\b"))
    again = twice.join(alone.select(same), on=same, how="semi")
    return rows.join(
        again.select("family", "strategy", "selection"), on=["family", "strategy", "selection"], how="anti"
    )


def _and(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _named(row: dict, rows: pl.DataFrame) -> str:
    """A strategy's label, with its selection rule where another one is measured with it."""
    label = strategies.label(row["strategy"])
    shared = len(rows.filter(family=row["family"], strategy=row["strategy"])) > 1
    return f"{label} ({row['selection']})" if shared else label


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _band(row: dict) -> str:
    return f"[{_percent(row['low'])}, {_percent(row['high'])}]"
