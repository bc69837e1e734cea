"""The work of each job: solutions, tokens and rows, from its specification and from stated assumptions.

Everything is counted as tables bill it: of equal solutions each one, although a stage computes them once.
"""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import partial

from ttc.estimate.judges import criticised, judged, of_requests
from ttc.estimate.lengths import Lengths, Round, Weighted, rounds
from ttc.problems.task import load
from ttc.search.strategy import from_spec
from ttc.study.artifact import Artifact, Part
from ttc.study.sections.running import SERVED

HELD_OUT = 0.1  # share of the questions that validate a training (`ttc.verifiers.examples`)


@dataclass(frozen=True)
class Work:
    """What a job does.  Tokens: decoded; read by the model that decodes; read by a verifier; learnt from."""

    generations: float = 0.0  # solutions or rollouts, as budgets bill them
    decoded: float = 0.0
    prompted: float = 0.0
    verified: float = 0.0  # in a training: validated on
    trained: float = 0.0
    rows: float = 0.0  # of the tables it writes


@dataclass(frozen=True)
class Assumptions:
    """What a plan cannot know; `ttc.estimate.measured` replaces what finished tables tell.

    stretch: tokens of a model's solutions over those that `questions` tells, by the model's key.  usable: share of the
    samples that have an answer and were not cut.  pass_rates: of some questions; None = uniform between 0 and 1.
    trajectories: count by the number of answers before the last one, by the key of the table of pairs.
    """

    questions: Lengths
    stretch: dict[str, float] = field(default_factory=dict)
    usable: float = 1.0
    pass_rates: tuple[float, ...] | None = None
    trajectories: dict[str, dict[int, float]] = field(default_factory=dict)

    def stretched(self, model: Artifact) -> float:
        """The stretch of a model, or else that of the model it was trained from; 1 where no table is known."""
        if model.key in self.stretch:
            return self.stretch[model.key]
        base = model.inputs.get("policy")
        return self.stretched(base[0]) if base else 1.0

    def unsolved(self, tries: int) -> float:
        """Share of the questions' chains whose first `tries` answers are all incorrect."""
        if self.pass_rates is None:
            return 1 / (tries + 1)
        return sum((1 - rate) ** tries for rate in self.pass_rates) / len(self.pass_rates)

    def successes(self, tries: int, most: int) -> float:
        """Correct ones of `answers` independent answers to a question, `most` of them at most; mean over questions."""
        if self.pass_rates is None:  # each number of correct ones is equally frequent
            return sum(min(correct, most) for correct in range(tries + 1)) / (tries + 1)
        return sum(min(rate * tries, most) for rate in self.pass_rates) / len(self.pass_rates)


def expected(artifact: Artifact, assumptions: Assumptions) -> Work:
    """What a job will do; nothing but rows of no known number for the stages without a model."""
    count = STAGES.get(artifact.stage)
    return count(artifact, assumptions) if count else Work()


def _total(questions: Weighted, tokens: Callable[[Hashable], float]) -> float:
    return sum(count * tokens(level) for level, count in questions.items())


def _asked(spec: dict, assumptions: Assumptions) -> Weighted:
    return assumptions.questions.levels(spec["split"], *spec["problems"])


def _written(spec: dict, model: Artifact, assumptions: Assumptions) -> Callable[[Hashable], float]:
    """Tokens of a model's solution, by level."""
    stretch, questions = assumptions.stretched(model), assumptions.questions
    return lambda level: min(stretch * questions.solution(level), spec["max_tokens"])


def _problems(artifact: Artifact, assumptions: Assumptions) -> Work:
    if "sources" in artifact.spec:
        sources = artifact.spec["sources"].values()
        return Work(rows=sum(each["take"] or each["rows"] for each in sources))
    task = artifact.spec["task"]
    return Work(rows=task["train_problems"] + task["test_problems"])


def _sample(artifact: Artifact, assumptions: Assumptions) -> Work:
    spec, asked = artifact.spec, _asked(artifact.spec, assumptions)
    each = spec["samples"][1] - spec["samples"][0]
    count = each * sum(asked.values())
    written = _written(spec, artifact.inputs["policy"][0], assumptions)
    # A server reads, and bills, the prompt of each request
    prompts = each if spec.get("engine") == SERVED else 1
    read = prompts * _total(asked, assumptions.questions.prompt)
    return Work(count, each * _total(asked, written), read, rows=count)


def _think(artifact: Artifact, assumptions: Assumptions) -> Work:
    """At each budget as many solutions, whose thoughts use it up, and an answer as long as a solution here is."""
    spec, asked = artifact.spec, _asked(artifact.spec, assumptions)
    each, thinking = spec["samples"][1] - spec["samples"][0], spec["thinking"]
    longest = thinking.get("answer_tokens", spec["max_tokens"])
    written = _written(spec | {"max_tokens": longest}, artifact.inputs["policy"][0], assumptions)
    count, answers = each * sum(asked.values()), each * _total(asked, written)
    budgets, prompts = thinking["budgets"], _total(asked, assumptions.questions.prompt)
    if spec.get("engine") == SERVED:  # which draws each anew
        decoded = count * sum(budgets) + len(budgets) * answers
        return Work(len(budgets) * count, decoded, each * len(budgets) * prompts, rows=len(budgets) * count)
    # One thought up to the largest budget, which is read again as far as each budget goes
    decoded = count * max(budgets) + len(budgets) * answers
    read = (1 + each * len(budgets)) * prompts + count * sum(budgets)
    return Work(len(budgets) * count, decoded, read, rows=len(budgets) * count)


def _check_thoughts(artifact: Artifact, assumptions: Assumptions) -> Work:
    spec = artifact.spec
    probes = {"split": "test", "problems": [0, spec["probes"]], "samples": [0, 1]}
    made = Artifact("think", artifact.label, spec | probes, artifact.inputs, artifact.code)
    return replace(_think(made, assumptions), rows=spec["probes"] * len(spec["thinking"]["budgets"]))


def _roll_out(artifact: Artifact, assumptions: Assumptions) -> Work:
    """From the end of each step of each usable sample, but the last, `rollouts` write what is left."""
    spec, asked = artifact.spec, _asked(artifact.spec, assumptions)
    each = (spec["samples"][1] - spec["samples"][0]) * assumptions.usable
    stretch = assumptions.stretched(artifact.inputs["policy"][0])
    prompt, solution = assumptions.questions.prompt, assumptions.questions.steps
    count = _total(asked, lambda level: len(solution(level)) - 1)
    left = before = 0.0
    for level, number in asked.items():
        steps = [stretch * step for step in solution(level)]
        for end in range(1, len(steps)):
            left += number * sum(steps[end:])
            before += number * (prompt(level) + sum(steps[:end]))
    return Work(
        each * spec["rollouts"] * count,
        each * spec["rollouts"] * left,
        each * before,
        rows=each * (count + sum(asked.values())),
    )


def _score(artifact: Artifact, assumptions: Assumptions) -> Work:
    rows = read = written = 0.0
    judge = artifact.spec.get("judge")
    for each in artifact.inputs["samples"]:
        drawn = each.artifact if isinstance(each, Part) else each
        asked, samples = _asked(drawn.spec, assumptions), drawn.spec["samples"][1] - drawn.spec["samples"][0]
        if isinstance(each, Part):  # of samples at a budget of thought
            made, share = _think(drawn, assumptions), 1 / len(drawn.parts)
            rows, read = rows + share * made.rows, read + share * (made.decoded + made.prompted)
        else:
            made = _sample(drawn, assumptions)
            rows += made.rows
            read += made.decoded + samples * _total(asked, assumptions.questions.question)
        read += samples * _total(asked, partial(judged, judge, assumptions.questions))
        written += samples * _total(asked, partial(criticised, judge, assumptions.questions))
    return _work_of(artifact, assumptions, read, written, rows)


def _work_of(artifact: Artifact, assumptions: Assumptions, read: float, written: float, rows: float) -> Work:
    """The work of a verifier; one behind a server reads more (`ttc.estimate.judges.of_requests`)."""
    spec = artifact.spec
    if spec.get("engine") == SERVED and "served" not in spec:
        read, written = of_requests(spec["judge"], assumptions.questions, rows, read, written)
    return Work(decoded=written, verified=read, rows=rows)


def _search(artifact: Artifact, assumptions: Assumptions) -> Work:
    spec, asked, questions = artifact.spec, _asked(artifact.spec, assumptions), assumptions.questions
    strategy, beams = from_spec(spec["strategy"]), spec["budget"]
    stretch = assumptions.stretched(artifact.inputs["policy"][0])
    limits = spec["max_rounds"], spec.get("max_step_tokens") or spec["max_tokens"], spec["max_tokens"]
    decoded = requested = 0.0
    for level, number in asked.items():
        steps = [stretch * step for step in questions.steps(level)]
        made = list(rounds(steps, strategy.steps_ahead, *limits))
        decoded += number * beams * sum(step + ahead for step, ahead in made)
        requested += number * beams * _requested(made, steps, strategy.steps_ahead, questions.prompt(level))
    # A server reads, and bills, all that stands before each step
    served = spec.get("engine") == SERVED
    prompts, count = requested if served else _total(asked, questions.prompt), sum(asked.values())
    read = _total(asked, questions.question) + decoded  # each step once, with its rollout behind it
    judge = spec.get("judge")
    read += _total(asked, lambda level: judged(judge, questions, level, beams * len(questions.steps(level))))
    nodes = beams * _total(asked, lambda level: len(questions.steps(level)))
    return Work(strategy.generations(beams) * count, decoded, prompts, read, rows=beams * count + nodes)


def _requested(made: list[Round], steps: list[float], depth: int, prompt: float) -> float:
    """Tokens that the requests for the steps of one beam hold, and for those of its rollouts."""
    read = written = 0.0
    for number, (step, ahead) in enumerate(made):
        read, written, before = read + prompt + written, written + step, 0.0
        for following in steps[number + 1 : number + 1 + depth]:
            if before < ahead:
                read, before = read + prompt + written + before, before + following
    return read


@dataclass(frozen=True)
class _Chains:
    """Answers of some questions in chains, and tokens: of the answers, of the questions, of the answers read before."""

    count: float
    written: float
    asked: float
    before: float


def _chains(
    spec: dict,
    max_context: int,
    reviser: Artifact,
    assumptions: Assumptions,
    question: Callable[[Hashable], float],
) -> _Chains:
    """question: tokens that stand before the answers."""
    asked, places = _asked(spec, assumptions), _answers(spec, assumptions)
    written, again = _written(spec, reviser, assumptions), assumptions.questions.again
    count = sum(places.values())
    before = sum(number * min(place, max_context) for place, number in places.items())
    return _Chains(
        count * sum(asked.values()),
        count * _total(asked, written),
        count * _total(asked, question),
        before * _total(asked, lambda level: written(level) + again),
    )


def _answers(spec: dict, assumptions: Assumptions) -> dict[int, float]:
    """Answers of one question at each place of its chains."""
    places = {}
    for place in range(max(spec["lengths"])):
        alive = sum(length > place for length in spec["lengths"])
        places[place] = alive * (assumptions.unsolved(place) if spec.get("until_correct") else 1)
    return places


def _revise(artifact: Artifact, assumptions: Assumptions) -> Work:
    spec, (reviser,) = artifact.spec, artifact.inputs["reviser"]
    made = _chains(spec, spec["max_context"], reviser, assumptions, assumptions.questions.prompt)
    return Work(made.count, made.written, made.asked + made.before, rows=made.count)


def _read_chains(chains: list, max_context: int, assumptions: Assumptions) -> tuple[float, float]:
    """Revisions of some tables of chains, and the tokens of all, each with its context."""
    rows = tokens = 0.0
    for each in chains:
        (reviser,) = each.inputs["reviser"]
        made = _chains(each.spec, max_context, reviser, assumptions, assumptions.questions.question)
        rows, tokens = rows + made.count, tokens + made.written + made.asked + made.before
    return rows, tokens


def _score_revisions(artifact: Artifact, assumptions: Assumptions) -> Work:
    rows, read = _read_chains(artifact.inputs["chains"], artifact.spec["max_context"], assumptions)
    written, judge = 0.0, artifact.spec.get("judge")
    for each in artifact.inputs["chains"] if judge else ():
        asked, answers = _asked(each.spec, assumptions), sum(_answers(each.spec, assumptions).values())
        read += answers * _total(asked, partial(judged, judge, assumptions.questions))
        written += answers * _total(asked, partial(criticised, judge, assumptions.questions))
    return _work_of(artifact, assumptions, read, written, rows)


def _pair_revisions(artifact: Artifact, assumptions: Assumptions) -> Work:
    return Work(rows=sum(_trajectories(artifact, assumptions).values()))


def _trajectories(pairs: Artifact, assumptions: Assumptions) -> dict[int, float]:
    """Trajectories of a table of pairs, by the number of answers before the last."""
    if pairs.key in assumptions.trajectories:
        return assumptions.trajectories[pairs.key]
    count = 0.0
    for each in pairs.inputs["chains"]:
        longest = max(each.spec["lengths"])
        solved = len(each.spec["lengths"]) * (1 - assumptions.unsolved(longest))
        count += solved * _questions(each)
        contexts = range(longest)  # chains of each length get an equal share
    for each in pairs.inputs["samples"]:
        start, stop = each.spec["samples"]
        kept = pairs.spec["per_problem"] or stop - start
        count += assumptions.successes(stop - start, kept) * _questions(each)
        contexts = range(pairs.spec["max_context"] + 1)
    return dict.fromkeys(contexts, count / len(contexts))


def _questions(artifact: Artifact) -> int:
    start, stop = artifact.spec["problems"]
    return stop - start


def _train_policy(artifact: Artifact, assumptions: Assumptions) -> Work:
    """Three phases (`ttc.stages.train_policy`): easy questions, all, and those that several authors answer."""
    spec, task = artifact.spec, artifact.spec["task"]
    asked = assumptions.questions.levels("train", 0, task["train_problems"])
    generated = load(task)
    easy = {level: count * generated.easy_share(task, level) for level, count in asked.items()}
    before = generated.mean_attempts(task)

    known = assumptions.questions

    def alone(level):
        return known.prompt(level) + known.solution(level)

    def in_turn(level):
        return alone(level) + before * (known.solution(level) + known.again)

    steps, size = spec["training"]["steps"], spec["training"]["batch"]
    ends = [round(spec[share] * steps) for share in ("first_group", "solutions_first")]
    phases = ((easy, ends[0], alone), (asked, ends[1] - ends[0], alone), (asked, steps - ends[1], in_turn))
    trained = 0.0
    for questions, times, length in phases:
        if times and (count := sum(questions.values())):
            trained += times * mean_batch(count, size) * _total(questions, length) / count
    return Work(trained=trained)


def mean_batch(examples: float, size: int) -> float:
    """Mean examples of a batch: the last one of an epoch may be smaller."""
    return examples / math.ceil(examples / size) if examples > 0 else 0.0


def fine_tuning(training: dict, examples: float, length: float) -> Work:
    """Tokens learnt from, and read by the validations, from the number of examples and their mean number of tokens."""
    steps = training["steps"]
    every = max(1, steps // training["evaluations"])
    evaluations = steps // every + bool(steps % every)
    learnt = steps * mean_batch((1 - HELD_OUT) * examples, training["batch"])
    return Work(verified=evaluations * HELD_OUT * examples * length, trained=learnt * length)


def _trained(artifact: Artifact, examples: float, length: float) -> Work:
    """That of a model that starts from another: trained here, or fetched."""
    return fine_tuning(artifact.spec.get("fine_tuning") or artifact.spec["training"], examples, length)


def _train_verifier(artifact: Artifact, assumptions: Assumptions) -> Work:
    count = tokens = 0.0
    start, stop = artifact.spec["samples"]
    for each in artifact.inputs["samples"]:
        first, last = each.spec["samples"]
        taken = max(0, min(stop, last) - max(start, first)) * assumptions.usable
        asked = _asked(each.spec, assumptions)
        written = _written(each.spec, each.inputs["policy"][0], assumptions)
        count += taken * sum(asked.values())
        tokens += taken * (_total(asked, assumptions.questions.question) + _total(asked, written))
    return _trained(artifact, count, tokens / count)


def _train_reviser(artifact: Artifact, assumptions: Assumptions) -> Work:
    (pairs,) = artifact.inputs["pairs"]
    contexts, most = _trajectories(pairs, assumptions), artifact.spec["max_context"]
    count = sum(contexts.values())
    before = sum(number * min(answers, most) for answers, number in contexts.items()) / count if count else 0
    source = (pairs.inputs["samples"] or pairs.inputs["chains"])[0]
    asked, questions = _asked(source.spec, assumptions), assumptions.questions
    written = _written(source.spec, artifact.inputs["policy"][0], assumptions)
    tokens = _total(
        asked,
        lambda level: questions.prompt(level) + written(level) + before * (written(level) + questions.again),
    )
    return _trained(artifact, count, tokens / sum(asked.values()))


def _train_revision_orm(artifact: Artifact, assumptions: Assumptions) -> Work:
    rows, tokens = _read_chains(artifact.inputs["chains"], artifact.spec["max_context"], assumptions)
    return _trained(artifact, rows, tokens / rows)


# The stages whose work is counted; the others read tables and write tables and figures.
STAGES: dict[str, Callable[[Artifact, Assumptions], Work]] = {
    "problems": _problems,
    "train_policy": _train_policy,
    "train_larger_policy": _train_policy,
    "sample": _sample,
    "think": _think,
    "check_thoughts": _check_thoughts,
    "roll_out": _roll_out,
    "train_prm": _train_verifier,
    "train_orm": _train_verifier,
    "score": _score,
    "search": _search,
    "pair_revisions": _pair_revisions,
    "train_reviser": _train_reviser,
    "revise": _revise,
    "train_revision_orm": _train_revision_orm,
    "score_revisions": _score_revisions,
}
