"""A study in miniature whose models are trained and run on the GPU, from its problems to its report."""

import json
import os
import subprocess
import sys
import time

import yaml

from tools.gpu_check.__main__ import ROOT
from tools.gpu_check.frame import Given, Row, tell

STUDY = ROOT / "tests/support/small_study.yaml"


def check(given: Given) -> list[Row]:
    """It ends, and every artifact is there; run again, nothing is to be done."""
    settings = yaml.safe_load(STUDY.read_text(encoding="utf-8")) | {"runtime": {"device": given.device}}
    place = given.folder / "study"
    place.mkdir()
    (place / "study.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(place),
    ]
    words += ["--workflow-profile", str(ROOT / "profiles/default"), "--configfile", str(place / "study.yaml")]
    paths = {"PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"}
    started = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | paths)
    seconds = time.monotonic() - started
    rows = [Row("exit status", str(done.returncode), "0", done.returncode == 0)]
    if done.returncode:
        return [*rows, Row("it said", done.stderr[-600:])]
    [manifest] = place.glob("results/*/manifest.json")
    records = json.loads(manifest.read_text(encoding="utf-8"))
    again = subprocess.run([*words, "--dry-run"], capture_output=True, text=True, env=os.environ | paths)
    nothing = "Nothing to be done" in again.stdout + again.stderr
    return [
        *rows,
        Row("artifacts", f"{len(records['artifacts'])} in {seconds:.0f} s"),
        Row("run again", "nothing to be done" if nothing else "something", "nothing to be done", nothing),
    ]


if __name__ == "__main__":
    tell(check)
