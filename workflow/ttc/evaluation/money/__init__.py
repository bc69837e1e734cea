"""Money as a cost: what tokens cost, and which strategy is best for what a question may cost."""
