"""Allocation of compute: which strategy for which questions, and what it gains."""
