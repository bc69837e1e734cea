"""Stage `gallery`: one self-contained HTML page with our figures beside the paper's.

Role: figures, the folder that `plot` wrote.  The spec's `study` is the name of the study, `parts` are the
parts of its report that hold examples.
"""

from pathlib import Path

from ttc.report.gallery import render
from ttc.runtime import one

DECLARATION = {
    "group": "publication",
    "purpose": "lay the figures beside the paper's",
    "suffix": ".html",
    "light": True,
    "published": {"": "gallery.html"},
}


def run(spec: dict, inputs: dict, output: Path, runtime) -> None:
    """Render the page and move it into place."""
    page = render(spec["study"], one(inputs, "figures"), spec.get("parts", []))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page)
