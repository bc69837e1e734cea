"""The best fixed allocator: one strategy for all questions at each budget, the baseline of every other kind."""

from ttc.evaluation.allocators.binned import BinnedAllocator

DECLARATION = {
    "description": "the best strategy of each budget, one for all questions",
    "strategy": "best_fixed",
    "reads": None,
    "outcomes": False,
}


class BestFixedAllocator(BinnedAllocator):
    """Choose, for each budget, the strategy with the highest mean outcome over all questions: one bin holds them all.

    `strategies`, `budgets`: see `Allocator`.
    """

    def __init__(self, strategies=None, budgets=None):
        super().__init__(1, 0, strategies, budgets)


ALLOCATOR = BestFixedAllocator
