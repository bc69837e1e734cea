"""Clock: the generated task of chains of additions and multiplications on a clock, one line for each step.

    Start at 5 then +7 *3          (on a clock of 37 hours)
    1: +7 = 12
    2: *3 = 36
    Answer: 36

Difficulty comes from the texts the policy learns from, as it does on the web.  Each *group* of operations says how
often authors get them wrong, and which share of their errors is one shared misconception (the operand read one too
large) instead of a slip to any other number.  A question is about one *topic*, which says how often each group's
operations occur in it, and how often it is met in the training text and in the benchmark.  An operation of a topic that
is rare in the training text is a fact a policy hardly knows; a common misconception is one that majority voting and a
greedy solution cannot undo.  A few operations that are met far more often than the others (as in Zipf's law) are what
lets a small policy start to learn: through them it finds the number a step works on, without which no other operation
teaches it anything.  An author who errs goes on from the wrong number, so every training solution is consistent with
its own lines.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ttc import noise
from ttc.errors import InputError
from ttc.problems import threads
from ttc.problems.clockwork import Operation, operations, parts, question, rules, solution, written

if TYPE_CHECKING:
    import polars as pl

DECLARATION = {
    "title": "chains of additions and multiplications on a clock",
    "parameters": {
        "modulus": {
            "description": "hours on the clock; every number of the task is below it",
            "type": "integer",
            "minimum": 5,
            "maximum": 1000,
            "default": 31,
        },
        "steps": {
            "description": "fewest and most steps of a problem; its level is their number",
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 12},
            "minItems": 2,
            "maxItems": 2,
            "default": [2, 8],
        },
        "train_problems": {
            "description": "training problems, each with an author's solution",
            "type": "integer",
            "minimum": 1,
            "default": 60000,
        },
        "test_problems": {
            "description": "problems that are evaluated",
            "type": "integer",
            "minimum": 1,
            "default": 300,
        },
        "groups": {
            "description": "kinds of operations, by how often authors get them wrong",
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "description": "operations that are met and mistaken alike",
                "additionalProperties": False,
                "required": ["operations", "error_rate", "misconception"],
                "properties": {
                    "operations": {
                        "description": "how many additions and multiplications",
                        "type": "integer",
                        "minimum": 1,
                    },
                    "error_rate": {
                        "description": "share of its steps that authors get wrong",
                        "type": "number",
                        "minimum": 0,
                        "maximum": 1,
                    },
                    "misconception": {
                        "description": "share of these errors that are the same one (operand read one too large); the "
                        "others are slips to any number",
                        "type": "number",
                        "minimum": 0,
                        "maximum": 1,
                    },
                },
            },
            "default": [
                {"operations": 2, "error_rate": 0.01, "misconception": 0.0},
                {"operations": 6, "error_rate": 0.01, "misconception": 0.0},
                {"operations": 4, "error_rate": 0.42, "misconception": 0.8},
                {"operations": 2, "error_rate": 0.75, "misconception": 0.92},
                {"operations": 3, "error_rate": 0.01, "misconception": 0.0},
            ],
        },
        "topics": {
            "description": "what questions are about, by how often topics are met and which groups occur in them",
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "description": "questions of one kind",
                "additionalProperties": False,
                "required": ["train_share", "test_share", "weights"],
                "properties": {
                    "train_share": {
                        "description": "share of the training problems, relative to the other topics",
                        "type": "number",
                        "minimum": 0,
                    },
                    "test_share": {
                        "description": "share of the test problems",
                        "type": "number",
                        "minimum": 0,
                    },
                    "weights": {
                        "description": "how often each group's operations occur, all of a group together",
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "number", "minimum": 0},
                    },
                },
            },
            "default": [
                {"train_share": 0.2, "test_share": 0.0, "weights": [1, 0, 0, 0, 0]},
                {"train_share": 0.15, "test_share": 0.2, "weights": [3, 2, 0, 0, 0]},
                {"train_share": 0.635, "test_share": 0.6, "weights": [3, 1.5, 4, 2, 0]},
                {"train_share": 0.015, "test_share": 0.2, "weights": [1, 1, 0, 0, 3]},
            ],
        },
        "turns": {
            "description": "training texts in which several authors answer in turn, each reading the attempt before",
            "type": "object",
            "default": {},
            "additionalProperties": False,
            "properties": {
                "share": {
                    "description": "share of the training problems with such a text",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "default": 0.6,
                },
                "attempts": {
                    "description": "attempts before the one that is learnt, at most",
                    "type": "integer",
                    "minimum": 1,
                    "default": 4,
                },
                "notice": {
                    "description": "probability that an author corrects a wrong line of the attempt before",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "default": 0.5,
                },
            },
        },
    },
}
MAX_STEPS = 12
# Draws in a row without a new question after which there is none left
PATIENCE = 10_000
# Words carry the space before them, and an operation its equals sign, so that a text is its tokens joined
TOKEN_PATTERN = r" [+*]\d+ =| [+*]?\d+|\d+:| ?[A-Za-z]+:?|\n"


def make_problems(task: dict, seed: int) -> "pl.DataFrame":
    """The table of problems: `task.train_problems` with their authors' solutions, `task.test_problems` with right ones.

    Test questions are all different and no training question is one of them.  A problem depends on the seed and its
    own number only, so asking for more leaves the first ones as they are.
    """
    import polars as pl

    world = operations(task, seed)
    tests = _take(task, world, seed, "test", excluded=set())
    trains = _take(task, world, seed, "train", excluded={row["question"] for row in tests})
    rows = [
        row | {"problem_id": f"{split}-{index:06d}", "split": split}
        for split, rows in (("test", tests), ("train", trains))
        for index, row in enumerate(rows)
    ]
    return pl.DataFrame(rows)


def _take(task: dict, world: list[Operation], seed: int, split: str, excluded: set[str]) -> list[dict]:
    """The first problems of a split whose question is not in `excluded`, which test questions join."""
    wanted, taken, misses = task[f"{split}_problems"], [], 0
    for row in _draw(task, world, seed, split):
        if row["question"] in excluded:
            misses += 1
            if misses == PATIENCE:
                raise InputError(
                    f"task.{split}_problems: {wanted} was given, and after {len(taken)} of them {PATIENCE:,} draws "
                    "brought only test questions there are already; allow more steps, operations or hours"
                )
            continue
        misses = 0
        if split == "test":
            excluded.add(row["question"])
        taken.append(row)
        if len(taken) == wanted:
            break
    return taken


def _topics(task: dict, world: list[Operation], split: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cumulative shares of the topics of a split, and of each topic those of the operations.

    A group's weight in a topic is shared equally among its operations.
    """
    shares = np.array([topic[f"{split}_share"] for topic in task["topics"]], dtype=np.float64)
    if shares.sum() <= 0:
        raise InputError(f"task.topics: every {split}_share is 0; at least one topic must occur")
    edges = []
    for index, topic in enumerate(task["topics"]):
        if len(topic["weights"]) != len(task["groups"]):
            raise InputError(
                f"task.topics.{index}.weights: {len(topic['weights'])} numbers were given; task.groups has "
                f"{len(task['groups'])}, and each needs one"
            )
        weights = np.array(
            [topic["weights"][each.group] / task["groups"][each.group]["operations"] for each in world]
        )
        if weights.sum() <= 0:
            raise InputError(f"task.topics.{index}.weights: all are 0; at least one group must occur")
        edges.append(np.cumsum(weights) / weights.sum())
    return np.cumsum(shares) / shares.sum(), edges


def _draw(task: dict, world: list[Operation], seed: int, split: str):
    """Endless problems of a split."""
    shares, edges = _topics(task, world, split)
    low, high = task["steps"]
    modulus = task["modulus"]
    base = noise.stream(seed, "problems", split)
    number = 0
    while True:
        # One block of draws per problem: [length, start, topic, then per step operation, error?, misconception?, slip]
        draws = noise.uniform(noise.substreams(base, number), np.arange(3 + 4 * MAX_STEPS))
        number += 1
        length = low + int(draws[0] * (high - low + 1))
        start = int(draws[1] * modulus)
        weights = edges[_place(shares, draws[2])]
        steps = draws[3 : 3 + 4 * length].reshape(length, 4)
        chain = [world[_place(weights, draw)] for draw in steps[:, 0]]
        text, _ = solution(start, chain, modulus, steps[:, 1:] if split == "train" else None)
        answer = solution(start, chain, modulus)[1]
        yield {
            "level": length,
            "question": question(start, chain),
            "answer": str(answer),
            "solution": text,
        }


def _place(edges: np.ndarray, draw: float) -> int:
    """The index of the interval of [0, 1) that holds `draw`; `edges` are the intervals' upper ends."""
    return min(int(np.searchsorted(edges, draw, side="right")), len(edges) - 1)


def easy(task: dict, seed: int, questions: Iterable[str]) -> list[bool]:
    """Which questions have operations of the first group only: few facts, from which a policy starts to learn."""
    first = {str(operation) for operation in operations(task, seed) if operation.group == 0}
    return [first.issuperset(parts(each)[1]) for each in questions]


def vocabulary(task: dict, seed: int) -> list[str]:
    """Every token of the task's texts, special ones first; a token's place is its id."""
    world = operations(task, seed)
    words = ["Start", " at", " then", "Answer:", "Again"]
    labels = [f"{index}:" for index in range(1, task["steps"][1] + 1)]
    numbers = [f" {number}" for number in range(task["modulus"])]
    return [
        "<pad>",
        "<bos>",
        "<eos>",
        "<unk>",
        "\n",
        *words,
        *labels,
        *numbers,
        *[f" {operation}" for operation in world],
        *[f" {operation} =" for operation in world],
    ]


def first_wrong_step(task: dict, question: str, text: str) -> int | None:
    """The index of the first line that is not what the question asks for at that place; None if all are right.

    The exact check that step scores of this task are measured against (a wrong number, operation, order or label).
    """
    number, words = parts(question)
    modulus, expected = task["modulus"], []
    for index, word in enumerate(words):
        operand = int(word[1:])
        number = (number + operand if word[0] == "+" else number * operand) % modulus
        expected.append(f"{index + 1}: {word} = {number}")
    expected.append(f"Answer: {number}")
    for index, line in enumerate(text.split("\n")):
        if index >= len(expected) or line != expected[index]:
            return index
    return None


def training_turns(task: dict, seed: int, problems: "pl.DataFrame") -> Iterator[list[str]]:
    """Of each training problem the attempts of its text (`ttc.problems.threads`); `task.turns` says how many."""
    world = {str(operation): operation for operation in operations(task, seed)}
    asked = []
    for question_text, text in problems.select("question", "solution").iter_rows():
        start, words = parts(question_text)
        numbers = [int(line.rpartition(" ")[2]) for line in text.split("\n")[:-1]]
        asked.append((start, [world[word] for word in words], numbers))
    return threads.training_turns(task["turns"], seed, asked, rules(task["modulus"]), written)


def vocabulary_size(task: dict) -> int:
    """Tokens of the vocabulary: ten of every clock, labels, numbers, and each operation with and without ` =`."""
    drawn = sum(group["operations"] for group in task["groups"])
    return 10 + task["steps"][1] + task["modulus"] + 2 * drawn


def longest_prompt(task: dict) -> int:
    """Tokens of the longest question: its operations and its words."""
    return task["steps"][1] + 8


def most_attempts(task: dict) -> int:
    """Attempts before the last of a training text, at most."""
    return task["turns"]["attempts"]


def mean_attempts(task: dict) -> float:
    """Attempts before the last of a training text, on average; most texts have none."""
    turns = task["turns"]
    return turns["share"] * (1 + turns["attempts"]) / 2


def levels(task: dict) -> dict[int, float]:
    """Shares of the numbers of steps, which are equally frequent."""
    low, high = task["steps"]
    return dict.fromkeys(range(low, high + 1), 1 / (high - low + 1))


def easy_share(task: dict, level: int) -> float:
    """Share of the training questions of a level that have operations of the first group only."""
    shares = [topic["train_share"] for topic in task["topics"]]
    first = [topic["weights"][0] / sum(topic["weights"]) for topic in task["topics"]]
    return sum(share * each**level for share, each in zip(shares, first, strict=True)) / sum(shares)


def prompt_tokens(level: int) -> int:
    """Tokens of `<bos> Start at 5 then +7 *3 ⏎`."""
    return level + 6


def step_tokens(level: int) -> list[int]:
    """Tokens of the lines `1: +7 = 12 ⏎`, and of `Answer: 36 <eos>`."""
    return [4] * level + [3]
