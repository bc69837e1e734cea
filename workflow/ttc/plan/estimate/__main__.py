"""Print what a study will cost.

python -m ttc.plan.estimate [CONFIGURATION.yaml ...]    files are laid over config.yaml in order
"""

import sys

from ttc.errors import InputError
from ttc.plan.config import load
from ttc.plan.estimate.table import text
from ttc.plan.study import ROOT, plan_study

if __name__ == "__main__":
    try:
        print(text(plan_study(load(ROOT / "config.yaml", *sys.argv[1:]))))
    except InputError as error:
        raise SystemExit(f"estimate: {error}") from None
