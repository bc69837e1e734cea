"""Strategies and options of search, in all combinations that there are."""

from ttc.search.options import Options
from ttc.search.strategy import Strategy

STRATEGIES = [
    Strategy("beam", 1),
    Strategy("beam", 2),
    Strategy("beam", "sqrt"),
    Strategy("lookahead", 2, 2),
    Strategy("dvts", 2),
    Strategy("rebase", temperature=0.2),
]
OPTIONS = [Options(f, d) for f in ("shrink", "keep", "refill") for d in ("keep", "drop")]
WAYS = [
    (strategy, options)
    for strategy in STRATEGIES
    for options in OPTIONS
    if strategy.declaration["finished"] in (None, options.finished)
]
