"""Stage `gallery`: one self-contained HTML page with our figures beside the paper's.

Role: figures, the folders that `plot` wrote, one for each pool.  spec: study (its name), parts (those parts of its
report with examples), pools (their titles; one empty title where there are no pools).
"""

from pathlib import Path

from ttc.report.gallery import render
from ttc.runtime import Inputs, Runtime

DECLARATION = {
    "group": "publication",
    "purpose": "lay the figures beside the paper's",
    "suffix": ".html",
    "light": True,
    "published": {"": "gallery.html"},
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Write the page."""
    page = render(spec["study"], inputs["figures"], spec["parts"], spec["pools"])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")
