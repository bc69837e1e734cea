"""The paper's claims beside our numbers: one row of the table `findings` per claim, verdicts computed from tables.

What is written here by hand is what the paper says (Snell et al. 2024, arXiv 2408.03314 v1; † marks the camera-ready,
[figure reading] a number read off a figure), and the threshold that decides; every number of ours is measured.
A claim is reproduced where the whole 95 % interval lies on the claimed side of the threshold, not reproduced where
it lies on the other side, undecided where it straddles, and not measured where the study lacks the data.  Rows that
the paper does not have are marked as ours and have no verdict.  One module of `ttc.paper.claims` a topic.
"""

import polars as pl

from ttc import plugins
from ttc.paper import claims
from ttc.paper.claim import Claim, Measure, Settings, verdict
from ttc.paper.measures import noted
from ttc.tables.study import NotMeasured, Study


def _by_topic() -> dict[str, tuple[Claim, ...]]:
    """The claims of every module of `ttc.paper.claims`, in the order of the numbers that their topics begin with."""
    modules = [plugins.load(claims.__name__, name) for name in plugins.names(claims.__name__)]
    modules.sort(key=lambda module: int(module.TOPIC.split()[0]))
    return {module.TOPIC: module.CLAIMS for module in modules}


TOPICS: dict[str, tuple[Claim, ...]] = _by_topic()
CLAIMS: tuple[Claim, ...] = tuple(claim for topic in TOPICS.values() for claim in topic)

_TYPES = {
    "claim": pl.String,
    "number": pl.Int32,
    "topic": pl.String,
    "text": pl.String,
    "origin": pl.String,
    "paper": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "side": pl.String,
    "threshold": pl.Float64,
    "verdict": pl.String,
    "source": pl.String,
    "detail": pl.String,
}


def find(study: Study, settings: Settings) -> pl.DataFrame:
    """The table `findings`: a row for every claim, measured or not, in the order of the report."""
    rows = []
    for topic, its_claims in TOPICS.items():
        rows += [
            _row(claim, topic, number, study, settings)
            for number, claim in enumerate(its_claims, start=len(rows) + 1)
        ]
    return pl.DataFrame(rows, schema=_TYPES)


def _row(claim: Claim, topic: str, number: int, study: Study, settings: Settings) -> dict:
    try:
        found = noted(claim.measure(study, settings), claim.warning(settings))
    except NotMeasured as reason:
        found = Measure(None, None, None, f"not measured: {reason}")
    # far below what any table resolves; a rounding error must not count as a difference
    value, low, high = (None if x is None else round(x, 9) for x in (found.value, found.low, found.high))
    return {
        "claim": claim.name,
        "number": number,
        "topic": topic,
        "text": claim.text,
        "origin": "ours" if claim.ours else "paper",
        "paper": claim.paper,
        "value": value,
        "low": low,
        "high": high,
        "side": claim.side,
        "threshold": None if claim.side == "none" else claim.threshold,
        "verdict": verdict(value, low, high, claim.threshold, claim.side),
        "source": claim.source,
        "detail": found.detail,
    }
