"""A verifier that scores whole solutions, made to follow a search: it reads every row from its start at each step."""

import numpy as np

from ttc.engines.protocol import StepScore
from ttc.errors import InputError

# A row: prompt, solution so far, steps of it that have been scored.
Row = tuple[list[int], list[int], int]


class FullPrefixes:
    """`ttc.engines.protocol.StepVerifier` of any process verifier.  What it reads, and bills, grows with the prefix."""

    def __init__(self, verifier):
        """verifier: anything with its `tokens_scored` and `score(prompts, solutions)`, both token ids."""
        self._verifier = verifier

    @property
    def tokens_scored(self) -> int:
        return self._verifier.tokens_scored

    def prefill(self, prompts: list[list[int]]) -> tuple[list[Row], list[int]]:
        """Rows at the end of their prompts; nothing is read yet."""
        return [(prompt, [], 0) for prompt in prompts], [0] * len(prompts)

    def fork(self, state: list[Row], rows: np.ndarray) -> list[Row]:
        """Copies of `rows`."""
        return [state[row] for row in rows]

    def join(self, states: list[list[Row]]) -> list[Row]:
        """The rows of all `states`."""
        return [row for state in states for row in state]

    def score_more(
        self, state: list[Row], steps: list[list[int]], rollouts: list[list[int]]
    ) -> list[StepScore]:
        """Scores of prompt, solution, step and rollout in one.

        InputError if a solution has no score for its new step.
        """
        grown = [solution + step for (_, solution, _), step in zip(state, steps, strict=True)]
        prompts = [prompt for prompt, _, _ in state]
        solutions = [kept + rollout for kept, rollout in zip(grown, rollouts, strict=True)]
        made = []
        for row, scores in enumerate(self._verifier.score(prompts, solutions)):
            known = state[row][2]
            if len(scores) <= known:
                raise InputError(
                    f"the verifier gave {len(scores)} scores to a solution of {known + 1} or more steps; a search "
                    "needs a process verifier, one score for each step"
                )
            read = len(prompts[row]) + len(solutions[row])
            made.append(StepScore(float(scores[known]), float(scores[-1]), read))
            state[row] = (prompts[row], grown[row], known + 1)
        return made
