"""Names of strategies: how a call such as `revisions(sequential=8, parallel=2)` is read, and how people read it."""

import re

_PLAIN = {
    "majority": "majority vote",
    "best_of_n": "best-of-N",
    "best_of_n_weighted": "best-of-N weighted",
    "orm_best_of_n": "best-of-N, ORM",
    "orm_best_of_n_weighted": "best-of-N weighted, ORM",
    "hierarchical": "verifier",
    "hierarchical_no_history": "verifier without history",
    "hierarchical_prm": "PRM",
    "pass_at_1": "one solution",
    "pass_at_k": "any of N correct",
    "revision_step": "revision step",
    "rest_revision_step": "revision step, ReST^EM",
    "greedy": "one greedy solution",
    "sequential": "sequential",
    "parallel": "parallel",
    "compute_optimal": "compute-optimal",
    "in_sample_optimal": "compute-optimal, not cross-validated",
    "best_fixed": "best fixed strategy",
    "beam": "beam",
    "lookahead": "lookahead",
    "dvts": "DVTS",
    "rebase": "REBASE",
}
_NOISY = {"random": "random scores", "flipped": "some scores flipped"}


def arguments(name: str) -> tuple[str, dict[str, int | str]]:
    """Method and arguments of a strategy's name; whole numbers become int.  `majority` is ("majority", {})."""
    match = re.fullmatch(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*", name)
    if match is None:
        raise ValueError(f"'{name}' is not the name of a strategy")
    values: dict[str, int | str] = {}
    for part in filter(None, (piece.strip() for piece in (match[2] or "").split(","))):
        key, _, value = (piece.strip() for piece in part.partition("="))
        values[key] = int(value) if re.fullmatch(r"\d+", value) else value
    return match[1], values


def label(name: str) -> str:
    """A strategy as a legend names it: `beam(width=sqrt)` is "beam, width √N"."""
    method, values = arguments(name)
    if method == "revisions":
        return f"{values['sequential']} sequential × {values['parallel']} parallel"
    words = [_PLAIN.get(method, method.replace("_", " "))]
    for key, value in values.items():
        if key == "aggregation":
            words.append(f"{value} of steps")
        elif key == "verifier":
            words.append(_NOISY[value])
        else:
            words.append(f"{key} {'√N' if value == 'sqrt' else value}")
    return ", ".join(words)


def ratio(name: str) -> tuple[int, int]:
    """(sequential, parallel) of a revision strategy: (8, 2) for `revisions(sequential=8, parallel=2)`."""
    method, values = arguments(name)
    if method != "revisions" or set(values) != {"sequential", "parallel"}:
        raise ValueError(f"'{name}' is not a ratio of sequential to parallel revisions")
    return int(values["sequential"]), int(values["parallel"])
