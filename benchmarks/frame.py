"""What a benchmark item records: timings of ours and of a named baseline, growth series, goals and equality of results.

An item is a module `benchmarks/bench_<item>.py` with TITLE, GOAL and `measure(bench)`.  It runs in a process of its own
with one thread; the records become results/bench/<item>.json, from which `benchmarks.summary` makes table and chart.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np


class Skip(Exception):
    """An item cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Record:
    """One timing.  Without an axis it is a headline, which is compared with the other variants of its case."""

    variant: str  # `ours`, `baseline`, or the name of a reference such as `roofline`
    seconds: float
    work: float  # what was done in that time, in `unit`
    unit: str
    axis: str = ""  # what grows, if the record belongs to a growth series
    size: float | None = None  # how large it is here
    case: str = ""  # tells several headlines of one item apart
    peak_mib: float | None = None  # peak memory of the process that did it
    note: str = ""

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.work / self.seconds


@dataclass(frozen=True)
class Goal:
    """A measured value and what it should be at least, or at most."""

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the value lies within the goal."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)


@dataclass
class Bench:
    """Collects the records of one item.

    quick: a version that takes seconds and proves that the item runs, not how fast anything is.
    models: a folder with policy/, larger/, prm/ and problems.parquet to use instead of the default study's.
    out: where records go, and what an item wants to keep.
    """

    item: str
    quick: bool = False
    models: Path | None = None
    out: Path = Path("results/bench")
    records: list[Record] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    equalities: list[str] = field(default_factory=list)

    def record(
        self,
        variant: str,
        seconds: float,
        work: float,
        unit: str,
        axis: str = "",
        size: float | None = None,
        case: str = "",
        peak_mib: float | None = None,
        note: str = "",
    ) -> Record:
        """Keep one timing and print it."""
        made = Record(variant, float(seconds), float(work), unit, axis, size, case, peak_mib, note)
        self.records.append(made)
        place = " ".join(part for part in (case, f"{axis} {size:g}" if axis else "") if part)
        memory = f", peak {peak_mib:,.0f} MiB" if peak_mib is not None else ""
        print(
            f"  {self.item} {place + ' ' if place else ''}{variant}: {seconds:.3g} s, "
            f"{made.rate:,.4g} {unit}/s{memory}",
            flush=True,
        )
        return made

    def time(self, function: Callable[[], object], repeats: int = 3) -> float:
        """Seconds of the fastest of `repeats` calls, after one that warms up (a single call in quick mode)."""
        if self.quick:
            repeats = 1
        else:
            function()
        return min(_timed(function) for _ in range(repeats))

    def ratio(self, case: str = "", ours: str = "ours", baseline: str = "baseline") -> float:
        """How many times the rate of `baseline` the rate of `ours` is, from the headlines of `case`."""
        rates = {each.variant: each.rate for each in self.records if not each.axis and each.case == case}
        return rates[ours] / rates[baseline]

    def goal(
        self, name: str, value: float, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """State what a measured value should be; a goal that is missed is shown as such and stops nothing."""
        made = Goal(name, float(value), at_least, at_most)
        self.goals.append(made)
        print(f"  {self.item}: {name} = {value:.3g}, {'met' if made.met else 'not met'}", flush=True)

    def same(self, name: str, ours, baseline, tolerance: float = 0.0) -> None:
        """Stop unless both gave the same `name`: a comparison of different results says nothing.

        Arrays and numbers may differ by `tolerance` (absolute); anything else must be equal.
        """
        if tolerance:
            gap = float(np.max(np.abs(np.asarray(ours, dtype=float) - np.asarray(baseline, dtype=float))))
            equal, shown = gap <= tolerance, f"{name}: largest difference {gap:.2g}"
        elif isinstance(ours, np.ndarray) or isinstance(baseline, np.ndarray):
            equal, shown = np.array_equal(ours, baseline), f"{name}: equal"
        else:
            equal, shown = bool(ours == baseline), f"{name}: equal"
        if not equal:
            raise AssertionError(f"{self.item}: ours and the baseline differ in {shown}")
        self.equalities.append(shown)

    def skip(self, reason: str) -> None:
        """Leave the item out, with the reason shown."""
        raise Skip(reason)

    def as_json(self, title: str, goal: str) -> str:
        """All that was recorded, as JSON."""
        content = {
            "item": self.item,
            "title": title,
            "goal": goal,
            "quick": self.quick,
            "records": [asdict(each) for each in self.records],
            "goals": [asdict(each) | {"met": each.met} for each in self.goals],
            "equalities": self.equalities,
        }
        return json.dumps(content, indent=1) + "\n"


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """The power e of the least-squares fit seconds ~ size^e on logarithmic axes; nan for fewer than two sizes."""
    if len(set(sizes)) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
