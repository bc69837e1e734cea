"""`python -m benchmarks [ITEM ...]`: run the items one after another, one process and one thread each, then summarise.

Writes results/bench/<item>.json, benchmarks.md and benchmarks.png; `--docs` writes the latter two into docs/, too.
"""

import argparse
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import ROOT
from benchmarks.frame import Bench, Skip

ENVIRONMENT = {
    "PYTHONPATH": str(ROOT / "workflow"),  # this folder's package, whichever is installed
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}


def items() -> list[str]:
    """Names of all items, sorted."""
    return sorted(each.stem for each in Path(__file__).parent.glob("bench_*.py"))


def run(name: str, out: Path, quick: bool, models: Path | None) -> None:
    """Measure one item in this process and write its JSON."""
    module = importlib.import_module(f"benchmarks.{name}")
    bench = Bench(name.removeprefix("bench_"), quick, models, out)
    target = out / f"{bench.item}.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        module.measure(bench)
    except Skip as reason:
        target.unlink(missing_ok=True)
        print(f"  {bench.item}: left out: {reason}", flush=True)
        return
    target.write_text(bench.as_json(module.TITLE, module.GOAL), encoding="utf-8")


def main() -> int:
    """Run the items that were asked for; 1 if one of them failed."""
    known = items()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("items", nargs="*", metavar="ITEM", help=f"default: all of {', '.join(known)}")
    parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes; the numbers mean nothing"
    )
    parser.add_argument("--models", type=Path, help="folder with policy/, larger/, prm/ and problems.parquet")
    parser.add_argument("--out", type=Path, default=ROOT / "results/bench")
    parser.add_argument("--docs", action="store_true", help="write table and chart into docs/ as well")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process, no summary
    given = parser.parse_args()
    chosen = given.items or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"there is no item {unknown[0]}; known are {', '.join(known)}")
    if given.here:
        for name in chosen:
            run(name, given.out, given.quick, given.models)
        return 0
    passed_on = ["--quick"] * given.quick + (["--models", str(given.models)] if given.models else [])
    failed = []
    for name in chosen:
        print(f"{name}", flush=True)
        started = time.monotonic()
        command = [sys.executable, "-m", "benchmarks", name, "--here", "--out", str(given.out), *passed_on]
        if subprocess.run(command, cwd=ROOT, env=os.environ | ENVIRONMENT).returncode:
            failed.append(name)
        print(f"  {time.monotonic() - started:.0f} s in all", flush=True)
    from benchmarks.summary import summarise

    for written in summarise(given.out, ROOT / "docs" if given.docs else None):
        print(f"wrote {written}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
