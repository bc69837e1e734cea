"""The templates of pages: where they lie, and how numbers and mathematics are written in them."""

from pathlib import Path
from urllib.parse import quote

import jinja2

from ttc.report import mathml
from ttc.report.numbers import number, probability

FOLDER = Path(__file__).parent / "templates"
RESOURCES = ("templates/style.css",)  # what all pages share; its bytes are part of the code of this module


def environment() -> jinja2.Environment:
    """Templates by their path in `templates/`; all text is escaped, and a missing value is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.filters |= {
        "number": number,
        "probability": probability,
        "mathematics": mathml.rendered,
        "answer": mathml.answer,
        "place": lambda name: quote(name, safe=""),
    }
    return made
