"""A specification of the stage `plot` for tests: few resamples, no captions filled."""

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
