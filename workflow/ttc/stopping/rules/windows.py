"""The windows of early-stopping self-consistency: samples come in windows, and one of a single answer ends it (ESC).

The threshold is the size of the window.  Sizes are powers of two: a window of the larger size then consists of whole
ones of the smaller, so that the stricter rule never stops earlier.
"""

import numpy as np

from ttc.stopping.ballots import Ballot

DECLARATION = {
    "title": "all answers of a window agree",
    "legend": "windows (ESC)",
    "source": "Li et al. 2024 (arXiv 2401.10480), section 2",
    "valid": "a heuristic; samples are asked for a window at a time, so its calls can run side by side",
    "vote": "majority",
    "reads": None,
    "by_counts": False,
    "learns": False,
    "threshold": "samples in a window",
    "limit": "least",
    "thresholds": [2, 4, 8, 16, 32, 64],
}


class Watch:
    """Many orders of samples under this rule."""

    def __init__(self, paths: int, classes: int, most: int):
        self.last, self.run = np.full(paths, -1), np.zeros(paths, dtype=int)

    def see(self, ballot: Ballot, group: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """The size of the largest window that ends here and holds one answer only; a missing answer is none."""
        again = (group == self.last) & (group >= 0)
        self.run = np.where(again, self.run + 1, np.where(group >= 0, 1, 0))
        self.last = group
        widest = ballot.drawn & -ballot.drawn  # the largest power of two that divides the number of samples
        sizes = 1 << np.arange(1, widest.bit_length())
        return (sizes * (sizes <= self.run[:, None])).max(axis=1, initial=0)
