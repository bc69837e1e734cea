"""Rows of the report about pools and accuracy by budget: what each pool is, and pools compared."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from ttc import strategies
from ttc.report.numbers import interval, percent, points
from ttc.tables.study import Study

# Rows of the table of accuracy by budget: family and strategy; searches follow, then revisions
VOTES = (
    ("baseline", "pass_at_k"),
    ("search", "majority"),
    ("search", "best_of_n"),
    ("search", "best_of_n_weighted"),
    ("search", "orm_best_of_n"),
    ("search", "orm_best_of_n_weighted"),
)
REVISED = (("revisions", "sequential"), ("revisions", "parallel"))
OPTIMAL = ("search", "revisions")
NAMES = {"pass_at_k": "pass@k: any of N correct"}
PRICES = {"inference": "inference alone", "v1": "version 1", "camera_ready": "camera-ready", "money": "money"}


def described(pools: dict[str, dict], checks: pl.DataFrame | None) -> dict:
    """{names, rows, oddities}: a column for each pool, `policy` first; `pools` are those of the configuration."""
    names = sorted(pools, key=lambda name: (name != "policy", name))
    found = {} if checks is None else {row["pool"]: row for row in checks.to_dicts()}
    rows = [("Pool", names), ("Model", [_model(pools[name]) for name in names])]
    rows += [("Files", [_files(pools[name]) for name in names])]
    if found:
        rows += [(title, [cell(found[name]) for name in names]) for title, cell in CELLS]
    oddities = [(name, text) for name in names for text in found.get(name, {}).get("oddities") or ()]
    empty = ("", "–")
    kept = [(title, cells) for title, cells in rows if any(cell not in empty for cell in cells)]
    return {"names": names, "rows": kept, "oddities": oddities}


def _model(pool: dict) -> str:
    parameters = pool.get("parameters")
    size = "parameters not given" if parameters is None else f"{parameters:,} parameters"
    return ", ".join(filter(None, (pool.get("model"), size)))


def _files(pool: dict) -> str:
    paths = pool["path"] if isinstance(pool["path"], list) else [pool["path"]]
    names = [Path(path).name for path in paths]
    chosen = "; ".join(
        f"{column}: {', '.join(map(str, values))}" for column, values in (pool.get("where") or {}).items()
    )
    return ", ".join(names) + (f" ({chosen})" if chosen else "")


def _share(count: int | None, of: int) -> str:
    return "not recorded" if count is None else f"{count:,} ({count / max(of, 1):.1%})"


def _samples(row: dict) -> str:
    each = f"{row['fewest']}" if row["fewest"] == row["most"] else f"{row['fewest']} to {row['most']}"
    return f"{row['samples']:,}, {each} a question"


def _verdicts_only(row: dict) -> bool:
    """Whether a pool has neither texts nor answers: then its verdicts are all there is, and stand unchecked."""
    return row["copies"] is None and row["no_answer"] == row["samples"] == row["recorded"]


def _without_answer(row: dict) -> str:
    return "not recorded" if _verdicts_only(row) else _share(row["no_answer"], row["samples"])


def _recorded(row: dict) -> str:
    if not row["recorded"]:
        return "none recorded"
    if _verdicts_only(row):
        return f"{row['recorded']:,}, taken as they are: there is no answer to check them by"
    return f"{_share(row['contradicted'], row['recorded'])} of {row['recorded']:,} contradicted"


def _copies(row: dict) -> str:
    if row["copies"] is None:
        return "no texts"
    differ = f", which differ in {row['copies_differ']}" if row["copies_differ"] else ""
    return _share(row["copies"], row["samples"]) + differ


def _agreement(own: str, other: str) -> Callable[[dict], str]:
    def cell(row: dict) -> str:
        values = [row[name] for name in (own, other)]
        return "–" if None in values else f"{values[0]:.1%}; by chance {values[1]:.1%}"

    return cell


def _auc(row: dict) -> str:
    if row["auc"] is None:
        return "–"
    within = "" if row["auc_within"] is None else f"; {row['auc_within']:.3f} within a question"
    return f"{row['auc']:.3f}{within}"


def _positions(row: dict) -> str:
    if not row["positions"] or row["position_low"] is None:
        return "–"
    chance = "" if row["position_p"] is None else f" (by chance: p = {row['position_p']:.2g})"
    return f"{row['position_low']:.1%} to {row['position_high']:.1%} over {row['positions']}{chance}"


# Title of a row -> what it says of a row of `pool_checks`
CELLS: tuple[tuple[str, Callable[[dict], str]], ...] = (
    ("Runs", lambda row: f"{row['runs']:,}"),
    ("Questions", lambda row: f"{row['questions']:,}"),
    ("Samples", _samples),
    ("Correct", lambda row: f"{row['correct']:.1%}"),
    ("Without an answer", _without_answer),
    ("Cut off by the token limit", lambda row: _share(row["cut_off"], row["samples"])),
    ("Recorded verdicts", _recorded),
    ("Tokens not recorded", lambda row: _share(row["missing_tokens"], row["samples"])),
    ("Exact copies within a question", _copies),
    ("Answers written as their gold answer", _agreement("own_agreement", "permuted_agreement")),
    ("Agreement within a question", _agreement("within_agreement", "across_agreement")),
    ("AUC of the scores", _auc),
    ("Correct by position in a run", _positions),
    ("Accepted although", lambda row: row["stopped_by"] or "–"),
)


def accuracy(curves: pl.DataFrame | None) -> dict | None:
    """{budgets, rows}: accuracy with its interval of each strategy at each budget; None without curves."""
    if curves is None or curves.is_empty():
        return None
    whole = curves.filter(pl.col("bin") == 0)
    rows = []
    for family, strategy, label in _listed(whole):
        for kind, selection, part in _parts(whole.filter(family=family, strategy=strategy)):
            extra = ", ".join(filter(None, (kind, selection if family == "revisions" else "")))
            rows.append((f"{label} ({extra})" if extra else label, part))
    return _by_budget(rows, "problems")


def _listed(whole: pl.DataFrame) -> list[tuple[str, str, str]]:
    known = set(whole.select("family", "strategy").unique().iter_rows())
    searches = sorted(name for family, name in known if family == "search" and _searched(name))
    wanted = [*VOTES, *(("search", name) for name in searches), *REVISED]
    found = [(family, name, NAMES.get(name, strategies.label(name))) for family, name in wanted]
    found += [(family, "compute_optimal", f"compute-optimal {family}") for family in OPTIMAL]
    # A choice among one strategy, whose rule the curve then has, is that strategy again
    alone = whole.filter(family="search", strategy="compute_optimal")["selection"].unique().to_list() == [
        "majority"
    ]
    if alone:
        known.discard(("search", "compute_optimal"))
    return [row for row in found if row[:2] in known]


def _searched(name: str) -> bool:
    return strategies.is_search(name)


def _parts(rows: pl.DataFrame) -> list[tuple[str, str, pl.DataFrame]]:
    """Rows by kind of bins and selection rule; `none` is no kind worth naming."""
    kinds = {"none": "", "oracle": "oracle bins", "predicted": "predicted bins"}
    keys = rows.select("bins", "selection").unique().sort("bins", "selection").rows()
    return [(kinds[bins], selection, rows.filter(bins=bins, selection=selection)) for bins, selection in keys]


def compared(tables: dict[str, pl.DataFrame]) -> dict | None:
    """{accuracy, pairs, exchange}: several pools beside each other; None where there is one."""
    table = tables.get("pool_accuracy")
    if table is None or table.is_empty():
        return None
    names = dict(table.select("pool", "model").iter_rows())
    pools = sorted(names, key=lambda name: (name != "policy", name))
    listed = [*(name for _, name in VOTES), "compute_optimal"]
    order = [name for name in listed if name in table["strategy"]]
    rows = [
        (f"{names[pool]}: {_rule(rule)}", part)
        for rule in order
        for pool in pools
        if len(part := table.filter(pool=pool, strategy=rule))
    ]
    return {
        "accuracy": _by_budget(rows, "questions"),
        "pairs": _pairs(tables.get("pool_pairs"), names, order),
        "exchange": _exchange(tables, names, order),
    }


def _rule(strategy: str) -> str:
    return NAMES.get(strategy, strategies.label(strategy))


def _by_budget(rows: list[tuple[str, pl.DataFrame]], count: str) -> dict:
    """Cells by budget; a number of questions stands beside those that rest on fewer than the most."""
    budgets = sorted({budget for _, part in rows for budget in part["budget"]})
    most = max((part[count].max() for _, part in rows), default=0)
    table = []
    for label, part in rows:
        cells = {row["budget"]: _cell(row, most, count) for row in part.to_dicts()}
        table.append({"label": label, "cells": [cells.get(budget, {"text": ""}) for budget in budgets]})
    return {"budgets": budgets, "rows": table, "questions": most}


def _cell(row: dict, most: int, count: str) -> dict:
    fewer = f"{row[count]:,} questions" if row[count] < most else ""
    return {"text": percent(row["accuracy"]), "interval": interval(row["low"], row["high"]), "note": fewer}


def _pairs(table: pl.DataFrame | None, names: dict[str, str], order: list[str]) -> dict | None:
    """Paired differences at equal budgets, a row for each pair and rule."""
    if table is None or table.is_empty():
        return None
    budgets = sorted(table["budget"].unique())
    rows = []
    for first, second in (
        table.select("first", "second").unique(maintain_order=True).sort("first", "second").rows()
    ):
        for rule in order:
            part = table.filter(first=first, second=second, strategy=rule)
            cells = {
                row["budget"]: {
                    "text": points(row["difference"]),
                    "interval": interval(row["low"], row["high"], points),
                    "note": "undecided" if row["winner"] == "undecided" else "",
                }
                for row in part.to_dicts()
            }
            if cells:
                label = f"{names[first]} minus {names[second]}: {_rule(rule)}"
                rows.append({"label": label, "cells": [cells.get(b, {"text": ""}) for b in budgets]})
    return {"budgets": budgets, "rows": rows}


def _exchange(tables: dict[str, pl.DataFrame], names: dict[str, str], order: list[str]) -> list[dict]:
    """For each pair of models what equal FLOPs buy, over all questions: {title, note, rows}."""
    table = tables.get("pool_exchange")
    if table is None or table.is_empty():
        return []
    found = []
    for first, second in table.select("first", "second").unique().sort("first", "second").rows():
        part = table.filter(first=first, second=second, bin=0)
        one = part.row(0, named=True)
        tokens = (
            f"a sample of it has {one['tokens']:.2f} times the tokens"
            if one["tokens"] is not None
            else "tokens are not recorded for both and taken as equal"
        )
        known = {pool: names[pool] for pool in (first, second)} if one["tokens"] is not None else {}
        basis = "".join(f" {sentence}" for sentence in Study(tables).token_basis(known))
        rules = [rule for rule in order if rule in part["strategy"]]
        prices = part.select("version", "ratio").unique().rows()
        prices.sort(key=lambda price: (list(PRICES).index(price[0]), -price[1]))
        rows = [_price(part.filter(version=version, ratio=ratio), rules) for version, ratio in prices]
        found.append(
            {
                "title": f"{names[first]}, N samples, against {names[second]}, one",
                "note": f"{_larger(one['parameters'])}; {tokens}.{basis}",
                "equal": _equal(set(part["version"])),
                "larger": f"{percent(one['larger'])} {interval(one['larger_low'], one['larger_high'])}",
                "rules": [_rule(rule) for rule in rules],
                "rows": rows,
            }
        )
    return found


def _equal(versions: set[str]) -> str:
    if "money" not in versions:
        return "FLOPs"
    return "money" if versions == {"money"} else "cost"


def _larger(times: float | None) -> str:
    if times is None:
        return "The dearer model's parameters, or those of the other, are not given"
    return f"The larger model has {times:.2f} times the parameters"


def _price(part: pl.DataFrame, rules: list[str]) -> dict:
    """One row: what is equal, how many samples that pays for, and how each rule does with them."""
    first = part.row(0, named=True)
    cells = []
    for rule in rules:
        row = part.filter(strategy=rule).row(0, named=True)
        ahead = {"small": "smaller ahead", "larger": "larger ahead", "undecided": "undecided"}[row["winner"]]
        ends = interval(row["difference_low"], row["difference_high"], points)
        cells.append({"text": points(row["difference"]), "interval": ends, "note": ahead})
    return {
        "equal": PRICES[first["version"]],
        "ratio": f"{first['ratio']:g}" if first["ratio"] else "",
        "samples": f"{first['multiplier']:.3g}",
        "read": f"read at {first['budget']:g}, the most there are" if first["clipped"] else "",
        "cells": cells,
    }
