"""Sampling below a prompt that all questions share: SmolLM2, eight solved examples, 8 questions, 8 solutions of each.

Ours is the engine as the stage `sample` uses it, with linear layers of oneDNN (`checkpoint.linear`), as
studies/laptop.yaml has them; `torch` is the same with those of torch, which the baseline has, too.  The baseline is the
strongest loop around `model.generate` that a user would write: the examples are read once, then the questions behind
them, each cache is repeated for its solutions, and `generate` goes on from there, at the better of two batch sizes.
`vllm` is vLLM with its prefix cache, filled by a first prompt, and without compilation, in its own environment where
there is one.  Every solution is as long as the limit, so that all make the same number of tokens.

The checkpoint comes from the Python package index (`tools.smollm2`).  TTC_VLLM_PYTHON names the interpreter of vLLM's
environment; without it `.venv-vllm` is looked for (`make vllm`).
"""

import copy
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import torch

from benchmarks.frame import Bench
from benchmarks.materials import VLLM_SETTINGS, smollm2, vllm_python
from ttc.models.linear import ONEDNN

TITLE = "sampling below a shared prompt"
GOAL = (
    "at least 3 times as many tokens/s as generate with a hand-made prefix cache, .7 of vLLM's; "
    "at most 1.5 times as many positions prefilled as there are distinct tokens"
)
MAX_TOKENS = 128
SAMPLES = 8
QUESTIONS = (
    "A farmer has 12 hens, and each lays 5 eggs a week. He sells the eggs in boxes of 6. How many boxes does he fill?",
    "Tickets cost $9 for adults and $4 for children. What do 2 adults and 5 children pay together, in dollars?",
    "A pool of 600 liters loses 8 liters a day. How much water is left after two weeks?",
    "Lena reads 25 pages on each of 6 days and 40 pages on Sunday. Her book has 400 pages. How many pages are left?",
    "A cook needs 3 eggs for a cake. How many eggs are needed for 14 cakes?",
    "Tom earns $15 an hour and works 8 hours on each of 5 days. He spends $220. How many dollars has he left then?",
    "Of 48 chairs a quarter is broken. Half of the others are painted. How many chairs are painted?",
    "A train leaves at 8:00 and runs 90 kilometers an hour. How far has it gone by 10:40, in kilometers?",
)


def measure(bench: Bench) -> None:
    """Ours, `generate` and vLLM, one after another on the same prompts."""
    folder = str(smollm2(bench))
    torch.set_num_threads(1)
    length = int(os.environ.get("TTC_TOKENS", 8 if bench.quick else MAX_TOKENS))
    engine, prompts = _load(folder)
    samples = 2 if bench.quick else SAMPLES
    prompts = prompts[: 2 if bench.quick else None]
    made = _ours(engine, prompts, 1, length, 0.0)
    bench.same("greedy solutions", made, _generate(engine, prompts, 1, length, len(prompts), greedy=True))

    total = len(prompts) * samples * length
    seconds = bench.time(lambda: _ours(engine, prompts, samples, length, 1.0))
    bench.record("torch", seconds, total, "tokens")
    packed, _ = _load(folder, ONEDNN)
    seconds = bench.time(lambda: _ours(packed, prompts, samples, length, 1.0))
    bench.record("ours", seconds, total, "tokens")
    speed = {
        count: bench.time(lambda count=count: _generate(engine, prompts, samples, length, count), repeats=1)
        for count in sorted({2, len(prompts)})
    }
    best = min(speed, key=speed.get)
    bench.record("baseline", speed[best], total, "tokens", note=f"batches of {best * samples}")
    bench.goal("tokens/s of ours by generate's", bench.ratio(), at_least=3)
    bench.goal("the same with linear layers of torch", bench.ratio(ours="torch"))
    seconds = _vllm(vllm_python(bench), folder, prompts, samples, length, 1 if bench.quick else 3)
    if seconds is not None:
        bench.record("vllm", seconds, total, "tokens")
        bench.goal("tokens/s of ours by vLLM's", bench.ratio(baseline="vllm"), at_least=0.7)
    bench.goal("positions prefilled by distinct tokens", _prefilled(folder, prompts), at_most=1.5)


def _load(folder: str, linear: str | None = None):
    from ttc.engines.backends.transformers import TransformersEngine
    from ttc.grading.grader import Grader
    from ttc.models.weights import Weights
    from ttc.problems import prompts
    from ttc.problems.formats import PromptForm

    form = PromptForm(prompts.load("gsm8k_8shot"), Grader("text"))
    weights = Weights(Path(folder), linear=linear)
    engine = TransformersEngine(
        folder, device="cpu", beginning=form.beginning, stops=form.stops, weights=weights
    )
    engine.stop_table.of_token[:] = 0  # nothing ends a solution but the limit
    return engine, form.prompts(engine.tokenizer, QUESTIONS)


def _ours(engine, prompts: list[list[int]], samples: int, length: int, temperature: float) -> list[list[int]]:
    """Solutions by the engine; the prefix that it has kept from an earlier call is read anew."""
    from ttc import noise

    engine.__dict__.pop("prefix", None)
    rows = np.repeat(np.arange(len(prompts)), samples)
    streams = noise.substreams(noise.stream(0, "benchmark"), np.arange(len(rows)))
    made = engine.extend(
        engine.fork(engine.prefill(prompts), rows), streams, "end", temperature, length, keep=False
    )
    return [each.tokens for each in made]


@torch.inference_mode()
def _generate(
    engine, prompts: list[list[int]], samples: int, length: int, batch: int, greedy: bool = False
) -> list[list[int]]:
    """Solutions by `generate`, `batch` questions at a time, from a cache of what all prompts begin with."""
    from transformers import DynamicCache

    columns = enumerate(zip(*prompts, strict=False))
    common = next(place for place, tokens in columns if len(set(tokens)) > 1)
    shared = DynamicCache()
    engine.model.model(torch.tensor([prompts[0][:common]]), past_key_values=shared, use_cache=True)
    choice = (
        {"do_sample": False} if greedy else {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0}
    )
    made = []
    for start in range(0, len(prompts), batch):
        ends = [each[common:] for each in prompts[start : start + batch]]
        width = max(map(len, ends))
        tokens, mask = (torch.ones(len(ends), common + width, dtype=torch.int64) for _ in range(2))
        for row, each in enumerate(ends):  # the padding lies between the beginning and the question
            gap = common + width - len(each)
            tokens[row, :common], tokens[row, gap:] = torch.tensor(prompts[0][:common]), torch.tensor(each)
            mask[row, common:gap] = 0
        cache = copy.deepcopy(shared)
        cache.batch_repeat_interleave(len(ends))
        positions = (mask.cumsum(1) - 1)[:, common:-1]
        engine.model.model(
            tokens[:, common:-1], attention_mask=mask[:, :-1], position_ids=positions, past_key_values=cache
        )
        cache.batch_repeat_interleave(samples)
        rows = engine.model.generate(
            tokens.repeat_interleave(samples, 0),
            attention_mask=mask.repeat_interleave(samples, 0),
            past_key_values=cache,
            max_new_tokens=length,
            min_new_tokens=length,
            pad_token_id=0,
            **choice,
        )
        made += rows[:, common + width :].tolist()
    return made


VLLM = """
import json, sys, time
from vllm import LLM, SamplingParams
given = json.load(sys.stdin)
model = LLM(
    given["folder"], dtype="float32", max_model_len=2048, max_num_seqs=64, enable_prefix_caching=True, block_size=32,
    enforce_eager=True,
)
choice = SamplingParams(
    n=given["samples"], temperature=1.0, max_tokens=given["length"], ignore_eos=True, detokenize=False
)
prompts = [{"prompt_token_ids": each} for each in given["prompts"]]
seconds = []
for _ in range(given["repeats"] + 1):
    model.reset_prefix_cache()
    started = time.perf_counter()
    model.generate(prompts[:1], SamplingParams(max_tokens=1), use_tqdm=False)  # what the others find in the cache
    made = model.generate(prompts, choice, use_tqdm=False)
    seconds.append(time.perf_counter() - started)
    assert all(len(each.token_ids) == given["length"] for one in made for each in one.outputs)
print(json.dumps(min(seconds[1:])))
"""


def _vllm(
    python: Path | None, folder: str, prompts: list[list[int]], samples: int, length: int, repeats: int
) -> float | None:
    """Seconds of vLLM for the same solutions; None where it has no environment."""
    if python is None:
        print("  shared_prefix: vLLM has no environment here (`make vllm`)", flush=True)
        return None
    given = {"folder": folder, "prompts": prompts, "samples": samples, "length": length, "repeats": repeats}
    done = subprocess.run(
        [python, "-c", VLLM],
        input=json.dumps(given),
        env=os.environ | VLLM_SETTINGS,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def _prefilled(folder: str, prompts: list[list[int]]) -> float:
    """Positions that a fresh engine computes for the prompts, by their distinct tokens: of equal beginnings one."""
    engine, _ = _load(folder)
    engine.prefill(prompts)
    distinct = {tuple(each[:count]) for each in prompts for count in range(1, len(each) + 1)}
    return engine.positions_prefilled / len(distinct)
