"""What documents name already and other parts of the same change bring; empty when they are merged."""

# configuration keys
KEYS = {
    "ablations.larger_search",
    "difficulty.samples",
    "evaluation.noisy_verifiers",
    "revision.pairs.temperature",
    "revision.pairs.train_problems",
    "revision.ratios",
    "revision.rest",
    "revision.training.checkpoint",
    "revision.training.evaluations_after_rise",
    "search.larger_budgets",
}
