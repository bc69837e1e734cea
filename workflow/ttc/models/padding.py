"""The paddings that keep results independent of the batch.

Measured on the CPU with one thread (MKL, float32), not promised by it: a row's bits are its own if the number of rows
is a multiple of `ROWS` (of 8 where no product sums over 384 numbers or more), padding comes last, and no inner
dimension that is padded exceeds 192 (between 193 and 383 it is summed in two halves, so its width shows).  Decoding
therefore pads widths to a multiple; a prompt is computed at the width of its own length, beside prompts of the same
width only.
"""

import numpy as np
import torch

ROWS = 16  # rows are padded to a multiple of this: fewer make the matrix product use another kernel
WIDTH = 32  # and widths of prompts, and of caches that are attended to, to a multiple of this
CPU_TOKENS = (
    4096  # tokens of a pass over whole sequences: what is computed for more leaves the processor's cache
)


def round_up(number, multiple: int):
    """The smallest multiple of `multiple` that is at least `number` (an integer or an array of them)."""
    return -(-number // multiple) * multiple


def rows_of(width: int, tokens: int) -> int:
    """Rows of one call of about `tokens` tokens: whole multiples of `ROWS`, so that none of them is padding."""
    return max(1, tokens // (width * ROWS)) * ROWS


def batches_of_equal_width(
    lengths: np.ndarray, rows: int, device: torch.device
) -> list[tuple[int, np.ndarray]]:
    """Batches of at most `rows` sequences whose lengths have the same padded width: [(width, indices), …]."""
    widths = round_up(np.asarray(lengths, dtype=np.int64), WIDTH)
    order = np.argsort(widths, kind="stable")
    batches = []
    for part in np.split(order, np.flatnonzero(np.diff(widths[order])) + 1) if len(order) else []:
        width = int(widths[part[0]])
        most = min(rows, rows_of(width, CPU_TOKENS)) if device.type == "cpu" else rows
        batches += [(width, part[start : start + most]) for start in range(0, len(part), most)]
    return batches
