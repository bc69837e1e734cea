"""Published verifiers within a beam search through vLLM, each kind: what is new of a solution, against all of it.

The search is that of `bench_published_verifiers`, with N = 64, M = 4 and steps as long as lines of solutions of
MATH-500, for one problem.  Both variants answer the same requests, in one process in vLLM's environment, `.venv-vllm`
or the one whose interpreter TTC_VLLM_PYTHON names.  Ours is vLLM with its prefix cache; the baseline is the same
verifier with that cache off, which reads a whole solution at every step, equal ones once.

Tokens are those that vLLM computes (`num_cached_tokens`).  Seconds are those of the processor, one thread, so that
another process on the machine does not count.

Goals, for each kind: at least 4 times fewer tokens, and at least 4 times less time.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import ROOT
from benchmarks.bench_published_verifiers import SIZE, lines, replay, requests
from benchmarks.frame import Bench
from benchmarks.materials import vllm_python
from tests.support.published import KINDS, checkpoint
from ttc.verifiers.load import load

TITLE = "published verifiers within a search, through vLLM"
GOAL = "for each kind at least 4 times fewer tokens and 4 times less time than reading whole solutions through vLLM"
VARIANTS = {"ours": 256, "baseline": None}  # MB of keys and values; None keeps none


def measure(bench: Bench) -> None:
    """A headline for each kind."""
    if (python := vllm_python(bench)) is None:
        bench.skip("it needs the environment of vLLM (`make vllm`), and in its quick form TTC_VLLM_PYTHON")
    for kind in [KINDS[0]] if bench.quick else KINDS:
        folder = bench.out / "published" / kind
        if not (folder / "model.safetensors").exists():
            checkpoint(folder, kind, **SIZE)
        asked = [python, "-m", "benchmarks.bench_vllm_verifiers", kind, str(folder), str(int(bench.quick))]
        paths = os.pathsep.join([str(ROOT / "workflow"), str(ROOT)])
        environment = os.environ | {"PYTHONPATH": paths}
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(f"vLLM ended with {done.returncode}: {done.stderr[-2000:]}")
        made = json.loads(done.stdout.splitlines()[-1])
        ours, whole = (made[variant] for variant in VARIANTS)
        steps = len(ours["scores"])
        for variant, each in made.items():
            bench.record(
                variant, each["seconds"], steps, "steps", case=kind, note=f"{each['tokens']:,} tokens"
            )
        bench.same(f"scores of {steps:,} steps ({kind})", ours["scores"], whole["scores"], 1e-5)
        bench.goal(f"{kind}: tokens, baseline over ours", whole["tokens"] / ours["tokens"], at_least=4)
        bench.goal(f"{kind}: time, baseline over ours", bench.ratio(kind), at_least=4)


def both(kind: str, folder: Path, quick: bool) -> dict[str, dict]:
    """Of each variant the scores of all steps, the seconds that they took and the tokens that were computed."""
    questions, rounds = requests(lines(), 1, 8 if quick else 64, 4, 3 if quick else None)
    made = {}
    for variant, memory in VARIANTS.items():
        verifier = load(kind, folder, device="cpu", engine="vllm", memory=memory)
        replay(questions, rounds[:1], verifier)  # warmed up
        verifier.network.llm.reset_prefix_cache()
        tokens, started = verifier.prefixes.tokens_computed, time.process_time()
        scores = replay(questions, rounds, verifier)
        made[variant] = {
            "scores": scores,
            "seconds": time.process_time() - started,
            "tokens": verifier.prefixes.tokens_computed - tokens,
        }
    return made


if __name__ == "__main__":
    print(json.dumps(both(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "1")))
