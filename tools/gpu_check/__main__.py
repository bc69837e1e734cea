"""All that uses a GPU, checked in eight minutes on a machine that has one; docs/gpu.md says what was seen there.

python -m tools.gpu_check [--minutes 8] [--vllm PYTHON] [--write docs/gpu.md] [--only CHECK ...]
python -m tools.gpu_check --device cpu     tries the checks themselves, in small sizes

Every check is a process of its own, so that one that fails or hangs leaves the others as they are: they take the time
that is left, in the order below.  The exit status is 1 if a row is not as wanted or a check has ended badly.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.gpu_check.frame import MARK, Row

ROOT = Path(__file__).resolve().parents[2]
# In order of weight: what is measured and asked of it
CHECKS = ("machine", "engines", "verifiers", "speed", "leases", "vllm", "study")
BEGIN = "<!-- written by python -m tools.gpu_check -->"


def run(name: str, given: dict, seconds: float) -> list[Row]:
    """The rows of one check; one row that says how it ended where it ended badly."""
    paths = os.pathsep.join([str(ROOT / "workflow"), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    words = [sys.executable, "-m", f"tools.gpu_check.{name}", json.dumps(given)]
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=max(1.0, seconds)
        )
    except subprocess.TimeoutExpired:
        return [Row("the check", f"stopped after {seconds:.0f} s, when the time was over", "to end", False)]
    told = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not told:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr, flush=True)
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        return [Row("the check", f"failed: {last}", "to end", False)]
    return [Row(**row) for row in json.loads(told[-1].removeprefix(MARK))]


def table(rows: list[tuple[str, Row]]) -> str:
    """The rows as Markdown."""
    lines = ["| check | what | seen | wanted | |", "|---|---|---|---|---|"]
    verdicts = {None: "", True: "as wanted", False: "**not as wanted**"}
    lines += [
        f"| {name} | {row.what} | {row.seen} | {row.wanted} | {verdicts[row.good]} |" for name, row in rows
    ]
    return "\n".join(line.replace("\n", " ") for line in lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.gpu_check", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: a trial, small")
    parser.add_argument("--minutes", type=float, default=8, help="for all checks together")
    parser.add_argument("--vllm", metavar="PYTHON", help="interpreter of an environment that has vLLM")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=CHECKS, metavar="CHECK")
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    given = parser.parse_args()
    stop, rows = time.monotonic() + 60 * given.minutes, []
    with tempfile.TemporaryDirectory() as folder:
        told = {"device": given.device, "folder": folder, "small": given.device == "cpu", "vllm": given.vllm}
        for name in given.only:
            started = time.monotonic()
            found = run(name, told, stop - started)
            found.append(Row("seconds", f"{time.monotonic() - started:.0f}"))
            print(table([(name, row) for row in found]), flush=True)
            rows += [(name, row) for row in found]
    if given.write:
        before, _, after = given.write.read_text(encoding="utf-8").split(BEGIN)
        given.write.write_text(f"{before}{BEGIN}\n{table(rows)}\n{BEGIN}{after}", encoding="utf-8")
    return int(any(row.good is False for _, row in rows))


if __name__ == "__main__":
    sys.exit(main())
