"""Numbers that findings of several topics are made of: contrasts of accuracies, question by question.

Intervals are percentile bootstrap intervals over questions; differences are paired.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from ttc.evaluation.efficiency import REFERENCE_BUDGET
from ttc.evaluation.exchange import at_budget
from ttc.evaluation.procedure import centred
from ttc.paper.claim import Line, Measure, Settings
from ttc.paper.resampling import chosen_questions, draws, has_resamples, in_bins, mean, resampled
from ttc.statistics.bootstrap import bootstrap_means
from ttc.statistics.grouped import group_mean
from ttc.tables.study import NotMeasured, Study

WEIGHTED = Line("search", "best_of_n_weighted", "best_of_n_weighted")
MAJORITY = Line("search", "majority", "majority")
BEAM = Line("search", "beam(width=4)", "best_of_n_weighted")
PASS = Line("baseline", "pass_at_1", "none")
SMALL, LARGE = (4, 16), (64, 256)  # budgets at which the paper compares by difficulty (figure 3, right)

# A contrast: (weight, curve, budgets); the value of a question is the weighted sum of its mean accuracies
Term = tuple[float, Line, Sequence[int]]


def budgets_of(study: Study, line: Line) -> list[int]:
    """Budgets at which a curve was measured, rising; empty where it was not."""
    if line.bins is None:
        return study.budgets(line.family, line.strategy, line.selection)
    return sorted(_chosen(study, line)["budget"].unique())


def at(study: Study, line: Line, budget: float) -> pl.DataFrame:
    """Columns problem_id and correct of a curve at a budget.

    Between two measured budgets each question's accuracy is linear in the logarithm of the budget; NotMeasured
    outside them.
    """
    measured = budgets_of(study, line)
    if budget in measured:
        return _exactly(study, line, budget)
    below, above = [b for b in measured if b < budget], [b for b in measured if b > budget]
    if not below or not above:
        raise NotMeasured(f"{line.name} was not measured at {budget} generations per question")
    ends = below[-1], above[0]
    pair = _exactly(study, line, ends[0]).join(
        _exactly(study, line, ends[1]), on="problem_id", suffix="_above"
    )
    read = at_budget(np.array(ends), pair.select("correct", "correct_above").to_numpy(), budget)
    return pair.select("problem_id", correct=pl.Series(read.values))


def _exactly(study: Study, line: Line, budget: int) -> pl.DataFrame:
    if line.bins is None:
        return study.outcomes(line.family, line.strategy, line.selection, budget)
    return _chosen(study, line).filter(budget=budget).select("problem_id", "correct")


def _chosen(study: Study, line: Line) -> pl.DataFrame:
    rows = study.table("per_question").filter(family=line.family, strategy=line.strategy, bins=line.bins)
    if line.family == "revisions":  # allocated under several rules; searches once
        rows = rows.filter(selection=line.selection)
    if rows.is_empty():
        raise NotMeasured(f"{line.name} was not measured")
    # Candidates of one rule have its name, and there is one majority vote: nothing was chosen
    if line.family == "search" and rows["selection"].unique().to_list() == [MAJORITY.selection]:
        raise NotMeasured("there is one strategy for samples, and nothing to choose among")
    return rows


def contrast(
    study: Study,
    settings: Settings,
    terms: Sequence[Term],
    detail: str,
    bins: Sequence[int] | None = None,
    kind: str = "oracle",
) -> Measure:
    """Mean over questions of a weighted sum of accuracies, each the mean over its budgets; limited to `bins`.

    The interval holds that bins are cut, and choices made, anew in every resample.
    """
    total = None
    for number, (_, line, budgets) in enumerate(terms):
        each = pl.concat([at(study, line, budget) for budget in budgets]).group_by(
            "problem_id", maintain_order=True
        )
        # A question that lacks samples for one of the budgets would be the mean of the others
        whole = each.agg(pl.len().alias("measured"), group_mean("correct").alias(f"part {number}"))
        part = whole.filter(measured=len(budgets)).drop("measured")
        total = part if total is None else total.join(part, on="problem_id")
    weights = np.array([weight for weight, _, _ in terms])
    again = any(has_resamples(study, line) for _, line, _ in terms)
    if again:
        total = pl.DataFrame({"problem_id": chosen_questions(study)}).join(total, on="problem_id", how="left")
    total = total.sort("problem_id")
    if total.is_empty():
        raise NotMeasured(f"no question of {in_bins(bins, kind)} has all of it")
    parts = total.select(pl.col("^part .*$").fill_null(float("nan"))).to_numpy()
    drawn = draws(study, settings, total["problem_id"].to_list(), bins, kind)
    chosen = None
    if again:
        means = bootstrap_means(parts, drawn)
        for column, (_, line, budgets) in enumerate(terms):
            if has_resamples(study, line):
                each = [resampled(study, settings, line, budget, bins) for budget in budgets]
                # A study may have drawn fewer for its choices than for its findings
                drawn, means = drawn[: 1 + len(each[0])], means[: 1 + len(each[0])]
                means[1:, column] = np.mean(each, axis=0)
        chosen = centred(means[1:] @ weights, bootstrap_means((parts @ weights)[:, None], drawn[:1])[0, 0])
    purpose = [f"{weight} {' '.join(map(str, line))} {list(budgets)}" for weight, line, budgets in terms]
    return mean(
        parts @ weights,
        settings,
        f"{detail}, {in_bins(bins, kind)}",
        *purpose,
        str(bins),
        kind,
        ends=(float(weights[weights < 0].sum()), float(weights[weights > 0].sum())),
        drawn=drawn,
        chosen=chosen,
        where=in_bins(bins, kind),
    )


def shared(study: Study, first: Line, second: Line, wanted: Sequence[int] | None = None) -> list[int]:
    """Budgets above 1 at which both curves are known, of `wanted`, or of all.

    Where they share none, those of the first that lie between measured budgets of the second.
    """
    ours, theirs = budgets_of(study, first), budgets_of(study, second)
    known = [budget for budget in ours if budget in theirs]
    if not known and theirs:
        known = [budget for budget in ours if min(theirs) < budget < max(theirs)]
    known = [budget for budget in known if budget > 1 and (wanted is None or budget in wanted)]
    if not known:
        where = "any budget" if wanted is None else f"any of {_listed(wanted)} generations"
        raise NotMeasured(f"{first.name} and {second.name} were not both measured at {where}")
    return known


def difference(
    study: Study,
    settings: Settings,
    first: Line,
    second: Line,
    budgets: Sequence[int] | None = None,
    up_to: int | None = None,
    bins: Sequence[int] | None = None,
    kind: str = "oracle",
    note: str = "",
) -> Measure:
    """Accuracy of `first` minus `second` at equal budgets, mean over those of `budgets` (None: all that both have).

    `up_to`: only the largest such budget up to this one.
    """
    used = shared(study, first, second, budgets)
    if up_to is not None:
        used = [budget for budget in used if budget <= up_to][-1:]
        if not used:
            raise NotMeasured(
                f"{first.name} and {second.name} were not both measured at 2 to {up_to} generations"
            )
    between = ""
    if any(budget not in budgets_of(study, second) for budget in used):
        between = f", {second.name} interpolated between its budgets"
    detail = f"{first.name} minus {second.name}, paired, at {_listed(used)} generations{between}"
    found = contrast(study, settings, [(1, first, used), (-1, second, used)], detail, bins, kind)
    return noted(found, note)


def at_reference(study: Study, settings: Settings, first: Line, second: Line, **options) -> Measure:
    """`difference` at the largest budget that both have, up to the reference budget."""
    return difference(study, settings, first, second, up_to=REFERENCE_BUDGET, **options)


def change(
    study: Study,
    settings: Settings,
    line: Line,
    other: Line | None = None,
    early: Sequence[int] = SMALL,
    late: Sequence[int] = LARGE,
    bins: Sequence[int] | None = None,
) -> Measure:
    """Accuracy of `line` (minus `other`) at late budgets minus the same at early ones, paired."""
    known = budgets_of(study, line) if other is None else shared(study, line, other)
    early, late = ([budget for budget in wanted if budget in known] for wanted in (early, late))
    if not early or not late:
        raise NotMeasured(f"{line.name} was not measured at both small and large budgets")
    terms = [(1, line, late), (-1, line, early)]
    if other is not None:
        terms += [(-1, other, late), (1, other, early)]
    what = line.name if other is None else f"{line.name} minus {other.name}"
    detail = f"{what} at {_listed(late)} generations minus the same at {_listed(early)}, paired"
    return contrast(study, settings, terms, detail, bins)


def against_more(
    study: Study, settings: Settings, first: Line, budget: float, second: Line, more: int, note: str = ""
) -> Measure:
    """Accuracy of `first` with `budget` generations minus that of `second` with `more`, paired."""
    detail = f"{first.name} at {budget:g} generations minus {second.name} at {more}, paired"
    return noted(contrast(study, settings, [(1, first, [budget]), (-1, second, [more])], detail), note)


def noted(found: Measure, note: str) -> Measure:
    """The measure with a remark behind its detail."""
    return replace(found, detail=f"{found.detail}. {note}") if note else found


def _listed(budgets: Sequence[int]) -> str:
    return ", ".join(map(str, budgets))
