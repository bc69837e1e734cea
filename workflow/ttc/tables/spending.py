"""Tables of budgets spread across questions: what each rule had and spent, and what it is worth beside uniform ones."""

from ttc.tables.columns import BUDGET, PROBLEM
from ttc.tables.schema import Schema, count, real, share, text

_RULE = {
    "selection": text(meaning="the vote over what was sampled: `majority` or `best_of_n_weighted`"),
    "rule": text(
        meaning="`uniform`: the same for all; `best_fixed`: uniform, with the vote that is best on other questions; "
        "`known_difficulty`: by the mean curve of a predicted difficulty bin that was not paid for; `oracle`: by each "
        "question's own curve; after a probe `batch`: of all questions, which share a budget, `price`: at a price of a "
        "generation, `price_by_steps`: at a price that is asked again as samples come in",
        allowed=("uniform", "best_fixed", "known_difficulty", "oracle", "batch", "price", "price_by_steps"),
    ),
    "probe": count(meaning="samples of a question that are looked at first, paid for and voting; 0 = none"),
}
_UNITS = {"generations": "generations", "tokens": "tokens generated", "flops": "FLOPs"}
_NAMED = {
    f"gain_{unit}": (f"accuracy less that of a uniform budget that spends as many {words}", None)
    for unit, words in _UNITS.items()
} | {
    f"saving_{unit}": (f"{words} of the uniform budget that is as accurate, over those spent", 0.0)
    for unit, words in _UNITS.items()
}


def _with_interval(name: str, meaning: str, low: float | None) -> dict:
    return {
        name: real(meaning=meaning, nullable=True, low=low),
        f"{name}_low": real(meaning="lower end of its 95 % interval", nullable=True, low=low),
        f"{name}_high": real(meaning="upper end of it", nullable=True, low=low),
    }


_COMPARED = {
    column: kind
    for name, (meaning, low) in _NAMED.items()
    for column, kind in _with_interval(name, meaning, low).items()
}
_SPENT = {
    "generations": real(meaning="generations spent, the probe included", low=0.0),
    "tokens": real(meaning="tokens generated", nullable=True, low=0.0),
    "verifier_tokens": real(meaning="tokens the verifier read", nullable=True, low=0.0),
    "flops": real(
        meaning="FLOPs of the policy and, where the vote needs it, of the verifier; 2 per parameter and token",
        nullable=True,
        low=0.0,
    ),
}
SPENDING = Schema(
    "spending",
    ("selection", "rule", "probe", "budget"),
    _RULE
    | {"budget": BUDGET}
    | {
        "accuracy": share(meaning="mean correctness, each question by a rule learnt on others"),
        "low": share(meaning="lower end of its 95 % interval; in each resample all is learnt anew"),
        "high": share(meaning="upper end of it"),
    }
    | _SPENT
    | _COMPARED
    | {
        "bound": text(
            meaning="what savings are: `equal`; `at_least`: no uniform budget is as accurate; `at_most`: the smallest "
            "is more accurate",
            allowed=("equal", "at_least", "at_most"),
        ),
        "problems": count(meaning="questions in the means", low=1),
    },
    meaning="budgets spread across questions: `budget` generations of a question on average",
)
SPENT = Schema(
    "spent",
    ("selection", "rule", "probe", "budget", "problem_id"),
    _RULE | {"budget": BUDGET} | PROBLEM | {"correct": share(meaning="expected correctness")} | _SPENT,
    meaning="what rules that spread a budget had and spent with each question, means over random orders of its samples",
)
BREAK_EVEN = Schema(
    "break_even",
    ("selection", "rule", "probe"),
    _RULE
    | {
        "break_even": real(
            meaning="least mean budget from which on the rule is ahead of uniform at equal generations; null = none",
            nullable=True,
            low=1.0,
        ),
        "best_budget": count(meaning="mean budget at which it is ahead by most", low=1),
        "best_gain": real(meaning="accuracy by which it is ahead there; chosen, so too high"),
    },
    meaning="the budget from which a probe pays for itself",
)
