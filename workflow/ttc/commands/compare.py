"""Say whether two studies gave the same results, or compare their accuracies question by question.

ttc compare results/default OTHER/results/default
ttc compare results/one results/other --outcomes
ttc compare results/one results/other --out comparison/
ttc compare results/pools:policy results/pools:other --outcomes      two pools of one study
ttc compare studies/one.yaml studies/other.yaml --outcomes           finished studies by their configuration files

Without an option: one sentence for each difference (`ttc.store.compare`); the exit status is 1 if the results differ.
With `--outcomes`: differences of accuracy, paired by question (docs/comparing.md); `--out` writes them, too.
"""

import argparse
import os
from pathlib import Path
from urllib.parse import quote

from ttc.errors import InputError
from ttc.store.compare import circumstances, differences, read

SUFFIXES = (".yaml", ".yml")
# Stages whose artifacts hold the texts of solutions
SOLVED = ("import_pool", "sample", "import_search", "search", "revise")
SHOWN = 12
# Resamples of questions, as many as a 95 % band needs, and the fewest that say anything
RESAMPLES, FEWEST = 1000, 10


def main(arguments: list[str]) -> int:
    """Print what differs; without an option, 0 if the results are the same and 1 if not."""
    parser = argparse.ArgumentParser(prog="ttc compare", description=__doc__.splitlines()[0])
    for name in ("study", "other"):
        parser.add_argument(
            name,
            help="folder of a finished study, its manifest.json or its YAML file; FOLDER:POOL is one of its pools",
        )
    parser.add_argument("--outcomes", action="store_true", help="compare accuracies, paired by question")
    parser.add_argument(
        "--strategies",
        nargs="+",
        default=[],
        metavar="NAME",
        help="only these, such as majority or beam; fewer widen less",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write tables, a figure and a page there")
    parser.add_argument(
        "--resamples", type=int, default=RESAMPLES, help="of questions, for intervals; default: %(default)s"
    )
    given = parser.parse_args(arguments)
    if given.resamples < FEWEST:
        raise InputError(f"--resamples: {given.resamples} was given; allowed are whole numbers from {FEWEST}")
    places = [place(each) for each in (given.study, given.other)]
    if given.outcomes or given.out or given.strategies:
        return outcomes(*places, given.strategies, given.resamples, given.out)
    return results(*map(Path, places))


def results(study: Path, other: Path) -> int:
    """Print a sentence for each result that is not the same; 0 if all are, 1 if not."""
    first, second = read(study), read(other)
    different = differences(first, second)
    for sentence in circumstances(first, second) + different:
        print(sentence)
    if not different:
        tables, files = len(first["content"]), len(first["files"]) - 1
        print(f"The results are the same: {tables} tables and files of models, {files} files for people.")
    return int(bool(different))


def outcomes(study: str, other: str, strategies: list[str], resamples: int, out: Path | None) -> int:
    """Print differences of accuracy, and write them where `out` is given; 0."""
    from ttc.evaluation.versus import compared
    from ttc.report.versus import render, sentences
    from ttc.run.progress import Progress
    from ttc.store.published import changed, grading, open_published

    first, second = open_published(study), open_published(other)
    judged = [grading(each.configuration) for each in (first, second)]
    if judged[0] != judged[1]:
        raise InputError(
            f"{study} and {other} judge answers differently ({judged[0]}; {judged[1]}): a difference between their "
            "outcomes would not be one between solutions"
        )
    report = Progress("choices made anew in every resample")
    found = compared(side(first), side(second), strategies, resamples, report)
    for sentence in sentences(found):
        print(sentence)
    print("\n".join(lines(found.differences)))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        solutions = tuple(each.solutions(SOLVED) for each in (first, second))
        differing = changed(first.configuration, second.configuration)
        pages = tuple(reference(each.browser, out) for each in (first, second))
        page, figure = render((first.name, second.name), found, differing, judged[0], solutions, pages)
        write(out, found, page, figure)
        print(
            f"Written to {out}: comparison.html, differences.svg, and the tables differences, flips and pairing"
        )
    return 0


def place(given: str) -> str:
    """A folder or a manifest as it was given; of a configuration file, the folder of its study, which has to be
    finished as the file says.
    """
    if not given.endswith(SUFFIXES):
        return given
    from ttc.study.build import ROOT, plan_study
    from ttc.study.config import load

    plan = plan_study(load(ROOT / "config.yaml", given))
    (published,) = plan.of("publish")
    if not Path(published.path).is_file():
        raise InputError(
            f"{given}: the study '{plan.study}' is not finished as this file says: {published.path} is missing; "
            f"`snakemake --configfile {given}` makes it"
        )
    return str(Path(published.path).parent)


def reference(page: Path | None, folder: Path) -> str | None:
    """How a page in `folder` refers to another one; None where there is none, or another drive holds it."""
    if page is None:
        return None
    try:
        return quote(Path(os.path.relpath(page, folder)).as_posix())
    except ValueError:  # Windows has no path from one drive to another
        return None


def side(study):
    """What is compared of a finished study."""
    from ttc.evaluation.versus import Side
    from ttc.tables.analysis import DIFFICULTY, OUTCOMES, PER_QUESTION
    from ttc.tables.generation import QUESTIONS

    optional = {
        table.name: study.table(table) if study.has(table) else table.empty()
        for table in (PER_QUESTION, DIFFICULTY)
    }
    return Side(
        study.name,
        study.table(QUESTIONS),
        study.table(OUTCOMES),
        **optional,
        allocation=study.configuration["allocation"],
        seed=study.configuration["seed"],
    )


def lines(table) -> list[str]:
    """Each strategy at its largest budget, the largest differences first, in standard errors; one a line."""
    from ttc.report.numbers import percent, points
    from ttc.report.versus import at_largest, called

    whole, table = table, at_largest(table)
    order = (table["difference"].abs() / table["error"]).arg_sort(descending=True)
    shown = [
        f"{'strategy':<44}{'N':>6}{'first':>8}{'second':>8}{'change':>8}{'band':>16}{'adjusted p':>12}{'flips':>12}"
    ]
    for row in table[order].head(SHOWN).to_dicts():
        band = f"[{points(row['band_low'])}, {points(row['band_high'])}]"
        numbers = "".join(f"{percent(row[name]):>8}" for name in ("first", "second"))
        numbers += f"{points(row['difference']):>8}"
        flips = f"−{row['right_to_wrong']} +{row['wrong_to_right']}"
        shown.append(
            f"{called(row):<44}{row['budget']:>6}{numbers}{band:>16}{row['p_adjusted']:>12.3g}{flips:>12}"
        )
    if len(whole) > min(len(table), SHOWN):
        shown.append(f"… and {len(whole) - min(len(table), SHOWN)} more, at other budgets or smaller")
    return shown


def write(out: Path, found, page: str, figure: bytes) -> None:
    """Write the tables, the figure and the page into a folder."""
    from ttc.tables.studies import DIFFERENCES, FLIPS, PAIRING

    for table, frame in ((DIFFERENCES, found.differences), (FLIPS, found.flips), (PAIRING, found.pairing)):
        written = table.write(frame, out / f"{table.name}.parquet")
        written.write_csv(out / f"{table.name}.csv")
    (out / "differences.svg").write_bytes(figure)
    (out / "comparison.html").write_text(page, encoding="utf-8")
