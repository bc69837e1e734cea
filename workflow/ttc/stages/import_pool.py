"""Stage `import_pool`: pools that somebody else sampled, checked, their answers found and graded.

Writes a folder: `problems.parquet`; for each pool `<name>.samples.parquet` and, where it has step scores,
`<name>.scores.parquet`; and three tables for people: `pool_checks.parquet` (what each pool is, and what looks odd on
it), `<name>.origin.parquet` (which run and row each sample was, and somebody's own verdict on it) and `grading.parquet`
(each distinct answer and its verdict).  Everything is checked before anything is written.
"""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.problems import pool_checks, pool_files
from ttc.problems.pool_grading import grade, grader_for, oddities_of, report_grading, write_plain
from ttc.problems.pool_thoughts import set_apart
from ttc.runtime import Inputs, Runtime
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.pools import POOL_CHECKS

DECLARATION = {
    "group": "pool",
    "purpose": "import completions that somebody else sampled",
    "suffix": "",
    "memory": 4000,
    "minutes": 120,
    "remembers": True,
    "published": {"pool_checks.parquet": "tables/pool_checks.parquet"},
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: problems {columns, split, where, where_not, records, extract} or null, pools by name (how each is read, see
    `ttc.study.sections.pools`), grading {verdicts, extract, equality, timeout, keep_answers, no_answer},
    missing_samples, contradicted and accept (of `pool_checks`).

    Inputs: problems, the files of each pool as pool_<name>, and for one with thoughts its tokenizer.json as
    tokenizer_<name>, if there is one.  Without problems they are those of the pool `policy`.
    """
    problems, found = read(spec, inputs)
    dropped = pool_files.without_samples(problems["problem_id"], found, spec["missing_samples"])
    problems = problems.filter(~pl.col("problem_id").is_in(list(dropped)))
    if dropped:
        print(f"  left out {len(dropped)} problems that no pool has samples of")
    options = spec["grading"]
    gold = dict(problems.select("problem_id", "answer").iter_rows())
    verdicts = []
    with grader_for(options, runtime) as grader:
        for name, pool in found.items():
            try:
                found[name], graded = grade(pool, gold, options, grader)
            except InputError as error:
                raise InputError(f"pool '{name}': {error}") from None
            verdicts.append(graded.select(pl.lit(name).alias("pool"), pl.all()))
            _report(name, found[name], options)
        report_grading(grader)
    checked = [
        pool_checks.check_pool(name, inputs[f"pool_{name}"], pool, problems, spec["contradicted"])
        for name, pool in found.items()
    ]
    pool_checks.refuse_stopped(checked, spec["accept"])
    for each, graded in zip(checked, verdicts, strict=True):
        each.row["oddities"] += oddities_of(graded)
    output.mkdir(parents=True, exist_ok=True)
    PROBLEMS.write(problems, output / "problems.parquet")
    for name, pool in found.items():
        _write_pool(pool, output, name)
    POOL_CHECKS.write(pool_checks.check_table(checked), output / "pool_checks.parquet")
    for each in checked:
        for oddity in each.row["oddities"]:
            print(f"  pool '{each.row['pool']}': {oddity}")
    write_plain(pl.concat(verdicts).sort("pool", "problem_id", "answer"), output / "grading.parquet")


def read(spec: dict, inputs: Inputs) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The table of problems, and the pools by name, `policy` first, as their files have them."""
    section, sampled = spec["problems"], spec["pools"]
    problems = None if section is None else _read_problems(section, sampled, inputs)
    found = {}
    for name in sorted(sampled, key=lambda name: (name != "policy", name)):
        paths = inputs.get(f"pool_{name}", [])
        if not paths:
            raise InputError(f"source.pools.{name}: no file is given")
        try:
            pool = pool_files.read_pool(paths, sampled[name], problems)
            tokenizers = inputs.get(f"tokenizer_{name}", [])
            found[name] = set_apart(pool, sampled[name].get("thought"), *tokenizers)
        except InputError as error:
            raise InputError(f"pool '{name}': {error}") from None
        problems = pool_files.problems_of(found[name]) if problems is None else problems
    return problems, found


def _read_problems(section: dict, sampled: dict, inputs: Inputs) -> pl.DataFrame:
    """The problems; a file that is a pool's, too, repeats them with every completion."""
    paths = [Path(path) for path in inputs.get("problems", [])]
    if not paths:
        raise InputError("source.problems: no file is given")
    of_pools = {Path(path) for name in sampled for path in inputs.get(f"pool_{name}", [])}
    return pool_files.read_problems(paths, **section, merge=bool(of_pools & set(paths)))


def _write_pool(pool: pl.DataFrame, folder: Path, name: str) -> None:
    absent = {"text": pl.String, "tokens": pl.Int32, "logprob": pl.Float32, "recorded": pl.Boolean}
    absent |= {"finish_reason": pl.String}
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


def _report(name: str, pool: pl.DataFrame, options: dict) -> None:
    problems, answered = pool["problem_id"].n_unique(), pool["stated"].count()
    unanswered = f"{len(pool) - answered:,} without an answer" if answered else "none with an answer"
    right = f"{pool['correct'].mean():.3f} correct"
    print(f"  pool '{name}': {len(pool):,} samples of {problems:,} problems, {right}, {unanswered}")
    if options["verdicts"] == "recorded":
        print(f"  pool '{name}': verdicts are the recorded ones")
    elif "recorded" in pool.columns:
        differ = pool.filter(pl.col("correct") != pl.col("recorded"))
        print(f"  pool '{name}': {len(differ):,} verdicts differ from the recorded ones, see grading.parquet")
