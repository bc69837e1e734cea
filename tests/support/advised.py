"""Tables of what to do with a budget, written by hand, for the tests of what the report says of them."""

import polars as pl

from ttc.tables.advice import ADVICE, CHEAPEST

ONE = {
    "bins": "none", "bin": 0, "budget": 1, "strategy": "pass_at_1", "selection": "none", "accuracy": 0.312, "low": 0.27,
    "high": 0.354, "tokens": 45.0, "flops": 1.2e8, "times": 1.0, "questions": 300, "samples": 76_800,
}  # fmt: skip


def row(budget, strategy, accuracy, gains, **changes):
    """A row of `advice`; gains: {reference: (gain, low, high)}."""
    found = dict(
        ONE, budget=budget, strategy=strategy, accuracy=accuracy, low=accuracy - 0.04, high=accuracy + 0.04
    )
    found |= {"times": 2.0 * budget, "flops": 2.4e8 * budget, "agreement": 0.9, "detectable": 0.021}
    for name, (gain, low, high) in gains.items():
        found |= {f"gain_{name}": gain, f"gain_{name}_low": low, f"gain_{name}_high": high}
    return found | changes


def cheapest(accuracy, way, strategy, generations, **changes):
    """A row of `cheapest`."""
    found = {"accuracy": accuracy, "way": way, "strategy": strategy, "generations": generations}
    found |= {"low": generations / 2, "high": generations * 2, "tokens": None, "flops": None, "times": None}
    return found | changes


def table(rows, schema=ADVICE):
    """The rows as the table."""
    return schema.check(
        pl.DataFrame([dict.fromkeys(schema.columns) | each for each in rows], schema=schema.dtypes), "t"
    )


def tables(rows, ways=(), **more):
    """Published tables by name."""
    return {"advice": table([ONE, *rows]), "cheapest": table(ways, CHEAPEST)} | more
