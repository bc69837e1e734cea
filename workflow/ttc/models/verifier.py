"""The verifier's network: a policy, and fresh layers that compare what it expected with what was written.

A policy's belief about the next token sits in its top layer one position *before* that token, where no later layer of
its own can meet the token that was then written.  So at every token the fresh layers read both: the hidden state
before the token, the token's embedding, how probable the policy found it and how probable the best token was.
"""

import torch
from transformers import LlamaConfig, LlamaModel
from transformers.models.llama.modeling_llama import LlamaPreTrainedModel

from ttc.models.llama_training import hidden_states


class SurpriseVerifier(LlamaPreTrainedModel):
    """One logit per token.  config: the policy's, with `fresh_layers` besides."""

    config_class = LlamaConfig

    def __init__(self, config: LlamaConfig):
        super().__init__(config)
        fresh = LlamaConfig.from_dict(config.to_dict())
        fresh.num_hidden_layers = config.fresh_layers
        fresh.vocab_size, fresh.pad_token_id = 1, None  # its embeddings are never read
        self.model = LlamaModel(config)
        self.joint = torch.nn.Linear(2 * config.hidden_size + 2, config.hidden_size)
        self.fresh = LlamaModel(fresh)
        self.score = torch.nn.Linear(config.hidden_size, 1)
        self.post_init()

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        """Hidden states [rows, length, width] of right-padded token ids [rows, length]; `score` reads their logits."""
        believed = self.model(input_ids=tokens).last_hidden_state
        # The first token has nothing before it: it gets zeros, and is never scored.
        joined = torch.nn.functional.pad(self.join(believed[:, :-1], tokens[:, 1:]), (0, 0, 1, 0))
        return self.fresh(inputs_embeds=joined).last_hidden_state

    def hidden_at(self, tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Hidden states [places, width] at `places` (row · length + position): those of `hidden`, faster."""
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
