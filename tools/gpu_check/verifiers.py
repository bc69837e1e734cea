"""Published verifiers of every kind on the GPU: against the CPU, with kept keys and values against whole readings."""

import time

import numpy as np

from benchmarks.bench_published_verifiers import SIZE, replay, requests
from benchmarks.step_lengths import SHARES, TOKENS
from tests.support.published import KINDS, checkpoint
from tools.gpu_check.frame import Given, Row, tell
from ttc.verifiers.load import load

CLOSE = 1e-4  # of scores, in float32 on two devices
SMALL = SIZE | {"hidden_size": 64, "num_hidden_layers": 2, "head_dim": 16}
LARGE = SIZE | {"hidden_size": 1024, "num_hidden_layers": 16, "head_dim": 256, "intermediate_size": 3072}


def check(given: Given) -> list[Row]:
    """Scores of a beam search with steps as long as real ones, each kind."""
    lengths = np.interp(np.linspace(0.01, 0.99, 200), SHARES, TOKENS).astype(int).tolist()
    size, beams, rounds = (SMALL, 8, 2) if given.small else (LARGE, 32, 12)
    questions, made = requests([lengths], 1, beams, 4, rounds)
    rows = []
    for kind in KINDS:
        folder = checkpoint(given.folder / kind, kind, **size)
        seconds, scores = {}, {}
        for name, options in {
            "kept": {"device": given.device},
            "whole": {"device": given.device, "memory": None},
            "half": {"device": given.device, "dtype": "bfloat16"},
        }.items():
            verifier = load(kind, folder, **options)
            replay(questions, made[:1], verifier)
            started = time.perf_counter()
            scores[name] = np.array(replay(questions, made, verifier))
            given.wait()
            seconds[name] = time.perf_counter() - started
        reference = np.array(replay(questions, made[:2], load(kind, folder, device="cpu")))
        apart = np.abs(scores["kept"][: len(reference)] - reference).max()
        whole = np.abs(scores["kept"] - scores["whole"]).max()
        half = np.abs(scores["half"] - scores["kept"]).max()
        rows += [
            Row(f"{kind}: from the CPU", f"{apart:.1e}", f"{CLOSE}", bool(apart <= CLOSE)),
            Row(f"{kind}: kept from whole readings", f"{whole:.1e}", f"{CLOSE}", bool(whole <= CLOSE)),
            Row(f"{kind}: bfloat16 from float32", f"{half:.1e}"),
            Row(f"{kind}: time, whole over kept", f"{seconds['whole'] / seconds['kept']:.1f}"),
        ]
    return rows


if __name__ == "__main__":
    tell(check)
