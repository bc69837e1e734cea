"""The batches of a fine-tuning, cut into pieces that fit into memory.

Each piece is a function of the seed and its number alone, so that a training which is taken up again reads on where it
was, whatever random numbers were drawn meanwhile.
"""

from itertools import islice

import numpy as np
import torch

from ttc import noise
from ttc.training.batches import Batch, Examples, batches, collate

CPU = torch.device("cpu")


class MicroBatches(torch.utils.data.Dataset):
    """Item i is piece `i % pieces` of the batch of step `i // pieces`, as tensors by name.

    `input_ids` [rows, width], `places` and `targets` [n] are those of a `Batch`; `count` [] is the number of places of
    the whole step, by which the sum of a piece's losses is divided.  Every step learns `batch` examples: one that an
    epoch leaves with fewer is filled up with others.
    """

    def __init__(self, examples: Examples, steps: int, batch: int, micro_batch: int, seed: int):
        self.examples = examples
        self.pieces = -(-batch // micro_batch)
        carried = np.add.reduceat(examples.mask, examples.bounds[:-1], dtype=np.int64)
        self.chosen, self.counts, self.tokens = [], [], []  # by piece, by step, by step
        for step, part in enumerate(islice(batches(examples.lengths, batch, seed), steps)):
            others = noise.generator(seed, "filling", step).integers(len(examples), size=batch - len(part))
            part = np.append(part, others)
            part = part[np.argsort(examples.lengths[part], kind="stable")]  # so that pieces are padded little
            self.chosen += np.array_split(part, self.pieces)
            self.counts.append(int(carried[part].sum()))
            self.tokens.append(int(examples.lengths[part].sum()))

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, item: int) -> dict[str, torch.Tensor]:
        batch = collate(self.examples, self.chosen[item], CPU)
        count = torch.tensor(self.counts[item // self.pieces])
        return {"input_ids": batch.tokens, "places": batch.places, "targets": batch.targets, "count": count}


def batch_of(item: dict[str, torch.Tensor]) -> Batch:
    """The examples of an item, on whatever device it is."""
    return Batch(item["input_ids"], item["places"], item["targets"])
