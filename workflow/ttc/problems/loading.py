"""Problems of a source: the rows of a data set of the hub or of local files as the table of problems."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.problems import hub
from ttc.problems.choices import lettered
from ttc.problems.foreign_rows import read_file
from ttc.problems.table import problem_table, without

ENDINGS = (".parquet", ".jsonl", ".json", ".csv")


def read_problems(
    section: dict, paths: Iterable[Path] = (), exclude: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The table of problems of a source, and the column `subject` (null where there is none).

    `section` is one that `ttc.problems.sources.content` gives; `paths` are the files of a source that is not on the
    hub.  Raises InputError for anything that the source lacks (`ttc.problems.table`, `ttc.problems.hub`), and unless
    it has as many problems as `rows` says.  Then problems of the table `exclude` are left out: those with the id or the
    question of one of them; InputError if none remains.
    """
    paths = [Path(path) for path in paths]
    where = f"data set '{section['hub']}'" if section["hub"] else ", ".join(map(str, paths))
    columns = {ours: theirs for ours, theirs in section["columns"].items() if theirs}
    rows = _of_the_hub(section) if section["hub"] else _of_files(section, paths)
    if section.get("choices"):
        rows = lettered(rows, columns, section["choices"], where)
    problems = problem_table(rows, columns, section["role"], where, section["extract"])
    if section["rows"] not in (None, len(problems)):
        raise InputError(
            f"{where}: {len(problems):,} problems where {section['rows']:,} are expected; `rows` says how many there "
            "must be, test problems that are left out of the training problems included"
        )
    if exclude is None:
        return problems
    left = without(problems, exclude)
    if left.is_empty():
        raise InputError(f"{where}: all {len(problems):,} training problems are test problems, too")
    if out := len(problems) - len(left):
        print(f"  {out:,} training problems are test problems, and are left out", flush=True)
    return left


def _of_the_hub(section: dict) -> pl.DataFrame:
    configs = section["config"] if isinstance(section["config"], list) else [section["config"]]
    return hub.load(section["hub"], section["revision"], configs, section["split"])


def _of_files(section: dict, paths: list[Path]) -> pl.DataFrame:
    if not paths:
        raise InputError("problems: a source of local files is read, and no file was given")
    frames = []
    for path in paths:
        frame = hub.load_saved(path, section["split"]) if path.is_dir() else read_file(path, ENDINGS)
        if frames and set(frame.columns) != set(frames[0].columns):
            raise InputError(f"{path}: its columns are not those of {paths[0]}, with which it is read")
        frames.append(frame)
    try:
        return pl.concat([frame.select(frames[0].columns) for frame in frames], how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{', '.join(map(str, paths))}: a column has another type in another file ({str(error).splitlines()[0]})"
        ) from error
