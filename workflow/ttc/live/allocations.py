"""Allocations: strategy and budget of each question, by an allocator's difficulty or by a probe of its samples."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError, nearest
from ttc.evaluation import allocator_files, allocator_json
from ttc.evaluation.allocator import Rule
from ttc.evaluation.allocator_card import shown_rule
from ttc.evaluation.selection import aggregate
from ttc.evaluation.spending.shares import Queue, at_price
from ttc.evaluation.spending.take_home import Spender
from ttc.grading.answers import find
from ttc.live.courses import features_of
from ttc.live.seen import Seen
from ttc.problems import formats
from ttc.tables.live import ALLOCATED


def load_allocators(path: Path) -> dict[str, Rule]:
    """The allocators of `allocator.skops` or `allocator.json`; InputError for a file that is neither."""
    if not path.is_file():
        raise InputError(f"{path}: no such file of allocators")
    if zipfile.is_zipfile(path):
        return allocator_files.load(path)
    try:
        return allocator_json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: neither JSON nor skops ({error.reason})") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def named(allocators: dict[str, Rule], name: str | None, path: Path) -> tuple[str, Rule]:
    """The allocator of a name, FAMILY/SELECTION/DIFFICULTY/KIND; without one, that of the card's example.

    InputError, with the nearest name, where there is none.
    """
    if not allocators:
        raise InputError(f"{path}: it holds no allocator; the study had no strategies to choose from")
    found = shown_rule(allocators) if name is None else name
    if found not in allocators:
        raise InputError(
            f"--rule: {path} has no '{found}'; it has {', '.join(allocators)}{nearest(found, allocators)}"
        )
    return found, allocators[found]


def by_difficulty(
    rule: Rule, problem_ids: Sequence[str], features: pl.DataFrame, budget: int
) -> pl.DataFrame:
    """The table `allocated`: the allocator's strategy for each question at the budget.

    `features` has the columns that the rule reads, none where it is told nothing.  InputError for a budget outside of
    those that were fitted.
    """
    low, high = int(rule.budgets_[0]), int(rule.budgets_[-1])
    if not low <= budget <= high:
        raise InputError(
            f"--budget: {budget} is outside of the budgets that the allocator was fitted on, {low} to {high}"
        )
    told = features if features.width else np.zeros((len(problem_ids), rule.n_features_in_))
    chosen = rule.predict_index(told, budget=budget)
    values = rule.predict_values(told, budget=budget)
    expected = values[np.arange(len(chosen)), chosen]
    return _table(
        problem_ids=list(problem_ids),
        strategy=rule.strategies_[chosen].tolist(),
        budget=[budget] * len(chosen),
        seen=[0] * len(chosen),
        further=[budget] * len(chosen),
        expected=np.clip(expected, 0.0, 1.0).tolist(),
        clipped=[0] * len(chosen),
    )


def probes_of(pool: pl.DataFrame, extract: Sequence[str], aggregation: str) -> list[Seen]:
    """The samples of each question of a pool (`ttc.problems.pool_files.read_pool`), by rising problem id.

    Answers are the pool's own, or else found in its texts by the methods `extract`; equal numbers and normal forms
    are one answer.
    """
    if "answer" not in pool.columns and "text" not in pool.columns:
        raise InputError("columns of the probes: 'answer' or 'text' is needed, and there is neither")
    found: dict[str, Seen] = {}
    for row in pool.iter_rows(named=True):
        answer = row["answer"] if "answer" in row else find(row["text"], tuple(extract)).answer
        steps = row.get("step_scores")
        score = (
            None
            if steps is None
            else float(aggregate(np.array(steps), np.array([len(steps)]), aggregation)[0])
        )
        found.setdefault(row["problem_id"], Seen(row["problem_id"])).add(
            None if answer is None else formats.name(answer),
            _number(row, "tokens"),
            _number(row, "logprob"),
            score,
            0,
        )
    return list(found.values())


def by_probe(
    spender: Spender, probes: Sequence[Seen], *, budget: int | None = None, price: float | None = None
) -> pl.DataFrame:
    """The table `allocated`: how many samples each question gets after its probe, with a mean `budget` or a `price`.

    With a budget the questions share what is left of it after their probes, by falling expected gain; at a price each
    decides alone.  InputError for probes of different sizes, of a size that was not fitted, for a budget that does not
    pay for them or that is above what was fitted, and for samples without what the rule reads.
    """
    sizes = sorted({len(each) for each in probes})
    if len(sizes) != 1:
        raise InputError(
            f"probes: questions have {sizes[0]} to {sizes[-1]} samples; all need the same number, one of "
            f"{', '.join(map(str, spender.looks))}"
        )
    size = sizes[0]
    look, most = spender.look(size), int(spender.sizes[-1])
    if budget is not None and not size <= budget <= most:
        raise InputError(
            f"--budget: a mean of {budget} samples was given; the probe takes {size} of them, and the rule was fitted "
            f"up to {most}"
        )
    each = [features_of(seen, size) for seen in probes]
    stacked = {
        name: np.concatenate([named[name] for named in each])
        for name in look.units.names
        if all(name in named for named in each)
    }
    pieces, curves, clipped = spender.pieces(size, stacked)
    if budget is not None:
        places = Queue(pieces).batch((budget - size) * len(probes))
    else:
        places = at_price(pieces, price)
    totals = spender.later(size)[places]
    return _table(
        problem_ids=[seen.problem_id for seen in probes],
        strategy=[spender.vote] * len(probes),
        budget=totals.tolist(),
        seen=[size] * len(probes),
        further=(totals - size).tolist(),
        expected=curves[np.arange(len(probes)), places].tolist(),
        clipped=clipped.tolist(),
    )


def summary(table: pl.DataFrame) -> str:
    """What was given out, in a few lines for a terminal."""
    counts = table["strategy"].value_counts().sort("count", "strategy", descending=[True, False])
    shares = ", ".join(f"{name} {count:,}" for name, count in counts.iter_rows())
    lines = [
        f"{len(table):,} questions, {table['budget'].mean():.2f} generations each on average "
        f"({table['budget'].min()} to {table['budget'].max()}), {table['further'].sum():,} still to be spent",
        f"by strategy: {shares}",
        f"expected accuracy {table['expected'].mean():.1%}, as the rule predicts it",
    ]
    if outside := table.filter(pl.col("clipped") > 0).height:
        lines.append(
            f"{outside:,} questions have features outside of the range that the rule was fitted on; "
            "they were taken as its ends"
        )
    return "\n".join(lines)


def _table(problem_ids: list[str], **columns: list) -> pl.DataFrame:
    frame = pl.DataFrame({"problem_id": problem_ids, **columns}, schema_overrides=ALLOCATED.dtypes)
    return ALLOCATED.check(frame, "allocated")


def _number(row: dict, name: str) -> float:
    """A number of a sample, NaN where it is not recorded."""
    value = row.get(name)
    return float("nan") if value is None else value
