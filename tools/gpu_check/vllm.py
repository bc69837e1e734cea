"""The engine `vllm` on the GPU against the engine `transformers`, in vLLM's own environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tools.gpu_check import models
from tools.gpu_check.frame import Given, Row, share, tell

PROGRAM = """
import json, sys, time
from pathlib import Path
from types import SimpleNamespace
from tools.gpu_check import models
from tools.gpu_check.engines import written
from ttc import plugins
from ttc.engines import backends
from ttc.problems.stops import any_line_end
from ttc.runtime import Runtime
said = json.loads(sys.argv[1])
prompts = models.prompts(said["prompts"])
form = SimpleNamespace(stops=any_line_end, beginning=lambda tokenizer: [])
runtime = Runtime(batch_rows=512, device=said["device"])
engine = plugins.load(backends.__name__, said["engine"]).open_engine(Path(said["folder"]), form, runtime)
written(engine, prompts[:2], 0.0, 8)
started = time.perf_counter()
made = written(engine, prompts, 0.0, said["tokens"])
seconds = time.perf_counter() - started
print("MADE " + json.dumps({"tokens": [each.tokens for each in made], "seconds": seconds}), flush=True)
"""


def run(given: Given, engine: str, python: str, folder: Path) -> dict:
    """What an engine writes to some prompts, greedily, and in how many seconds."""
    few = {"prompts": 4, "tokens": 8} if given.small else {"prompts": 256, "tokens": 128}
    said = {"engine": engine, "folder": str(folder), "device": given.device} | few
    done = subprocess.run(
        [python, "-c", PROGRAM, json.dumps(said)], capture_output=True, text=True, env=os.environ
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("MADE ")]
    if not told:
        raise RuntimeError(f"{engine} ended with {done.returncode}: {done.stderr[-1500:]}")
    return json.loads(told[-1].removeprefix("MADE "))


def check(given: Given) -> list[Row]:
    """Greedy tokens, and tokens a second, in bfloat16."""
    if given.vllm is None:
        return [Row("vLLM", "left out: --vllm names no interpreter that has it")]
    folder = models.with_dtype(models.policy(given.folder, "tiny" if given.small else "large"), "bfloat16")
    theirs, ours = (
        run(given, name, python, folder)
        for name, python in (("vllm", given.vllm), ("transformers", sys.executable))
    )
    equal = [one == other for one, other in zip(theirs["tokens"], ours["tokens"], strict=True)]
    rates = [sum(map(len, each["tokens"])) / each["seconds"] for each in (theirs, ours)]
    return [
        Row("greedy, bfloat16: solutions as with transformers", share(equal)),
        Row("tokens/s", f"{rates[0]:,.0f} with vLLM, {rates[1]:,.0f} with transformers"),
    ]


if __name__ == "__main__":
    tell(check)
