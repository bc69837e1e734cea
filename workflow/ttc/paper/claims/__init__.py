"""Claims of the paper by topic, each with the measurement that decides it."""
