"""Kind `qwen_extra0`: Qwen's models, which classify the mark <extra_0> behind each step.

Made for Qwen/Qwen2.5-Math-PRM-7B and -72B and Qwen/Qwen2.5-Math-7B-PRM800K.  A chat: the system prompt below, the
problem from the user, and all steps from the assistant, each followed by the mark.
"""

import torch

from ttc.models.qwen2 import Qwen2WithClasses
from ttc.verifiers.published import PublishedVerifier, Reading

MARK = "<extra_0>"
SYSTEM = r"Please reason step by step, and put your final answer within \boxed{}."  # raw: \b is no backspace

DECLARATION = {
    "title": "Qwen2.5-Math-PRM: a classifier of the mark <extra_0> behind each step",
    "score": "P(class 1) at each `<extra_0>`",
    "pitfalls": "`\\b` of `\\boxed` read as a backspace; the head's weights missing and made up",
    "models": ["Qwen/Qwen2.5-Math-PRM-7B", "Qwen/Qwen2.5-Math-PRM-72B", "Qwen/Qwen2.5-Math-7B-PRM800K"],
    "separator": False,
    "words": None,
    "writes": False,
    "vllm": True,
}


class QwenExtra0(PublishedVerifier):
    """Read at each mark: the probability of class 1 of 2."""

    network_class = Qwen2WithClasses
    model_type = "qwen2"

    def prepare(self) -> None:
        """See `PublishedVerifier.prepare`."""
        self.need_chat_template()
        self.mark = self.one_token(MARK)

    def read(self, problem: str, steps: list[str]) -> Reading:
        """See `PublishedVerifier.read`; as many places as there are marks."""
        tokens = self.chat(
            [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": problem},
                {"role": "assistant", "content": "".join(step + MARK for step in steps)},
            ]
        )
        return Reading(
            tuple(tokens), tuple(place for place, token in enumerate(tokens) if token == self.mark)
        )

    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, places: torch.Tensor, **past) -> torch.Tensor:
        """See `PublishedVerifier.logits`."""
        return self.network(tokens, mask, **past)[:, places]

    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.probability`."""
        return logits.softmax(-1)[:, 1]


VERIFIER = QwenExtra0
