"""`make slurm-demo`: a study in miniature through `--profile slurm`, on a Slurm of this machine's own.

python -m tools.slurm.demo [--out results/slurm-demo]

Installs Debian's packages if they are missing (root), starts the cluster, runs tests/support/small_study.yaml once
locally and once through Slurm, says whether the manifests are equal, and stops the cluster.  The exit status is 1
unless they are.
"""

import argparse
import sys
import time
from pathlib import Path

from tools import equality_matrix
from tools.slurm import cluster

STUDY = equality_matrix.ROOT / "tests/support/small_study.yaml"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.slurm.demo", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path("results/slurm-demo"), help="a new folder for the runs"
    )
    out = parser.parse_args().out
    if out.exists():
        parser.error(f"{out} exists; nothing may be reused")
    here = cluster.Cluster()
    try:
        if not here.installed():
            print("installing Slurm", flush=True)
            cluster.install()
        here.start()
    except cluster.Unavailable as error:
        print(f"slurm-demo: {error}", file=sys.stderr)
        return 2
    started = time.monotonic()
    print(f"a Slurm with {here.cpus} CPUs and {here.gpus} GPUs that are files; runs in {out}", flush=True)
    try:
        results = equality_matrix.matrix(
            out.resolve(), [STUDY], (equality_matrix.FIRST, equality_matrix.SLURM)
        )
    finally:
        here.stop()
    jobs = (
        (out / "way2/snakemake.log").read_text(encoding="utf-8").count("has been submitted with SLURM jobid")
    )
    print(
        f"{jobs} jobs went through Slurm; {time.monotonic() - started:.0f} s; the cluster is stopped",
        flush=True,
    )
    return int(not results[1].same_bytes)


if __name__ == "__main__":
    sys.exit(main())
