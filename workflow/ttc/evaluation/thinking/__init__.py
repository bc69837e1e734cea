"""Accuracy over parallel samples and tokens of thought, and what to do with a budget of tokens."""
