"""The estimate of a study for people: a line for each stage, what is there, what is to do, and what was assumed."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ttc.estimate import power
from ttc.estimate.counts import Assumptions, Work, expected
from ttc.estimate.measured import assumed, is_made, measure, stood_in, used
from ttc.estimate.published import sizes
from ttc.estimate.rates import START, Rates, benchmark, engine, size_of, stated_rates
from ttc.estimate.sizes import flops
from ttc.study.artifact import Artifact, Part
from ttc.study.jobs import ASKED, READ, gpus_of
from ttc.study.plan import Plan
from ttc.study.sections.configuration import POOL
from ttc.study.sections.running import SERVED

BENCHMARKS = Path("results/benchmarks")
WRITING = (*ASKED, "search")  # stages for which a server writes
# Letters in a line of a long sentence
COLUMNS = 118


@dataclass(frozen=True)
class Job:
    """One artifact: what making it does, or did if it is `made`."""

    artifact: Artifact
    made: bool
    work: Work
    flops: float
    seconds: float
    timed: bool  # `seconds` come from this job or finished ones of its kind
    bytes: float
    stood_in: bool = False  # it was adopted without its content, and nothing that is to run needs more of it


def jobs(plan: Plan, root: Path = Path(), measuring: bool = True) -> tuple[list[Job], Rates, list[str]]:
    """Every job of a plan, the rates they were timed by, and sentences about what was measured.

    Without `measuring` nothing under `root` is looked at: the estimate of a study that nothing is known of.
    """
    known, sentences = measure(plan, root) if measuring else (assumed(plan), [])
    there = root if measuring else None
    rates = Rates(
        {name: stated_rates(plan, name) for name in START}, sizes(plan, there), sizes(plan, there, True)
    )
    made: dict[Artifact, Job] = {}
    for artifact in plan.artifacts if measuring else ():
        if is_made(artifact, root):
            made[artifact] = _finished(artifact, known, rates, root)
    adopted = stood_in(plan, root) if measuring else set()
    every = []
    for artifact in plan.artifacts:
        if artifact in made:
            every.append(made[artifact])
            continue
        work = expected(artifact, known)
        arithmetic = flops(artifact, work, rates.fetched)
        seconds, timed = rates.seconds(artifact, arithmetic, gpus_of(plan.configuration, artifact.stage))
        kept = artifact in adopted
        size = 0.0 if kept else rates.bytes(artifact, work)
        every.append(Job(artifact, kept, work, sum(arithmetic.values()), seconds, timed, size, kept))
    return every, rates, sentences


def _finished(artifact: Artifact, known: Assumptions, rates: Rates, root: Path) -> Job:
    work = used(artifact, known, root) or expected(artifact, known)
    arithmetic = flops(artifact, work, rates.fetched)
    total, size = sum(arithmetic.values()), size_of(artifact, root)
    seconds = benchmark(artifact, root / BENCHMARKS)
    rates.learn(artifact, work, total, seconds, size)
    took = seconds if seconds is not None else rates.seconds(artifact, arithmetic)[0]
    return Job(artifact, True, work, total, took, seconds is not None, size)


def longest_chain(every: Iterable[Job]) -> float:
    """Seconds of the longest chain of jobs that wait for each other, of those that are to run."""
    ends: dict[Artifact, float] = {}
    for job in every:  # inputs come first in a plan
        inputs = (
            each.artifact if isinstance(each, Part) else each
            for given in job.artifact.inputs.values()
            for each in given
        )
        begin = max((ends.get(each, 0.0) for each in inputs), default=0.0)
        ends[job.artifact] = begin + (0.0 if job.made else job.seconds)
    return max(ends.values(), default=0.0)


def text(plan: Plan, root: Path = Path(), measuring: bool = True) -> str:
    """The table, the totals and the assumptions, as plain lines."""
    every, rates, sentences = jobs(plan, root, measuring)
    gpus = any(gpus_of(plan.configuration, stage) for stage in plan.stages)
    lines = [_head(gpus)]
    for stage in plan.stages:
        lines.append(_line(stage, [job for job in every if job.artifact.stage == stage], plan, gpus))
    to_do = [job for job in every if not job.made]
    lines += [_line("all", every, plan, gpus), _line("there", [job for job in every if job.made], plan, gpus)]
    lines += [_line("to run", to_do, plan, gpus), ""]
    lines.append(
        f"Of the jobs that are to run the longest chain that wait for each other takes {_hours(longest_chain(every))}"
        " h: no number of machines makes the study faster."
    )
    lines += ["", *_notes(plan, every, rates, sentences)]
    lines += [line for sentence in prices(plan, every) for line in textwrap.wrap(sentence, COLUMNS)]
    lines += [line for sentence in power.sentences(plan) for line in textwrap.wrap(sentence, COLUMNS)]
    lines += plan.told
    return "\n".join(line.rstrip() for line in lines)


def _head(gpus: bool) -> str:
    names = ("jobs", "there", "generations", "decoded", "read", "learnt", "FLOPs", "core-h")
    names += ("GPU-h", "disk") if gpus else ("disk",)
    return f"{'stage':<20}" + "".join(f"{name:>{_width(name)}}" for name in names) + "  time from"


def _width(name: str) -> int:
    return max(8, len(name) + 2)


def _line(name: str, chosen: list[Job], plan: Plan, gpus: bool) -> str:
    works = [job.work for job in chosen]
    values = {
        "jobs": str(len(chosen)),
        "there": str(sum(job.made for job in chosen)),
        "generations": short(sum(work.generations for work in works)),
        "decoded": short(sum(work.decoded for work in works)),
        "read": short(sum(work.prompted + work.verified for work in works)),
        "learnt": short(sum(work.trained for work in works)),
        "FLOPs": short(sum(job.flops for job in chosen)),
        "core-h": _hours(
            sum(
                0
                if gpus_of(plan.configuration, job.artifact.stage)
                else job.seconds * plan.configuration.runtime.threads
                for job in chosen
            )
        ),
        "GPU-h": _hours(sum(job.seconds * gpus_of(plan.configuration, job.artifact.stage) for job in chosen)),
        "disk": _bytes(sum(job.bytes for job in chosen)),
    }
    if not gpus:
        del values["GPU-h"]
    timed = {job.timed for job in chosen}
    source = {(): "", (True,): "benchmarks", (False,): "stated rates"}.get(tuple(timed), "both")
    cells = "".join(f"{value:>{_width(column)}}" for column, value in values.items())
    return f"{name:<20}{cells}  {source}"


def short(number: float) -> str:
    """A number in three digits with the prefix of its thousands, such as 1.23M; `-` for none."""
    if not number:
        return "-"
    prefixes = iter("kMGTPEZYRQ")
    prefix = ""
    while number >= 999.5:
        number, prefix = number / 1000, next(prefixes)
    return f"{number:.3g}{prefix}"


def _bytes(number: float) -> str:
    return f"{short(number)}B" if number else "-"


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.3f}" if hours < 10 else f"{hours:,.0f}"


def _notes(plan: Plan, every: list[Job], rates: Rates, sentences: list[str]) -> list[str]:
    """What the numbers mean, what was assumed and what was measured."""
    lines = [
        "decoded, read, learnt: tokens; of equal solutions each is counted, though a stage computes them once.",
        "FLOPs: 2·N a token decoded or read, 6·N a token learnt from; N: all parameters of a model, tied ones once.",
        "`benchmarks`: by the files in results/benchmarks of finished jobs of the same stage and size of model.",
        *_stated(plan, rates),
    ]
    if adopted := sum(job.stood_in for job in every):
        lines.append(
            f"{adopted} of the jobs that are there were adopted without their content: their work is estimated."
        )
    if plan.configuration.origin == POOL:
        return [*lines, "The study reads completions of others: no model runs."]
    if any(job.made for job in every):
        lines.append("What is there has its real tokens, seconds and bytes.")
    lines += [f"Measured: {sentence}." for sentence in sentences]
    return lines + [f"Assumed: {sentence}." for sentence in _assumed(plan, sentences)]


def _stated(plan: Plan, rates: Rates) -> Iterator[str]:
    """The stated rates of each engine that generates or reads something."""
    engines = sorted({engine(each) for each in plan.artifacts} - {SERVED})
    for name in engines:
        stated, of = rates.stated[name], f" of {name}" if engines != ["transformers"] else ""
        yield (
            f"`stated rates`{of} (runtime.rates): decode {stated['decode']:.2g}, read {stated['read']:.2g}, train"
            f" {stated['train']:.2g} FLOP/s, and {stated['start']:g} s for a job to start."
        )


def prices(plan: Plan, every: list[Job]) -> Iterator[str]:
    """Of each model behind a server, the tokens that are asked of it, and what they cost where there is a price."""
    configuration = plan.configuration
    verifiers = {f"{name}.checkpoint": each for name, each in configuration.asked_verifiers.items()}
    for section, served in [*configuration.served.items(), *verifiers.items()]:
        stages = READ if section in verifiers else WRITING
        asked = [job for job in every if job.artifact.stage in stages and _asks(job.artifact, served.model)]
        said = []
        for jobs_of in (asked, [job for job in asked if not job.made]):
            # A verifier that is here reads what a search by a served policy makes, and nobody bills that
            verified = sum(job.work.verified for job in jobs_of) if section in verifiers else 0
            read = sum(job.work.prompted for job in jobs_of) + verified
            decoded = sum(job.work.decoded for job in jobs_of)
            cost = ""
            if (price := served.price) is not None:
                money = (read * price.read + decoded * price.decoded) / 1e6
                cost = f", {money:,.2f} {price.currency}"
            said.append(f"{short(read)} tokens read and {short(decoded)} decoded{cost}")
        prices = "" if served.price else f"; with {section}.served.price the plan says what they cost"
        yield (
            f"Asked of {served.model}, which is behind a server: {said[0]}; of these to run {said[1]}{prices}.  Tries "
            "that fail may be billed, too; how long it takes the plan does not know."
        )


def _asks(artifact: Artifact, model: str) -> bool:
    role = "verifier" if artifact.stage in READ else "reviser" if artifact.stage == "revise" else "policy"
    return artifact.inputs[role][0].spec.get("served") == model


def _assumed(plan: Plan, sentences: list[str]) -> list[str]:
    """The assumptions that no measurement has replaced; each is known by words of the sentence that would."""
    said = " ".join(sentences)
    assumptions = assumed(plan).questions.assumed | {
        "training samples": "every training sample has an answer; pass rates of questions are uniform in [0, 1]",
        "trajectories": "no question lacks incorrect answers to put before a correct one",
    }
    return [text for word, text in assumptions.items() if word not in said] + [
        "the beams of a question end in the same round",
    ]
