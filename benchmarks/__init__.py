"""Benchmarks: what this project made fast, beside the way it is usually done, in one run (`make bench`)."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(
    os.environ.get("TTC_DATA", ROOT.parent / "shared" / "data")
)  # real pools, used where they are at hand
