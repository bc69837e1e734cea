"""Rules of the hybrid: which options each may take, and how a mean budget becomes choices."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ttc.evaluation.hybrid import looks
from ttc.evaluation.hybrid.looks import PRICES, Expected, Look
from ttc.evaluation.hybrid.mixing import Coin, Had, coin, had, stacked
from ttc.evaluation.hybrid.options import LARGER, REVISIONS, SAMPLES, STOP, Menu, Outside, menu, unprobed
from ttc.evaluation.spending.envelope import at_prices, hull
from ttc.evaluation.spending.paths import Paths

UNIFORM, FIXED, ORACLE = "uniform", "best_fixed", "oracle"
# Rules after a look: all that is measured; small and larger policy's samples; the policy's own; its samples
HYBRID, CASCADE, SMALL, SPREAD = "hybrid", "cascade", "small", "samples"
# How a budget is spent: by a batch of all questions, at a price, and at one that is asked again as samples come in
BATCH, PRICE, STEPS, NONE = "batch", "price", "steps", "none"
ANY = "any"


class Rule(NamedTuple):
    """A rule: the vote over the samples looked at, or `any`; its name; how it spends; samples looked at, 0 = none."""

    selection: str
    name: str
    form: str
    probe: int


def allowed(options: Menu) -> dict[str, np.ndarray]:
    """Places of the options that each rule may take; rules that lack what they are named for are left out."""
    kinds = [option.kind for option in options.options]
    own = {STOP, SAMPLES}
    rules = {SPREAD: own}
    if LARGER in kinds:
        rules[CASCADE] = own | {LARGER}
        if set(kinds) - own - {LARGER}:
            rules[SMALL] = set(kinds) - {LARGER}
    if set(kinds) - own:
        rules[HYBRID] = set(kinds)
    return {
        name: np.array([at for at, kind in enumerate(kinds) if kind in may]) for name, may in rules.items()
    }


@dataclass(frozen=True)
class World:
    """What rules are measured on: paths of all questions, what lies outside of their pools, and the questions' folds.

    `probes` and `looks` are sizes of the paths whose features these hold; rules look first at a probe, and step by step
    at the later of `looks`.  `targets`: mean budgets of a question, in `unit`; `per`: what a sample costs in it.
    """

    paths: Paths
    outside: Outside
    fold: np.ndarray
    targets: np.ndarray
    probes: list[int]
    looks: list[int]
    flops: tuple[float, float]
    unit: str
    per: float

    @cached_property
    def kinds(self) -> list[str]:
        """Kinds of options, in a fixed order."""
        searches = sorted({option.kind for option in self.outside.options} - {REVISIONS, LARGER})
        return [STOP, SAMPLES, *searches, REVISIONS, LARGER]

    @cached_property
    def everything(self) -> Menu:
        """All options without a look."""
        return unprobed(self.paths, self.outside, self.flops)

    @cached_property
    def voted(self) -> dict[str, "Voted"]:
        """Looks under every vote."""
        return {vote: Voted.of(self, vote) for vote in self.paths.correct}

    def had(self, weights: np.ndarray, fine: np.ndarray, orders: int | None = None) -> dict[Rule, Had]:
        """Every rule with every question, all that is learnt learnt from questions that count `weights` times.

        Rules that others are compared with have the budgets `fine`, which hold the targets; all others the targets.
        `orders`: rules that look are measured in so many only.
        """
        found = {}
        for vote in self.paths.correct:
            own = [
                at
                for at, option in enumerate(self.everything.options)
                if option.kind == SAMPLES and option.selection == vote
            ]
            sizes = self.everything.kept(own)
            curve = weights @ sizes.spent(self.unit)[:, 0] / weights.sum()
            choice = np.arange(len(own))[None, None]
            found[Rule(vote, UNIFORM, NONE, 0)] = self._mixed(sizes, choice, [coin(curve, fine)])
        found[Rule(ANY, FIXED, NONE, 0)] = self._best_fixed(weights, fine)
        found[Rule(ANY, ORACLE, NONE, 0)] = self._oracle(weights, fine)
        for voted in self.voted.values():
            voted = voted if orders is None else voted.first(orders)
            for rule, choice, coins in voted.chosen(weights, fine):
                found[rule] = had(voted.menu, self.kinds, choice, coins)
        return found

    def _mixed(self, options: Menu, choice: np.ndarray, coins: list[Coin]) -> Had:
        """Coins for each question, or one for all."""
        several = stacked(coins)
        return had(
            options,
            self.kinds,
            choice,
            Coin(*(each[:, None] for each in (several.low, several.high, several.share))),
        )

    def _best_fixed(self, weights: np.ndarray, targets: np.ndarray) -> Had:
        """The mix of two options, the same for all questions, that is best on the questions of the other folds."""
        options = self.everything
        correct, cost = options.correct[:, 0], options.spent(self.unit)[:, 0]
        corners, coins = {}, {}
        for each in np.unique(self.fold).tolist():
            share = np.where(self.fold == each, 0.0, weights)
            # Of a resample that holds no other questions: all alike
            share = share / share.sum() if share.sum() else np.full(len(share), 1 / len(share))
            costs, values = share @ cost, share @ correct
            start = costs.argmin()[None]
            pieces = hull(costs[None], values[None], start)
            corners[each] = np.concatenate([start, pieces.end[0]])
            coins[each] = coin(costs[corners[each]], targets)
        most = max(map(len, corners.values()))
        path = np.stack(
            [np.pad(corners[each], (0, most - len(corners[each])), "edge") for each in self.fold.tolist()]
        )
        return self._mixed(options, path[:, None], [coins[each] for each in self.fold.tolist()])

    def _oracle(self, weights: np.ndarray, targets: np.ndarray) -> Had:
        """Each question by what its own options brought: nobody can know that, and luck of single runs is in it."""
        options = self.everything
        correct, cost = options.correct[:, 0], options.spent(self.unit)[:, 0]
        start = cost.argmin(axis=1)
        choice, _ = at_prices(hull(cost, correct, start), start, PRICES / self.per)
        spent = weights @ np.take_along_axis(cost, choice, axis=1) / weights.sum()
        return self._mixed(options, choice[:, None], [coin(spent, targets)])


@dataclass(frozen=True)
class Voted:
    """All looks under one vote, with their menus one behind the other in `menu`: of look i from `offsets[i]` on."""

    world: World
    vote: str
    looks: list[Look]
    offsets: list[int]
    menu: Menu

    @classmethod
    def of(cls, world: World, vote: str) -> "Voted":
        """The looks of `world` under `vote`."""
        paths, found = world.paths, []
        for size in world.looks:
            start = int(np.searchsorted(paths.sizes, size))
            options = menu(paths, vote, start, world.outside, world.flops)
            found.append(Look.of(paths, vote, size, options, world.fold, world.unit, world.per))
        menus = [each.menu for each in found]
        joined = Menu(
            [option for each in menus for option in each.options],
            np.concatenate([each.table for each in menus], axis=2),
            np.concatenate([each.nominal for each in menus]),
        )
        offsets = np.cumsum([0, *(len(each.options) for each in menus)])[:-1].tolist()
        return cls(world, vote, found, offsets, joined)

    def first(self, orders: int) -> "Voted":
        """The same in the first `orders` only."""
        return replace(self, looks=[each.first(orders) for each in self.looks], menu=self.menu.first(orders))

    @cached_property
    def measured(self) -> dict[int, np.ndarray]:
        """By probe, which targets pay for it, bool (targets,)."""
        spent = {each.size: each.menu.spent(self.world.unit)[:, :, 0].mean() for each in self.looks}
        return {size: self.world.targets >= cost * (1 - 1e-9) for size, cost in spent.items()}

    def chosen(self, weights: np.ndarray, fine: np.ndarray) -> Iterator[tuple[Rule, np.ndarray, Coin]]:
        """(rule, its choices at all prices (questions, orders, prices), coins that meet the budgets)."""
        expected = [each.expected(weights) for each in self.looks]
        for name in allowed(self.looks[0].menu):
            targets = fine if name == SPREAD else self.world.targets
            once = [self._at(look, place, name, expected[place]) for place, look in enumerate(self.looks)]
            steps = self._step_by_step(name, once)
            for place, look in enumerate(self.looks):
                if look.size not in self.world.probes:
                    continue
                choice, spent, taught = once[place]
                had_already = look.menu.spent(self.world.unit)[:, :, :1]
                mean = np.tensordot(weights, had_already + spent, axes=1) / weights.sum()
                batch = stacked([coin(each, targets) for each in mean])
                yield Rule(self.vote, name, BATCH, look.size), choice, _one_first(batch)
                yield Rule(self.vote, name, PRICE, look.size), choice, self._priced(taught, weights, targets)
                if place + 1 < len(self.looks):
                    choice, taught = steps[place]
                    coins = self._priced(taught, weights, targets)
                    yield Rule(self.vote, name, STEPS, look.size), choice, coins

    def _at(self, look: Look, place: int, name: str, expected: Expected) -> tuple[np.ndarray, ...]:
        """Choices after one look at all prices, what each is expected to add, and choices as each fold is taught."""
        may, prices = allowed(look.menu)[name], PRICES / self.world.per
        choice, spent = looks.taken(expected.accuracy, expected.cost, may, prices)
        taught, _ = looks.taken(expected.taught_accuracy, expected.taught_cost, may, prices)
        return choice + self.offsets[place], spent, taught + self.offsets[place]

    def _step_by_step(
        self, name: str, once: list[tuple[np.ndarray, ...]]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Choices of those who look again: who would draw at least as many samples as the next look has, goes there."""
        choice, _, taught = once[-1]
        found = [(choice, taught)]
        for place in range(len(self.looks) - 2, -1, -1):
            on = looks.goes_on(self.looks[place].menu, self.vote, self.looks[place + 1].size)
            ways = []
            for now, later in zip((once[place][0], once[place][2]), found[0], strict=True):
                ways.append(np.where(on[now - self.offsets[place]], later, now))
            found.insert(0, tuple(ways))
        return found

    def _priced(self, taught: np.ndarray, weights: np.ndarray, targets: np.ndarray) -> Coin:
        """For each question the price at which the questions of other folds, by what these teach, spend the budget."""
        fold, cost = self.world.fold, self.menu.spent(self.world.unit)
        few, coins = cost[:, : taught.shape[2]], {}
        for place, each in enumerate(np.unique(fold).tolist()):
            kept = np.where(fold == each, 0.0, weights)
            kept = kept / kept.sum() if kept.sum() else np.full(len(kept), 1 / len(kept))
            curve = kept @ np.take_along_axis(few, taught[place], axis=2).mean(axis=1)
            coins[each] = coin(curve, targets)
        several = stacked([coins[each] for each in fold.tolist()])
        return Coin(*(each[:, None] for each in (several.low, several.high, several.share)))


def _one_first(several: Coin) -> Coin:
    """Coins of each order, with an axis for questions in front."""
    return Coin(*(each[None] for each in (several.low, several.high, several.share)))
