"""Scores of a trained verifier: one per step (PRM) or one per solution (ORM), each in [0, 1].

Here scores are read from a full forward pass over prompt and solution, beside others of the same padded width and
padded on the right like the engine's prompts, so a score does not depend on its neighbours in the batch.
"""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer

from ttc.errors import InputError
from ttc.models.directory import read_card, resolve_device
from ttc.models.padding import ROWS, WIDTH, batches_of_equal_width, round_up
from ttc.models.verifier import SurpriseVerifier
from ttc.problems.text import SEPARATOR, step_ends

KINDS = ("prm", "orm")


class TokenVerifier:
    """`ttc.engines.protocol.Verifier` on a `SurpriseVerifier`.

    kind `prm` reads the score at the last token of each step, `orm` at the last token of the solution.
    """

    def __init__(self, path: Path, batch_rows: int = 1024, device: str = "auto"):
        self.kind = read_card(path)["kind"]
        if self.kind not in KINDS:
            raise InputError(
                f"{path}: its card says kind '{self.kind}'; a verifier is one of {', '.join(KINDS)}"
            )
        self.device = resolve_device(device)
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = SurpriseVerifier.from_pretrained(path, dtype=torch.float32)
        self.model.to(self.device).eval()
        self.batch_rows = max(ROWS, round_up(batch_rows, ROWS))
        self.separator = self.tokenizer.convert_tokens_to_ids(SEPARATOR)
        self.window = self.model.config.max_position_embeddings
        self.tokens_scored = 0

    def score(self, prompts: list[list[int]], solutions: list[list[int]]) -> list[list[float]]:
        """One list of scores per solution; equal inputs are scored once but every one of them is billed."""
        distinct: dict[tuple, int] = {}
        place = [
            distinct.setdefault((tuple(prompt), tuple(solution)), len(distinct))
            for prompt, solution in zip(prompts, solutions, strict=True)
        ]
        self.tokens_scored += sum(map(len, prompts)) + sum(map(len, solutions))
        pairs = list(distinct)
        lengths = [len(prompt) + len(solution) for prompt, solution in pairs]
        scores: list[list[float]] = [[]] * len(pairs)
        for _, batch in batches_of_equal_width(lengths, self.batch_rows, self.device):
            for index, values in zip(
                batch, self._score_batch([pairs[index] for index in batch]), strict=True
            ):
                scores[index] = values
        return [scores[index] for index in place]

    @torch.inference_mode()
    def _score_batch(self, pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        longest = max(len(prompt) + len(solution) for prompt, solution in pairs)
        self.check_length(longest)
        tokens = np.zeros((round_up(len(pairs), ROWS), round_up(longest, WIDTH)), dtype=np.int64)
        ends = []
        for row, (prompt, solution) in enumerate(pairs):
            if not solution:
                raise InputError(
                    "an empty solution cannot be scored; every solution needs at least one token"
                )
            tokens[row, : len(prompt)] = prompt
            tokens[row, len(prompt) : len(prompt) + len(solution)] = solution
            steps = step_ends(list(solution), self.separator) if self.kind == "prm" else [len(solution) - 1]
            ends.append(len(prompt) + np.asarray(steps))
        rows = np.repeat(np.arange(len(pairs)), [len(each) for each in ends])
        places = rows * tokens.shape[1] + np.concatenate(ends)
        # As many places as rows of a matrix product: padded like them, because its kernel depends on their number.
        padded = np.pad(places, (0, round_up(len(places), ROWS) - len(places)))
        read = self.model.hidden_at(
            torch.as_tensor(tokens, device=self.device), torch.as_tensor(padded, device=self.device)
        )[: len(places)]
        values = self.values(read)
        return [part.tolist() for part in np.split(values, np.cumsum([len(each) for each in ends])[:-1])]

    def check_length(self, longest: int) -> None:
        """InputError if prompt and solution are longer than the verifier's window."""
        if longest > self.window:
            raise InputError(
                f"a solution with its prompt has {longest} tokens and the verifier's window is {self.window}; "
                "it is never cut silently: lower max_tokens or use a verifier with a longer window"
            )

    def values(self, hidden: torch.Tensor) -> np.ndarray:
        """Scores (float32) read from hidden states [scores, width]."""
        # Rows are padded for the head's matrix product too: its kernel depends on their number.
        padded = torch.nn.functional.pad(hidden, (0, 0, 0, round_up(len(hidden), ROWS) - len(hidden)))
        # The sigmoid's last float32 bit depends on a value's place in the vector; rounded from float64 it does not.
        return torch.sigmoid(self.model.score(padded)[: len(hidden), 0].double()).float().cpu().numpy()
