"""Rules by the names that people give them, as courses of questions."""

from collections.abc import Callable
from dataclasses import dataclass

from ttc import plugins, strategies
from ttc.errors import InputError, nearest
from ttc.evaluation.spending import take_home as spending
from ttc.evaluation.spending.paths import MAJORITY, WEIGHTED
from ttc.live.courses import Course, Fixed, Priced, Stopping
from ttc.stopping import take_home as stopping
from ttc.stopping.ballots import VOTES
from ttc.stopping.rule import RULES
from ttc.tables.columns import CONFIDENCES

# Votes over a number of samples that is fixed beforehand; other strategies are searches or revise, and are not run live
PLAIN = (MAJORITY, WEIGHTED, "best_of_n")
RUNS = (
    "live are run stopping rules, the spending rules price and price_by_steps, and the votes "
    f"{', '.join(PLAIN)}; searches and revisions are not"
)


@dataclass(frozen=True)
class Request:
    """A rule as it was asked for; None where nothing was said."""

    rule: str
    budget: int | None = None
    threshold: float | None = None
    target: str | None = None
    price: float | None = None
    vote: str | None = None
    probe: int | None = None


@dataclass(frozen=True)
class Chosen:
    """A rule that is settled: the course of a question, what it reads of models, and how tables name it.

    `fitted` says on which models and aggregation it was fitted; None for a plain vote.
    """

    name: str
    vote: str
    course: Callable[[str], Course]
    scored: bool
    fitted: dict | None = None


def choose(request: Request, stored: Callable[[str], str]) -> Chosen:
    """The rule of a request; stored(name) gives the text of `stopping.json` or `spending.json` of the study.

    InputError for an unknown rule, with the nearest name, and for thresholds, budgets and prices that the study did not
    measure.
    """
    known = names()
    if request.rule in spending.PRICED:
        return _priced(request, spending.loads(stored("spending.json")))
    if request.rule in PLAIN:
        _refuse(request, "threshold", "target", "price", "vote", "probe")
        if request.budget is None:
            raise InputError(f"--budget: {request.rule} needs a number of samples")
        return fixed(request.rule, _positive(request.budget))
    if request.rule not in known:
        raise InputError(f"--rule: there is no '{request.rule}'; {RUNS}{nearest(request.rule, known)}")
    return _stopping(request, stopping.loads(stored("stopping.json")))


def names() -> list[str]:
    """All rules that can be run live."""
    return [*plugins.names(RULES), *spending.PRICED, *PLAIN]


def fixed(vote: str, budget: int) -> Chosen:
    """A vote over the same number of samples of each question."""
    return Chosen(f"{vote}(budget={budget})", vote, lambda _: Fixed(vote, budget), _scored(vote))


def planned(strategy: str, budget: int) -> Chosen:
    """A strategy that an allocator has given a question; InputError for one that is not run live."""
    if strategy not in PLAIN:
        kind = "search" if strategies.is_search(strategy) else "strategy"
        raise InputError(f"the {kind} '{strategy}' is not run live; {RUNS}")
    return fixed(strategy, _positive(budget))


def _stopping(request: Request, rules: dict[str, stopping.Taken]) -> Chosen:
    _refuse(request, "price", "vote", "probe")
    taken = stopping.named(rules, request.rule)
    most = max(each["budget"] for each in taken.chosen)
    budget = most if request.budget is None else _positive(request.budget)
    if budget > most:
        raise InputError(
            f"--budget: {budget} is above {most}, the largest that {request.rule} was measured at"
        )
    if request.threshold is not None and request.target is not None:
        raise InputError("--threshold and --target: one of them says when to stop, and both were given")
    if request.threshold is not None:
        threshold = taken.checked(request.threshold)
    else:
        threshold = taken.threshold(budget, request.target or "equal")
    vote = taken.rule.vote
    if (reads := VOTES[vote].column) in CONFIDENCES:
        raise InputError(f"{request.rule} reads {reads}, which live samples do not record; take another rule")
    if threshold is None:  # no threshold is good enough, and the study's choice is never to stop early
        return Chosen(
            f"{request.rule}(never, budget={budget})",
            vote,
            lambda _: Fixed(vote, budget),
            _scored(vote),
            taken.fitted,
        )
    name = f"{request.rule}(threshold={threshold:g}, budget={budget})"
    scored = _scored(vote) or taken.rule.declared["reads"] == "scores"
    return Chosen(name, vote, lambda _: Stopping(taken, threshold, budget), scored, taken.fitted)


def _priced(request: Request, spenders: dict[str, spending.Spender]) -> Chosen:
    _refuse(request, "threshold", "target")
    spender = spending.named(spenders, request.vote)
    if (request.budget is None) == (request.price is None):
        raise InputError(
            f"--budget or --price: {request.rule} needs one of them, a mean budget or a price of a sample"
        )
    if request.price is None:
        probe, price = spender.price(request.rule, request.probe, request.budget)
        name = f"{request.rule}(probe={probe}, mean budget={request.budget})"
    else:
        if not request.price > 0:
            raise InputError(
                f"--price: {request.price:g} was given; a price is above 0, in accuracy for a sample"
            )
        probe, price = request.probe or min(spender.looks), request.price
        spender.look(probe)
        name = f"{request.rule}(probe={probe}, price={price:g})"
    course = lambda _: Priced(spender, request.rule, probe, price)  # noqa: E731
    return Chosen(name, spender.vote, course, _scored(spender.vote), spender.fitted)


def _scored(vote: str) -> bool:
    """Whether a vote weighs samples by a verifier's scores."""
    return VOTES[vote].column == "scores"


def _positive(budget: int) -> int:
    if budget < 1:
        raise InputError(f"--budget: {budget} was given; at least one sample is needed")
    return budget


def _refuse(request: Request, *options: str) -> None:
    """InputError for an option that the rule does not have."""
    for name in options:
        if getattr(request, name) is not None:
            raise InputError(f"--{name}: {request.rule} has no such option")
