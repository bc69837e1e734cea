"""Tables of the simulations, printed or written into docs/statistics.md: `python -m tools.statistics [--write]`."""

import argparse
import os
from pathlib import Path

from tools.statistics import coverage, more, nulls, sets, trainings, versus, voted
from tools.statistics.worlds import WORLDS
from ttc.errors import InputError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/statistics.md"
FOLDS = 10


def covered(studies: int = 150) -> str:
    """Coverage of curves, chosen strategies and differences, by world and number of questions."""
    worlds = [(world, questions) for world in WORLDS for questions in (100, 300)]
    found = [coverage.curves(world, questions, studies, FOLDS) for world, questions in worlds]
    rows = [["interval of", *(f"{world}, {questions}" for world, questions in worlds)]]
    for name in found[0]:
        rows.append([name, *(f"{100 * each[name][0]:.0f} ({each[name][1]:.1f})" for each in found)])
    return _table(rows)


def efficiencies(studies: int = 200) -> str:
    """Coverage of the ×-efficiency, censored or not."""
    rows = [["compute-optimal is", "questions", "true ×", "held", "said to be a bound"]]
    for case in coverage.EFFICIENCIES:
        for questions in (100, 300):
            true, hits, bounds = coverage.ratios(case, questions, studies)
            rows.append([case, f"{questions}", f"{true:.2f}", f"{hits:.0%}", f"{bounds:.0%}"])
    return _table(rows)


def false_verdicts(studies: int = 60) -> str:
    """Null studies with some false verdict."""
    rows = [
        ["questions", "studies", "claims at 0", "false among primary", "among others", "any", "any p ≤ .05"]
    ]
    for questions in (30, 300):
        found = nulls.false_verdicts(questions, studies, FOLDS)
        shares = (f"{found[name]:.1%}" for name in ("primary", "other", "any", "plain"))
        rows.append([f"{questions}", f"{studies}", f"{found['claims']:.0f}", *shares])
    return _table(rows)


def single_claims(studies: int = 2000) -> str:
    """One claim without any difference, and its false "reproduced"."""
    sizes = (20, 60, 300)
    rows = [["differences", *(f"{size} questions" for size in sizes)]]
    for kind in nulls.DIFFERENCES:
        rows.append([kind, *(f"{nulls.one_claim(kind, size, studies):.1%}" for size in sizes)])
    return _table(rows)


def powers(studies: int = 500) -> str:
    """Power as stated and as simulated."""
    rows = [["true difference", "sd of a question's", "questions said to be needed for 80 %", "found in"]]
    for difference in (0.03, 0.05, 0.1):
        questions, share = nulls.power(difference, 0.25, studies)
        rows.append([f"{100 * difference:.0f} points", ".25", f"{questions}", f"{share:.0%}"])
    return _table(rows)


def extrapolated(studies: int = 40) -> str:
    """Coverage and errors of extrapolated pass@k, by world."""
    names = ("mean", "beta", "masses", "plug-in", "power law")
    rows = [
        [
            "pass rates",
            "samples",
            "true at ×10",
            "band held",
            "its width",
            *(f"error: {each}" for each in names),
        ]
    ]
    for world in more.WORLDS:
        for samples in (16, 64):
            found = more.covered(world, samples, 300, studies)
            shares = [f"{100 * found[each]:.1f}" for each in ("true", "width", *names)]
            rows.append([world, f"{samples}", shares[0], f"{found['held']:.0%}", *shares[1:]])
    return _table(rows)


def extrapolated_votes(studies: int = 100) -> str:
    """Coverage and errors of extrapolated majority votes, by world."""
    rows = [
        ["answers", "samples", "true limit", "band held", "its width there", "error", "of the vote at hand"]
    ]
    for world in voted.WORLDS:
        for samples in (8, 32):
            found = voted.covered(world, samples, 300, studies)
            limit, *others = (f"{100 * found[each]:.1f}" for each in ("limit", "width", "error", "vote"))
            rows.append([world, f"{samples}", limit, f"{found['held']:.0%}", *others])
    return _table(rows)


def held_out(draws: int = 2) -> str:
    """Pools of which some samples are shown, and what is said of all of them.

    They are the files of Best-of-Infinity (jkomiyama/BoInf-code-publish, jsonl), in the folder that the environment
    variable POOLS names.
    """
    if not (files := sorted(Path(os.environ.get("POOLS", "")).glob("*.jsonl"))):
        raise InputError(
            "POOLS: the environment variable names no folder with files *.jsonl of Best-of-Infinity"
        )
    rows = [["pool", "questions", "shown", "of", "measure", "with those", "said of all", "true", "band held"]]
    rows[0] += ["plug-in", "power law"]
    names = {"pass_at_k": "pass@k", "majority": "majority"}
    for path in files:
        questions = more.pool(path)
        most = more.shortest(questions)
        for samples in (8, 16):
            for measure, found in more.held_out(questions, samples, draws).items():
                row = [
                    path.stem,
                    f"{len(questions)}",
                    f"{samples}",
                    f"{most // samples * samples}",
                    names[measure],
                ]
                row += [f"{100 * found[each]:.1f}" for each in ("now", "said", "true")] + [
                    f"{found['held']:.0%}"
                ]
                more_ = [f"{100 * found[each]:.1f}" for each in ("plug-in", "power law") if each in found]
                rows.append(row + (more_ or ["", ""]))
    return _table(rows)


def best_sets(studies: int = 100) -> str:
    """How often a model confidence set holds the best strategy, and how many it keeps."""
    rows = [["strategies", "number", "questions", "the best is held", "kept in the set"]]
    for world in sets.WORLDS:
        for number, questions in ((4, 100), (4, 300), (12, 300)):
            held, size = sets.sets(world, number, questions, studies)
            rows.append([world, f"{number}", f"{questions}", f"{held:.1%}", f"{size:.0%}"])
    return _table(rows)


def equivalences(studies: int = 200) -> str:
    """Studies of forty claims that call some difference none."""
    rows = [["true difference", "questions", "alone", "Holm", "Benjamini and Yekutieli"]]
    for points in (2, 0):
        for questions in (300, 1000, 3000):
            found = sets.equivalences(questions, points / 100, studies)
            # At two points any claim so called is false; at none the share of claims is the power
            rows.append(
                [f"{points} points", f"{questions}", *(f"{each[points == 0]:.1%}" for each in found.values())]
            )
    return _table(rows)


def bands(studies: int = 400) -> str:
    """Coverage of the band of two studies, and of as many plain intervals."""
    rows = [["outcomes", "questions", "band holds all", "24 intervals hold all", "band, ± points"]]
    for kind in versus.KINDS:
        for questions in (40, 100, 300):
            held, plain, width = versus.coverage(kind, questions, studies)
            rows.append([kind, f"{questions}", f"{held:.1%}", f"{plain:.1%}", f"{100 * width:.1f}"])
    return _table(rows)


def levels(studies: int = 400) -> str:
    """False differences between two studies that do not differ."""
    rows = [["outcomes", "questions", "one row, p ≤ .05", "any of 24", "any, adjusted"]]
    for kind in versus.KINDS:
        for questions in (40, 100, 300):
            shares = versus.level(kind, questions, studies)
            rows.append([kind, f"{questions}", *(f"{share:.1%}" for share in shares)])
    return _table(rows)


def replicates(studies: int = 2000) -> str:
    """Coverage of the interval of other questions and other trainings."""
    rows = [
        [
            "seeds",
            "sd between trainings, log odds",
            "both hold",
            "questions alone hold",
            "both, ± points",
            "alone, ±",
        ]
    ]
    for seeds in (3, 5):
        for between in (0.0, 0.1, 0.3, 1.0):
            found = trainings.coverage(seeds, 200, between, studies)
            shares = [
                *(f"{share:.1%}" for share in found[:2]),
                *(f"{100 * width:.1f}" for width in found[2:]),
            ]
            rows.append([f"{seeds}", f"{between:g}", *shares])
    return _table(rows)


MADE = (
    covered,
    efficiencies,
    false_verdicts,
    single_claims,
    powers,
    extrapolated,
    extrapolated_votes,
    held_out,
    best_sets,
    equivalences,
    bands,
    levels,
    replicates,
)
PARTS = {each.__name__: each for each in MADE}


def _table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:], ""])


def mark(name: str) -> str:
    """The line before and behind a table in the document."""
    return f"<!-- written by python -m tools.statistics {name} -->\n"


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", metavar="TABLE", help=f"of {', '.join(PARTS)}; all if none is named"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/statistics.md")
    given = parser.parse_args()
    for name in given.parts or PARTS:
        made = PARTS[name]()
        if given.write:
            start, _, end = DOCUMENT.read_text(encoding="utf-8").split(mark(name))
            DOCUMENT.write_text(f"{start}{mark(name)}{made}{mark(name)}{end}", encoding="utf-8")
        print(made, flush=True)


if __name__ == "__main__":
    main()
