"""The paper's claims beside our numbers: one row of the table `findings` per claim, verdicts computed from tables.

What is written here by hand is what the paper says (Snell et al. 2024, arXiv 2408.03314 v1; † marks the camera-ready,
[figure reading] a number read off a figure), the threshold that decides, and which claims are primary; every number of
ours is measured.  `ttc.paper.verdicts` says what a verdict needs.  Rows that the paper does not have are marked as ours
and have no verdict.  One module of `ttc.paper.claims` a topic.
"""

from dataclasses import replace

import polars as pl

from ttc import plugins
from ttc.noise import generator
from ttc.paper import claims
from ttc.paper.claim import Claim, Measure, Settings
from ttc.paper.measures import noted
from ttc.paper.verdicts import FAMILIES, adjusted, equivalence, p_value, verdict
from ttc.tables.publication import FINDINGS
from ttc.tables.study import NotMeasured, Study


def _by_topic() -> dict[str, tuple[Claim, ...]]:
    """The claims of every module of `ttc.paper.claims`, in the order of the numbers that their topics begin with."""
    modules = [plugins.load(claims.__name__, name) for name in plugins.names(claims.__name__)]
    modules.sort(key=lambda module: int(module.TOPIC.split()[0]))
    return {module.TOPIC: module.CLAIMS for module in modules}


TOPICS: dict[str, tuple[Claim, ...]] = _by_topic()
CLAIMS: tuple[Claim, ...] = tuple(claim for topic in TOPICS.values() for claim in topic)


def find(study: Study, settings: Settings) -> pl.DataFrame:
    """The table `findings`: a row for every claim, measured or not, in the order of the report."""
    found = [_measured(claim, study, settings) for claim in CLAIMS]
    same = _same(found)
    p = [
        p_value(each, claim, generator(settings.seed, "findings", "p", claim.name))
        for claim, each in zip(CLAIMS, found, strict=True)
    ]
    equal = [
        equivalence(each, claim, generator(settings.seed, "findings", "equal", claim.name))
        for claim, each in zip(CLAIMS, found, strict=True)
    ]
    # A claim about the number of an earlier one belongs where that one does
    counted = [claim if first is None else CLAIMS[first] for claim, first in zip(CLAIMS, same, strict=True)]
    families = [
        None if each is None else FAMILIES[claim.primary] for claim, each in zip(counted, p, strict=True)
    ]
    corrected, corrected_equal = adjusted(p, families, same), adjusted(equal, families, same)
    topics = [topic for topic, claims_of in TOPICS.items() for _ in claims_of]
    rows = [
        _row(claim, topics[place], place + 1, found[place])
        | {
            "family": families[place],
            "p": p[place],
            "p_adjusted": corrected[place],
            "p_equal": corrected_equal[place],
            "same_as": None if same[place] is None else CLAIMS[same[place]].name,
            "verdict": verdict(found[place], claim, corrected[place], corrected_equal[place]),
        }
        for place, claim in enumerate(CLAIMS)
    ]
    return pl.DataFrame(rows, schema=FINDINGS.dtypes)


def _measured(claim: Claim, study: Study, settings: Settings) -> Measure:
    try:
        found = noted(claim.measure(study, settings), claim.warning(settings))
    except NotMeasured as reason:
        return Measure(None, None, None, f"not measured: {reason}")
    # far below what any table resolves; a rounding error must not count as a difference
    ends = {name: _rounded(getattr(found, name)) for name in ("value", "low", "high")}
    return replace(found, **ends)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 9) + 0.0


def _same(found: list[Measure]) -> list[int | None]:
    """The place of an earlier claim about the very same number, of each claim."""
    places: dict[tuple, int] = {}
    first = []
    for place, (claim, each) in enumerate(zip(CLAIMS, found, strict=True)):
        number = None if each.same is None else (each.same, claim.side, claim.threshold)
        first.append(None if number is None else places.get(number))
        if number is not None:
            places.setdefault(number, place)
    return first


def _row(claim: Claim, topic: str, number: int, found: Measure) -> dict:
    values = None if found.tested is None else found.tested.values
    return {
        "claim": claim.name,
        "number": number,
        "topic": topic,
        "text": claim.text,
        "origin": "ours" if claim.ours else "paper",
        "paper": claim.paper,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "bound": found.bound,
        "questions": found.questions,
        "sd": None if values is None or len(values) < 2 else float(values.std(ddof=1)),
        "side": claim.side,
        "threshold": None if claim.side == "none" else claim.threshold,
        "source": claim.source,
        "detail": found.detail,
    }
