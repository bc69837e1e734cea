"""Tokens a second of sampling, beside what the memory's bandwidth allows."""

import numpy as np

from tools.gpu_check import models
from tools.gpu_check.frame import Given, Row, tell
from tools.gpu_check.machine import bandwidth
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.problems.stops import any_line_end


def check(given: Given) -> list[Row]:
    """Half a billion parameters in bfloat16: one row, 64 and 512.

    The bound is that of a step, which reads all weights once for all rows, and is not reached with many rows, whose
    keys and values are read as well.
    """
    size, tokens, batches = ("tiny", 16, (1, 8)) if given.small else ("large", 128, (1, 64, 512))
    folder = models.with_dtype(models.policy(given.folder, size), "bfloat16")
    engine = TransformersEngine(folder, max(batches), given.device, any_line_end)
    weights = sum(each.numel() * each.element_size() for each in engine.model.parameters())
    limit, [prompt] = bandwidth(given) / weights, models.prompts(1)
    rows = [Row("weights", f"{weights / 1e9:.2f} GB")]
    for batch in batches:
        streams = noise.substreams(noise.stream(0, "gpu-check"), np.arange(batch))

        def sample(batch=batch, streams=streams):
            state = engine.fork(engine.prefill([prompt]), np.zeros(batch, dtype=int))
            engine.extend(state, streams, "end", 1.0, tokens, keep=False)

        sample()
        before = engine.tokens_generated
        seconds = given.seconds(sample)
        rate = (engine.tokens_generated - before) / seconds
        share = rate / (batch * limit)
        rows.append(
            Row(f"{batch} rows", f"{rate:,.0f} tokens/s, {share:.1%} of what reading the weights allows")
        )
    return rows


if __name__ == "__main__":
    tell(check)
