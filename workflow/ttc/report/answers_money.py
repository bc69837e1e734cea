"""Sentences about money: what it buys, and for how much the policy is as accurate as the larger one.

Amounts are told for 1,000 questions: those of one are too small to be read.
"""

from ttc import strategies
from ttc.report.numbers import interval, percent, short

BOUNDS = {"at_least": "at least ", "at_most": "at most ", "measured": ""}
WAYS = {
    ("best_fixed", "none"): "one strategy for all questions",
    ("compute_optimal", "predicted"): "the strategy of each bin by predicted difficulty",
}


def money(curves: list[dict], matched: list[dict]) -> str:
    """What the least and the most money buys, and what the larger policy costs; "" where no cost is known.

    curves: rows of `money_curves` of all questions; matched: those of `money_matched`.
    """
    own = [row for row in curves if row["family"] == "search" and row["spent"] is not None]
    told = []
    for (strategy, bins), words in WAYS.items():
        rows = [row for row in own if (row["strategy"], row["bins"]) == (strategy, bins)]
        if not rows:
            continue
        ends = sorted(rows, key=lambda row: row["level"])
        ends = [ends[0], *([ends[-1]] if len(ends) > 1 else [])]
        parts = [
            f"{percent(row['accuracy'])} % {interval(row['low'], row['high'])} for "
            f"{short(1000 * row['spent'])} {row['currency']}"
            for row in ends
        ]
        told.append(f"{words} has {' and '.join(parts)}")
    if not told:
        return ""
    said = f"By what 1,000 questions cost, {'; '.join(told)}. What is chosen is chosen on other questions."
    beside = _beside_larger(matched, own[0]["currency"])
    return f"{said} {beside}" if beside else said


def _beside_larger(matched: list[dict], currency: str) -> str:
    """What the larger policy's greedy solution costs, or else its dearest way, and for how much the policy has it."""
    greedy = strategies.LARGER + "greedy"
    rows = [row for row in matched if row["larger"] == greedy] or matched
    if not rows:
        return ""
    dearest = max(row["larger_money"] for row in rows)
    rows = [row for row in rows if row["larger_money"] == dearest]
    one = rows[0]
    parts = []
    for row in rows:
        words = WAYS.get((row["strategy"], row["bins"]))
        if words is None:
            continue
        if row["bound"] == "at_most":
            parts.append(f"{words} is so for no money that was measured")
        else:
            times = f"{BOUNDS[row['bound']]}{short(row['ratio'])} times less"
            parts.append(f"{words} is so for {times} [{short(row['low'])}, {short(row['high'])}]")
    said = f"{strategies.label(one['larger'])[:1].upper()}{strategies.label(one['larger'])[1:]}, costs "
    said += f"{short(1000 * one['larger_money'])} {currency} and is right on {percent(one['accuracy'])} %"
    return f"{said}; {'; '.join(parts)}." if parts else f"{said}."
