"""Test-time compute against parameters at equal FLOPs, by both versions' formulas (paper §7, figure 9; †8)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ttc.paper.claim import Claim, Line, Measure, Settings
from ttc.paper.measures import contrast
from ttc.paper.optimal_measures import compute_optimal
from ttc.tables.study import NotMeasured, Study

LARGER = Line("larger", "greedy", "none")
NAMES = {"v1": "v1", "camera_ready": "camera-ready"}
RATIOS = {"v1": "R = 0.16, 0.79, 22; v1", "camera_ready": "R = 0.08, 0.40, 11, verifier charged; †"}


def exchange(
    study: Study, settings: Settings, family: str, version: str, bins: Sequence[int], smallest: bool
) -> Measure:
    """Small minus larger policy at the smallest or largest R of one formula, over the questions of oracle `bins`.

    Bin -1 is the hardest.  Formulas that pay for the same generations, such as all that a study has, are one number.
    """
    rows = study.exchange(family, version=version).filter(version=version)
    if rows.is_empty():
        raise NotMeasured(f"{family} was not compared by the formula of {NAMES[version]}")
    ratio = rows["ratio"].min() if smallest else rows["ratio"].max()
    read = rows.filter(bin=0, ratio=ratio)
    if read.is_empty():
        raise NotMeasured(f"{family} has no FLOPs-matched comparison at R = {ratio:g}")
    budget, factor = read["budget"][0], read["multiplier"][0]
    clipped = ", cut to the largest measured" if read["clipped"][0] else ""
    detail = (
        f"small minus larger policy, R = {ratio:g}, factor {factor:.2f}: {budget:.1f} generations{clipped}"
    )
    terms = [(1, compute_optimal(family), [budget]), (-1, LARGER, [1])]
    found = contrast(study, settings, terms, detail, bins)
    return replace(found, same=f"{family} {budget:.9g} {list(bins)}")


def _claims(family: str, version: str) -> tuple[Claim, Claim, Claim]:
    where = f"Equal FLOPs by the {NAMES[version]} formula, {family}"
    source = f"fig. 9; {RATIOS[version]}"
    parts = (
        (
            "easy",
            "the small policy is ahead on easy and middle questions (bins 1 to 3) at the smallest R",
            f"small ahead on easy and intermediate questions where inference is small (§7, {source})",
            "above",
            [1, 2, 3],
            True,
        ),
        (
            "hard",
            "the larger policy is ahead on the hardest questions at the largest R",
            f"pretraining is more effective on the hardest questions, above all at R > 1 (§7, {source})",
            "below",
            [-1],
            False,
        ),
        (
            "hard_small_ratio",
            "the larger policy is ahead on the hardest questions even at the smallest R",
            f"on the hardest questions test-time compute gains very little (§7, {source})",
            "below",
            [-1],
            True,
        ),
    )
    suffix = family if version == "v1" else f"{family}_{version}"
    return tuple(
        Claim(
            f"exchange_{name}_{suffix}",
            f"{where}: {text}",
            paper,
            partial(exchange, family=family, version=version, bins=bins, smallest=smallest),
            "exchange, outcomes, per_question",
            side,
            primary=(family, version) == ("search", "v1") and name in ("easy", "hard"),
        )
        for name, text, paper, side, bins, smallest in parts
    )


TOPIC = "7 Test-time compute against parameters"
CLAIMS = tuple(
    claim for version in NAMES for family in ("search", "revisions") for claim in _claims(family, version)
)
