"""Tables of accuracy by money: what a question may cost, what is best for it, and what the larger policy costs."""

from ttc.tables.analysis import ALLOCATION, CURVES
from ttc.tables.columns import BINS, BUDGET
from ttc.tables.schema import Schema, count, real, share, text

LEVEL = count(meaning="which level of money, from 1", low=1)
MONEY = real(meaning="the level: what a question may cost on average", low=0.0)
CURRENCY = text(meaning="currency of the study's prices")
MONEY_CURVES = Schema(
    "money_curves",
    ("family", "strategy", "selection", "bins", "bin", "level"),
    {
        "family": text(
            meaning="what competes: `search` what the policy offers, `larger` what both policies offer",
            allowed=("search", "larger"),
        ),
        "strategy": text(
            meaning="a strategy at the largest budget that the level pays for, that of the larger policy with "
            "`larger_` before it; or what is chosen among them, as in `curves`"
        ),
        "level": LEVEL,
        "money": MONEY,
        "spent": real(
            meaning="what the questions of the bin cost on average; null = not counted",
            nullable=True,
            low=0.0,
        ),
    }
    | {
        name: column
        for name, column in CURVES.columns.items()
        if name not in ("family", "strategy", "budget")
    }
    | {"currency": CURRENCY},
    meaning="accuracy by what a question may cost; in a bin, as many samples as the level pays for there "
    "(docs/money.md)",
)
MONEY_CHOICES = Schema(
    "money_choices",
    (*(name for name in ALLOCATION.key if name != "budget"), "level"),
    {name: column for name, column in ALLOCATION.columns.items() if name != "budget"}
    | {"level": LEVEL, "money": MONEY},
    meaning="the strategy chosen for each bin and level of money",
)
MONEY_MATCHED = Schema(
    "money_matched",
    ("larger", "larger_selection", "budget", "strategy", "selection", "bins"),
    {
        "larger": text(meaning="strategy of the larger policy, with `larger_` before it"),
        "larger_selection": text(meaning="its selection rule"),
        "budget": BUDGET,
        "strategy": text(meaning="`best_fixed`, or `compute_optimal` by difficulty, of the policy"),
        "selection": text(meaning="selection rule"),
        "bins": BINS,
        "accuracy": share(meaning="mean correctness of the larger policy's strategy"),
        "larger_money": real(meaning="what that costs a question", low=0.0),
        "money": real(
            meaning="the level of money with which the policy first is as accurate, between levels linear in the "
            "logarithm; null = at no level",
            nullable=True,
            low=0.0,
        ),
        "ratio": real(meaning="how many times less money that is", low=0.0),
        "low": real(
            meaning="lower end of its 95 % interval over questions, which holds choices and accuracies; costs are "
            "those of the study's questions",
            low=0.0,
        ),
        "high": real(meaning="upper end of it", low=0.0),
        "bound": text(
            meaning="`at_least`: it is as accurate at the lowest level; `at_most`: at none, and the ratio is that of "
            "the highest",
            allowed=("measured", "at_least", "at_most"),
        ),
    },
    meaning="money with which the policy is as accurate as the larger one",
)
