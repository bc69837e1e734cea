"""Invented tables of the hybrid, for `synthetic_ablations`.  Nothing here is measured."""

import numpy as np
import polars as pl

from ttc.tables.hybrid import HYBRID, HYBRID_BREAK_EVEN, HYBRID_CHOICES

BUDGETS, PROBES, BINS = (2, 4, 8, 16, 32, 64), (1, 2, 4, 8), 5
FREE = {"uniform": 0.0, "best_fixed": 0.03, "oracle": 0.25}
LOOKING = {"samples": 0.02, "small": 0.04, "cascade": 0.05, "hybrid": 0.07}
FORMS = {"batch": -0.004, "price": 0.0, "steps": 0.004}
KINDS = ("stop", "samples", "beam", "dvts", "lookahead", "rebase", "revisions", "larger")


def tables(problems: int, budgets=BUDGETS, probes=PROBES, bins=BINS) -> dict[str, pl.DataFrame]:
    """The tables `hybrid`, `hybrid_choices` and `hybrid_break_even` of so many questions and bins."""
    summary, choices, even = [], [], []
    for selection, level in (("majority", 0.4), ("best_of_n_weighted", 0.45), ("any", 0.45)):
        rules = [
            (rule, "none", 0, gain)
            for rule, gain in FREE.items()
            if (rule == "uniform") != (selection == "any")
        ]
        if selection != "any":
            rules += [
                (rule, form, probe, gain + more)
                for rule, gain in LOOKING.items()
                for form, more in FORMS.items()
                for probe in probes
            ]
        for rule, form, probe, gain in rules:
            key = {"selection": selection, "rule": rule, "form": form, "probe": probe}
            for budget in budgets:
                if budget >= probe:
                    own = gain * (1 - probe / (2 * budget))
                    summary.append(key | {"budget": budget} | _numbers(budget, level, own, problems))
                    choices += [key | {"budget": budget} | each for each in _choices(budget, bins, problems)]
            if probe:
                pays = {"break_even": 2.0 * probe, "break_even_fixed": None if probe == 8 else 4.0 * probe}
                even.append(key | pays | {"best_budget": budgets[-1], "best_gain": gain})
    built = ((HYBRID, summary), (HYBRID_CHOICES, choices), (HYBRID_BREAK_EVEN, even))
    return {
        table.name: table.check(pl.DataFrame(rows, schema=table.dtypes, infer_schema_length=None), "t")
        for table, rows in built
    }


def _numbers(budget: int, level: float, gain: float, problems: int) -> dict:
    accuracy = level - 0.1 + 0.04 * np.log2(budget) + gain
    numbers = {"unit": "flops", "accuracy": accuracy, "low": accuracy - 0.03, "high": accuracy + 0.03}
    numbers |= {"generations": 0.8 * budget, "tokens": 9.0 * budget, "verifier_tokens": 20.0 * budget}
    numbers |= {"flops": 2e6 * budget, "cost": float(budget), "bound": "equal", "problems": problems}
    measures = {"gain": gain, "gain_fixed": gain - 0.03, "gain_samples": gain - 0.02, "regret": 0.25 - gain}
    for name, value in (measures | {"saving": 1 + 20 * abs(gain)}).items():
        numbers |= {name: value, f"{name}_low": max(value - 0.01, -1.0), f"{name}_high": value + 0.01}
    return numbers


def _choices(budget: int, bins: int, problems: int) -> list[dict]:
    rows = []
    for kind, numbers in (("none", [0]), ("oracle", range(1, bins + 1)), ("predicted", range(1, bins + 1))):
        for number in numbers:
            weights = np.array([4.0, 2.0, 1 + number, 0.5, 0.2, 0.5, 1.0, number * np.log2(budget) / 2])
            weights[0] /= np.log2(budget)
            inside = problems if kind == "none" else max(1, problems // bins)
            for name, share in zip(KINDS, weights / weights.sum(), strict=True):
                rows.append({"bins": kind, "bin": number, "kind": name, "share": share, "problems": inside})
    return rows
