"""Clockwork: the operations of the task `clock`, their results right and wrong, and the texts of problems."""

from dataclasses import dataclass

import numpy as np

from ttc import noise
from ttc.errors import InputError
from ttc.problems import threads


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


def parts(question_text: str) -> tuple[int, list[str]]:
    """The start and the operations of a question."""
    words = question_text.split()
    return int(words[2]), words[4:]


def rules(modulus: int) -> threads.Rules:
    """How authors go on from a number, right and wrong."""
    return threads.Rules(
        lambda operation, number: apply(operation, number, modulus),
        lambda operation, number, draws: write_wrong(operation, number, modulus, draws),
    )
