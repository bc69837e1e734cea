"""Invented tables of budgets spread across questions, for `synthetic_ablations`.  Nothing here is measured."""

import numpy as np
import polars as pl

from ttc.tables.spending import BREAK_EVEN, SPENDING, SPENT

BUDGETS, PROBES = (2, 4, 8, 16, 32, 64), (1, 2, 4, 8)
GAINS = {"uniform": 0.0, "best_fixed": 0.005, "known_difficulty": 0.02, "oracle": 0.08}
PROBED = {"batch": 0.01, "price": 0.01, "price_by_steps": 0.03}


def tables(difficulty: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables `spending`, `spent` and `break_even` of the questions of the table `difficulty`."""
    spending, spent, even = [], [], []
    easy = (difficulty["oracle_bin"] < 3).to_numpy()
    names = difficulty["problem_id"].to_list()
    for selection, level in (("majority", 0.4), ("best_of_n_weighted", 0.45)):
        rules = [(rule, 0, gain) for rule, gain in GAINS.items()]
        rules += [(rule, probe, gain) for rule, gain in PROBED.items() for probe in PROBES]
        for rule, probe, most in rules:
            for budget in BUDGETS:
                if budget < probe:
                    continue
                gain = most * (1 if not probe else 1 - probe / budget) - 0.004 * (rule == "batch")
                row = {"selection": selection, "rule": rule, "probe": probe, "budget": budget}
                spending.append(row | _numbers(budget, level + 0.05 * np.log2(budget), gain, len(names)))
                shift = 0.5 * budget * (gain != 0)
                for name, simple in zip(names, easy, strict=True):
                    got = budget + (-shift if simple else shift)
                    cost = {"generations": got, "tokens": 9.0 * got, "verifier_tokens": 0.0, "flops": None}
                    spent.append(row | {"problem_id": name, "correct": 0.5} | cost)
            if rule != "uniform":
                pays = {
                    "break_even": None if probe == 8 else 2.0 * max(probe, 1),
                    "best_budget": 16,
                    "best_gain": most,
                }
                even.append({"selection": selection, "rule": rule, "probe": probe} | pays)
    built = ((SPENDING, spending), (SPENT, spent), (BREAK_EVEN, even))
    return {
        table.name: table.check(pl.DataFrame(rows, schema=table.dtypes, infer_schema_length=None), "t")
        for table, rows in built
    }


def _numbers(budget: int, uniform: float, gain: float, problems: int) -> dict:
    accuracy = uniform + gain
    numbers = {"accuracy": accuracy, "low": accuracy - 0.03, "high": accuracy + 0.03, "problems": problems}
    numbers |= {
        "generations": float(budget),
        "tokens": 9.0 * budget,
        "verifier_tokens": 0.0,
        "flops": 2e3 * budget,
    }
    for place, unit in enumerate(("generations", "tokens", "flops")):
        there = gain - 0.004 * place * (gain != 0)
        saving = 1 + 20 * there
        numbers |= {
            f"gain_{unit}": there,
            f"gain_{unit}_low": there - 0.01,
            f"gain_{unit}_high": there + 0.01,
        }
        numbers |= {
            f"saving_{unit}": saving,
            f"saving_{unit}_low": saving / 1.2,
            f"saving_{unit}_high": saving * 1.2,
        }
    return numbers | {"bound": "equal"}
