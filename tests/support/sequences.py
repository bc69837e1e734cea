"""Sequences of tokens from which small models learn, as examples and as batches."""

import numpy as np
import torch

from tests.support.tiny import BOS, EOS, NEWLINE
from ttc.training.batches import collate, language_examples, value_examples

# Question, then a solution that ends; lengths differ so that padding matters
SEQUENCES = [
    ([BOS, 5, NEWLINE], [10, 11, NEWLINE, 12, EOS]),
    ([BOS, 6, NEWLINE], [13, EOS]),
    ([BOS, 5, 6, 7, NEWLINE], [14, 15, 16, NEWLINE, 17, 18, 19, EOS]),
    ([BOS, 8, NEWLINE], [20, 21, 22, EOS]),
]
ENDS = [[2, 4], [1], [3, 7], [3]]
VALUES = [[0.25, 1.0], [0.5], [0.0, 0.75], [1.0]]


def languages(sequences=SEQUENCES):
    return language_examples(*map(list, zip(*sequences, strict=True)))


def values(sequences=SEQUENCES, ends=ENDS, targets=VALUES):
    prompts, solutions = map(list, zip(*sequences, strict=True))
    return value_examples(prompts, solutions, [np.array(each) for each in ends], targets)


def whole(examples):
    """All examples as one batch."""
    return collate(examples, np.arange(len(examples)), torch.device("cpu"))


MODEL = {"layers": 2, "hidden": 16, "heads": 4, "kv_heads": 2, "intermediate": 24, "window": 64}


class Special:
    pad_token_id, bos_token_id, eos_token_id = 0, 1, 2
