"""Stage `gallery`: one self-contained HTML page with our figures beside the paper's.

Role: figures, the folder that `plot` wrote.  The spec's `study` is the name of the study, `parts` are the
parts of its report that hold examples.
"""

import os
from pathlib import Path

from ttc.gallery import render
from ttc.stages import command


def run(spec: dict, inputs: dict, output: Path, runtime) -> None:
    """Render the page and move it into place."""
    page = render(spec["study"], command.one(inputs, "figures"), spec.get("parts", []))
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.part")
    temporary.write_text(page)
    os.replace(temporary, output)


if __name__ == "__main__":
    command.main("gallery")
