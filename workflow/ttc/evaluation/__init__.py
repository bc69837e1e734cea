"""Evaluation of generations: selection, means over subsets, difficulty, outcomes, exchange."""
