"""Tables of the hybrid: budgets shared out among samples, searches, revisions and a larger policy, after a look."""

from ttc.tables.columns import BIN, BINS, BUDGET, PROBLEM
from ttc.tables.schema import Schema, count, real, share, text
from ttc.tables.spending import SPENDING

_RULE = {
    "selection": text(
        meaning="the vote over the samples looked at, whose scores are read where it is `best_of_n_weighted`; `any`: "
        "nothing is looked at, and every strategy may be taken",
        allowed=("majority", "best_of_n_weighted", "any"),
    ),
    "rule": text(
        meaning="`uniform`: as many samples for all; `best_fixed`: the mix of two strategies, the same for all "
        "questions, that is best on other questions; `oracle`: each question by its own outcomes; after a look "
        "`samples`: stop or more samples, `cascade`: or the larger policy, `small`: or searches and revisions, "
        "`hybrid`: or any of these",
        allowed=("uniform", "best_fixed", "oracle", "samples", "cascade", "small", "hybrid"),
    ),
    "form": text(
        meaning="`batch`: all questions share a budget; `price`: each decides alone, at the price at which other "
        "questions spend the budget; `steps`: the same, and who would sample on looks again at 2, 4, 8, … samples",
        allowed=("none", "batch", "price", "steps"),
    ),
    "probe": count(
        meaning="samples of a question that are looked at first, and paid; they vote with further samples; 0 = none"
    ),
}
_BUDGET = {
    "budget": count(
        meaning="mean budget of a question, in samples of the policy and, if it scores, the verifier", low=1
    )
}
_SPENT = {
    "generations": real(meaning="generations spent, the larger policy's counted alike", low=0.0),
    "tokens": real(meaning="tokens generated, by whatever model", nullable=True, low=0.0),
    "verifier_tokens": real(meaning="tokens verifiers read", nullable=True, low=0.0),
    "flops": real(meaning="FLOPs of all models, 2 per parameter and token", nullable=True, low=0.0),
    "money": real(
        meaning="money of all models, in the currency of the study's prices",
        nullable=True,
        low=0.0,
        optional=True,
    ),
}


def _with_interval(name: str, meaning: str, low: float | None = None) -> dict:
    return {
        name: real(meaning=meaning, nullable=True, low=low),
        f"{name}_low": real(meaning="lower end of its 95 % interval", nullable=True, low=low),
        f"{name}_high": real(meaning="upper end of it", nullable=True, low=low),
    }


HYBRID = Schema(
    "hybrid",
    ("selection", "rule", "form", "probe", "budget"),
    _RULE
    | _BUDGET
    | {
        "unit": text(
            meaning="what budgets and equal costs are counted in; in `tokens` and `generations` there is no larger "
            "policy",
            allowed=("flops", "money", "tokens", "generations"),
        ),
        "accuracy": share(meaning="mean correctness, each question by a rule learnt on others"),
        "low": share(
            meaning="lower end of its 95 % interval: in each resample all is learnt anew, and again what was chosen is "
            "held; the outer ends count"
        ),
        "high": share(meaning="upper end of it"),
    }
    | _SPENT
    | {"cost": real(meaning="what was spent, in the unit, over what a sample costs", low=0.0)}
    | _with_interval(
        "gain", "accuracy less that of a uniform budget of the same cost and vote; of `any`, the best vote's"
    )
    | _with_interval("gain_fixed", "accuracy less that of `best_fixed` at the same cost")
    | _with_interval(
        "gain_samples",
        "accuracy less that of `samples` in the same form, after the same look, at the same cost",
    )
    | _with_interval(
        "regret", "accuracy of `oracle` at the same cost less the rule's; too high by the oracle's luck"
    )
    | _with_interval("saving", "cost of the uniform budget that is as accurate, over that of the rule", 0.0)
    | {"bound": SPENDING.columns["bound"], "problems": count(meaning="questions in the means", low=1)},
    meaning="the hybrid and its rivals at equal cost: accuracy, what is spent, what is gained",
)
HYBRID_CHOICES = Schema(
    "hybrid_choices",
    ("selection", "rule", "form", "probe", "budget", "bins", "bin", "kind"),
    _RULE
    | _BUDGET
    | {
        "bins": BINS,
        "bin": BIN,
        "kind": text(
            meaning="what was chosen: `stop`, `samples`, the method of a search, `revisions` or `larger`"
        ),
        "share": share(meaning="share of the questions, over random orders of their samples"),
        "problems": count(meaning="questions of the bin", low=1),
    },
    meaning="what the hybrid and its rivals choose, by difficulty",
)
HYBRID_SPENT = Schema(
    "hybrid_spent",
    ("selection", "rule", "form", "probe", "budget", "problem_id"),
    _RULE | _BUDGET | PROBLEM | {"correct": share(meaning="expected correctness")} | _SPENT,
    meaning="what the hybrid and its rivals have and spend with each question, means over orders of its samples",
)
HYBRID_BREAK_EVEN = Schema(
    "hybrid_break_even",
    ("selection", "rule", "form", "probe"),
    _RULE
    | {
        "break_even": real(
            meaning="least budget from which on the rule is ahead of uniform at equal cost; null = none",
            nullable=True,
            low=1.0,
        ),
        "break_even_fixed": real(
            meaning="least budget from which on it is ahead of `best_fixed`; null = none",
            nullable=True,
            low=1.0,
        ),
        "best_budget": BUDGET,
        "best_gain": real(
            meaning="accuracy over uniform there, the most of all budgets; chosen, so too high"
        ),
    },
    meaning="the budget from which on a look pays for itself, where more than samples may be chosen",
)
