"""Language models whose next token is the answer: kinds `ki_tag`, `chat_plus` and `judge`."""

import torch
from transformers import AutoModelForCausalLM

from ttc.verifiers.published import PublishedVerifier


class CausalVerifier(PublishedVerifier):
    """A score is the probability of the first answer among the answers only, never among the whole vocabulary."""

    network_class = AutoModelForCausalLM
    answers: list[int]  # ids: of plus and minus, say

    @property
    def head_rows(self) -> list[int]:
        """Those of the answers, in their order."""
        return self.answers

    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, places: torch.Tensor, **past) -> torch.Tensor:
        """Logits of the answers; those of whole vocabularies at every token would not fit a GPU."""
        output = self.network(
            input_ids=tokens,
            attention_mask=mask,
            logits_to_keep=places,
            return_dict=True,
            **{"use_cache": False} | past,
        )
        logits = output.logits
        return logits if logits.shape[-1] == len(self.answers) else logits[..., self.answers]

    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.probability`."""
        return logits.softmax(-1)[:, 0]
