"""Statistics of numbers alone: intervals over questions, and how well scores rank and fit verdicts."""
