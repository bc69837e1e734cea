"""Figures of the paper, in both of its versions, and the figures here that stand for them."""

from dataclasses import dataclass

from ttc.figures.entry import Entry
from ttc.figures.registry import FIGURES


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the paper; where ours is no figure, `part` is the part of the report that stands for it."""

    version: str
    number: str
    shows: str
    part: str = ""
    called: str = ""


_TREE = ("search", "a search, step by step")
_CHAIN = ("revisions", "a chain of revisions")
PAPER_FIGURES = (
    PaperFigure("v1", "1", "summary: compute-optimal scaling, and its exchange for parameters"),
    PaperFigure("v1", "2", "diagram of best-of-N, beam search and lookahead", *_TREE),
    PaperFigure("v1", "3", "search strategies over budgets; beam search against best-of-N by difficulty"),
    PaperFigure("v1", "4", "compute-optimal search"),
    PaperFigure("v1", "5", "diagram of parallel samples and sequential revisions", *_CHAIN),
    PaperFigure("v1", "6", "pass@1 along a chain; sequential against parallel"),
    PaperFigure("v1", "7", "ratio of sequential to parallel, over budgets and by difficulty"),
    PaperFigure("v1", "8", "compute-optimal revisions"),
    PaperFigure("v1", "9", "test-time compute against parameters at equal FLOPs"),
    PaperFigure("v1", "10", "the ratio with majority voting"),
    PaperFigure("v1", "11", "the ratio by predicted difficulty, verifier and majority"),
    PaperFigure("v1", "12", "beam search against best-of-N by predicted difficulty"),
    PaperFigure("v1", "13", "aggregation of step scores"),
    PaperFigure("v1", "14", "PRM against ORM"),
    PaperFigure("v1", "15", "revision verifier against PRM; with and without history"),
    PaperFigure("v1", "16", "ReST^EM"),
    PaperFigure("v1", "17–23", "examples of revisions", *_CHAIN),
    PaperFigure("v1", "24–29", "examples of beam search", *_TREE),
    PaperFigure("camera_ready", "6", "compute-optimal revisions"),
    PaperFigure("camera_ready", "8", "test-time compute against parameters, the verifier billed"),
    PaperFigure("camera_ready", "9", "pass@1 along a chain; sequential against parallel"),
    PaperFigure("camera_ready", "13", "best-of-N against best-of-N weighted, PRM and ORM"),
    PaperFigure("camera_ready", "14", "aggregation of step scores"),
    PaperFigure("camera_ready", "15", "PRM against ORM"),
    PaperFigure("camera_ready", "16", "beam search against best-of-N by difficulty, larger policy"),
    PaperFigure("camera_ready", "17", "quality of the verifier"),
    PaperFigure("camera_ready", "18", "revision verifier against PRM; with and without history"),
    PaperFigure("camera_ready", "19", "ReST^EM"),
)


def ours(paper: PaperFigure) -> list[Entry]:
    """The figures that stand for one of the paper's."""
    numbers = {
        name: entry.v1 if paper.version == "v1" else entry.camera_ready for name, entry in FIGURES.items()
    }
    return [entry for name, entry in FIGURES.items() if numbers[name].split(",")[0] == paper.number]
