"""Two studies whose difference is known: how often the band holds all of it, and how often tests claim what is not."""

import numpy as np
import polars as pl

from ttc.evaluation.paired import Cells, differences, draws
from ttc.noise import generator

# Strategies · budgets of a study, and the largest true difference among them in log odds
CELLS = 24
LARGEST = 0.6
# Spread of questions in log odds
SPREAD = 2.0
KINDS = ("0/1", "fractions", "clusters of 4")
# Choices of signs of a test: of a whole comparison there are more
TRIES = 999
# Samples that an outcome is the mean of, where it is a fraction
POOLED = 8


def _rates(abilities: np.ndarray, effects: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(abilities[:, None] + effects)))


def truth(effects: np.ndarray) -> np.ndarray:
    """True differences of accuracy (cells,) over all questions there are, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    gaps = _rates(SPREAD * nodes, effects) - _rates(SPREAD * nodes, np.zeros_like(effects))
    return weights @ gaps / weights.sum()


def study(kind: str, questions: int, effects: np.ndarray, random: np.random.Generator) -> Cells:
    """Outcomes of two studies; those of one question hang together over cells, as of one pool at several budgets."""
    clusters = np.arange(questions) // (4 if kind.startswith("clusters") else 1)
    abilities = SPREAD * random.normal(size=clusters[-1] + 1)[clusters]
    sides = []
    for rates in (_rates(abilities, np.zeros_like(effects)), _rates(abilities, effects)):
        samples = POOLED if kind == "fractions" else 1
        shared = random.random((samples, questions, 1))
        own = random.random((samples, questions, len(effects)))
        luck = np.where(random.random(own.shape) < 0.5, shared, own)
        sides.append((luck < rates).mean(axis=0))
    keys = [("search", f"s{cell}", "majority", "none", 1) for cell in range(len(effects))]
    return Cells([f"q{place}" for place in range(questions)], clusters, keys, *sides)


def found(kind: str, questions: int, effects: np.ndarray, number: int, replicates: int = 500) -> pl.DataFrame:
    """The table `differences` of one pair of studies, in the order of `effects`."""
    cells = study(kind, questions, effects, generator(number, "versus", kind, questions))
    table, _ = differences(cells, draws(cells.clusters, replicates, number), number, tries=TRIES)
    order = {key[1]: place for place, key in enumerate(cells.keys)}
    return table.sort(pl.col("strategy").replace_strict(order))


def coverage(kind: str, questions: int, studies: int) -> tuple[float, float, float]:
    """Shares of studies whose band, and whose 24 plain intervals, hold all truths; and the band's mean half width."""
    effects = np.linspace(0, LARGEST, CELLS)
    true = truth(effects)
    held, plain, width = 0, 0, 0.0
    for number in range(studies):
        table = found(kind, questions, effects, number)
        low, high, band_low, band_high = (
            table[name].to_numpy() for name in ("low", "high", "band_low", "band_high")
        )
        held += bool(((band_low <= true) & (true <= band_high)).all())
        plain += bool(((low <= true) & (true <= high)).all())
        width += float((band_high - band_low).mean()) / 2
    return held / studies, plain / studies, width / studies


def level(kind: str, questions: int, studies: int) -> tuple[float, float, float]:
    """Of studies without any difference, the shares with one p of at most .05: of the first row, of any, adjusted."""
    one = plain = adjusted = 0
    for number in range(studies):
        table = found(kind, questions, np.zeros(CELLS), number, 50)
        one += bool(table["p"][0] <= 0.05)
        plain += bool((table["p"] <= 0.05).any())
        adjusted += bool((table["p_adjusted"] <= 0.05).any())
    return one / studies, plain / studies, adjusted / studies
