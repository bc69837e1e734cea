"""Import pools that somebody else sampled: check them, find and grade the answers, write the tables of a study.

Writes a folder: `problems.parquet`; for each pool `<name>.samples.parquet` and, where it has step scores,
`<name>.scores.parquet` (schemas of `ttc.tables`); and two tables for people: `<name>.origin.parquet` (which run and
row each sample was, and somebody's own verdict on it) and `grading.parquet` (each distinct answer and its verdict).
Everything is checked before anything is written.  Verdicts are remembered in the folder `--cache`, if one is given.

Example:
  python -m ttc.run import_pool --spec '{"problems": {"columns": {"question": "problem"}}, "pools": {"policy": {}}}'
    --problems problems.jsonl --pool_policy pool.parquet --output results/store/import_pool/example
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.grading import answers
from ttc.grading.grader import Grader
from ttc.problems import pool_files
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.schema import ROW_GROUP_SIZE

DECLARATION = {
    "group": "pool",
    "purpose": "import completions that somebody else sampled",
    "suffix": "",
    "memory": 4000,
    "minutes": 120,
    "remembers": True,
}

GRADING = {"extract": ["boxed"], "equality": "math_verify", "timeout": 10, "keep_answers": False}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Read `problems` and a role `pool_<name>` for each pool of the spec; fill the folder `output`."""
    section = spec.get("problems") or {}
    path = one(inputs, "problems")
    problems = pool_files.read_problems(path, section.get("columns"), section.get("split", "test"))
    found = dict(_read_pools(spec, inputs, problems))
    dropped = pool_files.without_samples(problems["problem_id"], found, spec.get("missing_samples", "refuse"))
    problems = problems.filter(~pl.col("problem_id").is_in(list(dropped)))
    if dropped:
        print(f"  left out {len(dropped)} problems that no pool has samples of")
    options = grading_options(spec.get("grading"))
    gold = dict(problems.select("problem_id", "answer").iter_rows())
    verdicts = []
    with grader_for(options, runtime) as grader:
        for name, pool in found.items():
            found[name], graded = grade(pool, gold, options, grader)
            verdicts.append(graded.select(pl.lit(name).alias("pool"), pl.all()))
            _report(name, found[name])
        report_grading(grader)
    output.mkdir(parents=True, exist_ok=True)
    PROBLEMS.write(problems, output / "problems.parquet")
    for name, pool in found.items():
        _write_pool(pool, output, name)
    write_plain(pl.concat(verdicts).sort("pool", "problem_id", "answer"), output / "grading.parquet")


def grading_options(section: dict | None) -> dict:
    """The section `grading` with its defaults; InputError for an unknown option."""
    section = section or {}
    for name in section:
        if name not in GRADING:
            raise InputError(
                f"grading: '{name}' is unknown; known are {', '.join(GRADING)}{nearest(name, GRADING)}"
            )
    return GRADING | section


def grader_for(options: dict, runtime: Runtime) -> Grader:
    """A grader with these options, as many workers as threads, and the cache of the run."""
    cache = runtime.cache and runtime.cache / "verdicts"
    return Grader(options["equality"], options["timeout"], runtime.threads, cache)


def report_grading(grader: Grader) -> None:
    """Say how comparisons were decided, what that took, and how many ran out of time."""
    decided = ", ".join(f"{how}: {count:,}" for how, count in sorted(grader.counts.items()))
    print(f"  comparisons decided by {decided}")
    asked, remembered, late = (grader.questions[name] for name in ("asked", "remembered", "late"))
    print(f"  Math-Verify was asked {asked:,} questions, and {remembered:,} replies were remembered")
    if late:
        print(
            f"  {late:,} questions ran out of {grader.timeout:g} s of CPU time; their answers count as different"
        )


def with_answers(pool: pl.DataFrame, options: dict) -> pl.DataFrame:
    """The pool with a column `answer`: extracted from the texts, or with `keep_answers` the pool's own."""
    if options["keep_answers"]:
        if "answer" not in pool.columns:
            raise InputError(
                "grading: `keep_answers` needs a column mapped to 'answer', and the pool has none"
            )
        return pool.with_columns(pl.col("answer").replace("", None))
    found = {text: answers.extract(text, options["extract"]) for text in pool["text"].unique()}
    return pool.with_columns(pl.Series("answer", [found[text] for text in pool["text"]], dtype=pl.String))


def grade(
    pool: pl.DataFrame, gold: dict[str, str], options: dict, grader: Grader
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grade a pool of `pools.read_pool` against gold answers by problem id.

    Returns the pool with `stated` (the answer as given), `answer` (the name of its class) and `correct` (ours; a
    column of that name is kept as `recorded`), and a table of the distinct answers: problem_id, answer, canonical,
    correct (of the class), equal (of the answer itself), how (the rule that decided), late (some comparison of it ran
    out of time), samples (their number).
    """
    if "correct" in pool.columns:
        pool = pool.rename({"correct": "recorded"})
    pool = with_answers(pool, options).rename({"answer": "stated"})
    counts = (
        pool.drop_nulls("stated").group_by("problem_id", "stated").len("samples").sort("problem_id", "stated")
    )
    groups = [
        (name, rows["stated"].to_list())
        for (name,), rows in counts.group_by("problem_id", maintain_order=True)
    ]
    graded = grader.grade_all([(gold[problem_id], stated) for problem_id, stated in groups])
    rows = [
        (problem_id, answer, each.canonical, each.correct, each.own.equal, each.own.how, each.late)
        for (problem_id, _), verdicts in zip(groups, graded, strict=True)
        for answer, each in sorted(verdicts.items())
    ]
    types = {"problem_id": pl.String, "stated": pl.String, "canonical": pl.String}
    types |= {"correct": pl.Boolean, "equal": pl.Boolean, "how": pl.String, "late": pl.Boolean}
    verdicts = pl.DataFrame(rows, schema=types, orient="row")
    named = verdicts.select("problem_id", "stated", pl.col("canonical").alias("answer"), "correct")
    pool = pool.join(named, on=["problem_id", "stated"], how="left", maintain_order="left")
    pool = pool.with_columns(pl.col("correct").fill_null(False))
    return pool, verdicts.join(counts, on=["problem_id", "stated"], how="left").rename({"stated": "answer"})


def write_plain(frame: pl.DataFrame, path: Path) -> None:
    """Write a table that no other stage reads, with the settings of `Schema.write`."""
    frame.write_parquet(path, compression="zstd", row_group_size=ROW_GROUP_SIZE, statistics=True)


def _read_pools(spec: dict, inputs: Inputs, problems: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    if not spec.get("pools"):
        raise InputError("source.pools: no pool is given; a study needs at least the pool 'policy'")
    for name, section in sorted(spec["pools"].items(), key=lambda pool: (pool[0] != "policy", pool[0])):
        paths = inputs.get(f"pool_{name}", [])
        if not paths:
            raise InputError(f"source.pools.{name}: no file is given")
        try:
            yield name, pool_files.read_pool(paths, section, problems["problem_id"])
        except InputError as error:
            raise InputError(f"pool '{name}': {error}") from None


def _write_pool(pool: pl.DataFrame, folder: Path, name: str) -> None:
    absent = {"tokens": pl.Int32, "logprob": pl.Float32, "recorded": pl.Boolean, "finish_reason": pl.String}
    pool = pool.with_columns(
        pl.lit("unknown" if column == "finish_reason" else None, dtype=dtype).alias(column)
        for column, dtype in absent.items()
        if column not in pool.columns
    )
    SAMPLES.write(pool, folder / f"{name}.samples.parquet")
    if "step_scores" in pool.columns:
        # a pool does not say what scoring it cost
        scores = pool.with_columns(tokens=pl.lit(None, dtype=pl.Int32))
        SCORES.write(scores, folder / f"{name}.scores.parquet")
    origin = ["problem_id", "sample_index", "run", "sample", "stated", "recorded"]
    write_plain(pool.select(origin), folder / f"{name}.origin.parquet")


def _report(name: str, pool: pl.DataFrame) -> None:
    problems = pool["problem_id"].n_unique()
    print(
        f"  pool '{name}': {len(pool):,} samples of {problems:,} problems, {pool['correct'].mean():.3f} correct, "
        f"{pool['stated'].null_count():,} without an answer"
    )
    if "recorded" in pool.columns:
        differ = pool.filter(pl.col("correct") != pl.col("recorded"))
        print(f"  pool '{name}': {len(differ):,} verdicts differ from the recorded ones, see grading.parquet")
