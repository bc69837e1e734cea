"""Networks on Qwen2 whose classes are published as code beside the weights; written here, nobody's code is run.

The names of the parameters are those in the checkpoints.
"""

import torch
from torch import nn
from transformers import Qwen2Model, Qwen2PreTrainedModel


class Qwen2WithClasses(Qwen2PreTrainedModel):
    """Qwen2 with a head of two layers and two classes: `Qwen2ForProcessRewardModel` of Qwen2.5-Math-PRM."""

    def __init__(self, config):
        super().__init__(config)
        self.model = Qwen2Model(config)
        width = config.hidden_size
        self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))
        self.post_init()

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor, **past) -> torch.Tensor:
        """Logits [rows, width, 2] for `tokens` and `mask` [rows, width]; past: see `hidden`."""
        return self.score(hidden(self.model, tokens, mask, **past))


class ValueHead(nn.Module):
    """A linear layer, in float32 whatever the network's dtype."""

    def __init__(self, width: int):
        super().__init__()
        self.summary = nn.Linear(width, 1)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Values [..., 1] of hidden states [..., width]."""
        return self.summary(states.to(self.summary.weight.dtype))


class Qwen2WithValue(Qwen2PreTrainedModel):
    """Qwen2 with a value at every token: the model of Skywork-o1-Open-PRM."""

    _keep_in_fp32_modules_strict = {"v_head"}  # noqa: RUF012 - transformers' own name and type

    def __init__(self, config):
        super().__init__(config)
        self.model = Qwen2Model(config)
        self.v_head = ValueHead(config.hidden_size)
        self.post_init()

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor, **past) -> torch.Tensor:
        """Values [rows, width, 1] for `tokens` and `mask` [rows, width]; past: see `hidden`."""
        return self.v_head(hidden(self.model, tokens, mask, **past))


def hidden(model: Qwen2Model, tokens: torch.Tensor, mask: torch.Tensor, **past) -> torch.Tensor:
    """Last hidden states [rows, width, hidden size]; past: to go on behind tokens that were read, as a cache has it."""
    return model(input_ids=tokens, attention_mask=mask, **{"use_cache": False} | past).last_hidden_state
