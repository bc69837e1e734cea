"""A specification of the stage `plot` for tests: few resamples, no captions filled; and figures as their files are."""

from ttc.figures import style

QUICK = {
    "formats": ["svg"],
    "dpi": 50,
    "sweep_budgets": [4, 16, 64, 256],
    "ratio_budget": 64,
    "aggregation": "last",
    "bootstrap": 50,
    "seed": 0,
    "stated": {},
}


def laid_out(drawn):
    """A figure settled, with every text and legend in the place that it has in the file; inside `style.context`."""
    style.settle(drawn).draw_without_rendering()
    return drawn
