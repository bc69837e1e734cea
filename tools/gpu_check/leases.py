"""Jobs without a scheduler that want a GPU at the same time: as many at a time as there are GPUs."""

import os
import subprocess
import sys

from tools.gpu_check.frame import Given, Row, tell
from ttc.run import gpus

JOB = """
import os, sys
from ttc.run import gpus
print(gpus.choose(1, "cuda", lambda line: print("waiting", flush=True), os.environ), flush=True)
sys.stdin.read()
"""


def check(given: Given) -> list[Row]:
    """One job more than there are GPUs: each of the others has its own, and the last one waits until one ends."""
    there = len(gpus.visible(os.environ))
    if not there:
        return [Row("GPUs to lease", "none")]
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", JOB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(there)
    ]
    held = [job.stdout.readline().strip() for job in jobs]
    late = subprocess.Popen(
        [sys.executable, "-c", JOB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    waits = late.stdout.readline().strip()
    jobs[0].kill()
    taken = late.stdout.readline().strip()
    for job in (*jobs, late):
        job.kill()
        job.wait()
    return [
        Row("held at once", ", ".join(held), "each its own", len(set(held)) == there),
        Row("one job more", waits, "waiting", waits == "waiting"),
        Row("when a holder was killed", taken, held[0], taken == held[0]),
    ]


if __name__ == "__main__":
    tell(check)
