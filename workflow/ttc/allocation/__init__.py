"""Allocation: the best strategy for a question's difficulty bin and a budget, cross-validated (paper §3.2,
§5.3, §6.2).
"""
