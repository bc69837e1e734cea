"""Budgets spread across questions: a probe of each, expected gains of further samples, and who gets them."""
