"""The verifier's network: a policy, and fresh layers that compare what it expected with what was written.

A policy's belief about the next token sits in its top layer one position *before* that token, where no later layer of
its own can meet the token that was then written.  So at every token the fresh layers read both: the hidden state
before the token, the token's embedding, how probable the policy found it and how probable the best token was.
"""

from pathlib import Path

import torch

from ttc.models import llama
from ttc.models.llama import Configuration, Llama
from ttc.models.llama_training import check, hidden_states


class SurpriseVerifier(torch.nn.Module):
    """One logit per token.  config: the policy's, with `fresh_layers` besides."""

    def __init__(self, config: Configuration):
        super().__init__()
        check(config)
        self.config = config
        self.model = Llama(config)
        self.joint = torch.nn.Linear(2 * config.hidden_size + 2, config.hidden_size)
        # One embedding, which is never read
        self.fresh = Llama(
            config.changed(num_hidden_layers=config.fresh_layers, vocab_size=1, pad_token_id=None)
        )
        self.score = torch.nn.Linear(config.hidden_size, 1)
        for head in (self.joint, self.score):
            torch.nn.init.normal_(head.weight, 0.0, config.initializer_range)
            torch.nn.init.zeros_(head.bias)

    @classmethod
    def load(cls, folder: Path) -> "SurpriseVerifier":
        """The verifier of a model directory, in float32."""
        network = cls(Configuration.of(folder))
        llama.load(network, folder)
        return network

    def save_pretrained(self, folder: Path) -> None:
        """Write configuration and weights, as `ttc.models.directory.save_model` asks for."""
        llama.save(self, folder)

    def hidden_at(self, tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Hidden states [places, width] of right-padded token ids [rows, length] at `places` (row · length + position).

        `score` reads their logits.  The first token has nothing before it: it gets zeros, and is never scored.
        """
        believed = hidden_states(self.model, self.model.embed_tokens(tokens))
        joined = torch.nn.functional.pad(self.join(believed[:, :-1], tokens[:, 1:]), (0, 0, 1, 0))
        return hidden_states(self.fresh, joined, places)

    def join(self, believed: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
        """What the fresh layers read [rows, length, width] at the tokens `written` [rows, length].

        believed: the policy's last hidden states one position before each of these tokens [rows, length, width].
        """
        embedding = self.model.embed_tokens.weight  # tied: it is the policy's output matrix, too
        logprobs = torch.log_softmax(believed @ embedding.T, dim=-1)
        chosen = logprobs.gather(-1, written[..., None])
        surprise = torch.cat([chosen, chosen - logprobs.amax(-1, keepdim=True)], dim=-1).clamp(min=-10) / 10
        return self.joint(torch.cat([believed, self.model.embed_tokens(written), surprise], dim=-1))
