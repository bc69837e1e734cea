"""Freed memory is kept: the system is not asked for the same pages again and again."""

import os
import subprocess
import sys

import pytest

from ttc.run import memory

ASKED = """
import resource, sys
import numpy as np
from ttc.run import memory
if sys.argv[1] == "keep" and not memory.keep_freed():
    raise SystemExit("unknown")
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    [np.ones(2**20) for _ in range(4)]  # 8 MiB each
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Pages that a process asks for while it makes four arrays, twenty times."""
    environment = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}
    done = subprocess.run([sys.executable, "-c", ASKED, how], capture_output=True, text=True, env=environment)
    if "unknown" in done.stderr:
        pytest.skip("this C library has no mallopt")
    return int(done.stdout)


def test_freed_memory_is_used_again():
    kept = faults("keep")
    assert kept < 1.1 * 2**25 / 4096  # all four were asked for once
    assert 4 * kept < faults("as it is")


def test_a_library_without_the_setting_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert memory.keep_freed() is False
