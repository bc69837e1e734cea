"""Floating-point operations of language models, and the roles of the models of a study.

A model of N parameters needs 2·N operations to read or to write a token and 6·N to learn from one (paper §7).  Of a
mixture of experts N are the active parameters, those through which a token passes.
"""

FORWARD, LEARNING = 2.0, 6.0  # for each parameter and token

ROLES = ("policy", "larger_policy", "prm", "orm", "reviser", "revision_orm")
ROLES += ("revision_orm_no_history", "rest_reviser")


def forward(parameters: float | None, tokens: float | None) -> float | None:
    """FLOPs of reading or writing `tokens` tokens; None if either number is unknown."""
    return None if parameters is None or tokens is None else FORWARD * parameters * tokens


def learning(parameters: float, tokens: float) -> float:
    """FLOPs of a forward and backward pass over `tokens` tokens; what the optimiser does is not counted."""
    return LEARNING * parameters * tokens
