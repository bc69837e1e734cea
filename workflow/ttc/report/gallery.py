"""The gallery of a study: every figure of the paper with ours, its source table and the command that draws it.

One HTML file that needs nothing beside it (figures are inside as data).
"""

from pathlib import Path

from ttc.paper.figures import PAPER_FIGURES, PaperFigure, ours
from ttc.report import templating
from ttc.report.page import side_by_side

RESOURCES = ("templates/gallery.html",)  # the template; its bytes are part of the code of this module
VERSIONS = {
    "v1": "Version 1 (arXiv 2408.03314)",
    "camera_ready": "Camera-ready (ICLR 2025), where it differs",
}


def render(study: str, figures: Path | list[Path], parts: list[str], pools: list[str] | None = None) -> str:
    """The page as HTML, from the folder that `plot` wrote, or from those of several `pools`; all text is escaped.

    `parts` are the report's parts with examples: `search`, `revisions`.
    """
    folders = figures if isinstance(figures, list) else [figures]
    drawn, skipped = side_by_side(folders, pools or [""] * len(folders))
    for figure in [*drawn, *skipped]:
        figure["command"] = f"ttc draw {figure['name']} --study results/{study}"
    found = {figure["name"]: figure for figure in [*drawn, *skipped]}
    return (
        templating.environment()
        .get_template("gallery.html")
        .render(
            study=study,
            papers=[
                {
                    "title": title,
                    "rows": [_row(each, found, parts) for each in PAPER_FIGURES if each.version == version],
                }
                for version, title in VERSIONS.items()
            ],
            figures=drawn,
            skipped=skipped,
        )
    )


def _row(paper: PaperFigure, found: dict[str, dict], parts: list[str]) -> dict:
    """One of the paper's figures with what stands for it: our figures by name, or a place in the report."""
    figures = [found[entry.name] for entry in ours(paper)]
    row = {"number": paper.number, "shows": paper.shows, "figures": figures}
    return row | {"part": paper.part, "called": paper.called, "reported": paper.part in parts}
