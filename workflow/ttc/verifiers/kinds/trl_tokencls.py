"""Kind `trl_tokencls`: token classifiers with two labels, as TRL's PRMTrainer makes them.

For trl-lib's models, HuggingFaceH4/Qwen2.5-Math-7B-Instruct-PRM-0.2 and their like.  Input, as in training: the token
that begins a text, if the tokenizer has one; the problem; then each step and the separator, which is a line end unless
the training said otherwise (the recipes of HuggingFaceH4: two).  All are made into tokens one by one.
"""

import torch
from transformers import AutoModelForTokenClassification

from ttc.errors import InputError
from ttc.models.checkpoint import Source
from ttc.verifiers.published import PublishedVerifier, Reading

DECLARATION = {
    "title": "TRL's PRMTrainer: a token classifier with two labels",
    "score": "P(label 1) at the separator",
    "pitfalls": "another separator than in training (`separator`)",
    "models": ["HuggingFaceH4/Qwen2.5-Math-7B-Instruct-PRM-0.2"],
    "separator": True,
    "words": None,
    "writes": False,
    "vllm": True,
}


class TrlTokenClassification(PublishedVerifier):
    """Read at the last token of each separator: the probability of label 1 of 2."""

    network_class = AutoModelForTokenClassification

    def __init__(self, source: Source, batch_tokens: int, with_network: bool = True, separator: str = "\n"):
        self.separator = separator
        super().__init__(source, batch_tokens, with_network)
        if with_network and self.network.config.num_labels != 2:
            raise InputError(
                f"{source.path}: kind 'trl_tokencls' needs a token classifier with 2 labels, and this one has "
                f"{self.network.config.num_labels}"
            )

    def prepare(self) -> None:
        """See `PublishedVerifier.prepare`."""
        self.step_end = self.encode(self.separator)
        if not self.step_end or self.tokenizer.unk_token_id in self.step_end:
            raise InputError(
                f"{self.source.path}: kind 'trl_tokencls' needs a tokenizer with tokens for the separator "
                f"{self.separator!r}, and this one makes "
                f"{self.tokenizer.convert_ids_to_tokens(self.step_end)} of it"
            )

    def read(self, problem: str, steps: list[str]) -> Reading:
        """See `PublishedVerifier.read`; as many places as separators separate."""
        tokens = self.start() + self.encode(problem)
        places = []
        for step in self.separator.join(steps).split(self.separator):
            tokens += [*self.encode(step), *self.step_end]
            places.append(len(tokens) - 1)
        return Reading(tuple(tokens), tuple(places))

    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, places: torch.Tensor, **past) -> torch.Tensor:
        """See `PublishedVerifier.logits`."""
        return self.network(input_ids=tokens, attention_mask=mask, **past).logits[:, places]

    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.probability`."""
        return logits.softmax(-1)[:, 1]


VERIFIER = TrlTokenClassification
