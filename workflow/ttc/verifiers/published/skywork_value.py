"""Kind `skywork_value`: Skywork's models, which give a value at the line end behind each step.

Made for Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B and -7B.  Input: the token that begins a text, the problem and a line
end; then each step and a line end.  Problem and steps are made into tokens one by one, so that the line end behind a
step is always a token of its own.  A step is one line, and may be empty.
"""

import torch

from ttc.errors import InputError
from ttc.verifiers.published.base import PublishedVerifier, Reading
from ttc.verifiers.published.qwen2 import Qwen2WithValue

STEP_END = "\n"


class SkyworkValue(PublishedVerifier):
    """Read at each step's line end: the sigmoid of the value."""

    kind = "skywork_value"
    empty_steps = True
    network_class = Qwen2WithValue
    model_type = "qwen2"

    def prepare(self) -> None:
        """See `PublishedVerifier.prepare`."""
        self.step_end = self.one_token(STEP_END)
        if self.tokenizer.bos_token is None:
            raise InputError(
                f"{self.source.path}: kind 'skywork_value' needs a tokenizer with a token that begins a text"
            )

    def read(self, problem: str, steps: list[str]) -> Reading:
        """See `PublishedVerifier.read`; as many places as the steps have lines."""
        tokens = self.encode(f"{self.tokenizer.bos_token}{problem}\n")
        places = []
        for line in STEP_END.join(steps).split(STEP_END):
            tokens += [*self.encode(line), self.step_end]
            places.append(len(tokens) - 1)
        return Reading(tuple(tokens), tuple(places))

    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.logits`."""
        return self.network(tokens, mask)[:, places]

    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.probability`."""
        return torch.sigmoid(logits[:, 0])
