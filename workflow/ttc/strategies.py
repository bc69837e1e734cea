"""Names of strategies: the grammar of calls such as `revisions(sequential=8, parallel=2)`, legends and file names."""

import re

from ttc import plugins

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
    "ridge": "compute-optimal, smooth in difficulty",
    "oracle": "best strategy of each question",
}
# Before the name of a strategy of the larger policy, where it competes with those of the policy
LARGER = "larger_"
_NOISY = {"random": "random scores", "flipped": "some scores flipped"}
_SEARCHES = "ttc.search.methods"
_RULES = "ttc.stopping.rules"


def parse(name: str) -> tuple[str, dict[str, int | float | str]]:
    """Method and arguments of a strategy's name; numbers are read as such.  `majority` is ("majority", {})."""
    match = re.fullmatch(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*", name)
    if match is None:
        raise ValueError(f"'{name}' is not the name of a strategy")
    values: dict[str, int | float | str] = {}
    for part in filter(None, (piece.strip() for piece in (match[2] or "").split(","))):
        key, _, value = (piece.strip() for piece in part.partition("="))
        if key in values:
            raise ValueError(f"'{name}': '{key}' is given twice")
        values[key] = _value(value)
    return match[1], values


def _value(text: str) -> int | float | str:
    """`text` as a number where it is one."""
    if re.fullmatch(r"\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"\d*\.?\d+(e-?\d+)?", text) else text


def searched(method: str) -> dict | None:
    """What a search method declares of itself (`ttc.search.methods`); None for a strategy that is no search."""
    return plugins.declaration(_SEARCHES, method) if method in plugins.names(_SEARCHES) else None


def is_search(name: str) -> bool:
    """Whether a strategy of the family `search` is a search and not a vote: known here, or in tables of another day."""
    method = parse(name)[0]
    return method not in _PLAIN and method != "revisions"


def is_beyond_paper(name: str) -> bool:
    """Whether Snell et al. lack the method of a search; so it is with methods that are unknown here."""
    declared = searched(parse(name)[0])
    return declared is None or declared["beyond_paper"]


def label(name: str) -> str:
    """A strategy as a legend names it: `beam(width=sqrt)` is "beam, width √N"."""
    if name.startswith(LARGER):
        return f"{label(name.removeprefix(LARGER))}, larger policy"
    method, values = parse(name)
    if method == "revisions":
        return f"{values['sequential']} sequential × {values['parallel']} parallel"
    search = searched(method)
    words = [search["legend"] if search else _PLAIN.get(method, method.replace("_", " "))]
    for key, value in values.items():
        if key == "aggregation":
            words.append(f"{value} of steps")
        elif key == "verifier":
            words.append(_NOISY[value])
        else:
            words.append(f"{key} {'√N' if value == 'sqrt' else _number(value)}")
    return ", ".join(words)


def rule_label(rule: str) -> str:
    """A rule that stops sampling early as a legend names it; one that is unknown here by its plain name."""
    known = rule in plugins.names(_RULES)
    return plugins.declaration(_RULES, rule)["legend"] if known else rule.replace("_", " ")


def file_label(name: str, budget: int) -> str:
    """A search at a budget as files name it: `lookahead(width=4, depth=3)` at 16 is `lookahead-m4-k3-n16`.

    The letters are those that the method declares.  A point would look like a suffix, so 0.2 is `0_2`.
    """
    method, values = parse(name)
    declared = searched(method)["parameters"]
    parts = [f"{declared[key]['letter']}{_number(value)}".replace(".", "_") for key, value in values.items()]
    return "-".join([method, *parts, f"n{budget}"])


def _number(value: int | float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def ratio(name: str) -> tuple[int, int]:
    """(sequential, parallel) of a revision strategy: (8, 2) for `revisions(sequential=8, parallel=2)`."""
    method, values = parse(name)
    if method != "revisions" or set(values) != {"sequential", "parallel"}:
        raise ValueError(f"'{name}' is not a ratio of sequential to parallel revisions")
    return int(values["sequential"]), int(values["parallel"])
