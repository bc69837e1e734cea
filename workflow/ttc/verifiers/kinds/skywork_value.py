"""Kind `skywork_value`: Skywork's models, which give a value at the line end behind each step.

Made for Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B and -7B.  Input: the token that begins a text, the problem and a line
end; then each step and a line end.  Problem and steps are made into tokens one by one, so that the line end behind a
step is always a token of its own.  A step is one line, and may be empty.
"""

import torch

from ttc.errors import InputError
from ttc.models.qwen2 import Qwen2WithValue
from ttc.verifiers.published import PublishedVerifier, Reading

STEP_END = "\n"

DECLARATION = {
    "title": "Skywork-o1-Open-PRM: a value at the line end behind each step",
    "score": "sigmoid of the value at a step's line end",
    "pitfalls": "line ends merged with the token before them",
    "models": ["Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B", "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-7B"],
    "separator": False,
    "words": None,
    "writes": False,
    "vllm": True,
}


class SkyworkValue(PublishedVerifier):
    """Read at each step's line end: the sigmoid of the value."""

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

    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, places: torch.Tensor, **past) -> torch.Tensor:
        """See `PublishedVerifier.logits`."""
        return self.network(tokens, mask, **past)[:, places]

    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.probability`."""
        return torch.sigmoid(logits[:, 0])


VERIFIER = SkyworkValue
