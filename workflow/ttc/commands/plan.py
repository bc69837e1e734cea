"""Print what a study will cost, before any of it runs."""

from ttc.estimate.table import text
from ttc.study.build import plan_named


def main(arguments: list[str]) -> None:
    """Print the estimate of a study."""
    print(text(plan_named("ttc plan", __doc__.splitlines()[0], arguments)))
