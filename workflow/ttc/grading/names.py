r"""Names before an equals sign: `x = 5`, `I_{\max} = 5` and `\angle ABC = 30` state the value of one thing.

Against an answer without a name, the value counts; two answers with the same name are equal if their values are.
"""

import re
from typing import NamedTuple

_GREEK = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|"
    "varphi|chi|psi|omega|ell|Gamma|Delta|Theta|Lambda|Xi|Sigma|Phi|Psi|Omega"
)
_WORD = r"\\(?:text(?:bf|it|rm)?|math(?:rm|bf|it|cal)|operatorname|overline|vec|hat|bar|mbox)\s*\{[^{}=]*\}"
_INDEX = r"_\s*(?:[A-Za-z0-9]|\\[A-Za-z]+(?:\s*\{[^{}=]*\})?|\{(?:[^{}=]|\{[^{}=]*\})*\})"
_SYMBOL = rf"(?:[A-Za-z]|\\(?:{_GREEK})(?![a-zA-Z])|{_WORD}|[A-Z]{{2,4}}|m?\s*\\angle\s*(?:[A-Z]{{1,3}}|\d))"
# A symbol with an index, primes and an argument: nothing that is computed
_NAME = re.compile(rf"\s*({_SYMBOL}\s*(?:{_INDEX})?\s*'*\s*(?:\(\s*[A-Za-z0-9,.\s-]*\))?)\s*=(?!=)")
_RELATIONS = re.compile(r"[=<>;,]|\\(?:leq?|geq?|lt|gt|neq?|in|approx|text\s*\{\s*(?:and|or))(?![a-zA-Z])")
_OPERATOR = re.compile(
    r"\\(?:(max|min|sup|inf|lim|det|dim|deg|exp|log|arg|gcd|ker)|text(?:bf|it|rm)?|math(?:rm|bf|it)|rm|operatorname)"
    r"(?![a-zA-Z])"
)


class Assigned(NamedTuple):
    """What an answer states: the name, spaces aside, and the value, as written."""

    name: str
    value: str


def assigned(answer: str) -> Assigned | None:
    """The name and the value of an answer that gives one thing one value; None if it is anything else."""
    found = _NAME.match(answer)
    if not found:
        return None
    value = answer[found.end() :].strip()
    if not value or _RELATIONS.search(value):
        return None
    return Assigned(re.sub(r"[\s{}]", "", found[1]), value)


def with_plain_name(answer: str) -> str:
    r"""The answer with words in its name's index instead of commands: `I_{\max} = 5` as `I_{max} = 5`.

    Math-Verify takes `\max` for a function, and reads none of it.
    """
    found = _NAME.match(answer)
    if not found or "_" not in found[1]:
        return answer
    symbol, index = found[1].split("_", 1)
    if "(" in index or not _OPERATOR.search(index):
        return answer
    words = re.sub(r"[\s{}]", "", _OPERATOR.sub(lambda operator: operator[1] or "", index))
    return f"{symbol}_{{{words}}} ={answer[found.end() :]}"
