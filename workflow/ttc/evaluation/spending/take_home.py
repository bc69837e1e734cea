"""Spending rules to take home: regressions fitted on all questions of a study, and prices, as JSON without pickle.

The file is one object: `schema` and `version` say what it is, `card` in sentences what it was fitted on and where it
must not be used, `fitted` the same in numbers, and `votes` holds for each vote a regression for each number of samples
that may have been seen (`looks`) and the prices at which the study's questions spend each mean budget.  The columns of
a look are a one, each feature in standard units, and all products of two in the order 1·1, 2·1, 2·2, 3·1, …; their
coefficients give the expected accuracy at each later size.
"""

from dataclasses import dataclass

import numpy as np

from ttc.errors import InputError, nearest
from ttc.evaluation.json_text import built, readable
from ttc.evaluation.spending import gains, rules
from ttc.evaluation.spending.envelope import Envelope, envelope
from ttc.evaluation.spending.measure import MEASURES, Measured, Rule, Study
from ttc.evaluation.spending.paths import WEIGHTED
from ttc.evaluation.spending.probes import Units

SCHEMA, VERSION = "ttc.spending", 1
PRICED = (rules.PRICE, rules.STEPS)
CARD = (
    "Rules that say how many further samples a question gets after a probe, fitted on {questions} questions with "
    "{most} samples each; votes are taken over all samples, the probe included.",
    "The probe is the first samples of a question, independent ones of one policy at one temperature; rules were "
    "measured with probes of {probes} and mean budgets of {budgets}.",
    "Scores are those of one process verifier, step scores aggregated by `{aggregation}`; with another verifier or "
    "aggregation the weighted vote's rule means nothing.",
    "Not for another policy, prompt, temperature or kind of questions: what a further sample brings depends on them.",
    "Not beyond {most} samples of a question, and not for a probe of a size that is not among the looks.",
    "A feature outside of the range of the questions that were fitted is taken as the end of that range.",
    "Expected accuracies are estimates on noisy features; the table `spending` has what came out, with intervals.",
)


@dataclass(frozen=True)
class Look:
    """The regression after a number of samples: features in their units, the ends of their ranges, coefficients.

    `coefficients` (columns, sizes from the look on).
    """

    units: Units
    low: np.ndarray
    high: np.ndarray
    coefficients: np.ndarray

    def expected(self, named: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Expected accuracies in [0, 1], (rows, sizes), and how many features of each row were clipped, int (rows,).

        `named`: features by name, (rows,) each.  InputError where one is not there.
        """
        if missing := [name for name in self.units.names if name not in named]:
            raise InputError(
                f"the spending rule was fitted with the feature '{missing[0]}' ({NEEDS[missing[0]]}), and the samples "
                f"do not have it"
            )
        clipped = np.zeros(len(next(iter(named.values()))), dtype=int)
        inside = dict(named)
        for name, low, high in zip(self.units.names, self.low, self.high, strict=True):
            inside[name] = np.clip(named[name], low, high)
            clipped += inside[name] != named[name]
        # Row by row: the last bits of a product of matrices depend on how many rows there are
        curves = np.stack([row @ self.coefficients for row in self.units.columns(inside)])
        return np.clip(curves, 0.0, 1.0), clipped


# What of a sample a feature needs besides its answer, where it needs anything
NEEDS = dict.fromkeys(("agreement", "margin", "distinct", "entropy", "unanswered"), "answers")
NEEDS |= dict.fromkeys(("leader", "score_mean", "score_best", "score_worst"), "scores of a verifier")
NEEDS |= dict.fromkeys(("length", "length_most"), "tokens")
NEEDS |= dict.fromkeys(("logprob", "logprob_worst"), "tokens and their log-probability")


@dataclass(frozen=True)
class Spender:
    """The rules of one vote: sizes at which a question may stop, a regression for each look, and prices by budget."""

    vote: str
    sizes: np.ndarray
    looks: dict[int, Look]
    prices: list[dict]
    fitted: dict

    def look(self, size: int) -> Look:
        """The regression after `size` samples; InputError where there is none."""
        if size not in self.looks:
            raise InputError(
                f"a probe of {size} samples was not fitted for {self.vote}; sizes are "
                f"{', '.join(map(str, self.looks))}"
            )
        return self.looks[size]

    def price(self, rule: str, probe: int | None, budget: int) -> tuple[int, float]:
        """(probe, price) at which the study's questions spend `budget` on average.

        Without a probe the smallest.  InputError for a budget or a probe that was not fitted.
        """
        same = [each for each in self.prices if each["rule"] == rule]
        probes = sorted({each["probe"] for each in same})
        if probe is None and probes:
            probe = probes[0]
        mine = [each for each in same if each["probe"] == probe]
        if not mine:
            raise InputError(
                f"{rule} of {self.vote} was not fitted with a probe of {probe}; probes are "
                f"{', '.join(map(str, probes)) or 'none'}"
            )
        found = [each["price"] for each in mine if each["budget"] == budget]
        if not found:
            budgets = [each["budget"] for each in mine]
            above = f", and {budget} is above all of them" if budget > budgets[-1] else ""
            raise InputError(
                f"{rule} of {self.vote} with a probe of {probe} has prices for mean budgets of "
                f"{', '.join(map(str, budgets))}{above}; --price takes any price"
            )
        return probe, float("inf") if found[0] is None else found[0]

    def pieces(self, size: int, named: dict[str, np.ndarray]) -> tuple[Envelope, np.ndarray, np.ndarray]:
        """What is worth buying after a look at `size` samples: envelopes, expected accuracies, features clipped."""
        curves, clipped = self.look(size).expected(named)
        return envelope(curves, self.later(size)), curves, clipped

    def later(self, size: int) -> np.ndarray:
        """Sizes from a look on."""
        return self.sizes[np.searchsorted(self.sizes, size) :]


def content(study: Study, found: Measured, fitted: dict) -> dict:
    """What the file holds; `fitted`: aggregation and identities of policy and verifier."""
    paths = study.paths
    once = np.ones(len(paths.problem_ids))
    about = {
        "questions": len(once),
        "most": int(paths.sizes[-1]),
        "probes": study.probes,
        "budgets": study.targets,
        **fitted,
    }
    votes = {}
    for vote in paths.correct:
        expected = {size: rules.predicted(study.probed[vote, size], once) for size in paths.probes}
        votes[vote] = {
            "looks": [_look(study, vote, size) for size in paths.probes],
            "prices": [row for size in study.probes for row in _prices(study, found, vote, expected, size)],
        }
    written = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in about.items()
    }
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "card": [line.format(**written) for line in CARD if WEIGHTED in votes or "verifier" not in line],
        "fitted": about,
        "sizes": paths.sizes.tolist(),
        "votes": votes,
    }


def nothing(fitted: dict) -> dict:
    """What the file holds where nothing could be fitted."""
    card = ["Nothing was fitted: the study's samples are too few, or have no answers to vote with."]
    about = {"questions": 0, "most": 0, "probes": [], "budgets": [], **fitted}
    return {"schema": SCHEMA, "version": VERSION, "card": card, "fitted": about, "sizes": [], "votes": {}}


def _look(study: Study, vote: str, size: int) -> dict:
    named = study.paths.probes[size]
    units = Units.of(named, scored=vote == WEIGHTED)
    sums = study.probed[vote, size].sums
    chosen = gains.penalty(sums, study.fold)
    coefficients = gains.fit(sums.xx.sum(axis=0), sums.xy.sum(axis=0), float(len(sums.xx)), chosen)
    return {
        "size": size,
        "penalty": chosen,
        "features": units.names,
        "means": units.means.tolist(),
        "spreads": units.spreads.tolist(),
        "low": [float(named[name].min()) for name in units.names],
        "high": [float(named[name].max()) for name in units.names],
        "coefficients": coefficients.tolist(),
    }


def _prices(study: Study, found: Measured, vote: str, expected: dict, size: int):
    """A row for each rule and mean budget, with what the study measured of it on questions held out."""
    sizes = study.paths.sizes
    pieces = {
        rules.PRICE: rules.from_a_probe(expected[size], sizes[int(np.searchsorted(sizes, size)) :]),
        rules.STEPS: rules.step_by_step(
            {look: each for look, each in expected.items() if look >= size}, sizes
        ),
    }
    paid = [target for target in study.targets if target >= size]
    for name in PRICED:
        values, low, high = (ends[Rule(vote, name, size)] for ends in (found.values, found.low, found.high))
        for target, price in zip(paid, rules.prices(pieces[name], size, paid), strict=True):
            column = study.targets.index(target)
            accuracy, generations = (MEASURES.index(each) for each in ("accuracy", "generations"))
            yield {
                "rule": name,
                "probe": size,
                "budget": target,
                "price": None if np.isinf(price) else price,
                "accuracy": float(values[accuracy, column]),
                "low": float(low[accuracy, column]),
                "high": float(high[accuracy, column]),
                "generations": float(values[generations, column]),
            }


def dumps(written: dict) -> str:
    """The file's text; equal content gives equal text."""
    return readable(written)


def loads(text: str) -> dict[str, Spender]:
    """The rules of a file by vote: they spend what those that were written spend.

    InputError where the text is no such JSON, or of a version that is not known here.
    """
    return built(text, SCHEMA, VERSION, "spending rules", _spenders)


def _spenders(given: dict) -> dict[str, Spender]:
    sizes = np.array(given["sizes"], dtype=np.int64)
    return {
        vote: Spender(
            vote,
            sizes,
            {each["size"]: _restored(each) for each in one["looks"]},
            one["prices"],
            given["fitted"],
        )
        for vote, one in given["votes"].items()
    }


def named(spenders: dict[str, Spender], vote: str | None) -> Spender:
    """The rules of a vote, by default of the weighted one where there is one; InputError where there are none."""
    if vote is None and spenders:
        vote = WEIGHTED if WEIGHTED in spenders else next(iter(spenders))
    if vote not in spenders:
        raise InputError(
            f"the study fitted no spending rule of the vote '{vote}'; it has {', '.join(spenders) or 'none'}"
            f"{nearest(str(vote), spenders)}"
        )
    return spenders[vote]


def _restored(look: dict) -> Look:
    arrays = (np.array(look[name], dtype=np.float64) for name in ("means", "spreads"))
    ends = (np.array(look[name], dtype=np.float64) for name in ("low", "high", "coefficients"))
    return Look(Units(look["features"], *arrays), *ends)
