"""Print what a study will cost, before any of it runs."""

import argparse

from ttc.estimate.table import text
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load


def main(arguments: list[str]) -> None:
    """Print the estimate of a study."""
    parser = argparse.ArgumentParser(prog="ttc plan", description=__doc__.splitlines()[0])
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY.yaml",
        help="files laid over config.yaml, in order; default: none",
    )
    studies = parser.parse_args(arguments).studies
    print(text(plan_study(load(ROOT / "config.yaml", *studies))))
