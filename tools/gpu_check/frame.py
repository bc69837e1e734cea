"""What each check is given and gives: a device and a folder, and rows of a table."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

MARK = "ROWS "  # begins the line in which a check's process tells its rows


@dataclass(frozen=True)
class Row:
    """One thing that was looked at; `good` is None where nothing is asked of it."""

    what: str
    seen: str
    wanted: str = ""
    good: bool | None = None


@dataclass(frozen=True)
class Given:
    """device: `cuda`, or `cpu` to try the checks; small: sizes of a trial; vllm: an interpreter that has it."""

    device: str
    folder: Path
    small: bool
    vllm: str | None = None

    def wait(self) -> None:
        """Return when the device has done what it was told."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object]) -> float:
        """Wall seconds of a call and of what it has left to the device."""
        self.wait()
        started = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - started


def tell(check: Callable[[Given], list[Row]]) -> None:
    """Run a check in this process, with what the first argument says as JSON, and print its rows."""
    said = json.loads(sys.argv[1])
    given = Given(**said | {"folder": Path(said["folder"])})
    if given.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    print(MARK + json.dumps([asdict(row) for row in check(given)]), flush=True)


def share(equal: list[bool]) -> str:
    """How many of some rows are equal."""
    return f"{sum(equal)} of {len(equal)}"
