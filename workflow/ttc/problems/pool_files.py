r"""Files of pools that somebody else sampled, read, and what a study could not be built on refused.

A pool is one or more Parquet or JSONL files with a row per completion.  A mapping names the columns (ours: theirs);
`COLUMNS` below and docs/pools.md say what each must hold.  Every refusal is an InputError of one sentence that names
the file and the row (from 1), the question, and what is wrong; nothing is repaired silently.
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.problems.foreign_rows import names, read_file, refuse, select
from ttc.problems.layout import column_mapping
from ttc.problems.table import problem_table

FINISH_REASONS = ("stop", "length", "unknown")
COLUMNS = {
    "problem_id": (pl.String(), "id of the problem, as in the problems file"),
    "text": (pl.String(), "the completion"),
    "run": (pl.String(), "name of the run the row belongs to; runs are concatenated in order of their names"),
    "sample": (pl.Int64(), "position in the run, any integers; without it, rows count in file order"),
    "step_scores": (pl.List(pl.Float64()), "verifier score in [0, 1] of each step"),
    "tokens": (pl.Int64(), "tokens generated; null = not recorded, 0 is refused"),
    "answer": (pl.String(), "the final answer, used only with `keep_answers`"),
    "correct": (pl.Boolean(), "somebody's verdict, kept beside ours for comparison"),
    "logprob": (pl.Float64(), "sum of log-probabilities of the completion's tokens, nats"),
    "finish_reason": (pl.String(), "stop, length or unknown; null = unknown"),
}
REQUIRED = ("problem_id", "text")
PROBLEM_COLUMNS = ("problem_id", "question", "answer", "solution", "level")
REQUIRED_OF_PROBLEMS = ("problem_id", "question", "answer")


def read_problems(path: Path, columns: dict[str, str | None], split: str) -> pl.DataFrame:
    """The table of problems (schema `problems`) from a file; `columns` maps ours to theirs.

    problem_id, question and answer default to columns of the same name; solution ("" where absent) and level
    (0 where absent) are read only if mapped.  Raises InputError for a missing column, a null, a repeated id.
    """
    chosen = column_mapping(columns, PROBLEM_COLUMNS, REQUIRED_OF_PROBLEMS, f"{path}: columns of problems")
    return problem_table(read_file(path), chosen, split, str(path)).drop("subject")


def read_pool(
    paths: Iterable[Path], spec: dict, problem_ids: Iterable[str], keep: Iterable[str] = ()
) -> pl.DataFrame:
    """The checked rows of a pool, sorted by problem, run and sample, with a new `sample_index` from 0 a problem.

    `spec` is the pool's section of the configuration: `where`, `columns`, `step_separator`, `leading_scores`.
    Columns of the result: problem_id, sample_index, run, sample, the mapped ones of `COLUMNS`, and the file's columns
    named in `keep`; step_scores without the leading ones.  Raises InputError; see the module.
    """
    mapping = column_mapping(spec["columns"], COLUMNS, REQUIRED, "columns of the pool")
    known = set(problem_ids)
    paths = [Path(path) for path in paths]
    frames = [_read_one(path, spec, mapping, known, list(keep)) for path in paths]
    frame = pl.concat(frames)
    if frame.is_empty():
        chosen = f" with {_conditions(spec['where'])}" if spec["where"] else ""
        raise InputError(f"{', '.join(map(str, paths))}: the pool has no rows{chosen}")
    if "run" not in mapping:
        frame = frame.with_columns(run=pl.lit(""))
    if "sample" not in mapping:
        frame = frame.with_columns(sample=pl.int_range(pl.len()).over("problem_id", "run"))
    frame = frame.sort("problem_id", "run", "sample", maintain_order=True)
    key = ["problem_id", "run", "sample"]
    repeated = ~frame.select(pl.struct(key).is_first_distinct().alias("first"))["first"]
    refuse(repeated, frame, None, lambda row: f"{_sample(row)} was given before; samples must be unique")
    frame = frame.with_columns(sample_index=pl.int_range(pl.len(), dtype=pl.Int32).over("problem_id"))
    return frame.drop("_file", "_row")


def without_samples(problem_ids: Iterable[str], pools: dict[str, pl.DataFrame], missing: str) -> set[str]:
    """Problems that no pool has samples of, to be left out; refuses any gap that `missing` does not allow.

    With `missing` = `refuse` every problem needs samples in every pool; with `drop` a problem may lack them in all
    pools, but not in some only, because pools are compared on the same problems.
    """
    problem_ids = set(problem_ids)
    absent = {name: problem_ids - set(pool["problem_id"]) for name, pool in pools.items()}
    dropped = set.intersection(*absent.values()) if missing == "drop" else set()
    for name, gaps in absent.items():
        if gaps := sorted(gaps - dropped):
            allowed = (
                "another pool has samples of it"
                if missing == "drop"
                else "`missing_samples: drop` leaves out problems that no pool has samples of"
            )
            raise InputError(
                f"pool '{name}' has no samples of {len(gaps)} of {len(problem_ids)} problems, first '{gaps[0]}'; "
                f"{allowed}"
            )
    return dropped


def _read_one(path: Path, spec: dict, mapping: dict, known: set[str], keep: list[str]) -> pl.DataFrame:
    frame = read_file(path).with_row_index("_row", offset=1)
    frame = frame.with_columns(_dropped=_leading(frame, spec["leading_scores"], path))
    frame = frame.filter(_chosen(frame, spec["where"], path))
    dropped = frame["_dropped"]
    frame = select(frame, mapping, _types(), path, keep)
    refuse(frame["problem_id"].is_null(), frame, path, lambda row: "the problem id is empty")
    unknown = ~frame["problem_id"].is_in(list(known))
    refuse(
        unknown,
        frame,
        path,
        lambda row: f"the problems file has no such problem{nearest(row['problem_id'], known)}",
    )
    refuse(frame["text"].is_null(), frame, path, lambda row: "the completion is empty (null)")
    if "run" in mapping:
        refuse(frame["run"].is_null(), frame, path, lambda row: "the run is empty (null)")
    if "sample" in mapping:
        refuse(frame["sample"].is_null(), frame, path, lambda row: "the sample number is empty (null)")
    if "tokens" in mapping:
        wrong = (frame["tokens"] <= 0).fill_null(False)
        refuse(
            wrong, frame, path, lambda row: f"{row['tokens']} tokens are given; a missing count must be null"
        )
    if "finish_reason" in mapping:
        frame = frame.with_columns(pl.col("finish_reason").fill_null("unknown"))
        wrong = ~frame["finish_reason"].is_in(FINISH_REASONS)
        allowed = ", ".join(FINISH_REASONS)
        refuse(
            wrong, frame, path, lambda row: f"finish reason '{row['finish_reason']}'; allowed are {allowed}"
        )
    if "step_scores" in mapping:
        frame = _checked_scores(frame.with_columns(_dropped=dropped), spec, path).drop("_dropped")
    return frame


def _checked_scores(frame: pl.DataFrame, spec: dict, path: Path) -> pl.DataFrame:
    scores = pl.col("step_scores")
    refuse(frame["step_scores"].is_null(), frame, path, lambda row: "step scores are missing (null)")
    inside = scores.list.eval(
        pl.element().is_not_null() & pl.element().is_not_nan() & pl.element().is_between(0.0, 1.0)
    ).list.all()
    wrong = ~frame.select(inside.fill_null(False))["step_scores"]
    refuse(wrong, frame, path, lambda row: f"step score {_outside(row['step_scores'])} is outside 0 to 1")
    separator = spec["step_separator"]
    count = frame["step_scores"].list.len().cast(pl.Int64)
    if separator is None:
        wrong, steps = count <= frame["_dropped"], None
    else:
        steps = frame["text"].str.count_matches(separator, literal=True).cast(pl.Int64) + 1
        wrong = count != steps + frame["_dropped"]

    def mismatch(row: dict) -> str:
        leading = f" and {row['_dropped']} leading scores to drop" if row["_dropped"] else ""
        parts = "at least one step" if steps is None else f"{row['text'].count(separator) + 1} steps"
        return f"{len(row['step_scores'])} step scores for {parts}{leading} (step separator {separator!r})"

    refuse(wrong, frame, path, mismatch)
    return frame.with_columns(scores.list.slice(pl.col("_dropped"), None).cast(pl.List(pl.Float32)))


def _leading(frame: pl.DataFrame, rules: list[dict], path: Path) -> pl.Series:
    dropped = pl.repeat(0, len(frame), dtype=pl.Int64, eager=True)
    for rule in rules:
        chosen = _chosen(frame, rule["where"], path)
        dropped = dropped + chosen.cast(pl.Int64) * int(rule["count"])
    return dropped


def _chosen(frame: pl.DataFrame, where: dict[str, list], path: Path) -> pl.Series:
    chosen = pl.repeat(True, len(frame), dtype=pl.Boolean, eager=True)
    for column, values in where.items():
        if column not in frame.columns:
            raise InputError(
                f"{path}: rows are to be chosen by the column '{column}', which is missing; the file has "
                f"{names(frame)}{nearest(column, frame.columns)}"
            )
        allowed = set(values)
        chosen = chosen & pl.Series([value in allowed for value in frame[column].to_list()], dtype=pl.Boolean)
    return chosen


def _types() -> dict:
    return {name: dtype for name, (dtype, _) in COLUMNS.items()}


def _conditions(where: dict[str, list]) -> str:
    return " and ".join(f"{column} in [{', '.join(map(str, values))}]" for column, values in where.items())


def _outside(scores: list[float | None]) -> str:
    wrong = next((score for score in scores if score is None or not 0.0 <= score <= 1.0), None)
    return "null" if wrong is None else f"{wrong:g}"


def _sample(row: dict) -> str:
    run = f" of run '{row['run']}'" if row["run"] else ""
    return f"sample {row['sample']}{run}"
