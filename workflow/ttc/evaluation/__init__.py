"""From generations to numbers: selection, estimates over subsets, difficulty, outcomes, exchange."""
