"""Tables of stopping rules on drawn questions, for `synthetic_ablations`.  Nothing here is measured on a model."""

import numpy as np
import polars as pl

from tests.support.stopping_cases import drawn
from ttc.stopping.measure import Measurement, Options
from ttc.tables.stopping import STOPPING, STOPPING_CURVES

OPTIONS = Options(
    seed=0,
    rules=None,
    budgets=[4, 16],
    orders=8,
    folds=4,
    bootstrap=20,
    loss=0.01,
    confidence=0.95,
    policy=100,
    verifier=30,
)


def tables() -> dict[str, pl.DataFrame]:
    """The tables `stopping` and `stopping_curves` of every rule."""
    random = np.random.default_rng(0)
    questions = [drawn(rate, 16, random, f"p{index:02}") for index, rate in enumerate(np.linspace(0, 1, 12))]
    measured = Measurement(questions, OPTIONS)
    built = ((STOPPING, measured.tables()[0]), (STOPPING_CURVES, list(measured.curves())))
    return {
        table.name: table.check(pl.DataFrame(rows, schema=table.dtypes, orient="row"), "t")
        for table, rows in built
    }
