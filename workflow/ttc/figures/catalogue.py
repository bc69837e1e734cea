"""What each figure of a study shows: title, caption, figure of the paper, and the rows of the tables it is drawn from.

Captions are templates: `{sampling.samples}` stands for that key of the configuration, `{questions}` for a number that
the tables give (`ttc.figures.captions`).  Standard library only: the plan asks here what the figures depend on.
"""

from ttc.figures import captions
from ttc.figures.appendix import APPENDIX
from ttc.figures.entry import Entry
from ttc.figures.main_text import MAIN_TEXT

__all__ = ["ENTRIES", "Entry", "specification"]

ENTRIES: tuple[Entry, ...] = MAIN_TEXT + APPENDIX


def specification(configuration: dict) -> dict:
    """What the figures of a study depend on besides its tables: options, and the numbers that captions restate.

    `configuration` is a resolved one, as config.resolved.yaml holds it: without what the study does not use.
    """
    sentences = [sentence for entry in ENTRIES for sentence in entry.caption]
    return {
        **configuration["figures"],
        "seed": configuration["seed"],
        "aggregation": configuration["evaluation"]["aggregation"],
        "stated": captions.stated(configuration, sentences),
    }
