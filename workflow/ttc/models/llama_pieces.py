"""Small Llama layers that read pieces of rows: `ttc.models.pieces.Layers` without the import of `transformers`."""

import torch

from ttc.models.llama_decoding import LlamaForward


def visible(slots: torch.Tensor, width: int) -> torch.Tensor:
    """What is added to attention scores [rows, piece, width]: 0 up to a token's own slot, minus infinity beyond."""
    beyond = torch.arange(width, device=slots.device) > slots[:, :, None]
    return torch.zeros(beyond.shape, device=slots.device).masked_fill_(beyond, float("-inf"))


class SmallLlamaLayers(LlamaForward):
    """The engine's own pass of small Llama models, for pieces instead of single tokens; parts are layers."""

    def __init__(self, model):
        weights = {f"model.{name}": weight for name, weight in model.state_dict().items()}
        # There is no output matrix: the embeddings stand in, and no logits are asked for.
        super().__init__(model.config.to_dict() | {"tie_word_embeddings": True}, weights)
        self.norm = weights["model.norm.weight"]

    def read(
        self, embeddings: torch.Tensor, slots: torch.Tensor, cache: torch.Tensor, width: int
    ) -> torch.Tensor:
        """See `ttc.models.pieces.Layers`."""
        rows, piece = slots.shape
        hidden = embeddings.reshape(rows * piece, -1)
        # Padding may lie beyond the window.
        rotations = self.rotations.index_select(0, slots.clamp(max=len(self.rotations) - 1).flatten())
        mask = visible(slots, width)[:, None]
        places = (torch.arange(rows, device=slots.device)[:, None] * cache.shape[2] + slots).flatten()
        per_group = self.heads // self.groups
        # Of each query only the columns of its own key-value head are not zero
        queries = hidden.new_zeros(rows, self.groups, per_group, piece, self.row)
        for part, (weights, bias, output, gates, down) in zip(cache, self.layers, strict=True):
            joint = self._project(hidden, weights, bias, rotations)
            part.view(-1, 2 * self.row).index_copy_(0, places, joint[:, -2 * self.row :])
            own = joint[:, : self.heads * self.size].view(rows, piece, self.groups, per_group, self.size)
            for group, columns in self._columns_of_groups():
                queries[:, group, :, :, columns] = own[:, :, group].transpose(1, 2)
            keys, values = part[:, :width].split(self.row, dim=2)
            scores = torch.bmm(queries.view(rows, self.heads * piece, self.row), keys.transpose(1, 2))
            scores.view(rows, self.heads, piece, width).add_(mask)
            mixed = torch.bmm(torch.softmax(scores, dim=-1), values)
            mixed = mixed.view(rows, self.groups, per_group, piece, self.row)
            for group, columns in self._columns_of_groups():
                own[:, :, group].copy_(mixed[:, group, :, :, columns].transpose(1, 2))
            mixed = joint[:, : self.heads * self.size]
            hidden = self._feed_forward(torch.addmm(hidden, mixed, output), gates, down)
        return (self._normalise(hidden) * self.norm).view(rows, piece, -1)
