"""Entries of figures, and the rows that several figures are drawn from."""

from collections.abc import Callable
from dataclasses import dataclass

from ttc.figures import captions

# column -> values of it; names of strategies may end in *, and the last of them may be OTHER_SEARCHES
Rows = dict[str, tuple]
# Every further search that a study measured, by whatever method: the rows of a table say which there are
OTHER_SEARCHES = "other searches"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure: `name` is its file's, `place` its place on pages; `v1` and `camera_ready` number the paper's figure.

    A caption is a tuple of sentences; one whose numbers a study does not have is left out.  `reads` names the tables
    and the rows of them that the figure needs, `draw` the function (study, options) that draws it.  `beside`: what it
    stands for where it is none of the paper's figures.  `main` figures are shown in the report, all in the gallery.  Of
    a `silent` one nothing is said where a study has none of its tables: pages are as before there was one.
    """

    name: str
    title: str
    place: int
    caption: tuple[str, ...]
    reads: dict[str, Rows]
    draw: Callable
    v1: str = ""
    camera_ready: str = ""
    beside: str = "beyond the paper"
    main: bool = False
    silent: bool = False

    @property
    def paper(self) -> str:
        """The paper's figure in words, such as "figure 8 (camera-ready: 6)"."""
        if self.v1:
            return f"figure {self.v1}" + (
                f" (camera-ready: {self.camera_ready})" if self.camera_ready else ""
            )
        return f"camera-ready figure {self.camera_ready}" if self.camera_ready else self.beside

    def described(self, values: dict[str, object]) -> dict:
        """What pages say about the figure; `values` fill its caption."""
        caption = captions.fill(self.caption, values)
        return {
            "name": self.name,
            "title": self.title,
            "caption": caption,
            "paper": self.paper,
            "main": self.main,
        }


ALL = {"bins": ("none",)}
VOTES = {"family": ("search",)} | ALL
FIXED = ("best_of_n_weighted", "majority")
RATIO_ROWS = {"family": ("revisions",), "strategy": ("revisions(*",)}
BY_BIN = {"strategy": ("best_of_n_weighted", "beam(width=4)", "majority")}
