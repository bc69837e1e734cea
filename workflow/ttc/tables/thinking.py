"""Tables of budgets of thought: accuracy over samples and tokens of thought, and the choice at a budget of tokens."""

from ttc.tables.analysis import ALLOCATION, CURVES
from ttc.tables.schema import Schema, count, real, share, text

TOKENS = count(meaning="budget: tokens generated per question, on average", low=1)
THINKING = Schema(
    "thinking",
    ("thinking", "selection", "shortest", "samples"),
    {
        "thinking": count(meaning="budget of thought, tokens", low=1),
        "selection": text(
            meaning="how an answer is chosen",
            allowed=("pass_at_k", "majority", "best_of_n_weighted", "best_of_n"),
        ),
        "shortest": count(meaning="how many samples, those with the shortest thoughts, vote; 0 = all"),
        "samples": count(meaning="samples drawn in parallel", low=1),
        "accuracy": share(meaning="mean correctness"),
        "low": share(meaning="lower end of the 95 % bootstrap interval over questions"),
        "high": share(meaning="upper end of it"),
        "mc_error": real(meaning="Monte-Carlo standard error of the mean", low=0.0),
        "tokens": real(meaning="tokens generated per question, thoughts and answers", low=0.0),
        "thinking_tokens": real(meaning="of these, tokens of thoughts", low=0.0),
        "verifier_tokens": real(meaning="tokens the verifier read", low=0.0),
        "forced": share(meaning="share of the thoughts that were ended because the budget was used up"),
        "questions": count(meaning="questions in the mean", low=1),
    },
    meaning="accuracy over parallel samples and tokens of thought (docs/thinking.md)",
)
THINKING_CURVES = Schema(
    "thinking_curves",
    CURVES.key,
    CURVES.columns | {"budget": TOKENS},
    meaning="accuracy at budgets of tokens: each rule at each budget of thought with as many samples as they pay for, "
    "and what is chosen among these",
)
THINKING_CHOICES = Schema(
    "thinking_choices",
    ALLOCATION.key,
    ALLOCATION.columns | {"budget": TOKENS},
    meaning="the rule and the budget of thought chosen for each bin and budget of tokens",
)
