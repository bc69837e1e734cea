"""Verifiers: models that score solutions, step by step (PRM) or whole (ORM), and the examples they learn from."""
