"""Options of a question: everything that a study has measured, with what each brings and costs."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from ttc import strategies
from ttc.evaluation.spending.paths import WEIGHTED, Paths

STOP, SAMPLES, REVISIONS, LARGER = "stop", "samples", "revisions", "larger"
# What budgets may be in, the first that is known: only FLOPs and money compare different models
UNITS = ("flops", "money", "tokens", "generations")
COMPARABLE = ("flops", "money")
# What is counted of every option; the verifier reads.  Where models have prices, money comes last
COUNTED = ("generations", "tokens", "read", "flops")
MONEY = "money"
# Of these, columns of `outcomes`
COLUMNS = {"tokens": "tokens", "read": "verifier_tokens", "flops": "flops"}


class Option(NamedTuple):
    """One way to go on: its kind (`stop`, `samples`, a search method, `revisions`, `larger`), and its name."""

    kind: str
    strategy: str
    selection: str
    budget: int


@dataclass(frozen=True)
class Outside:
    """Options whose runs have no sample in common with the pool; arrays (questions, options), NaN = unknown cost."""

    options: list[Option]
    correct: np.ndarray
    spent: dict[str, np.ndarray]

    def kept(self, places: list[int]) -> "Outside":
        """Some of the options, by their places."""
        spent = {name: each[:, places] for name, each in self.spent.items()}
        return Outside([self.options[place] for place in places], self.correct[:, places], spent)


@dataclass(frozen=True)
class Menu:
    """Options after a look at the first samples; Q questions, R orders, O options, of which the first is to stop.

    `table` (Q, R, O, 1 + costs): correctness, and what is `COUNTED` of all that a question has then cost, the look too,
    and `MONEY` where that is counted.
    `nominal` (O,): generations that each option adds, the scale of its cost.
    """

    options: list[Option]
    table: np.ndarray
    nominal: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Expected correctness, (Q, R, O)."""
        return self.table[..., 0]

    def spent(self, unit: str) -> np.ndarray:
        """Cost of one kind, (Q, R, O)."""
        return self.table[..., 1 + (*COUNTED, MONEY).index(unit)]

    def kept(self, places: list[int]) -> "Menu":
        """Some of the options, by their places."""
        return Menu([self.options[at] for at in places], self.table[:, :, places], self.nominal[places])

    def first(self, orders: int) -> "Menu":
        """The same in the first `orders` only."""
        return Menu(self.options, np.ascontiguousarray(self.table[:, :orders]), self.nominal)


def one_table(correct: list[np.ndarray], spent: dict[str, list[np.ndarray]]) -> np.ndarray:
    """The table of a menu, from the parts of its options; each part (Q, R, some options)."""
    return np.stack([np.concatenate(each, axis=2) for each in (correct, *spent.values())], axis=3)


def outside(
    outcomes: pl.DataFrame, problem_ids: list[str], priced: bool = False
) -> tuple[Outside, list[str]]:
    """Searches, revisions and the larger policy among `outcomes` (a table of them), and which are left out, in words.

    Of revisions those decided by a majority and by the revisions' own verifier; of the larger policy its greedy
    solution, its votes and its searches.  An option that lacks one of the questions is left out.  `priced`: their money
    is counted, too.
    """
    kind = pl.struct("family", "strategy", "selection").map_elements(_kind, return_dtype=pl.String)
    named = outcomes.filter(pl.col("problem_id").is_in(problem_ids)).with_columns(kind=kind)
    costs = COLUMNS | ({MONEY: MONEY} if priced else {})
    columns = ["kind", "strategy", "selection", "budget"]
    place = {name: index for index, name in enumerate(problem_ids)}
    options, correct, spent, missing = [], [], {name: [] for name in ("generations", *costs)}, []
    for key, rows in named.drop_nulls("kind").sort(*columns).group_by(columns, maintain_order=True):
        option = Option(*key)
        if len(rows) < len(problem_ids):
            missing.append(f"{option.strategy} at {option.budget}")
            continue
        order = np.argsort([place[name] for name in rows["problem_id"]])
        options.append(option)
        correct.append(rows["correct"].to_numpy()[order])
        spent["generations"].append(np.full(len(order), float(option.budget)))
        for name, column in costs.items():
            spent[name].append(rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy()[order])
    empty = np.zeros((len(problem_ids), 0))
    stacked = {name: np.stack(each, axis=1) if each else empty for name, each in spent.items()}
    return Outside(options, np.stack(correct, axis=1) if correct else empty, stacked), missing


def _kind(row: dict) -> str | None:
    family, strategy, selection = row["family"], row["strategy"], row["selection"]
    method = strategies.parse(strategy)[0]
    if family == "search" and strategies.is_search(strategy) and not method.startswith("orm_"):
        return method
    if family == "revisions" and method == "revisions" and selection in ("majority", "hierarchical"):
        return REVISIONS
    if family == "larger" and (method in ("greedy", "majority", WEIGHTED) or strategies.is_search(strategy)):
        return LARGER
    return None


def cost_unit(asked: str | None, paths: Paths, flops: tuple[float, float]) -> str:
    """What budgets are counted in: as `asked` where that is known of samples, else the first that is of `UNITS`."""
    vote = WEIGHTED if WEIGHTED in paths.correct else next(iter(paths.correct))
    known = {unit for unit, each in counted(paths, vote, None, flops).items() if not np.isnan(each).any()}
    return next(unit for unit in (asked, *UNITS) if unit in known)


def usable(found: Outside, unit: str) -> Outside:
    """The options whose cost is known in `unit`; those of the larger policy in FLOPs and money only."""
    known = ~np.isnan(found.spent[unit]).any(axis=0)
    return found.kept(
        [
            place
            for place, option in enumerate(found.options)
            if known[place] and (unit in COMPARABLE or option.kind != LARGER)
        ]
    )


def counted(paths: Paths, vote: str, looked: int | None, flops: tuple[float, float]) -> dict[str, np.ndarray]:
    """What each size of the paths costs under `vote`, by kind of cost, (questions, orders, sizes).

    The verifier reads all samples where it has a vote, else the first `looked` of them (a size's index, or None).
    """
    zero = np.zeros_like(paths.read)

    def seen(each: np.ndarray) -> np.ndarray:
        return each if vote == WEIGHTED else zero if looked is None else zero + each[:, :, [looked]]

    read = seen(paths.read)
    policy, verifier = flops
    # What nobody reads needs no verifier of known size or price
    operations = policy * paths.tokens + (verifier * read if read.any() else 0.0)
    generations = np.broadcast_to(paths.sizes.astype(float), read.shape)
    found = dict(zip(COUNTED, (generations, paths.tokens, read, operations), strict=True))
    if paths.money is not None:
        found[MONEY] = paths.money + (seen(paths.reading) if read.any() else 0.0)
    return found


def menu(paths: Paths, vote: str, start: int, found: Outside, flops: tuple[float, float]) -> Menu:
    """Options of a question whose first samples, as many as the size of index `start`, vote by `vote`.

    More samples are counted by either vote and keep the look; everything else comes on top of it.
    """
    size = int(paths.sizes[start])
    options, correct, nominal = [Option(STOP, vote, vote, size)], [paths.correct[vote][:, :, [start]]], [0.0]
    first = start if vote == WEIGHTED else None
    looked = counted(paths, vote, first, flops)
    spent = {name: [each[:, :, [start]]] for name, each in looked.items()}
    for other in (vote, *(each for each in paths.correct if each != vote)):
        later = counted(paths, other, first, flops)
        options += [Option(SAMPLES, other, other, int(more)) for more in paths.sizes[start + 1 :]]
        nominal += (paths.sizes[start + 1 :] - size).astype(float).tolist()
        correct.append(paths.correct[other][:, :, start + 1 :])
        for name, each in later.items():
            spent[name].append(each[:, :, start + 1 :])
    options += found.options
    nominal += [float(option.budget) for option in found.options]
    orders = paths.tokens.shape[1]
    correct.append(np.repeat(found.correct[:, None], orders, axis=1))
    for name, each in found.spent.items():
        spent[name].append(looked[name][:, :, [start]] + each[:, None])
    return Menu(options, one_table(correct, spent), np.array(nominal))


def unprobed(paths: Paths, found: Outside, flops: tuple[float, float]) -> Menu:
    """Everything that could be given to a question without a look: votes over the first samples, and all others."""
    options, correct, spent = [], [], {name: [] for name in found.spent}
    for vote, verdicts in paths.correct.items():
        options += [Option(SAMPLES, vote, vote, int(size)) for size in paths.sizes]
        correct.append(verdicts.mean(axis=1, keepdims=True))
        for name, each in counted(paths, vote, None, flops).items():
            spent[name].append(each.mean(axis=1, keepdims=True))
    options += found.options
    correct.append(found.correct[:, None])
    for name, each in found.spent.items():
        spent[name].append(each[:, None])
    nominal = np.array([float(option.budget) for option in options])
    return Menu(options, one_table(correct, spent), nominal)
