r"""Files of pools that somebody else sampled, read, and what a study could not be built on refused.

A pool is one or more files (`ttc.problems.row_files`) with a row for a completion, for a question with lists of its
completions, or for a question with counts.  A mapping names the columns (ours: theirs, or a path to what lies inside
one, `ttc.problems.row_values`); `COLUMNS` below and docs/pools.md say what each must hold.  Every refusal is an
InputError of one sentence that names the file and the row (from 1), the question, and what is wrong; nothing is
repaired silently.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ttc.errors import InputError, nearest
from ttc.grading.golds import joined
from ttc.problems import pool_rows, row_values
from ttc.problems.foreign_rows import read_file, refuse
from ttc.problems.layout import column_mapping
from ttc.problems.row_files import Rows, read_rows
from ttc.problems.table import problem_table
from ttc.tables.columns import CONFIDENCES

__all__ = ["read_file", "read_pool", "read_problems", "without_samples"]

COLUMNS = {
    "problem_id": (pl.String(), "id of the problem, as in the problems file"),
    "question": (pl.String(), "text of the question, by which the problem is found where there is no id"),
    "text": (pl.String(), "the completion"),
    "run": (pl.String(), "name of the run the row belongs to; runs are concatenated in order of their names"),
    "sample": (pl.Int64(), "position in the run, any integers; without it, rows count in file order"),
    "step_scores": (pl.List(pl.Float64()), "verifier score in [0, 1] of each step"),
    "tokens": (pl.Int64(), "tokens generated; null = not recorded, 0 is refused"),
    "thinking_tokens": (pl.Int64(), "of the tokens, those of thoughts; null = not recorded"),
    "prompt_tokens": (
        pl.Int64(),
        "tokens of the prompt, the same for all samples of a row; null = not recorded",
    ),
    "answer": (pl.String(), "the final answer, used with `keep_answers` and where there are no completions"),
    "correct": (
        pl.Boolean(),
        "somebody's verdict: taken with `recorded`, else kept beside ours for comparison",
    ),
    "n": (pl.Int64(), "samples that a row counts, `correct` of them right"),
    "logprob": (pl.Float64(), "sum of log-probabilities of the completion's tokens, nats"),
    **{name: (pl.Float64(), column.meaning.partition(":")[0]) for name, column in CONFIDENCES.items()},
    "finish_reason": (pl.String(), "why it ended, in the words of any tool; null = unknown"),
}
PROBLEM_COLUMNS = ("problem_id", "question", "answer", "solution", "level")
REQUIRED_OF_PROBLEMS = ("problem_id", "question", "answer")
COUNTED = ("problem_id", "question", "run", "n", "correct")  # all that counts may come with


def read_problems(
    paths: Path | Iterable[Path],
    columns: dict[str, str | None],
    split: str,
    where: Mapping[str, list] | None = None,
    where_not: Mapping[str, list] | None = None,
    records: str | None = None,
    extract: Iterable[str] = ("boxed",),
    merge: bool = False,
) -> pl.DataFrame:
    """The table of problems (schema `problems`) from files; `columns` maps ours to theirs, or to a path.

    problem_id, question and answer default to columns of the same name; null says that there is none: the question is
    then empty, and the answer is found in `solution` by `extract`, or empty, too.  solution ("" where absent) and level
    (0 where absent) are read only if mapped.  `merge` takes equal rows of one id as one problem, as in a file that
    repeats a question with each completion.  Raises InputError for a missing column, a null, a repeated id.
    """
    paths = [paths] if isinstance(paths, Path) else [Path(path) for path in paths]
    label = ", ".join(map(str, paths))
    mapping = column_mapping(columns, PROBLEM_COLUMNS, REQUIRED_OF_PROBLEMS, f"{label}: columns of problems")
    frames = []
    for path in paths:
        for block in read_rows(path, records).blocks():
            kept = row_values.chosen(block, dict(where or {}), dict(where_not or {}))
            found = _problem_columns(block, mapping, kept)
            # Of a file that repeats a question with each completion little is left
            frames.append(found.unique(maintain_order=True) if merge else found)
    frame = pl.concat(frames)
    if merge:
        frame = frame.unique(maintain_order=True)
    return problem_table(frame, mapping, split, label, tuple(extract), optional=("question", "answer")).drop(
        "subject"
    )


def problems_of(pool: pl.DataFrame, split: str = "test") -> pl.DataFrame:
    """The table of problems of a pool that comes without: its ids, with neither questions nor answers."""
    names = pool["problem_id"].unique().sort()
    return pl.DataFrame({"problem_id": names}).with_columns(
        split=pl.lit(split),
        level=pl.lit(0, dtype=pl.Int32),
        question=pl.lit(""),
        answer=pl.lit(""),
        solution=pl.lit(""),
    )


def read_pool(
    paths: Iterable[Path], spec: dict, problems: Iterable[str] | pl.DataFrame | None, keep: Iterable[str] = ()
) -> pl.DataFrame:
    """The checked samples of a pool, sorted by problem, run and sample, with a new `sample_index` from 0 a problem.

    `spec` is the pool's section of the configuration (`ttc.study.sections.pools`); `problems` are the ids of the
    problems, their table, which a pool that names questions needs, or None where any id is one.  Columns of the
    result: problem_id, sample_index, run, sample, the mapped ones of `COLUMNS`, and the file's columns named in
    `keep`; step_scores without the leading ones.  Raises InputError; see the module.
    """
    files = [read_rows(Path(path), spec["records"]) for path in paths]
    mapping = _mapping(spec["columns"], files)
    questions = _questions(mapping, problems)
    ids = problems["problem_id"] if isinstance(problems, pl.DataFrame) else problems
    known = None if ids is None else set(ids)
    frames = [_read_one(rows, spec, mapping, known, questions, list(keep)) for rows in files]
    frame = pl.concat(frames)
    if frame.is_empty():
        chosen = f" with {_conditions(spec)}" if spec["where"] or spec["where_not"] else ""
        raise InputError(f"{', '.join(str(rows.path) for rows in files)}: the pool has no rows{chosen}")
    _tell_reasons(frame)
    if spec["scores"] == "logit" and "step_scores" in frame.columns:
        print("  step scores are logits; their sigmoid is taken")
    if "run" not in frame.columns:
        frame = frame.with_columns(run=pl.lit(""))
    if "sample" not in frame.columns:
        frame = frame.with_columns(sample=pl.int_range(pl.len()).over("problem_id", "run"))
    frame = frame.sort("problem_id", "run", "sample", maintain_order=True)
    key = ["problem_id", "run", "sample"]
    repeated = ~frame.select(pl.struct(key).is_first_distinct().alias("first"))["first"]
    refuse(repeated, frame, None, lambda row: f"{_sample(row)} was given before; samples must be unique")
    frame = frame.with_columns(sample_index=pl.int_range(pl.len(), dtype=pl.Int32).over("problem_id"))
    return frame.drop("_file", "_row", "_place", "_outcome", "_finish", strict=False)


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


def _problem_columns(rows: Rows, mapping: dict[str, str], kept: list[bool]) -> pl.DataFrame:
    columns = {}
    for ours, theirs in mapping.items():
        cells = row_values.values_at(rows, theirs, pool_rows.missing(ours, theirs))
        convert = {"answer": _gold, "solution": _gold}.get(ours, row_values.as_name)
        texts = []
        for number, (cell, wanted) in enumerate(zip(cells, kept, strict=True), rows.first + 1):
            if not wanted:
                continue
            try:
                texts.append(None if cell is None else convert(cell))
            except ValueError as error:
                raise InputError(f"{rows.path}, row {number}: the column '{theirs}' holds {error}") from None
        columns[theirs] = pl.Series(theirs, texts, dtype=pl.String)
    return pl.DataFrame(list(columns.values()))


def _gold(value: Any) -> str | None:
    """A gold answer, or all accepted ones that a list holds."""
    members = value if isinstance(value, list) else [value]
    texts = [text for each in members if (text := row_values.as_answer(each)) is not None]
    return joined(texts) if texts else None


def _mapping(given: dict[str, str | None], files: list[Rows]) -> dict[str, str]:
    """The columns that are read: those that are named, and those of our names that cannot be done without."""
    required = []
    if given.get("question") is None:
        required.append("problem_id")
    without_text = any(given.get(ours) for ours in ("answer", "correct"))
    if not without_text or all(row_values.has(rows, "text") for rows in files):
        required.append("text")
    if given.get("n"):
        required = [ours for ours in required if ours != "text"]
    mapping = column_mapping(given, COLUMNS, required, "columns of the pool")
    if "n" in mapping:
        more = [ours for ours in mapping if ours not in COUNTED]
        if more or "correct" not in mapping:
            what = f"'{more[0]}' was given" if more else "'correct' is missing"
            raise InputError(f"columns of the pool: {what}; with counts (`n`) they are {', '.join(COUNTED)}")
    return mapping


def _questions(
    mapping: dict[str, str], problems: Iterable[str] | pl.DataFrame | None
) -> dict[str, str] | None:
    """Ids by the text of the question, where the pool names its problems so."""
    if "question" not in mapping or "problem_id" in mapping:
        return None
    if not isinstance(problems, pl.DataFrame):
        raise InputError(
            "columns of the pool: 'question' finds problems by their text, and there are none with texts"
        )
    texts = [_squeezed(text) for text in problems["question"]]
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        raise InputError(
            f"columns of the pool: 'question' finds problems by their text, and {len(twice)} texts belong to more than "
            f"one problem, first {row_values.shown(twice[0])}"
        )
    return dict(zip(texts, problems["problem_id"], strict=True))


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").split())


def _read_one(
    rows: Rows,
    spec: dict,
    mapping: dict,
    known: set[str] | None,
    questions: dict[str, str] | None,
    keep: list[str],
) -> pl.DataFrame:
    path = rows.path
    frames: list[pl.DataFrame] = []
    for block in rows.blocks():
        frames.append(_samples(block, spec, mapping, keep, sum(map(len, frames))))
    frame = pl.concat(frames)
    if questions is not None:
        frame = _found_by_question(frame, questions, path)
    refuse(frame["problem_id"].fill_null("") == "", frame, path, lambda row: "the problem id is empty")
    if known is not None:
        unknown = ~frame["problem_id"].is_in(list(known))
        refuse(
            unknown,
            frame,
            path,
            lambda row: f"the problems file has no such problem{nearest(row['problem_id'], known)}",
        )
    for column, what in (("text", "completion"), ("run", "run"), ("sample", "sample number")):
        if column in frame.columns:
            refuse(frame[column].is_null(), frame, path, lambda row, what=what: f"the {what} is empty (null)")
    if "tokens" in mapping:
        unrecorded = pl.col("tokens").is_in(spec["no_tokens"])
        frame = frame.with_columns(tokens=pl.when(unrecorded).then(None).otherwise(pl.col("tokens")))
        wrong = (frame["tokens"] <= 0).fill_null(False)
        refuse(
            wrong,
            frame,
            path,
            lambda row: (
                f"{row['tokens']} tokens are given; a missing count must be null, or be named in `no_tokens`"
            ),
        )
    if "finish_reason" in mapping:
        stated = pl.col("finish_reason").fill_null("unknown")
        frame = frame.with_columns(
            finish_reason=stated.str.split(" ").list.first(),
            _finish=stated.str.strip_prefix("unknown").str.strip_chars(),
        )
    if "step_scores" in mapping:
        frame = _checked_scores(frame, spec, path)
    return frame.drop("_dropped", "_surplus")


def _samples(rows: Rows, spec: dict, mapping: dict, keep: list[str], before: int) -> pl.DataFrame:
    """The samples of some rows of a file behind `before` others, with how many first scores belong to no step."""
    kept = row_values.chosen(rows, spec["where"], spec["where_not"])
    types = {name: dtype for name, (dtype, _) in COLUMNS.items()}
    frame = pool_rows.samples(rows, mapping, types, kept, spec["patterns"], keep, before)
    dropped, surplus = _leading(rows, spec["leading_scores"])
    places = frame["_row"] - 1 - rows.first
    return frame.with_columns(_dropped=dropped.gather(places), _surplus=surplus.gather(places))


def _found_by_question(frame: pl.DataFrame, questions: dict[str, str], path: Path) -> pl.DataFrame:
    found = [questions.get(_squeezed(text)) for text in frame["question"]]
    frame = frame.with_columns(problem_id=pl.Series(found, dtype=pl.String))
    missing = frame["problem_id"].is_null()
    refuse(
        missing, frame, path, lambda row: f"no problem has the question {row_values.shown(row['question'])}"
    )
    return frame.drop("question")


def _checked_scores(frame: pl.DataFrame, spec: dict, path: Path) -> pl.DataFrame:
    scores = pl.col("step_scores")
    refuse(frame["step_scores"].is_null(), frame, path, lambda row: "step scores are missing (null)")
    logits = spec["scores"] == "logit"
    hint = "" if logits else "; `scores: logit` takes their sigmoid"
    element = pl.element().is_not_null() & pl.element().is_not_nan()
    inside = scores.list.eval(element if logits else element & pl.element().is_between(0.0, 1.0)).list.all()
    wrong = ~frame.select(inside.fill_null(False))["step_scores"]
    refuse(wrong, frame, path, lambda row: f"step score {_outside(row['step_scores'], logits)}{hint}")
    if logits:
        frame = frame.with_columns(scores.list.eval(1 / (1 + (-pl.element()).exp())))
    separator = spec["step_separator"]
    count = frame["step_scores"].list.len().cast(pl.Int64)
    if separator is None or "text" not in frame.columns:
        steps = None
        frame = frame.with_columns(_dropped=frame["_dropped"] + frame["_surplus"])
        wrong = count <= frame["_dropped"]
    else:
        steps = frame["text"].str.count_matches(separator, literal=True).cast(pl.Int64) + 1
        longer = count == steps + frame["_dropped"] + frame["_surplus"]
        frame = frame.with_columns(_dropped=frame["_dropped"] + longer.cast(pl.Int64) * frame["_surplus"])
        wrong = (count != steps + frame["_dropped"]) & ~frame["_outcome"]

    def mismatch(row: dict) -> str:
        leading = f" and {row['_dropped']} leading scores to drop" if row["_dropped"] else ""
        parts = "at least one step" if steps is None else f"{row['text'].count(separator) + 1} steps"
        return f"{len(row['step_scores'])} step scores for {parts}{leading} (step separator {separator!r})"

    refuse(wrong, frame, path, mismatch)
    return frame.with_columns(scores.list.slice(pl.col("_dropped"), None).cast(pl.List(pl.Float32)))


def _leading(rows: Rows, rules: list[dict]) -> tuple[pl.Series, pl.Series]:
    """Scores to drop at the beginning of each row of the file: in any case, and where there are as many too many."""
    found = {True: [0] * len(rows), False: [0] * len(rows)}
    for rule in rules:
        chosen = row_values.chosen(rows, rule["where"], rule["where_not"])
        counts = found[not rule["surplus"]]
        for number, each in enumerate(chosen):
            counts[number] += each * int(rule["count"])
    return pl.Series(found[True], dtype=pl.Int64), pl.Series(found[False], dtype=pl.Int64)


def _tell_reasons(frame: pl.DataFrame) -> None:
    if "_finish" not in frame.columns:
        return
    words = Counter(word for word in frame["_finish"] if word and word not in ("stop", "length"))
    if words:
        named = ", ".join(f"'{word}' ({count:,})" for word, count in words.most_common(5))
        print(f"  finish reasons that are neither `stop` nor `length` count as `unknown`: {named}")


def _conditions(spec: dict) -> str:
    parts = [(spec["where"], "in"), (spec["where_not"], "not in")]
    return " and ".join(
        f"{column} {how} [{', '.join(map(str, values))}]"
        for conditions, how in parts
        for column, values in conditions.items()
    )


def _outside(scores: list[float | None], logits: bool) -> str:
    def bad(score: float | None) -> bool:
        return score is None or score != score or not (logits or 0.0 <= score <= 1.0)

    wrong = next((score for score in scores if bad(score)), None)
    return f"{'null' if wrong is None else f'{wrong:g}'} {'is no number' if logits else 'is outside 0 to 1'}"


def _sample(row: dict) -> str:
    run = f" of run '{row['run']}'" if row["run"] else ""
    return f"sample {row['sample']}{run}"
