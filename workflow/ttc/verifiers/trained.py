"""Scores of a trained verifier: one per step (PRM) or one per solution (ORM), each in [0, 1].

Here scores are read from a full forward pass over prompt and solution, beside others of the same padded width and
padded on the right like the engine's prompts, so a score does not depend on its neighbours in the batch.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.models.directory import resolve_device
from ttc.models.padding import ROWS, WIDTH, batches_of_equal_width, round_up
from ttc.models.tokenizers import load_tokenizer
from ttc.models.verifier import SurpriseVerifier
from ttc.verifiers.readers import TokenReader, TokenReading

KINDS = ("prm", "orm")


class TokenVerifier(TokenReader):
    """`ttc.verifiers.protocol.Verifier` on a `SurpriseVerifier`; reads whole solutions."""

    def __init__(self, path: Path, batch_rows: int = 1024, device: str = "auto"):
        kind = read_card(path)["kind"]
        if kind not in KINDS:
            raise InputError(f"{path}: its card says kind '{kind}'; a verifier is one of {', '.join(KINDS)}")
        super().__init__(load_tokenizer(path), kind)
        self.device = resolve_device(device)
        self.model = SurpriseVerifier.load(Path(path))
        self.model.to(self.device).eval()
        self.batch_rows = max(ROWS, round_up(batch_rows, ROWS))
        self.window = self.model.config.max_position_embeddings
        self.tokens_scored = 0

    def score(self, prompts: list[list[int]], solutions: list[list[int]]) -> list[list[float]]:
        """One list of scores per solution, of prompts and solutions that are tokens already; see `scores`."""
        readings = [self.reading(*each) for each in zip(prompts, solutions, strict=True)]
        return self.scores(readings)

    def scores(
        self, readings: Sequence[TokenReading], names: Sequence[str] | None = None
    ) -> list[list[float]]:
        """See `ttc.verifiers.protocol.Verifier.scores`; equal readings are billed each."""
        self.tokens_scored += sum(len(each.tokens) for each in readings)
        distinct = list(dict.fromkeys(readings))
        scores: dict[TokenReading, list[float]] = {}
        lengths = [len(each.tokens) for each in distinct]
        for _, batch in batches_of_equal_width(lengths, self.batch_rows, self.device):
            chosen = [distinct[index] for index in batch]
            scores.update(zip(chosen, self._score_batch(chosen), strict=True))
        return [scores[each] for each in readings]

    @torch.inference_mode()
    def _score_batch(self, readings: list[TokenReading]) -> list[list[float]]:
        longest = max(len(each.tokens) for each in readings)
        self.check_length(longest)
        tokens = np.zeros((round_up(len(readings), ROWS), round_up(longest, WIDTH)), dtype=np.int64)
        for row, each in enumerate(readings):
            tokens[row, : len(each.tokens)] = each.tokens
        counts = [len(each.places) for each in readings]
        rows = np.repeat(np.arange(len(readings)), counts)
        places = rows * tokens.shape[1] + np.concatenate([each.places for each in readings])
        # As many places as rows of a matrix product: padded like them, because its kernel depends on their number.
        padded = np.pad(places, (0, round_up(len(places), ROWS) - len(places)))
        read = self.model.hidden_at(
            torch.as_tensor(tokens, device=self.device), torch.as_tensor(padded, device=self.device)
        )[: len(places)]
        values = self.values(read)
        return [part.tolist() for part in np.split(values, np.cumsum(counts)[:-1])]

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
