"""Tables of the simulations, printed or written into docs/statistics.md: `python -m tools.statistics [--write]`."""

import argparse
from pathlib import Path

from tools.statistics import coverage, nulls
from tools.statistics.worlds import WORLDS

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


PARTS = {each.__name__: each for each in (covered, efficiencies, false_verdicts, single_claims, powers)}


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
