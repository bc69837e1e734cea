"""The resamples that findings share, and means over questions with intervals from them.

One set of resampled questions serves all claims, and the intervals of curves, too.  Bins are cut anew in each; a choice
is made anew in each where the study has the table `resampled`.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import polars as pl

from ttc.evaluation.common import common_questions
from ttc.evaluation.curves import question_counts
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.exchange import at_budget
from ttc.noise import generator
from ttc.paper.claim import Evidence, Line, Measure, Settings
from ttc.statistics.bootstrap import bootstrap_means, percentile_interval, with_ends
from ttc.tables.study import NotMeasured, Study

Bins = Sequence[int] | None
_NONE = pl.DataFrame()
SHARES, DIFFERENCES = (0.0, 1.0), (-1.0, 1.0)


@lru_cache(maxsize=8)
def _counts(questions: int, replicates: int, seed: int) -> np.ndarray:
    return question_counts(questions, replicates, seed)


def numbers(study: Study, bins: Bins, kind: str) -> list[int] | None:
    """Numbers of difficulty bins; None = all questions.  Bin -1 is the hardest there is."""
    if bins is None:
        return None
    found = study.bins(kind)
    return [found[-1] if index == -1 else index for index in bins]


def in_bins(bins: Bins, kind: str = "oracle") -> str:
    """Bins as details name them."""
    if bins is None:
        return "all questions"
    if list(bins) == [-1]:
        return f"the hardest {kind} bin"
    return f"{kind} bin{'s' if len(bins) > 1 else ''} {', '.join(map(str, bins))}"


def draws(
    study: Study, settings: Settings, problem_ids: list[str], bins: Bins = None, kind: str = "oracle"
) -> np.ndarray:
    """How often each of the sorted questions counts: (1 + replicates, questions).

    First the questions of the bins, each once, and below them every resample, in which bins are cut anew.
    """
    counts = _counts(len(problem_ids), settings.bootstrap, settings.seed)
    wanted = numbers(study, bins, kind)
    if wanted is None:
        return np.vstack([np.ones(len(problem_ids)), counts])
    table = study.table("difficulty").drop_nulls(f"{kind}_bin")
    known = {name: place for name, *place in table.select("problem_id", kind, f"{kind}_bin").iter_rows()}
    if missing := [name for name in problem_ids if name not in known]:
        raise NotMeasured(f"{len(missing)} questions have no {kind} difficulty")
    values, places = np.array([known[name] for name in problem_ids]).T
    return Cuts.of(values, problem_ids, places).drawn(counts, wanted)


def mean(
    values: np.ndarray,
    settings: Settings,
    detail: str,
    *purpose: str | int,
    ends: tuple[float, float] = DIFFERENCES,
    drawn: np.ndarray | None = None,
    chosen: np.ndarray | None = None,
    where: str = "",
) -> Measure:
    """Mean over questions of `values`, NaN = not measured, with its interval; `purpose` names the random numbers.

    `ends`: the least and the largest value that a question can have.  `drawn`: as `draws` gives them; None = all
    questions.  `chosen` (replicates,): the mean in every resample where it holds a choice that was made anew.  `where`:
    the questions, for the reason why none is there.
    """
    values = np.asarray(values, dtype=np.float64)
    if drawn is None:
        drawn = np.vstack([np.ones(len(values)), _counts(len(values), settings.bootstrap, settings.seed)])
    members = values[(drawn[0] > 0) & ~np.isnan(values)]
    if not len(members):
        raise NotMeasured(f"no question of {where or 'the study'} has all of it")
    means = bootstrap_means(values[:, None], drawn)
    replicates = means[1:] if chosen is None else chosen[:, None]
    random = generator(settings.seed, "findings", *purpose)
    replicates = with_ends(replicates, np.array([len(members)]), ends, random)
    low, high = percentile_interval(replicates)
    tested = Evidence(members, None if chosen is None else float(np.nanstd(replicates)))
    detail = f"{detail}; {len(members)} questions"
    return Measure(float(means[0, 0]), float(low[0]), float(high[0]), detail, len(members), tested)


def chosen_questions(study: Study) -> list[str]:
    """The questions that choices were measured on and resampled from, sorted."""
    return common_questions(study.table("outcomes"))[0]


def has_resamples(study: Study, line: Line) -> bool:
    """Whether a line holds a choice that was made anew in every resample."""
    return line.bins is not None and not study.frames.get("resampled", _NONE).is_empty()


def resampled(study: Study, settings: Settings, line: Line, budget: float, bins: Bins = None) -> np.ndarray:
    """Means (replicates,) in every resample of a line that holds a choice; of several bins the mean by their sizes.

    Between two of its budgets they are linear in the logarithm of the budget.
    """
    rows = study.table("resampled").filter(family=line.family, strategy=line.strategy, bins=line.bins)
    if line.family == "revisions":
        rows = rows.filter(selection=line.selection)
    places = numbers(study, bins, line.bins) or [0]
    parts = []
    for place in places:
        held = rows.filter(bin=place).sort("budget")
        if held.is_empty():
            raise NotMeasured(f"{line.name} was not measured in bin {place}")
        means = np.array(held["means"].to_list()).T[: settings.bootstrap]
        parts.append(at_budget(held["budget"].to_numpy(), means, budget).values)
    sizes = study.table("difficulty")[f"{line.bins}_bin"].to_numpy() if bins is not None else np.zeros(1)
    return np.average(parts, axis=0, weights=[int((sizes == place).sum()) for place in places])
