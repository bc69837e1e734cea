"""Simulations with known truth: how often intervals hold it, and how often verdicts are false."""
