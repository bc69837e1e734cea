"""Search against the PRM: beams and lookahead beside best-of-N, whole and by difficulty (paper §5; fig. 3, 12, †16)."""

from functools import partial

from ttc.paper.claim import Claim, Line, Measure, Settings, ours
from ttc.paper.measures import BEAM, LARGE, PASS, SMALL, WEIGHTED, change, contrast, difference, shared
from ttc.tables.study import Study

RULE = "best_of_n_weighted"
BEAM_SQRT = Line("search", "beam(width=sqrt)", RULE)
LOOKAHEAD = Line("search", "lookahead(width=4, depth=3)", RULE)
LOOKAHEAD_SQRT = Line("search", "lookahead(width=sqrt, depth=3)", RULE)
LOOKAHEAD_SHALLOW = Line("search", "lookahead(width=sqrt, depth=1)", RULE)
DVTS = Line("search", "dvts(width=4)", RULE)
REBASE = Line("search", "rebase(temperature=0.2)", RULE)
LARGER_BEAM = Line("larger", "beam(width=4)", RULE)
LARGER_WEIGHTED = Line("larger", "best_of_n_weighted", RULE)

LITTLE = 0.1  # "no meaningful progress": at most 10 points over one solution; set here
OWN_BINS = "Bins are those of the small policy."


def progress(study: Study, settings: Settings) -> Measure:
    """Mean accuracy of beam search and best-of-N weighted at their largest common budget up to 256 minus pass@1."""
    budget = [budget for budget in shared(study, BEAM, WEIGHTED) if budget <= max(LARGE)][-1:]
    terms = [(0.5, BEAM, budget), (0.5, WEIGHTED, budget), (-1, PASS, [1])]
    detail = f"mean of {BEAM.name} and {WEIGHTED.name} at {budget[0]} generations minus one solution, paired"
    return contrast(study, settings, terms, detail, [-1])


def _beam(
    name: str,
    text: str,
    paper: str,
    side: str,
    budgets,
    bins=None,
    kind: str = "oracle",
    larger: bool = False,
    primary: bool = False,
) -> Claim:
    lines = (LARGER_BEAM, LARGER_WEIGHTED) if larger else (BEAM, WEIGHTED)
    measure = partial(
        difference,
        first=lines[0],
        second=lines[1],
        budgets=budgets,
        bins=bins,
        kind=kind,
        note=OWN_BINS if larger else "",
    )
    source = "outcomes, difficulty" if bins else "outcomes"
    return Claim(name, text, paper, measure, source, side, primary=primary)


def _lookahead(name: str, line: Line, other: Line, what: str) -> Claim:
    return Claim(
        name,
        f"Lookahead {what} at the same generations, rollouts billed",
        "lookahead underperforms the other methods at the same generation budget (§5.3, fig. 3)",
        partial(difference, first=line, second=other),
        "outcomes",
        "below",
    )


TOPIC = "3 Search"
CLAIMS = (
    _beam(
        "beam_small_budgets",
        "Beam search beats best-of-N weighted at small budgets (4 and 16)",
        "at small budgets beam search significantly outperforms best-of-N (§5.3, fig. 3)",
        "above",
        SMALL,
        primary=True,
    ),
    Claim(
        "beam_lead_shrinks",
        "The lead of beam search over best-of-N weighted shrinks as the budget grows",
        "with more generations the improvement diminishes, often below best-of-N (§5.3, fig. 3)",
        partial(change, line=BEAM, other=WEIGHTED),
        "outcomes",
        "below",
    ),
    _beam(
        "beam_easy_large_budgets",
        "On easy questions beam search falls behind best-of-N weighted at large budgets (64 and 256)",
        "on easy questions (bins 1, 2) beam search over-optimises the PRM (§5.3, fig. 3)",
        "below",
        LARGE,
        [1, 2],
        primary=True,
    ),
    Claim(
        "beam_easy_degrades",
        "On easy questions beam search loses accuracy as its budget grows",
        "on easy questions (bins 1, 2) beam search degrades as the budget grows (§5.3, fig. 3)",
        partial(change, line=BEAM, bins=[1, 2]),
        "outcomes, difficulty",
        "below",
    ),
    _beam(
        "beam_middle",
        "On harder questions (bins 3, 4) beam search beats best-of-N weighted at budgets 4 to 256",
        "on bins 3 and 4 beam search consistently outperforms best-of-N (§5.3, fig. 3)",
        "above",
        SMALL + LARGE,
        [3, 4],
    ),
    Claim(
        "hardest_no_progress",
        "On the hardest questions no search gains much over one solution",
        "in bin 5 no method makes meaningful progress (§5.3, fig. 3); set here: at most 10 points",
        progress,
        "outcomes, difficulty",
        "below",
        LITTLE,
    ),
    _beam(
        "beam_easy_predicted",
        "By predicted difficulty too, beam search falls behind on easy questions at large budgets",
        "predicted bins show the trends of oracle bins (fig. 12)",
        "below",
        LARGE,
        [1, 2],
        "predicted",
    ),
    _beam(
        "beam_middle_predicted",
        "By predicted difficulty too, beam search is ahead on harder questions (bins 3, 4)",
        "predicted bins show the trends of oracle bins (fig. 12)",
        "above",
        SMALL + LARGE,
        [3, 4],
        "predicted",
    ),
    _lookahead("lookahead_beam", LOOKAHEAD, BEAM, "(width 4, depth 3) is worse than beam search of width 4"),
    _lookahead(
        "lookahead_sqrt_beam",
        LOOKAHEAD_SQRT,
        BEAM_SQRT,
        "(width √N, depth 3) is worse than beam search of width √N",
    ),
    _lookahead(
        "lookahead_shallow_beam",
        LOOKAHEAD_SHALLOW,
        BEAM_SQRT,
        "(width √N, depth 1) is worse than beam search of width √N",
    ),
    _lookahead(
        "lookahead_weighted", LOOKAHEAD, WEIGHTED, "(width 4, depth 3) is worse than best-of-N weighted"
    ),
    _beam(
        "larger_beam_easy",
        "With the larger policy too, beam search falls behind on easy questions at large budgets",
        "beam against best-of-N by bin for other models, PaLM 2-S and 2-M (†16)",
        "below",
        LARGE,
        [1, 2],
        larger=True,
    ),
    _beam(
        "larger_beam_middle",
        "With the larger policy too, beam search is ahead on harder questions (bins 3, 4)",
        "beam against best-of-N by bin for other models, PaLM 2-S and 2-M (†16)",
        "above",
        SMALL + LARGE,
        [3, 4],
        larger=True,
    ),
    *(
        ours(
            f"{name}_{short}",
            f"{word} minus {title} at equal budgets",
            f"{word} came later; it is the search that others use most beside beam search",
            partial(difference, first=line, second=other),
            "outcomes",
        )
        for name, word, line in (("dvts", "DVTS", DVTS), ("rebase", "REBASE", REBASE))
        for short, title, other in (
            ("weighted", "best-of-N weighted", WEIGHTED),
            ("beam", "beam search of width 4", BEAM),
        )
    ),
)
