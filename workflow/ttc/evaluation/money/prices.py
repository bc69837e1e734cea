"""Money: what tokens cost that models read and write, by a study's prices."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ttc.evaluation.pool import Pool
from ttc.tables.generation import PROMPTS

MILLION = 1e6


class Price(NamedTuple):
    """What a million tokens cost, read and written."""

    read: float
    decoded: float

    def of(self, read: float | np.ndarray, decoded: float | np.ndarray) -> float | np.ndarray:
        """What tokens cost; NaN, unknown, where their number is not known, unless they cost nothing."""
        return (_times(read, self.read) + _times(decoded, self.decoded)) / MILLION


def _times(tokens: float | np.ndarray, price: float) -> float | np.ndarray:
    return tokens * price if price else np.zeros_like(tokens, dtype=np.float64)[()]


def prices_of(spec: Mapping[str, list[float]] | None) -> dict[str, Price]:
    """Prices of models by role, from a specification: {role: [read, decoded]}; none where it has none."""
    return {role: Price(*given) for role, given in (spec or {}).items()}


def prompts_of(paths: list[Path]) -> dict[str, float]:
    """Tokens of the prompt of each problem, of a policy whose tokenizer is here; none without tables."""
    return dict(PROMPTS.read(paths, ["tokens"]).select("problem_id", "tokens").iter_rows()) if paths else {}


def prompted(pool: Pool, prompts: Mapping[str, float]) -> Pool:
    """A pool that knows how long its prompt is."""
    return replace(pool, prompt=float(prompts[pool.problem_id])) if pool.problem_id in prompts else pool
