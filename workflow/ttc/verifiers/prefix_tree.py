"""Prefixes of readings: what solutions begin with alike is one thing, and has one score.

A reading is cut behind its problem, behind each place at which a score is read, and where other readings may go on
otherwise.  A *prefix* is what lies before a cut, and has the score of its last step.  Readings with the same tokens up
to a cut share that prefix, in a search as in a pool.  Lists of tokens are compared, never texts: a tokenizer that
merges the end of a step with what follows costs a piece that is read anew, and no mistake.

A prefix lives as long as a row of a search holds it or one behind it (`hold`).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from ttc.verifiers.published import Reading


class Prefix:
    """What is read up to a cut: a piece behind another prefix."""

    def __init__(self, parent: "Prefix | None", tokens: tuple[int, ...]):
        self.parent, self.tokens = parent, tokens
        self.length = len(tokens) + (parent.length if parent else 0)
        self.score: float | None = None  # read at the last token

    def drop(self) -> None:
        """Let go of what was computed to go on from; the score is kept."""


Path = list[Prefix]  # of a reading, from its first cut to its last


class PrefixTree:
    """The prefixes that are known, by what stands before them and their last piece."""

    def __init__(self):
        self.known: WeakValueDictionary[tuple, Prefix] = WeakValueDictionary()
        self._last: list[Path] = []  # paths of the last call: they live until they are held, or the next one

    def make(self, parent: Prefix | None, tokens: tuple[int, ...]) -> Prefix:
        """A prefix that nobody has met."""
        return Prefix(parent, tokens)

    def path(self, reading: "Reading") -> Path:
        """The prefixes of a reading, new ones where it has some."""
        path: Path = []
        for tokens in _pieces(reading):
            parent = path[-1] if path else None
            prefix = self.known.get((parent, tokens))
            if prefix is None:
                prefix = self.known[parent, tokens] = self.make(parent, tokens)
            path.append(prefix)
        return path

    def scores_of(self, paths: list[Path], readings: Sequence["Reading"], keep: bool) -> list[list[float]]:
        """The scores of readings whose paths have been read.  keep: they will be gone on from (`hold`)."""
        self._last = paths if keep else []
        return [
            [prefix.score for prefix in path[len(path) - len(reading.places) :]]
            for path, reading in zip(paths, readings, strict=True)
        ]

    def hold(self, reading: "Reading") -> Prefix | None:
        """What is kept of a reading of the last call: it lives as long as the caller has it."""
        found = None
        for tokens in _pieces(reading):
            longer = self.known.get((found, tokens))
            if longer is None:
                break
            found = longer
        return found


def _pieces(reading: "Reading") -> Iterator[tuple[int, ...]]:
    """Tokens between the cuts of a reading; what follows the last score is not read."""
    ends = sorted({*reading.cuts, *(place + 1 for place in reading.places)})
    start = min(reading.start, ends[0] - 1)
    for first, last in pairwise([0, *([start] if start else []), *ends]):
        yield reading.tokens[first:last]
