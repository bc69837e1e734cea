"""Options of every search, where the paper is silent."""

from dataclasses import dataclass

from ttc.errors import InputError, nearest

FINISHED = ("shrink", "keep", "refill")
DUPLICATES = ("keep", "drop")


@dataclass(frozen=True)
class Options:
    """Where the paper is silent.

    finished: what a beam that ends before the others does to the width (see `ttc.search.beams`).
    duplicates: `keep` lets equal beams be kept side by side, `drop` keeps one of them; both are billed.
    """

    finished: str = "shrink"
    duplicates: str = "keep"

    def __post_init__(self):
        for field, allowed in (("finished", FINISHED), ("duplicates", DUPLICATES)):
            value = getattr(self, field)
            if value not in allowed:
                raise InputError(
                    f"search options: {field} is '{value}'; allowed are {', '.join(allowed)}"
                    f"{nearest(str(value), allowed)}"
                )
