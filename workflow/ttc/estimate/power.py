"""Power of a study before it runs, and luck that bins and outcomes share: sentences about questions and samples."""

from collections.abc import Iterator

from ttc.evaluation.difficulty import shared_luck
from ttc.statistics.power import POWER, TYPICAL_SD, difference_found, questions_needed
from ttc.study.plan import Plan

POINTS = (2, 5)


def sentences(plan: Plan) -> Iterator[str]:
    """Sentences about the questions and samples of a plan; none where a pool's files have yet to tell."""
    blocks = [
        artifact.spec
        for difficulty in plan.of("measure_difficulty")[:1]
        for artifact in difficulty.inputs.get("samples", [])
        if "samples" in getattr(artifact, "spec", {})
    ]
    if not blocks:
        return
    count = len({index for spec in blocks for index in range(*spec["problems"])})
    bins = plan.configuration.difficulty.bins
    needed = " and ".join(f"{points} points {questions_needed(points / 100):,.0f}" for points in POINTS)
    yield (
        f"Power: {count:,} questions find a true paired difference of {100 * difference_found(count):.1f} points with "
        f"probability {100 * POWER:.0f} % at a level of 5 %, one of {bins} difficulty bins one of "
        f"{100 * difference_found(count / bins):.1f}; {needed} questions (a question's difference has a standard "
        f"deviation of {TYPICAL_SD:g} in the default study; many claims need more)."
    )
    if warning := shared_luck(
        plan.configuration.difficulty.samples, min(spec["samples"][1] for spec in blocks)
    ):
        yield f"{warning[0].upper()}{warning[1:]}."
