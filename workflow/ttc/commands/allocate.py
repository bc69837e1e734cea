"""Say which strategy and how many samples each question of a file is to get, by a rule that a study has fitted.

ttc allocate --questions questions.parquet --budget 16 --output allocated.parquet
ttc allocate --probes samples.jsonl --budget 8 --output allocated.csv
ttc allocate --probes samples.jsonl --price 0.002 --output allocated.csv

Questions come with their difficulty, or with a probe of their samples.  docs/solve.md has columns and refusals.
"""

import argparse
from pathlib import Path

from ttc.errors import InputError

# What stands for the study's own file where none is named
FILES = {"questions": "allocator.skops", "probes": "spending.json"}
# What of a sample a spending rule may read (docs/pools.md)
OWN = ("text", "answer", "step_scores", "tokens", "logprob")


def main(arguments: list[str]) -> None:
    """Allocate, write the table and print a summary."""
    given = _parser().parse_args(arguments)
    if (given.questions is None) == (given.probes is None):
        raise InputError("--questions or --probes: one of them holds what is known of the questions")
    _refuse(given, ("price", "vote", "aggregation", "verifier", "extract") if given.questions else ("rule",))
    if given.probes and (given.budget is None) == (given.price is None):
        raise InputError("--budget or --price: one of them says how much is spent")
    if given.questions and given.budget is None:
        raise InputError("--budget: the number of generations of a question is needed")
    if given.price is not None and not given.price > 0:
        raise InputError(f"--price: {given.price:g} was given; a price is above 0, in accuracy for a sample")
    allocate(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ttc allocate", description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=Path, help="Parquet, CSV or JSONL: problem_id and its difficulty")
    parser.add_argument(
        "--probes", type=Path, nargs="+", help="files of samples, as docs/pools.md describes pools"
    )
    parser.add_argument("--study", type=Path, default=Path("results/default"), help="default: %(default)s")
    parser.add_argument(
        "--file", type=Path, help="the rule's file instead of the study's: allocator or spending rule"
    )
    parser.add_argument("--output", type=Path, required=True, help="file to write, .parquet, .csv or .jsonl")
    parser.add_argument("--budget", type=int, help="generations of each question, after a probe on average")
    parser.add_argument("--price", type=float, help="accuracy that a sample has to be worth")
    parser.add_argument("--rule", help="name of the allocator; default: the one in the card's example")
    parser.add_argument(
        "--vote", help="vote of the spending rule; default: the weighted one where there is a verifier"
    )
    parser.add_argument("--columns", help="names of columns, OURS=THEIRS, divided by commas")
    parser.add_argument(
        "--extract", default=None, help="how answers are found in texts; default: answer_line,boxed"
    )
    parser.add_argument(
        "--aggregation", help="how step scores become one; refused if the rule was fitted otherwise"
    )
    parser.add_argument(
        "--verifier", help="identity of the verifier of the scores; refused if it is not the rule's"
    )
    return parser


def allocate(given: argparse.Namespace) -> None:
    """The table and its summary."""
    from ttc.digests import file_digest
    from ttc.live.allocations import summary
    from ttc.run.kept_output import check_suffix, kept_output

    check_suffix(given.output)
    kind = "questions" if given.questions else "probes"
    file = given.file or _of_study(given.study, FILES[kind])
    options = ("budget", "price", "rule", "vote", "columns", "extract", "aggregation", "verifier")
    settings = {name: getattr(given, name) for name in options} | {"command": "allocate"}
    paths = [given.questions] if given.questions else given.probes
    table = (_by_difficulty if given.questions else _by_probe)(given, file)
    settings |= {kind: [file_digest(path) for path in paths], "file": file_digest(file)}
    with kept_output(given.output, settings) as kept:
        if kept is not None:
            kept.write(table)
    print(f"{given.output}\n{summary(table)}")


def _of_study(study: Path, name: str) -> Path:
    from ttc.store.finished import Finished

    return Finished.read(study).table(name)


def _by_difficulty(given: argparse.Namespace, file: Path):
    from ttc.live import allocations, questions

    name, rule = allocations.named(allocations.load_allocators(file), given.rule, file)
    print(f"  allocator {name} of {file}", flush=True)
    # An allocator without names of features is told nothing of a question
    features = list(getattr(rule, "feature_names_in_", []))
    ids, frame = questions.read_features(given.questions, features, questions.renamed(given.columns))
    for feature in features:
        questions.in_unit(frame[feature].to_numpy(), feature, given.questions, ids)
    return allocations.by_difficulty(rule, ids, frame, given.budget)


def _by_probe(given: argparse.Namespace, file: Path):
    from ttc.evaluation.spending import take_home
    from ttc.grading.answers import METHODS
    from ttc.live import allocations, questions
    from ttc.problems.pool_files import read_pool
    from ttc.problems.row_files import read_rows
    from ttc.problems.row_values import has
    from ttc.study.config import read
    from ttc.study.sections.pools import Sampled

    spender = take_home.named(take_home.loads(_text(file)), given.vote)
    for name in ("aggregation", "verifier"):
        asked, fitted = getattr(given, name), spender.fitted[name]
        if asked is not None and asked != fitted:
            raise InputError(f"--{name}: '{asked}' was given, and the rule was fitted with '{fitted}'")
    columns = questions.renamed(given.columns)
    files = [read_rows(path) for path in given.probes]
    # What the files have under our own names needs no naming
    own = (name for name in OWN if name not in columns and all(has(rows, name) for rows in files))
    columns |= {name: name for name in own}
    section = {"path": [str(path) for path in given.probes], "columns": columns, "step_separator": None}
    spec = read(section, Sampled, "the options of the probes").model_dump()
    extract = (given.extract or "answer_line,boxed").split(",")
    if wrong := next((each for each in extract if each not in METHODS), None):
        raise InputError(f"--extract: '{wrong}' was given; allowed are {', '.join(METHODS)}")
    pool = read_pool(given.probes, spec, None)
    probes = allocations.probes_of(pool, extract, spender.fitted["aggregation"])
    print(f"  spending rule of the vote {spender.vote} of {file}", flush=True)
    return allocations.by_probe(spender, probes, budget=given.budget, price=given.price)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error


def _refuse(given: argparse.Namespace, options: tuple[str, ...]) -> None:
    """InputError for an option that does not belong to what was given."""
    what = "--questions" if given.questions else "--probes"
    for name in options:
        if getattr(given, name) is not None:
            raise InputError(f"--{name}: it has no meaning with {what}")
