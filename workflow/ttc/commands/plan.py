"""What a study will cost: ttc plan [CONFIGURATION.yaml ...], files being laid over config.yaml in order."""

from ttc.estimate.table import text
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load


def main(arguments: list[str]) -> None:
    """Print the estimate of a study."""
    print(text(plan_study(load(ROOT / "config.yaml", *arguments))))
