"""The work of finished jobs, from their tables, and what it says about those to come."""

from dataclasses import replace
from pathlib import Path

from ttc.errors import InputError
from ttc.estimate.counts import STAGES, Assumptions, Work, expected
from ttc.estimate.lengths import Lengths, Questions
from ttc.estimate.published import RealQuestions
from ttc.models.card import read_card
from ttc.store.beside import sidecar_path
from ttc.store.sidecars import read as read_record
from ttc.study.artifact import Artifact
from ttc.study.plan import Plan
from ttc.study.sections.configuration import PUBLISHED
from ttc.study.sections.running import SERVED
from ttc.study.waiting import to_run

SAMPLES = 200  # tables of samples that are read at most: enough to know what solutions are like


def is_made(artifact: Artifact, root: Path) -> bool:
    """Whether everything that an artifact consists of exists."""
    return all((root / path).exists() for path in artifact.outputs)


def stood_in(plan: Plan, root: Path) -> set[Artifact]:
    """The artifacts that were adopted without all of their content, and of which nothing that is to run needs more."""
    recorded = {
        each
        for each in plan.artifacts
        if sidecar_path(root / each.path).is_file() and not is_made(each, root)
    }
    return recorded.difference(to_run(plan, root)[0]) if recorded else recorded


def assumed(plan: Plan) -> Assumptions:
    """The assumptions about a study of which nothing is known but its plan."""
    if plan.configuration.origin == PUBLISHED:
        return Assumptions(RealQuestions.of(plan))
    return Assumptions(Questions(plan.configuration.task.model_dump()))


def measure(plan: Plan, root: Path) -> tuple[Assumptions, list[str]]:
    """The assumptions with what the tables under `root` say instead, and a sentence about each."""
    known, sentences = assumed(plan), []
    for artifact in plan.of(known.questions.told_by)[:1]:
        if is_made(artifact, root) and (frame := _table(root / artifact.path)) is not None:
            known = replace(known, questions=known.questions.learnt(frame))
            sentences.append(known.questions.told)
    sampled = [each for each in plan.of("sample") if is_made(each, root)][:SAMPLES]
    frames = [(each, frame) for each in sampled if (frame := _table(root / each.path)) is not None]
    if frames:
        temperature = plan.configuration.sampling.temperature
        known = replace(known, **_about_samples(frames, known.questions, temperature))
        names = {each.inputs["policy"][0].label: each.inputs["policy"][0].key for each, _ in frames}
        said = ", ".join(f"{label} {known.stretch[key]:.2f}" for label, key in names.items())
        usual = known.questions.usual
        sentences.append(f"tokens of solutions over those of {usual}: {said}; from tables of samples")
        if known.pass_rates is not None:
            sentences.append(
                f"of training samples {known.usable:.0%} have an answer, and {1 - known.unsolved(1):.0%} are correct:"
                " from their tables"
            )
    for artifact in plan.of("pair_revisions"):
        if is_made(artifact, root) and (frame := _table(root / artifact.path)) is not None:
            sizes = frame["context"].list.len().value_counts()
            known.trajectories[artifact.key] = dict(sizes.iter_rows())
            sentences.append(f"trajectories of {artifact.label}: from their table")
    return known, sentences


def used(artifact: Artifact, assumptions: Assumptions, root: Path) -> Work | None:
    """What a finished job did; None if it is not finished, or its tables cannot be read.

    Prompts of samples, and what rollouts read, are not in tables: they are as expected of so many.  What a server was
    asked is as it billed it.
    """
    if artifact.stage not in STAGES or not is_made(artifact, root):
        return None
    work, path = expected(artifact, assumptions), root / artifact.path
    if artifact.stage.startswith("train_"):
        try:
            return replace(work, trained=read_card(path)["training"]["tokens"])
        except (OSError, InputError, KeyError, TypeError):
            return None
    if artifact.stage == "think":
        found = _thoughts([_table(path / part) for part in artifact.parts], work)
        return None if found is None else replace(found, **_billed(artifact, path))
    frame = _table(path / "candidates.parquet" if artifact.stage == "search" else path)
    if frame is None:
        return None
    return replace(work, **_READ[artifact.stage](artifact, frame, work) | _billed(artifact, path))


def _billed(artifact: Artifact, path: Path) -> dict[str, float]:
    """What a server says that it read and wrote for a finished job, where it says it of all answers."""
    if artifact.spec.get("engine") != SERVED:
        return {}
    try:
        bill = (read_record(path) or {}).get("server", {})
    except InputError:
        return {}
    said = {"prompted": bill.get("read"), "decoded": bill.get("decoded")}
    return {name: each["tokens"] for name, each in said.items() if each and not each["unknown"]}


def _about_samples(frames: list, questions: Lengths, temperature: float) -> dict:
    """Stretch of each model; of its training samples at the study's temperature the usable share and pass rates."""
    import polars as pl

    stretch: dict[str, list[float]] = {}
    usable, rates, counted = 0, [], 0
    for artifact, frame in frames:
        spec = artifact.spec
        each = spec["samples"][1] - spec["samples"][0]
        form = each * sum(
            count * questions.solution(level)
            for level, count in questions.levels(spec["split"], *spec["problems"]).items()
        )
        sums = stretch.setdefault(artifact.inputs["policy"][0].key, [0.0, 0.0])
        sums[0], sums[1] = sums[0] + (frame["tokens"].sum() or 0), sums[1] + form
        if spec["split"] == "train" and spec["temperature"] == temperature:
            good = pl.col("answer").is_not_null() & (pl.col("finish_reason") != "length")
            usable, counted = usable + frame.select(good.sum()).item(), counted + len(frame)
            rates += frame.group_by("problem_id").agg(pl.col("correct").mean())["correct"].to_list()
    known: dict = {"stretch": {key: tokens / form for key, (tokens, form) in stretch.items()}}
    if counted:
        known |= {"usable": usable / counted, "pass_rates": tuple(rates)}
    return known


# Columns that are read, of those a table has
COLUMNS = {"problem_id", "sample_index", "split", "level", "tokens", "context_tokens", "rollouts", "step"}
COLUMNS |= {"answer", "correct", "finish_reason", "context"}
COLUMNS |= {"prompt_tokens", "generated_tokens", "verifier_tokens", "generations", "written"}


def _table(path: Path):
    """The columns of a table that something is counted by (a data frame), or None if it cannot be read."""
    import polars as pl  # a plan of which nothing is made does without

    try:
        names = pl.read_parquet_schema(path)
        return pl.read_parquet(path, columns=[name for name in names if name in COLUMNS])
    except (OSError, pl.exceptions.PolarsError):
        return None


def _samples(artifact, frame, work):
    return {"generations": len(frame), "decoded": frame["tokens"].sum() or 0, "rows": len(frame)}


def _thoughts(frames: list, work: Work) -> Work | None:
    """Samples at budgets of thought: of a thought all but the longest cut of it is not drawn again, but read."""
    if any(frame is None for frame in frames):
        return None
    rows = sum(map(len, frames))
    return replace(work, generations=rows, rows=rows)


def _step_values(artifact, frame, work):
    """Samples with equal beginnings share their rollouts, and each row shows those of all."""
    shares = frame["tokens"] * artifact.spec["rollouts"] / frame["rollouts"]
    made = artifact.spec["rollouts"] * (len(frame) - frame["step"].eq(0).sum())
    read = work.prompted * made / work.generations if work.generations else 0
    return {"generations": made, "decoded": shares.sum(), "prompted": read, "rows": len(frame)}


def _scores(artifact, frame, work):
    written = (frame["written"].sum() or 0) if "written" in frame.columns else 0
    return {"decoded": written, "verified": (frame["tokens"].sum() or 0) - written, "rows": len(frame)}


def _candidates(artifact, frame, work):
    """Bills stand on each row of a problem."""
    bills = frame.unique("problem_id")
    read = {"prompted": bills["prompt_tokens"].sum()} if "prompt_tokens" in bills.columns else {}
    return read | {
        "generations": bills["generations"].sum(),
        "decoded": bills["generated_tokens"].sum(),
        "verified": bills["verifier_tokens"].sum(),
    }


def _chains(artifact, frame, work):
    count = len(frame)
    tokens, context = frame["tokens"].sum(), frame["context_tokens"].sum()
    return {"generations": count, "decoded": tokens, "prompted": context, "rows": count}


def _rows(artifact, frame, work):
    return {"rows": len(frame)}


_READ = {
    "problems": _rows,
    "sample": _samples,
    "check_thoughts": _rows,
    "roll_out": _step_values,
    "score": _scores,
    "search": _candidates,
    "pair_revisions": _rows,
    "revise": _chains,
    "score_revisions": _scores,
}
