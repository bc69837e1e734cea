"""What each job does: solutions, tokens and rows, as a function of its specification and of stated assumptions.

Everything is counted as tables bill it: of equal solutions each one, although a stage computes them once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from ttc.plan.artifacts import Artifact
from ttc.plan.estimate.lengths import AGAIN, Questions, Weighted, prompt, search_tokens, solution
from ttc.search.strategy import from_spec

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
    """What a plan cannot know; `ttc.plan.estimate.measured` replaces what finished tables tell.

    stretch: tokens of a model's solutions over those of the task's form, by the model's key.  usable: share of the
    samples that have an answer and were not cut.  pass_rates: of some questions; None = uniform between 0 and 1.
    trajectories: how many have so many answers before the last, by the key of the table of pairs.
    """

    questions: Questions
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
        """Correct ones of so many independent answers to a question, `most` of them at most; mean over questions."""
        if self.pass_rates is None:  # each number of correct ones is equally frequent
            return sum(min(correct, most) for correct in range(tries + 1)) / (tries + 1)
        return sum(min(rate * tries, most) for rate in self.pass_rates) / len(self.pass_rates)


def parameters(model: Artifact) -> int:
    """Parameters of a model, tied ones once, embeddings included, as its card counts them (and `ttc.exchange`)."""
    if model.stage == "train_reviser":
        return parameters(model.inputs["policy"][0])
    shape = _shape(model)
    if "task" in model.spec:
        return shape["vocabulary"] * shape["hidden"] + _layers(shape, shape["layers"]) + shape["hidden"]
    (base,) = model.inputs.get("reviser") or model.inputs["policy"]
    hidden, fresh = shape["hidden"], model.spec["model"]["fresh_layers"]
    joint = (2 * hidden + 2) * hidden + hidden
    # The fresh layers have a norm and one embedding, which is never read, of their own; the score has a bias.
    return parameters(base) + joint + _layers(shape, fresh) + 2 * hidden + hidden + 1


def _shape(model: Artifact) -> dict:
    """Shape of the policy at the root of a model, with the size of its vocabulary (`ttc.tasks.clock.vocabulary`)."""
    while "task" not in model.spec:
        (model,) = model.inputs.get("reviser") or model.inputs["policy"]
    task = model.spec["task"]
    operations = sum(group["operations"] for group in task["groups"])
    return model.spec["model"] | {"vocabulary": 10 + task["steps"][1] + task["modulus"] + 2 * operations}


def _layers(shape: dict, count: int) -> int:
    hidden = shape["hidden"]
    keys = hidden // shape["heads"] * shape["kv_heads"]
    return count * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * shape["intermediate"] + 2 * hidden)


def flops(artifact: Artifact, work: Work) -> dict[str, float]:
    """FLOPs by kind of work: 2 per parameter and token that is decoded or read, 6 per one that is learnt from."""
    if not STAGES.get(artifact.stage) or artifact.stage == "pair_revisions":
        return {}
    if artifact.stage.startswith("train_"):
        own = parameters(artifact)
        return {"train": 6.0 * own * work.trained, "read": 2.0 * own * work.verified}
    writers, verifiers = _models(artifact)
    writer, verifier = (parameters(each[0]) if each else 0 for each in (writers, verifiers))
    return {
        "decode": 2.0 * writer * work.decoded,
        "read": 2.0 * (writer * work.prompted + verifier * work.verified),
    }


def largest_model(artifact: Artifact) -> int:
    """Parameters of the largest model that a job works with; 0 without one."""
    if artifact.stage.startswith("train_"):
        return parameters(artifact)
    return max((parameters(model) for models in _models(artifact) for model in models), default=0)


def _models(artifact: Artifact) -> tuple[list, list]:
    if artifact.stage not in STAGES or artifact.stage == "pair_revisions":
        return [], []
    inputs = artifact.inputs
    return inputs.get("reviser") or inputs.get("policy") or [], inputs.get("verifier") or []


def expected(artifact: Artifact, assumptions: Assumptions) -> Work:
    """What a job will do; nothing but rows of no known number for the stages without a model."""
    count = STAGES.get(artifact.stage)
    return count(artifact, assumptions) if count else Work()


def _total(questions: Weighted, tokens: Callable[[int], float]) -> float:
    return sum(count * tokens(level) for level, count in questions.items())


def _asked(spec: dict, assumptions: Assumptions) -> Weighted:
    return assumptions.questions.levels(spec["split"], *spec["problems"])


def _written(spec: dict, stretch: float) -> Callable[[int], float]:
    """Tokens of a model's solution, by level."""
    return lambda level: min(stretch * solution(level), spec["max_tokens"])


def _problems(artifact: Artifact, assumptions: Assumptions) -> Work:
    task = artifact.spec["task"]
    return Work(rows=task["train_problems"] + task["test_problems"])


def _sample(artifact: Artifact, assumptions: Assumptions) -> Work:
    spec, asked = artifact.spec, _asked(artifact.spec, assumptions)
    each = spec["samples"][1] - spec["samples"][0]
    count = each * sum(asked.values())
    written = _written(spec, assumptions.stretched(artifact.inputs["policy"][0]))
    return Work(count, each * _total(asked, written), _total(asked, prompt), rows=count)


def _roll_out(artifact: Artifact, assumptions: Assumptions) -> Work:
    """From the end of each step of each usable sample, but the last, `rollouts` write what is left."""
    spec, asked = artifact.spec, _asked(artifact.spec, assumptions)
    each = (spec["samples"][1] - spec["samples"][0]) * assumptions.usable
    stretch = assumptions.stretched(artifact.inputs["policy"][0])
    left = _total(asked, lambda level: sum(stretch * solution(level - step) for step in range(1, level + 1)))
    before = _total(
        asked,
        lambda level: sum(
            prompt(level) + stretch * (solution(level) - solution(level - step))
            for step in range(1, level + 1)
        ),
    )
    steps = _total(asked, lambda level: level)
    return Work(
        each * spec["rollouts"] * steps,
        each * spec["rollouts"] * left,
        each * before,
        rows=each * (steps + sum(asked.values())),
    )


def _score(artifact: Artifact, assumptions: Assumptions) -> Work:
    made = [(each, _sample(each, assumptions)) for each in artifact.inputs["samples"]]
    rows = sum(work.rows for _, work in made)
    # A sample's prompt is read with each of its samples.
    read = sum(
        work.decoded + work.prompted * (each.spec["samples"][1] - each.spec["samples"][0])
        for each, work in made
    )
    return Work(verified=read, rows=rows)


def _search(artifact: Artifact, assumptions: Assumptions) -> Work:
    spec, asked = artifact.spec, _asked(artifact.spec, assumptions)
    strategy, beams = from_spec(spec["strategy"]), spec["budget"]
    stretch = assumptions.stretched(artifact.inputs["policy"][0])
    limits = spec["max_rounds"], spec.get("max_step_tokens") or spec["max_tokens"], spec["max_tokens"]
    decoded = beams * _total(asked, lambda level: search_tokens(level, stretch, strategy.depth, *limits))
    prompts, count = _total(asked, prompt), sum(asked.values())
    nodes = beams * _total(asked, lambda level: level + 1)
    return Work(
        strategy.generations(beams) * count, decoded, prompts, prompts + decoded, rows=beams * count + nodes
    )


def _chain(
    spec: dict, max_context: int, stretch: float, answers: dict[int, float], asked: Weighted
) -> tuple[float, float, float]:
    """Answers, their tokens and those of their contexts; answers: how many at each place of a question's chains."""
    written = _written(spec, stretch)
    count = sum(answers.values())
    before = sum(number * min(place, max_context) for place, number in answers.items())
    read = _total(asked, lambda level: count * prompt(level) + before * (written(level) + AGAIN))
    return count * sum(asked.values()), count * _total(asked, written), read


def _answers(spec: dict, assumptions: Assumptions) -> dict[int, float]:
    """Answers of one question at each place of its chains."""
    places = {}
    for place in range(max(spec["lengths"])):
        alive = sum(length > place for length in spec["lengths"])
        places[place] = alive * (assumptions.unsolved(place) if spec.get("until_correct") else 1)
    return places


def _revise(artifact: Artifact, assumptions: Assumptions) -> Work:
    spec = artifact.spec
    stretch = assumptions.stretched(artifact.inputs["reviser"][0])
    answers, asked = _answers(spec, assumptions), _asked(spec, assumptions)
    count, decoded, read = _chain(spec, spec["max_context"], stretch, answers, asked)
    return Work(count, decoded, read, rows=count)


def _read_chains(chains: list, max_context: int, assumptions: Assumptions) -> tuple[float, float]:
    """Revisions of some tables of chains, and the tokens of all, each with its context."""
    rows = tokens = 0.0
    for each in chains:
        answers, asked = _answers(each.spec, assumptions), _asked(each.spec, assumptions)
        stretch = assumptions.stretched(each.inputs["reviser"][0])
        count, written, read = _chain(each.spec, max_context, stretch, answers, asked)
        rows, tokens = rows + count, tokens + written + read
    return rows, tokens


def _score_revisions(artifact: Artifact, assumptions: Assumptions) -> Work:
    rows, read = _read_chains(artifact.inputs["chains"], artifact.spec["max_context"], assumptions)
    return Work(verified=read, rows=rows)


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
    easy = {level: count * _easy(task, level) for level, count in asked.items()}
    turns = task["turns"]
    before = turns["share"] * (1 + turns["attempts"]) / 2

    def alone(level):
        return prompt(level) + solution(level)

    def in_turn(level):
        return alone(level) + before * (solution(level) + AGAIN)

    steps, size = spec["training"]["steps"], spec["training"]["batch"]
    ends = [round(spec[share] * steps) for share in ("first_group", "solutions_first")]
    phases = ((easy, ends[0], alone), (asked, ends[1] - ends[0], alone), (asked, steps - ends[1], in_turn))
    trained = 0.0
    for questions, times, length in phases:
        if times and (count := sum(questions.values())):
            trained += times * mean_batch(count, size) * _total(questions, length) / count
    return Work(trained=trained)


def _easy(task: dict, level: int) -> float:
    """Share of the training questions of a level that have operations of the first group only."""
    shares = [topic["train_share"] for topic in task["topics"]]
    first = [topic["weights"][0] / sum(topic["weights"]) for topic in task["topics"]]
    return sum(share * each**level for share, each in zip(shares, first, strict=True)) / sum(shares)


def mean_batch(examples: float, size: int) -> float:
    """Mean examples of a batch: the last one of an epoch may be smaller."""
    return examples / math.ceil(examples / size) if examples > 0 else 0.0


def fine_tuning(training: dict, examples: float, length: float) -> Work:
    """Tokens learnt from, and read by the validations, of so many examples of so many tokens on average."""
    steps = training["steps"]
    every = max(1, steps // training["evaluations"])
    evaluations = steps // every + bool(steps % every)
    learnt = steps * mean_batch((1 - HELD_OUT) * examples, training["batch"])
    return Work(verified=evaluations * HELD_OUT * examples * length, trained=learnt * length)


def _train_verifier(artifact: Artifact, assumptions: Assumptions) -> Work:
    count = tokens = 0.0
    start, stop = artifact.spec["samples"]
    for each in artifact.inputs["samples"]:
        first, last = each.spec["samples"]
        taken = max(0, min(stop, last) - max(start, first)) * assumptions.usable
        asked = _asked(each.spec, assumptions)
        written = _written(each.spec, assumptions.stretched(each.inputs["policy"][0]))
        count += taken * sum(asked.values())
        tokens += taken * (_total(asked, prompt) + _total(asked, written))
    return fine_tuning(artifact.spec["training"], count, tokens / count)


def _train_reviser(artifact: Artifact, assumptions: Assumptions) -> Work:
    (pairs,) = artifact.inputs["pairs"]
    contexts, most = _trajectories(pairs, assumptions), artifact.spec["max_context"]
    count = sum(contexts.values())
    before = sum(number * min(answers, most) for answers, number in contexts.items()) / count if count else 0
    source = (pairs.inputs["samples"] or pairs.inputs["chains"])[0]
    asked = _asked(source.spec, assumptions)
    written = _written(source.spec, assumptions.stretched(artifact.inputs["policy"][0]))
    tokens = _total(asked, lambda level: prompt(level) + written(level) + before * (written(level) + AGAIN))
    return fine_tuning(artifact.spec["training"], count, tokens / sum(asked.values()))


def _train_revision_orm(artifact: Artifact, assumptions: Assumptions) -> Work:
    rows, tokens = _read_chains(artifact.inputs["chains"], artifact.spec["max_context"], assumptions)
    return fine_tuning(artifact.spec["training"], rows, tokens / rows)


# The stages whose work is counted; the others read tables and write tables and figures.
STAGES: dict[str, Callable[[Artifact, Assumptions], Work]] = {
    "problems": _problems,
    "train_policy": _train_policy,
    "train_larger_policy": _train_policy,
    "sample": _sample,
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
