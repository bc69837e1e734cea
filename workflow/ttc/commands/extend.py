"""Say what a study with more samples, budgets or strategies would still run, from what is there (docs/sharing.md).

ttc extend STUDY.yaml [MORE.yaml ...]
"""

from ttc.sharing import ahead
from ttc.study.build import plan_named


def main(arguments: list[str]) -> None:
    """Print the jobs that are to run."""
    print("\n".join(ahead.sentences(plan_named("ttc extend", __doc__.splitlines()[0], arguments))))
