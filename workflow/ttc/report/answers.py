"""The answer of a study: how to spend compute on its model, in sentences and one table made from published tables."""

from dataclasses import dataclass, field

import polars as pl

from ttc import strategies
from ttc.paper.verdicts import FEWEST
from ttc.report import answers_beyond, answers_money
from ttc.report.numbers import interval, large, percent, points, short
from ttc.report.verdicts import models as about_models

COLUMNS = 5
OVER = {"one": "one solution", "weighted": "best-of-N weighted", "majority": "majority voting"}
KINDS = {
    "predicted": "predicted difficulty",
    "oracle": "the pass rate, which needs right answers and so is a ceiling,",
}


@dataclass(frozen=True)
class Sources:
    """Published tables by name, cards of models by role, and the pools of the configuration, if it has any."""

    tables: dict[str, pl.DataFrame]
    cards: dict[str, dict] = field(default_factory=dict)
    pools: dict[str, dict] | None = None

    def rows(self, name: str, **where) -> list[dict]:
        """Rows of a table in its order; none of one that the study lacks."""
        table = self.tables.get(name)
        return [] if table is None else table.filter(**where).to_dicts()


def answer(sources: Sources) -> dict | None:
    """{points: [(title, text)], table, further: more points}, the first screen; None without the table `advice`."""
    if not sources.rows("advice"):
        return None
    first = [
        ("Studied", studied(sources)),
        ("One solution", one_solution(sources)),
        ("More solutions", more(sources)),
        ("By difficulty", by_difficulty(sources)),
    ]
    further = [
        ("Cheapest way", cheapest(sources)),
        ("Own confidence", answers_beyond.own_confidence(sources.rows("stopping_curves", rule="uniform"))),
        ("Stopping early", answers_beyond.stopping(sources.rows("stopping"))),
        ("Across questions", answers_beyond.spending(sources.rows("spending"))),
        ("Mixing", answers_beyond.mixing(sources.rows("hybrid"))),
        (
            "Samples or thought",
            answers_beyond.thought(
                sources.rows("thinking_curves", bin=0), sources.rows("thinking_choices", bins="predicted")
            ),
        ),
        (
            "Money",
            answers_money.money(sources.rows("money_curves", bin=0), sources.rows("money_matched")),
        ),
        ("Larger model", answers_beyond.larger(sources)),
        ("How sure", sure(sources)),
    ]
    return {"points": _kept(first), "table": table(sources), "further": _kept(further)}


def _kept(points: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that say something, no line broken before a per cent sign."""
    return [(title, text.replace(" %", "\u00a0%")) for title, text in points if text]


def named(strategy: str) -> str:
    """A strategy in a sentence."""
    text = strategies.label(strategy)
    return f"revisions, {text}" if strategy.startswith("revisions(") else text


def brief(strategy: str) -> str:
    """A strategy in a cell of the table."""
    if not strategy.startswith("revisions("):
        return named(strategy)
    sequential, parallel = strategies.ratio(strategy)
    return f"revisions {sequential}\u00a0×\u00a0{parallel}"


def fixed(sources: Sources) -> list[dict]:
    """Rows of the one strategy for all questions, by rising budget."""
    return [row for row in sources.rows("advice", bins="none") if row["budget"] > 1]


def shown_budgets(rows: list[dict]) -> list[int]:
    """Budgets that the table shows: all if they are few, else the largest and every fourth power below it."""
    budgets = [row["budget"] for row in rows]
    if len(budgets) <= COLUMNS:
        return budgets
    powers = [budget for budget in budgets if budget in (4, 16, 64, 256, 1024, 4096)]
    return sorted({*powers, budgets[-1]})[-COLUMNS:]


# ---- sentences


def studied(sources: Sources) -> str:
    """Which models, how many questions and samples."""
    (one,) = sources.rows("advice", bins="none", budget=1)
    asked = f"{one['questions']:,} test questions, {one['samples']:,} independent solutions"
    if sources.pools:
        return f"{_pool(sources.pools['policy'], 'policy')}: {asked}, sampled before this study{_verifier(sources)}."
    said = f"{_model(sources.cards.get('policy'), 'A policy')}: {asked}{_verifier(sources)}."
    bigger = sources.cards.get("larger_policy")
    return f"{said} Beside it: {_model(bigger, 'a larger policy')}." if bigger else said


def _model(card: dict | None, name: str) -> str:
    card = card or {}
    checkpoint = card.get("checkpoint") or {}
    hub = checkpoint.get("hub") or checkpoint.get("served")
    size = f" of {large(card['parameters'])} parameters" if card.get("parameters") else ""
    return f"{hub or name}{size}" + ("" if card.get("checkpoint") or not card else ", trained here")


def _pool(pool: dict, name: str) -> str:
    size = f", {large(pool['parameters'])} parameters" if pool.get("parameters") else ""
    return f"{pool.get('model') or name}{size}"


def _verifier(sources: Sources) -> str:
    curves = sources.tables.get("curves")
    scored = curves is not None and not curves.filter(strategy="best_of_n").is_empty()
    scored = scored or any(row["gain_weighted"] is not None for row in fixed(sources))
    return ", scored by a verifier" if scored else "; no verifier scored them"


def one_solution(sources: Sources) -> str:
    """What one solution gets and costs."""
    (one,) = sources.rows("advice", bins="none", budget=1)
    said = f"It is right on {percent(one['accuracy'])} % of the questions {interval(one['low'], one['high'])}"
    costs = [f"{short(one['tokens'])} tokens"] if one["tokens"] is not None else []
    costs += [f"{large(one['flops'])} FLOPs"] if one["flops"] is not None else []
    if one.get("money") is not None:
        currency = next((row["currency"] for row in sources.rows("money_curves")), "")
        costs.append(f"{short(1000 * one['money'])} {currency} for 1,000 questions".replace("  ", " "))
    *most, last = costs or [""]
    listed = f"{', '.join(most)} and {last}" if most else last
    return f"{said} and takes {listed}." if costs else f"{said}; what it costs is not recorded."


def more(sources: Sources) -> str:
    """What to do with more generations, and what that gains."""
    rows = fixed(sources)
    if not rows:
        return _nothing_chooses(sources)
    shown = [row for row in rows if row["budget"] in shown_budgets(rows)]
    sure = [row for row in shown if row["gain_one_low"] > 0]
    if not sure:
        best = max(shown, key=lambda row: row["gain_one"])
        return (
            f"Nothing here is surely better than one solution: at no number of generations does the interval of the "
            f"gain lie above zero. The most is {_gain(best, 'one')} points, with {best['budget']:,} generations "
            f"({named(best['strategy'])}). Spend one solution a question."
        )
    middle = max((row for row in sure if row["budget"] <= 16), key=lambda row: row["budget"], default=sure[0])
    told = [middle] + [row for row in shown[-1:] if row["budget"] > middle["budget"]]
    return " ".join(_told(row) for row in told)


def _told(row: dict) -> str:
    said = (
        f"With {row['budget']:,} generations a question, the best single strategy is {named(row['strategy'])}: "
        f"{percent(row['accuracy'])} % {interval(row['low'], row['high'])}, {_gain(row, 'one')} points over one "
        "solution"
    )
    beside = filter(None, (_against(row, name) for name in ("weighted", "majority")))
    return "; ".join([said, *beside]) + "."


def _gain(row: dict, name: str) -> str:
    low, high = row[f"gain_{name}_low"], row[f"gain_{name}_high"]
    return f"{points(row[f'gain_{name}'])} {interval(low, high, points)}"


def _against(row: dict, name: str) -> str:
    """The strategy beside a plain one with as many generations; empty where that was not measured."""
    gain, low, high = (row[f"gain_{name}{end}"] for end in ("", "_low", "_high"))
    if gain is None:
        return ""
    if row["strategy"] == {"weighted": "best_of_n_weighted", "majority": "majority"}[name]:
        return f"that is {OVER[name]} itself"
    if low > 0:
        return f"{_gain(row, name)} over {OVER[name]}"
    return f"{'behind' if high < 0 else 'not told apart from'} {OVER[name]} ({_gain(row, name)})"


def _nothing_chooses(sources: Sources) -> str:
    said = "The study has verdicts alone: nothing here chooses among several answers, so more of them gain nothing by"
    said = f"{said} themselves."
    curves = sources.tables.get("curves")
    found = None if curves is None else curves.filter(strategy="pass_at_k", bin=0).sort("budget")
    if found is None or found.is_empty() or found["budget"][-1] == 1:
        return said
    row = found.row(-1, named=True)
    return (
        f"{said} Somebody who can check answers finds a right one among {row['budget']:,} solutions on "
        f"{percent(row['accuracy'])} % of the questions {interval(row['low'], row['high'])}."
    )


def by_difficulty(sources: Sources) -> str:
    """Whether choosing by difficulty gains anything over one strategy for all."""
    if not fixed(sources):
        return ""
    whole = [row for row in sources.rows("advice", bin=0) if row["bins"] != "none"]
    if not whole:
        return "All questions are in one difficulty bin: there is nothing to choose by."
    kind, shown = KINDS[whole[0]["bins"]], shown_budgets(whole)
    best = max((row for row in whole if row["budget"] in shown), key=lambda row: row["gain_fixed"])
    where = f"{_gain(best, 'fixed')} points with {best['budget']:,} generations"
    if best["gain_fixed_low"] > 0:
        said = f"Choosing by {kind} gains over the one best strategy: at most {where}."
    else:
        said = f"Choosing by {kind} is not surely better than the one best strategy (at most {where}): keep that one."
    return f"{said} What it takes to learn a question's difficulty is not counted."


def cheapest(sources: Sources) -> str:
    """The way that reaches each round accuracy with the fewest FLOPs, or generations where FLOPs are not known."""
    rows = sources.rows("cheapest")
    if not fixed(sources):
        return ""
    if not rows:
        return "No strategy is more accurate than one solution by as much as a point."
    priced = all(row["times"] is not None for row in rows)
    price = "times" if priced else "generations"
    parts = []
    for target in dict.fromkeys(row["accuracy"] for row in rows):
        ways = [row for row in rows if row["accuracy"] == target]
        best = min(ways, key=lambda row: (row[price], row["way"]))
        high = "beyond" if best["high"] is None else short(best["high"])
        cost = f", × {short(best['times'])}" if priced else ""
        name = (
            "the strategy of each difficulty" if best["way"] == "compute_optimal" else named(best["strategy"])
        )
        parts.append(
            f"{100 * target:.0f} %: {name}, {short(best['generations'])} generations "
            f"[{short(best['low'])}, {high}]{cost}"
        )
    unit = "by FLOPs, in those of one solution" if priced else "by generations; FLOPs are not known"
    return f"To each accuracy, {unit}. {'; '.join(parts)}."


def sure(sources: Sources) -> str:
    """How many questions there are, what intervals hold, and which difference would be found."""
    (one,) = sources.rows("advice", bins="none", budget=1)
    said = (
        f"{one['questions']:,} questions. Brackets are 95 % intervals; they hold which questions were asked and, where "
        "a strategy was chosen, that it was."
    )
    if one["questions"] < FEWEST:
        said += f" Under {FEWEST} questions nothing counts as decided: take all of this as a first look."
    found = [row for row in fixed(sources) if row["detectable"] is not None]
    if found:
        last = found[-1]
        than = next(
            OVER[name] for name in ("weighted", "majority", "one") if last[f"gain_{name}"] is not None
        )
        said += (
            f" With {last['budget']:,} generations, a true gain of {percent(last['detectable'])} points over {than} "
            "would be found with a probability of 80 %."
        )
    if not sources.pools and about_models(sources.cards) != "with these models":
        said += " Every model was trained once: another training may differ by more."
    return said


# ---- the table


def table(sources: Sources) -> dict | None:
    """{over, bins, rows}: a row for each budget shown; `bins` are the heads of the columns by difficulty."""
    rows = fixed(sources)
    if not rows:
        return None
    shown = shown_budgets(rows)
    binned = [
        row for row in sources.rows("advice") if row["bins"] != "none" and row["bin"] and row["budget"] > 1
    ]
    numbers = sorted({row["bin"] for row in binned})
    over = [name for name in OVER if any(row[f"gain_{name}"] is not None for row in rows)]
    found = []
    for row in (each for each in rows if each["budget"] in shown):
        places = {each["bin"]: each for each in binned if each["budget"] == row["budget"]}
        found.append(
            {
                "budget": f"{row['budget']:,}",
                "strategy": brief(row["strategy"]),
                "accuracy": percent(row["accuracy"]),
                "interval": interval(row["low"], row["high"]),
                "times": "" if row["times"] is None else f"×\u00a0{short(row['times'])}",
                "gains": [_cell(row, name) for name in over],
                "bins": [_in_bin(places.get(number)) for number in numbers],
            }
        )
    heads = {numbers[0]: "easiest", numbers[-1]: "hardest"} if len(numbers) > 1 else {}
    kind = binned[0]["bins"] if binned else ""
    listed = [each["strategy"] for row in found for each in (row, *row["bins"])]
    return {
        "revised": any(name.startswith("revisions") for name in listed),
        "over": [OVER[name] for name in over],
        "kind": kind,
        "bins": [heads.get(number, f"bin {number}") for number in numbers],
        "rows": found,
    }


def _cell(row: dict, name: str) -> dict:
    if row[f"gain_{name}"] is None:
        return {"text": "", "interval": ""}
    low, high = row[f"gain_{name}_low"], row[f"gain_{name}_high"]
    return {"text": points(row[f"gain_{name}"]), "interval": interval(low, high, points)}


def _in_bin(row: dict | None) -> dict:
    if row is None:
        return {"strategy": "", "text": "", "interval": ""}
    return {
        "strategy": brief(row["strategy"]),
        "text": percent(row["accuracy"]),
        "interval": interval(row["low"], row["high"]),
    }
