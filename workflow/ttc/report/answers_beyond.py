"""Sentences about what lies beyond a fixed budget: stopping early, spreading it, mixing strategies, thought, a larger
model.
"""

from collections import Counter

from ttc import strategies
from ttc.report.numbers import interval, percent, points, short
from ttc.stopping.ballots import VOTES

SPREADING = {
    "batch": "a budget that a batch of questions shares after a probe",
    "price": "a price that each question pays for a generation after a probe",
    "price_by_steps": "a price that each question pays for a generation, asked again as samples come in",
}
BOUNDS = {"at_least": "at least ", "at_most": "at most "}
UNITS = ("flops", "tokens", "samples")
MIXED = 8
FEW = 4  # samples, with which votes differ most
# Votes by own confidence that are told: by log-probabilities, and DeepConf's by the end of a solution
CONFIDENT = ("confidence_weighted", "deepconf_tail")


def stopping(rows: list[dict]) -> str:
    """What the rule that saves most saves at equal accuracy, with the largest number of samples; "" without rules."""
    rows = [row for row in rows if row["target"] == "equal"]
    if not rows:
        return ""
    most = max(row["budget"] for row in rows)
    rows = [row for row in rows if row["budget"] == most]
    unit = next((each for each in UNITS if all(row[f"saving_{each}"] is not None for row in rows)), None)
    if unit is None:
        return ""
    best = max(rows, key=lambda row: (row[f"saving_{unit}"], row["rule"]))
    saving, low, high = (best[f"saving_{unit}{end}"] for end in ("", "_low", "_high"))
    words = {"flops": "FLOPs"}.get(unit, unit)
    told = f"{BOUNDS.get(best['bound'], '')}{short(saving)} times fewer {words}"
    told += f" [{short(low)}, {short(high)}]" if low is not None and high is not None else ""
    lead = (
        "Of the rules that stop sampling a question early, that which saves most is"
        if low is not None and low > 1
        else "No rule that stops sampling a question early surely saves anything; the best is"
    )
    lost = interval(best["difference_low"], best["difference_high"], points)
    return (
        f"{lead} {strategies.rule_label(best['rule'])} (chosen here, so a little flattered): of at most {most:,} "
        f"samples it draws {short(best['samples'])}, {told} than a fixed number that is as accurate; its accuracy is "
        f"{points(best['difference'])} points {lost} from that of all {most:,}."
    )


def own_confidence(rows: list[dict]) -> str:
    """What votes have that the model's own confidence weighs, beside the majority; "" where none was measured.

    rows: those of `stopping_curves` for fixed numbers of samples, of which `FEW` and the largest are told.
    """
    parts = []
    for budget in sorted({FEW, max((row["budget"] for row in rows), default=FEW)}):
        found = {row["vote"]: row for row in rows if row["budget"] == budget}
        weighed = [name for name in CONFIDENT if name in found]
        if weighed and "majority" in found:
            said = f"of {budget:,} samples a majority vote is right on {_accuracy(found['majority'])}"
            parts.append(
                ", ".join([said, *(f"a {VOTES[name].title} on {_accuracy(found[name])}" for name in weighed)])
            )
    return f"Without a verifier, {'; '.join(parts)}." if parts else ""


def spending(rows: list[dict]) -> str:
    """What spreading a budget across questions gains at equal generations, at best; "" without such rules."""
    rows = [row for row in rows if row["rule"] in SPREADING and row["gain_generations_low"] is not None]
    if not rows:
        return ""
    best = max(rows, key=lambda row: (row["gain_generations"], row["rule"], -row["budget"]))
    low, high = best["gain_generations_low"], best["gain_generations_high"]
    told = (
        f"{points(best['gain_generations'])} points {interval(low, high, points)} over as many generations for every "
        f"question, with {best['budget']:,} a question on average"
    )
    if low > 0:
        return f"Spreading the budget gains most by {SPREADING[best['rule']]} (chosen here, so flattered): {told}."
    return f"Spreading the budget is not surely better than the same for all: at most {told}."


def mixing(rows: list[dict]) -> str:
    """What the hybrid has and gains at about `MIXED` samples' cost; "" where none was measured.

    Its look is the smallest, and its budget the one next to `MIXED`: neither is chosen by how well it did.
    """
    hybrid = _mixed(rows, "hybrid")
    if hybrid is None:
        return ""
    unit = {"flops": "FLOPs"}.get(hybrid["unit"], hybrid["unit"])
    looked = f"{hybrid['probe']} sample{'s' if hybrid['probe'] > 1 else ''}"
    cost = f"for the {unit} of {hybrid['budget']:,} samples"
    has = f"{percent(hybrid['accuracy'])} % {interval(hybrid['low'], hybrid['high'])} {cost}, {_over_fixed(hybrid)}"
    said = f"A rule that looks at {looked} of each question, and stops or takes whichever strategy promises most, has"
    said += f" {has} the best mix of two strategies for all questions"
    small = _mixed(rows, "small")
    if small is not None:
        said += f"; without the larger policy {_over_fixed(small)} that mix"
    sure = hybrid["gain_fixed_low"] is not None and hybrid["gain_fixed_low"] > 0
    return f"{said}." if sure else f"{said}: it is not surely better."


def _mixed(rows: list[dict], rule: str) -> dict | None:
    """The row of a rule after the smallest look, by the vote with scores where there is one."""
    rows = [row for row in rows if row["rule"] == rule and row["form"] == "steps"] or [
        row for row in rows if row["rule"] == rule and row["form"] == "price"
    ]
    scored = [row for row in rows if row["selection"] == "best_of_n_weighted"] or rows
    rows = [row for row in scored if row["gain_fixed"] is not None]
    return min(rows, key=lambda row: (abs(row["budget"] - MIXED), row["probe"], row["budget"]), default=None)


def _over_fixed(row: dict) -> str:
    low, high = row["gain_fixed_low"], row["gain_fixed_high"]
    ends = f" {interval(low, high, points)}" if low is not None and high is not None else ""
    return f"{points(row['gain_fixed'])} points{ends} over"


def thought(curves: list[dict], choices: list[dict]) -> str:
    """What few and what many tokens buy of a model that thinks, as samples and thought; "" without budgets of thought.

    curves: rows of `thinking_curves` of all questions; choices: those of `thinking_choices` by predicted difficulty.
    """
    fixed = {row["budget"]: row for row in curves if row["strategy"] == "best_fixed"}
    adaptive = {
        row["budget"]: row
        for row in curves
        if row["strategy"] == "compute_optimal" and row["bins"] == "predicted"
    }
    parts = []
    for budget in sorted({min(fixed), max(fixed)}) if fixed else []:
        one, chosen = fixed[budget], adaptive.get(budget)
        part = f"With {budget:,} tokens a question one rule for all is right on {_accuracy(one)}"
        if chosen is not None:
            most = Counter(row["strategy"] for row in choices if row["budget"] == budget)
            best = min(most, key=lambda name: (-most[name], name))
            part += f", the rule of each bin by predicted difficulty on {_accuracy(chosen)} (most often {_rule(best)})"
        parts.append(part)
    return f"{'. '.join(parts)}. Both are chosen on other questions." if parts else ""


def _accuracy(row: dict) -> str:
    return f"{percent(row['accuracy'])} % {interval(row['low'], row['high'])}"


def _rule(strategy: str) -> str:
    """A rule at a budget of thought in words."""
    method, values = strategies.parse(strategy)
    name = strategies.label(method)
    if values.get("shortest"):
        name += f" of the {values['shortest']} shortest"
    return f"{name}, thoughts of up to {values['thinking']:,} tokens"


def larger(sources) -> str:
    """Whether the larger model would be better at equal FLOPs; "" where the study has none."""
    rows = sources.rows("exchange", bin=0)
    if rows:
        return _exchanged(rows)
    said = [
        _between_pools(sources, rows, words)
        for version, words in {"inference": "FLOPs", "money": "money"}.items()
        if (rows := sources.rows("pool_exchange", bin=0, version=version))
    ]
    return " ".join(said)


def _exchanged(rows: list[dict]) -> str:
    kinds, versions = ({row[key] for row in rows} for key in ("bins", "version"))
    kind = "predicted" if "predicted" in kinds else min(kinds)
    version = "v1" if "v1" in versions else min(versions)
    rows = [row for row in rows if row["bins"] == kind and row["version"] == version]
    one = rows[0]
    said = f"One greedy solution of it is right on {percent(one['larger'])} % "
    said += f"{interval(one['larger_low'], one['larger_high'])}. At equal FLOPs, training included, for R inference "
    said += "tokens to a pretraining token: "
    parts = []
    for family in dict.fromkeys(row["family"] for row in rows):
        words = {"search": "choosing or searching", "revisions": "revising"}.get(family, family)
        here = [row for row in rows if row["family"] == family]
        parts.append(f"by {words} the small one is {' and '.join(_by_winner(here))}")
    clipped = " (*: with fewer generations than that pays for)" if any(row["clipped"] for row in rows) else ""
    return f"{said}{'; '.join(parts)}{clipped}."


WINNERS = {"small": "ahead", "larger": "behind", "undecided": "not told apart"}


def _by_winner(rows: list[dict]) -> list[str]:
    """What the small model is at which ratios, with the difference there."""
    found = []
    for winner, words in WINNERS.items():
        each = [
            f"R = {row['ratio']:g}{'*' if row['clipped'] else ''} ({points(row['difference'])} "
            f"{interval(row['difference_low'], row['difference_high'], points)})"
            for row in rows
            if row["winner"] == winner
        ]
        if each:
            found.append(f"{words} at {', '.join(each)}")
    return found


def _ahead(row: dict) -> str:
    told = {"small": "so it is ahead", "larger": "so the larger is ahead", "undecided": "undecided"}[
        row["winner"]
    ]
    return told + (", with fewer than that pays for" if row["clipped"] else "")


def _between_pools(sources, rows: list[dict], equal: str) -> str:
    parts = []
    for first, second in dict.fromkeys((row["first"], row["second"]) for row in rows):
        here = [row for row in rows if (row["first"], row["second"]) == (first, second)]
        known = {row["strategy"]: row for row in here}
        order = ("compute_optimal", "best_of_n_weighted", "majority", "pass_at_k")
        row = next((known[name] for name in order if name in known), here[0])
        names = [(sources.pools or {}).get(pool, {}).get("model") or pool for pool in (first, second)]
        rule = strategies.label(row["strategy"])
        difference = interval(row["difference_low"], row["difference_high"], points)
        parts.append(
            f"For the {equal} of one solution by {names[1]}, {names[0]} makes {short(row['multiplier'])}; by {rule} it "
            f"then has {points(row['difference'])} points {difference}, {_ahead(row)}"
        )
    return ". ".join(parts) + "."
