"""Commands of the Makefile and of continuous integration: every module that they start is there and says its use."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [(ROOT / name).read_text() for name in ("Makefile", ".ci/run")]
MODULES = sorted(
    {name for text in TEXTS for name in re.findall(r"-m ((?:tools|ttc|benchmarks)\b[\w.]*)", text)}
)


def test_people_have_one_command_and_jobs_another():
    assert {name for name in MODULES if name.startswith("ttc")} == {"ttc"}


@pytest.mark.parametrize("module", MODULES)
def test_it_says_how_it_is_used(module):
    told = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("usage:")
