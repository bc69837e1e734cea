"""The numbers behind the findings: each function reads the tables of a study and gives a value with a 95 % interval.

Intervals are percentile bootstrap intervals over questions; differences are paired, question by question.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ttc import words
from ttc.allocation.efficiency import efficiency_of
from ttc.errors import InputError
from ttc.estimators import bootstrap_counts, bootstrap_interval, bootstrap_means, percentile_interval
from ttc.noise import generator
from ttc.results import NotMeasured, Study

# family, strategy, selection rule
WEIGHTED = ("search", "best_of_n_weighted", "best_of_n_weighted")
MAJORITY = ("search", "majority", "majority")
ORM = ("search", "orm_best_of_n_weighted", "best_of_n_weighted")
BEAM = ("search", "beam(width=4)", "best_of_n_weighted")
LOOKAHEAD = ("search", "lookahead(width=4, depth=3)", "best_of_n_weighted")


@dataclass(frozen=True)
class Settings:
    """How intervals are made, the budget that paper claims refer to, and cards of models by role."""

    bootstrap: int = 2000
    seed: int = 0
    reference_budget: int = 64
    cards: dict[str, dict] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """A number with its interval (None = has none) and how it was made."""

    value: float | None
    low: float | None
    high: float | None
    detail: str


def _mean(values: np.ndarray, settings: Settings, detail: str, *purpose) -> Measure:
    random = generator(settings.seed, "findings", *purpose)
    mean, low, high = bootstrap_interval(
        np.asarray(values, dtype=np.float64)[:, None], settings.bootstrap, random
    )
    return Measure(float(mean[0]), float(low[0]), float(high[0]), f"{detail}; {len(values)} questions")


def _bin_members(study: Study, bins: list[int] | None, kind: str = "oracle") -> pl.DataFrame | None:
    if bins is None:
        return None
    table = study.table("difficulty")
    return table.filter(table[f"{kind}_bin"].is_in(bins)).select("problem_id")


def _in_bins(bins: list[int] | None) -> str:
    if bins is None:
        return "all questions"
    return f"oracle bin{'s' if len(bins) > 1 else ''} {', '.join(map(str, bins))}"


def pass_at_1(study: Study, settings: Settings, first: bool) -> Measure:
    """Mean pass rate of the questions of the easiest (`first`) or hardest oracle bin."""
    index = study.bins("oracle")[0 if first else -1]
    table = study.table("difficulty").filter(oracle_bin=index).sort("problem_id")
    return _mean(
        table["oracle"].to_numpy(), settings, f"mean pass rate, oracle bin {index}", "pass_at_1", index
    )


def difference(
    study: Study,
    settings: Settings,
    first: tuple,
    second: tuple,
    budgets: list[int] | None,
    bins: list[int] | None = None,
) -> Measure:
    """Accuracy of `first` minus `second` at the same budgets, averaged over those measured of `budgets` (None: all).

    `bins` limits it to the questions of these oracle bins.
    """
    common = sorted(set(study.budgets(*first)) & set(study.budgets(*second)))
    used = [budget for budget in common if budgets is None or budget in budgets]
    if not used:
        wanted = "any budget" if budgets is None else " or ".join(map(str, budgets))
        raise NotMeasured(f"{first[1]} and {second[1]} were not both measured at {wanted}")
    parts = []
    for budget in used:
        pair = study.outcomes(*first, budget).join(
            study.outcomes(*second, budget).rename({"correct": "second"}), on="problem_id"
        )
        parts.append(pair.select("problem_id", difference=pl.col("correct") - pl.col("second")))
    rows = pl.concat(parts)
    members = _bin_members(study, bins)
    if members is not None:
        rows = rows.join(members, on="problem_id", how="semi")
    if rows.is_empty():
        raise NotMeasured(f"no question of {_in_bins(bins)} has both {first[1]} and {second[1]}")
    each = rows.group_by("problem_id").agg(pl.col("difference").mean()).sort("problem_id")
    names = f"{first[1]} minus {second[1]}"
    if first[2] != second[2] and first[1] == second[1]:
        names = f"{first[1]}: {first[2]} minus {second[2]}"
    rule = f" ({first[2]})" if first[2] == second[2] and first[0] == "revisions" else ""
    detail = f"{names}{rule}, paired, at {', '.join(map(str, used))} generations, {_in_bins(bins)}"
    return _mean(
        each["difference"].to_numpy(), settings, detail, "difference", *first, *second, str(used), str(bins)
    )


def at_reference(
    study: Study, settings: Settings, first: tuple, second: tuple, bins: list[int] | None = None
) -> Measure:
    """`difference` at the largest budget that both were measured at, from 2 up to the reference budget."""
    common = sorted(set(study.budgets(*first)) & set(study.budgets(*second)))
    common = [budget for budget in common if 1 < budget <= settings.reference_budget]
    if not common:
        raise NotMeasured(f"{first[1]} and {second[1]} ({words.label(first[2])}) were not both measured")
    return difference(study, settings, first, second, common[-1:], bins)


def step_auc(card: dict | None) -> Measure:
    """Held-out step AUC from the card of the PRM: `metrics.step_auc`, with its interval if the card has one."""
    metrics = (card or {}).get("metrics") or {}
    value = metrics.get("step_auc")
    if value is None:
        raise NotMeasured(
            "the study trained no PRM" if card is None else "the card of the PRM has no step AUC"
        )
    low, high = metrics.get("step_auc_low"), metrics.get("step_auc_high")
    if low is None or high is None:
        return Measure(
            float(value), None, None, "AUC of held-out steps, from the PRM's card; without interval"
        )
    return Measure(float(value), float(low), float(high), "AUC of held-out steps, from the PRM's card")


def rise(study: Study, settings: Settings) -> Measure:
    """Pass@1 of the last half of a chain's revisions minus pass@1 of its first answer, paired."""
    rows = study.table("outcomes").filter(family="baseline", strategy="revision_step")
    longest = 0 if rows.is_empty() else rows["budget"].max()
    if longest < 2:
        raise NotMeasured("no chains of revisions were sampled")
    half = longest // 2
    late = rows.filter(pl.col("budget") > half).group_by("problem_id").agg(late=pl.col("correct").mean())
    first = rows.filter(budget=1).select("problem_id", "correct")
    pair = late.join(first, on="problem_id").sort("problem_id")
    detail = f"mean pass@1 of steps {half + 1} to {longest} minus step 1, paired"
    return _mean((pair["late"] - pair["correct"]).to_numpy(), settings, detail, "rise")


def sequential(study: Study, settings: Settings, selection: str, bins: list[int] | None = None) -> Measure:
    """Purely sequential minus purely parallel at the largest budget that both have, up to the reference budget."""
    first, second = (("revisions", name, selection) for name in ("sequential", "parallel"))
    return at_reference(study, settings, first, second, bins)


def ratio_shift(study: Study, settings: Settings) -> Measure:
    """log₂ of the best sequential : parallel ratio of the two easiest bins minus that of the two hardest.

    At the largest budget up to the reference budget with at least three ratios; the best ratio of a group of
    questions is that of the highest mean accuracy, tied ratios averaged; the bootstrap draws questions within groups.
    """
    table = study.table("outcomes").filter(family="revisions", selection="hierarchical")
    table = table.filter(
        table["strategy"].str.starts_with("revisions("), pl.col("budget") <= settings.reference_budget
    )
    counts = table.group_by("budget").agg(pl.col("strategy").n_unique()).filter(pl.col("strategy") >= 3)
    if counts.is_empty():
        raise NotMeasured("no budget has three ratios of sequential to parallel revisions")
    budget = counts["budget"].max()
    wide = table.filter(budget=budget).pivot(on="strategy", index="problem_id", values="correct")
    names = sorted(column for column in wide.columns if column != "problem_id")
    logs = np.array([np.log2(s / p) for s, p in map(words.ratio, names)])
    bins = study.bins("oracle")
    if len(bins) < 4:
        raise NotMeasured("fewer than four difficulty bins")
    ends = {"easy": bins[:2], "hard": bins[-2:]}
    best = {}
    for name, members in ends.items():
        rows = (
            wide.join(_bin_members(study, members), on="problem_id", how="semi")
            .drop_nulls()
            .sort("problem_id")
        )
        if rows.is_empty():
            raise NotMeasured(f"no question of bins {members} has every ratio")
        values = rows.select(names).to_numpy()
        random = generator(settings.seed, "findings", "ratio_shift", name)
        means = bootstrap_means(values, bootstrap_counts(len(values), settings.bootstrap, random))
        best[name] = _best(np.vstack([values.mean(axis=0), means]), logs)
    shift = best["easy"] - best["hard"]
    low, high = percentile_interval(shift[1:, None])
    detail = (
        f"log2 of the best sequential : parallel ratio at {budget} generations, bins {ends['easy']} "
        f"({best['easy'][0]:+.1f}) minus bins {ends['hard']} ({best['hard'][0]:+.1f})"
    )
    return Measure(float(shift[0]), float(low[0]), float(high[0]), detail)


def _best(means: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Mean of `logs` over the columns that hold each row's maximum."""
    top = means >= means.max(axis=1, keepdims=True) - 1e-12
    return (top @ logs) / top.sum(axis=1)


def efficiency(study: Study, settings: Settings, family: str) -> Measure:
    """How many times fewer generations compute-optimal needs for the reference strategy's accuracy."""
    strategy, selection = ("best_of_n_weighted",) * 2 if family == "search" else ("parallel", "hierarchical")
    outcomes, per_question = study.table("outcomes"), study.table("per_question")
    budget = settings.reference_budget
    try:
        found = efficiency_of(
            outcomes,
            per_question,
            family=family,
            bins="oracle",
            reference_strategy=strategy,
            reference_selection=selection,
            reference_budget=budget,
            replicates=settings.bootstrap,
            seed=settings.seed,
        )
    except InputError as error:
        raise NotMeasured(str(error)) from error
    reached = (
        f"reached at {found.budget:.1f} generations"
        if found.reached
        else "not reached; the ratio is its bound"
    )
    detail = f"{budget} generations of {strategy} over the generations of compute-optimal {family} at equal accuracy"
    return Measure(found.ratio, found.low, found.high, f"{detail}, oracle bins; {reached}")


def predicted(study: Study, settings: Settings, family: str) -> Measure:
    """Compute-optimal accuracy with predicted minus with oracle bins, mean over budgets from 4, paired."""
    rows = study.table("per_question").filter(
        pl.col("budget") >= 4, family=family, strategy="compute_optimal"
    )
    if family == "revisions":
        rows = rows.filter(selection="hierarchical")
    wide = rows.pivot(on="bins", index=["problem_id", "budget"], values="correct")
    if wide.is_empty() or not {"oracle", "predicted"} <= set(wide.columns):
        raise NotMeasured(f"compute-optimal {family} was not measured with both oracle and predicted bins")
    wide = wide.drop_nulls().group_by("problem_id").agg(gap=(pl.col("predicted") - pl.col("oracle")).mean())
    detail = "compute-optimal accuracy, predicted minus oracle bins, mean over budgets from 4, paired"
    return _mean(wide.sort("problem_id")["gap"].to_numpy(), settings, detail, "predicted", family)


def exchange(study: Study, family: str, bins: list[int], smallest: bool) -> Measure:
    """Small minus larger policy at the smallest or largest R of the paper's v1 formula, mean over oracle `bins`.

    Bins hold different questions, so the ends of their intervals are combined in quadrature.
    """
    rows = study.exchange(family)
    last = int(rows["bin"].max())
    bins = [last] if bins == [5] else bins  # the hardest, however many bins there are
    ratio = rows["ratio"].min() if smallest else rows["ratio"].max()
    rows = rows.filter(rows["bin"].is_in(bins), ratio=ratio)
    if len(rows) < len(bins):
        raise NotMeasured(f"{family} has no FLOPs-matched comparison in {_in_bins(bins)}")
    mean, low, high = (rows[name].to_numpy() for name in ("difference", "difference_low", "difference_high"))
    value = float(mean.mean())
    below, above = (float(np.sqrt((np.square(end - mean)).sum()) / len(mean)) for end in (low, high))
    clipped = ", cut to the largest measured" if rows["clipped"].any() else ""
    detail = f"small minus larger policy, {_in_bins(bins)}, R = {ratio:g}, {rows['budget'][0]:.0f} generations{clipped}"
    return Measure(value, value - below, value + above, detail)


def correct_to_incorrect(study: Study, settings: Settings) -> Measure:
    """Share of correct answers that the next revision of the same chain makes incorrect."""
    chains = study.table("chains").sort("problem_id", "chain", "step")
    following = pl.col("correct").shift(-1).over("problem_id", "chain")
    steps = chains.with_columns(next=following).drop_nulls("next").filter(pl.col("correct"))
    each = steps.group_by("problem_id").agg(total=pl.len(), lost=(~pl.col("next")).sum()).sort("problem_id")
    if each.is_empty():
        raise NotMeasured("no correct answer in a chain was revised")
    values = each.select("lost", "total").to_numpy().astype(np.float64)
    counts = bootstrap_counts(len(values), settings.bootstrap, generator(settings.seed, "findings", "lost"))
    drawn = counts @ values
    low, high = percentile_interval(drawn[:, :1] / drawn[:, 1:])
    share = values[:, 0].sum() / values[:, 1].sum()
    detail = f"{int(values[:, 0].sum())} of {int(values[:, 1].sum())} correct answers turned incorrect one step later"
    return Measure(float(share), float(low[0]), float(high[0]), f"{detail}; {len(values)} questions")
