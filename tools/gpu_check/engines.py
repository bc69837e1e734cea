"""The engine `transformers` on the GPU against itself on the CPU: tokens, log-probabilities, repeats."""

import numpy as np

from tools.gpu_check import models
from tools.gpu_check.frame import Given, Row, share, tell
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.protocol import Continuation
from ttc.problems.stops import any_line_end

CLOSE = 1e-3  # nats, of the log-probability of a solution in float32


def written(engine, prompts: list[list[int]], temperature: float, tokens: int) -> list[Continuation]:
    """A solution to each prompt."""
    streams = noise.substreams(noise.stream(0, "gpu-check"), np.arange(len(prompts)))
    return engine.extend(engine.prefill(prompts), streams, "end", temperature, tokens, keep=False)


def compared(ours: list[Continuation], others: list[Continuation]) -> tuple[list[bool], float]:
    """Which solutions have the same tokens, and the largest difference of the log-probabilities of those (nats)."""
    equal = [one.tokens == other.tokens for one, other in zip(ours, others, strict=True)]
    apart = [abs(a.logprob - b.logprob) for a, b, same in zip(ours, others, equal, strict=True) if same]
    return equal, max(apart, default=0.0)


def check(given: Given) -> list[Row]:
    """float32 on both devices, bfloat16 on the GPU."""
    folder = models.policy(given.folder, "tiny" if given.small else "middle")
    prompts, tokens = models.prompts(8 if given.small else 64), 16 if given.small else 64
    reference = TransformersEngine(folder, 64, "cpu", any_line_end)
    engine = TransformersEngine(folder, 64, given.device, any_line_end)
    half = TransformersEngine(models.with_dtype(folder, "bfloat16"), 64, given.device, any_line_end)
    rows = []
    for temperature, name in ((0.0, "greedy"), (1.0, "drawn with the same noise")):
        wanted = written(reference, prompts, temperature, tokens)
        made = written(engine, prompts, temperature, tokens)
        equal, apart = compared(made, wanted)
        enough = sum(equal) >= 0.9 * len(equal)
        rows.append(
            Row(f"{name}, float32: solutions as on the CPU", share(equal), "at least nine tenths", enough)
        )
        rows.append(
            Row(
                f"{name}, float32: log-probability of these",
                f"{apart:.1e} apart at most",
                f"{CLOSE}",
                apart <= CLOSE,
            )
        )
        again, apart = compared(written(engine, prompts, temperature, tokens), made)
        rows.append(
            Row(f"{name}: the same call again", share(again), "all, bit for bit", all(again) and not apart)
        )
        alone = [written_alone(engine, prompts, place, temperature, tokens) for place in range(3)]
        same, apart = compared(alone, made[:3])
        rows.append(Row(f"{name}: alone as in the batch", f"{share(same)}, {apart:.1e} apart"))
        equal, apart = compared(written(half, prompts, temperature, tokens), wanted)
        rows.append(
            Row(
                f"{name}, bfloat16: solutions as in float32",
                f"{share(equal)}, {apart:.2f} nats apart at most",
            )
        )
    return rows


def written_alone(
    engine, prompts: list[list[int]], place: int, temperature: float, tokens: int
) -> Continuation:
    """The solution to one prompt, asked alone with the noise that it has among all."""
    streams = noise.substreams(noise.stream(0, "gpu-check"), np.array([place]))
    [made] = engine.extend(engine.prefill([prompts[place]]), streams, "end", temperature, tokens, keep=False)
    return made


if __name__ == "__main__":
    tell(check)
