"""Test-time compute against parameters at equal FLOPs, by both versions' formulas (paper §7, figure 9; †8)."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ttc.paper.claim import Claim, Measure, Settings
from ttc.paper.measures import in_bins
from ttc.tables.study import NotMeasured, Study

NAMES = {"v1": "v1", "camera_ready": "camera-ready"}
RATIOS = {"v1": "R = 0.16, 0.79, 22; v1", "camera_ready": "R = 0.08, 0.40, 11, verifier charged; †"}


def exchange(
    study: Study, settings: Settings, family: str, version: str, bins: Sequence[int], smallest: bool
) -> Measure:
    """Small minus larger policy at the smallest or largest R of one formula, mean over oracle `bins`; -1: the hardest.

    Bins hold different questions, so the ends of their intervals are combined in quadrature.
    """
    rows = study.exchange(family, version=version).filter(version=version)
    if rows.is_empty():
        raise NotMeasured(f"{family} was not compared by the formula of {NAMES[version]}")
    last = int(rows["bin"].max())
    wanted = [last if index == -1 else index for index in bins]
    ratio = rows["ratio"].min() if smallest else rows["ratio"].max()
    rows = rows.filter(rows["bin"].is_in(wanted), ratio=ratio)
    if len(rows) < len(wanted):
        raise NotMeasured(f"{family} has no FLOPs-matched comparison in {in_bins(bins)}")
    mean, low, high = (rows[name].to_numpy() for name in ("difference", "difference_low", "difference_high"))
    value = float(mean.mean())
    below, above = (float(np.sqrt(np.square(end - mean).sum()) / len(mean)) for end in (low, high))
    clipped = ", cut to the largest measured" if rows["clipped"].any() else ""
    detail = (
        f"small minus larger policy, {in_bins(bins)}, R = {ratio:g}, factor {rows['multiplier'][0]:.2f}: "
        f"{rows['budget'][0]:.1f} generations{clipped}"
    )
    return Measure(value, value - below, value + above, detail)


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
            "exchange",
            side,
        )
        for name, text, paper, side, bins, smallest in parts
    )


TOPIC = "7 Test-time compute against parameters"
CLAIMS = tuple(
    claim for version in NAMES for family in ("search", "revisions") for claim in _claims(family, version)
)
