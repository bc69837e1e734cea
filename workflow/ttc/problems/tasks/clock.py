"""The generated task: chains of additions and multiplications on a clock, one line per step.

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

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc import noise
from ttc.errors import InputError

MAX_STEPS = 12
PATIENCE = 10_000  # draws in a row without a new question after which there is none left


@dataclass(frozen=True)
class Operation:
    """One operation, with how it is met and mistaken."""

    kind: str  # `+` or `*`
    operand: int
    group: int
    error_rate: float
    misconception: float

    def __str__(self) -> str:
        return f"{self.kind}{self.operand}"


def operations(task: dict, seed: int) -> list[Operation]:
    """The operations of the clock, drawn without repetition, in group order.

    As long as the clock has others, none is next to another: `+7` misread is `+8`, and would not be the only one to
    give that result.
    """
    modulus = task["modulus"]
    pool = [(kind, operand) for operand in range(2, modulus - 1) for kind in "+*"]
    wanted = sum(group["operations"] for group in task["groups"])
    if wanted > len(pool):
        raise InputError(
            f"task.groups: asks for {wanted} operations; a clock of {modulus} hours has {len(pool)} different ones"
        )
    apart: list[tuple[str, int]] = []
    beside: list[tuple[str, int]] = []
    for index in noise.generator(seed, "operations").permutation(len(pool)):
        kind, operand = pool[index]
        near = {(kind, operand - 1), (kind, operand + 1)} & set(apart)
        (beside if near else apart).append((kind, operand))
    drawn = iter(apart + beside)
    return [
        Operation(*next(drawn), index, group["error_rate"], group["misconception"])
        for index, group in enumerate(task["groups"])
        for _ in range(group["operations"])
    ]


def apply(operation: Operation, number: int, modulus: int) -> int:
    """The right result of one step."""
    if operation.kind == "+":
        return (number + operation.operand) % modulus
    return (number * operation.operand) % modulus


def write_wrong(operation: Operation, number: int, modulus: int, draws: np.ndarray) -> int:
    """What an author who errs writes; `draws` are two uniform numbers in [0, 1)."""
    right = apply(operation, number, modulus)
    if draws[0] < operation.misconception:
        shifted = (
            number + operation.operand + 1 if operation.kind == "+" else number * (operation.operand + 1)
        )
        if shifted % modulus != right:
            return shifted % modulus
    return (right + 1 + int(draws[1] * (modulus - 1))) % modulus


def question(start: int, chain: list[Operation]) -> str:
    """The question text."""
    return f"Start at {start} then {' '.join(str(operation) for operation in chain)}"


def solution(
    start: int, chain: list[Operation], modulus: int, draws: np.ndarray | None = None
) -> tuple[str, int]:
    """A solution text and its answer; `draws` [steps, 3] in [0, 1) decide the author's errors, None = no errors."""
    number, numbers = start, []
    for index, operation in enumerate(chain):
        if draws is not None and draws[index, 0] < operation.error_rate:
            number = write_wrong(operation, number, modulus, draws[index, 1:])
        else:
            number = apply(operation, number, modulus)
        numbers.append(number)
    return written(chain, numbers), number


def written(chain: list[Operation], numbers: list[int]) -> str:
    """The solution text whose lines have these results."""
    lines = [
        f"{index}: {operation} = {number}"
        for index, (operation, number) in enumerate(zip(chain, numbers, strict=True), start=1)
    ]
    return "\n".join([*lines, f"Answer: {numbers[-1]}"])


def make_problems(task: dict, seed: int) -> pl.DataFrame:
    """The table of problems: `task.train_problems` with their authors' solutions, `task.test_problems` with right ones.

    Test questions are all different and no training question is one of them.  A problem depends on the seed and its
    own number only, so asking for more leaves the first ones as they are.
    """
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


def only_first_group(task: dict, seed: int, questions: Iterable[str]) -> list[bool]:
    """Which questions have operations of the first group only."""
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


# Words carry the space before them, and an operation its equals sign, so that a text is its tokens joined.
TOKEN_PATTERN = r" [+*]\d+ =| [+*]?\d+|\d+:| ?[A-Za-z]+:?|\n"


def first_wrong_step(question_text: str, text: str, modulus: int) -> int | None:
    """The index of the first line that is not what the question asks for at that place; None if all are right.

    The exact check that step scores of this task are measured against (a wrong number, operation, order or label).
    """
    start, words = parts(question_text)
    number = start
    expected = []
    for index, word in enumerate(words):
        operand = int(word[1:])
        number = (number + operand if word[0] == "+" else number * operand) % modulus
        expected.append(f"{index + 1}: {word} = {number}")
    expected.append(f"Answer: {number}")
    for index, line in enumerate(text.split("\n")):
        if index >= len(expected) or line != expected[index]:
            return index
    return None


def parts(question_text: str) -> tuple[int, list[str]]:
    """The start and the operations of a question."""
    words = question_text.split()
    return int(words[2]), words[4:]
