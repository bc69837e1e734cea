"""The table of docs/grading.md: our verdicts on pairs of others before and after a change, measured by this command.

python -m tools.grading_table --before CHECKOUT --write    # measures both; CHECKOUT is a folder with the older code
python -m tools.grading_table --write                      # measures this code, and leaves the numbers of before

The data are no part of the project: `grading_pairs.jsonl` and `field_cases.jsonl` in `../shared/data` beside it, or in
the folder that TTC_DATA names.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/grading.md"
DATA = Path(os.environ.get("TTC_DATA", ROOT.parent / "shared" / "data"))
MARK = "<!-- written by python -m tools.grading_table -->\n"
SOURCES = {
    "huggingface/Math-Verify": "pairs of Math-Verify's tests",
    "huggingface/lighteval": "pairs of lighteval's tests",
    "hendrycks/math": "pairs of hendrycks/math's tests",
    "NVIDIA-NeMo/Skills": "pairs of NeMo Skills' tests",
    "openai/grade-school-math": "pairs of GSM8K's labels",
}
REPORTED = {"grade": "reported pairs, equal and different", "find": "reported texts with an answer to find"}


def measure(data: Path = DATA) -> dict[str, list[int]]:
    """By name of a row: how many verdicts or answers are those wanted, and of how many."""
    from ttc.grading.answers import find
    from ttc.grading.grader import Grader
    from ttc.problems import prompts

    agree, total = Counter(), Counter()
    with Grader() as grader:
        for pair in _lines(data / "grading_pairs.jsonl"):
            row = SOURCES[pair["source"]]
            equal = grader.equal if pair["prediction_kind"] == "answer" else grader.equal_texts
            total[row] += 1
            agree[row] += equal(pair["gold"], pair["prediction"]).equal == pair["expected"]
        for case in _lines(data / "field_cases.jsonl"):
            row = REPORTED[case["what"]]
            total[row] += 1
            if case["what"] == "grade":
                agree[row] += grader.equal(case["gold"], case["answer"]).equal == case["equal"]
            else:
                methods = case["methods"]
                methods = prompts.load(methods).extract if isinstance(methods, str) else methods
                agree[row] += find(case["text"], methods).answer == case["answer"]
    return {row: [agree[row], total[row]] for row in (*SOURCES.values(), *REPORTED.values())}


def measure_checkout(folder: Path) -> dict[str, list[int]]:
    """The same with the package of another checkout, in a process of its own."""
    code = (
        "import json, pathlib, sys; sys.path.append(sys.argv[1]); from tools import grading_table as table; "
    )
    code += "print(json.dumps(table.measure(pathlib.Path(sys.argv[2]))))"
    environment = os.environ | {"PYTHONPATH": str(folder.resolve() / "workflow")}
    command = [sys.executable, "-P", "-c", code, str(ROOT), str(DATA)]
    done = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(before: dict[str, str], now: dict[str, list[int]]) -> str:
    """The table as Markdown; `before` has the cells of that column."""
    rows = [["source", "pairs", "agreement before", "agreement now"]]
    rows += [[row, f"{of:,}", before[row], f"{agree:,}"] for row, (agree, of) in now.items()]
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:], ""])


def stated(document: str) -> dict[str, tuple[str, str, str]]:
    """The cells of the document's table by the name of the row: pairs, agreement before, agreement now."""
    return {
        row: cells
        for row, *cells in re.findall(
            r"^\| ([^|]+) \| ([\d,]+) \| ([\d,–]+) \| ([\d,]+) \|$", document.split(MARK)[1], re.MULTILINE
        )
    }


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="a folder with the older code")
    parser.add_argument("--write", action="store_true", help="write the table into docs/grading.md")
    given = parser.parse_args()
    document = DOCUMENT.read_text(encoding="utf-8")
    if given.before:
        before = {row: f"{agree:,}" for row, (agree, _) in measure_checkout(given.before).items()}
    else:
        known = stated(document)
        before = {
            row: known[row][1] if row in known else "–" for row in (*SOURCES.values(), *REPORTED.values())
        }
    made = table(before, measure())
    if given.write:
        start, _, end = document.split(MARK)
        DOCUMENT.write_text(f"{start}{MARK}{made}{MARK}{end}", encoding="utf-8")
    else:
        print(made, end="")


if __name__ == "__main__":
    main()
