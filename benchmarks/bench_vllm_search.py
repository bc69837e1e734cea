"""Beam search by SmolLM2 through vLLM, against loops in lock-step: N = 16, M = 4, one verifier of the model's own size.

The lines are those that SmolLM2-135M-Instruct writes to `QUESTIONS`, and the verifier is that model with a head that
nobody trained, so that it costs what the policy costs.  Both are computed on one thread, the verifier by
`transformers`.

Ours is `ttc.search.loop` with its queue: problems advance each at its own pace, and a verifier that keeps keys and
values reads the new step only.  `baseline` behaves as the loop of search-and-learn does, with the same vLLM and the
same verifier: one problem after another, a generation and a scoring call a round, and each solution so far read whole
(equal ones once, which that loop does not do).  Its candidates, scores and rounds are ours.

`search-and-learn` is that loop itself, from a checkout of its repository whose folder `TTC_SEARCH_AND_LEARN` names;
left out without one.  Its steps are paragraphs and it draws otherwise, so only its time for each token is compared.

Goals: at least 3 times as many searches a second as the baseline, and 2 times as many tokens as search-and-learn.
"""

import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from benchmarks import ROOT
from benchmarks.bench_shared_prefix import QUESTIONS
from benchmarks.frame import Bench
from benchmarks.materials import VLLM_SETTINGS, smollm2, vllm_python
from tests.support.untrained_head import untrained_verifier

TITLE = "beam search through vLLM"
GOAL = (
    "at least 3 times the searches/s of a loop in lock-step, 2 times the tokens/s of search-and-learn's own"
)
KIND, BEAMS, WIDTH = "trl_tokencls", 16, 4
ROUNDS, STEP, LENGTH = 6, 64, 384  # rounds of a search; tokens of a step and of a solution at most
CHECKOUT = "TTC_SEARCH_AND_LEARN"


def measure(bench: Bench) -> None:
    """Each variant in a process of its own, in vLLM's environment."""
    if (python := vllm_python(bench)) is None:
        bench.skip("it needs the environment of vLLM (`make vllm`), and in its quick form TTC_VLLM_PYTHON")
    folder = smollm2(bench)
    verifier = bench.out / "smollm2_verifier"
    if not (verifier / "model.safetensors").exists():
        untrained_verifier(folder, verifier)
    given = {
        "policy": str(folder),
        "verifier": str(verifier),
        "questions": QUESTIONS[: 1 if bench.quick else 4],
        "rounds": 2 if bench.quick else ROUNDS,
    }
    variants = ["ours", "baseline"]
    if (checkout := os.environ.get(CHECKOUT)) is None:
        print(f"  {bench.item}: search-and-learn is left out: {CHECKOUT} names no checkout of it", flush=True)
    else:
        variants.append("search-and-learn")
        given["checkout"] = checkout
    made = {}
    for variant in variants:
        made[variant] = each = _run(python, variant, given)
        rate = each["tokens"] / each["seconds"]
        note = f"{each['tokens']:,} tokens in {each['rounds']:.1f} rounds, {rate:.1f} tokens/s"
        bench.record(variant, each["seconds"], len(given["questions"]), "searches", note=note)
    bench.same("candidates, scores and rounds", made["ours"]["found"], made["baseline"]["found"], 1e-4)
    bench.goal("searches/s, ours over a loop in lock-step", bench.ratio(), at_least=3)
    if checkout is not None:
        rates = {variant: each["tokens"] / each["seconds"] for variant, each in made.items()}
        ratio = rates["ours"] / rates["search-and-learn"]
        bench.goal("tokens/s, ours over search-and-learn's", ratio, at_least=2)


def _run(python: Path, variant: str, given: dict) -> dict:
    """What `main` prints, of one variant."""
    paths = [str(ROOT / "workflow"), str(ROOT)]
    done = subprocess.run(
        [python, "-m", "benchmarks.bench_vllm_search", variant],
        input=json.dumps(given),
        env=os.environ | VLLM_SETTINGS | {"PYTHONPATH": os.pathsep.join(paths)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{variant} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _searched(variant: str, given: dict) -> dict:
    """Seconds, tokens and rounds of all searches by ours or by the loop in lock-step, and what they found."""
    from tests.support.lock_step import lock_step
    from ttc import noise
    from ttc.engines.backends.vllm import VllmEngine
    from ttc.grading.grader import Grader
    from ttc.models.tokenizers import load_tokenizer
    from ttc.models.weights import end_tokens
    from ttc.problems import prompts
    from ttc.problems.formats import PromptForm
    from ttc.search.loop import search
    from ttc.search.options import Draw, Options
    from ttc.search.strategy import Strategy
    from ttc.verifiers.follow import TextSteps
    from ttc.verifiers.load import load

    ours, policy = variant == "ours", Path(given["policy"])
    form = PromptForm(prompts.load("gsm8k_chat"), Grader("text"))
    config = json.loads((policy / "config.json").read_text(encoding="utf-8"))
    stops = form.stops(load_tokenizer(policy), end_tokens(policy, config), str(policy))
    engine = VllmEngine(policy, stops, 256, "cpu")
    kept = {} if ours else {"memory": None}
    verifier = TextSteps(
        load(KIND, given["verifier"], device="cpu", alone=False, **kept), engine.tokenizer, stops
    )
    questions = given["questions"]
    asked = form.prompts(engine.tokenizer, questions)
    streams = noise.substreams(noise.stream(0, "benchmark"), np.arange(len(questions)))
    rest = (Strategy("beam", WIDTH), BEAMS, Draw(1.0, STEP, LENGTH, given["rounds"]), Options())

    def all_of(most: int) -> list:
        parts = [(asked[:most], streams[:most], questions[:most])]
        if not ours:
            parts = [(asked[at : at + 1], streams[at : at + 1], questions[at : at + 1]) for at in range(most)]
        loop = search if ours else lock_step
        return [
            each for one, noises, texts in parts for each in loop(engine, verifier, one, noises, *rest, texts)
        ]

    all_of(1)  # warmed up
    engine.llm.reset_prefix_cache()
    before, started = engine.tokens_generated, time.perf_counter()
    results = all_of(len(questions))
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "tokens": engine.tokens_generated - before,
        "rounds": sum(1 + max(node.round for node in each.nodes) for each in results) / len(results),
        "found": [_numbers(node) for each in results for node in each.nodes],
    }


def _numbers(node) -> list[float]:
    """A node as numbers that another search has, too: its parent, its round, whether it was kept, tokens and score."""
    tokens = zlib.crc32(str(node.tokens).encode())
    return [node.parent, node.round, node.kept, tokens, node.score]


def _theirs(given: dict) -> dict:
    """Seconds, tokens and rounds of search-and-learn's own loop, one problem at a time, as it has to be."""
    from vllm import LLM

    sys.path.insert(0, str(Path(given["checkout"]) / "src"))
    # Two of their modules import libraries that the loop has no need of; of them it takes these two names
    sys.modules["sal.models.reward_models"] = SimpleNamespace(PRM=object)
    sys.modules["sal.utils.score"] = SimpleNamespace(aggregate_scores=lambda scores, _: scores[-1])
    from sal.config import Config
    from sal.search.beam_search import _beam_search

    from ttc.problems import prompts
    from ttc.problems.steps import steps_of
    from ttc.verifiers.load import load

    prompt = prompts.load("gsm8k_chat")
    verifier = load(KIND, given["verifier"], device="cpu", memory=None)

    class Scores:
        """Their interface of a verifier, which reads each solution whole; of its scores they take the last."""

        def score(self, problems, solutions):
            each = [solution for [solution] in solutions]
            read = [steps_of(text) or ["?"] for text in each]
            return [[made] for made in verifier.score(problems, read)]

    model = LLM(
        given["policy"], dtype="float32", max_model_len=2048, max_num_seqs=256, enable_prefix_caching=True,
        block_size=32, enforce_eager=True,
    )  # fmt: skip
    config = Config(
        approach="beam_search", search_batch_size=1, n=BEAMS, beam_width=WIDTH, num_iterations=given["rounds"],
        max_tokens=STEP, temperature=1.0, system_prompt=prompt.system, custom_chat_template=None,
    )  # fmt: skip
    counted = {"tokens": 0, "rounds": 0}
    generate = model.generate

    def counting(*arguments, **named):
        made = generate(*arguments, **named)
        counted["rounds"] += 1
        counted["tokens"] += sum(len(each.outputs[0].token_ids) for each in made)
        return made

    model.generate = counting
    _beam_search(list(given["questions"][:1]), config, model, Scores())  # warmed up
    model.reset_prefix_cache()
    counted.update(tokens=0, rounds=0)
    started = time.perf_counter()
    for question in given["questions"]:
        _beam_search([question], config, model, Scores())
    return {
        "seconds": time.perf_counter() - started,
        "tokens": counted["tokens"],
        "rounds": counted["rounds"] / len(given["questions"]),
    }


def main() -> None:
    """Print what one variant came to, as JSON."""
    torch.set_num_threads(1)
    variant, given = sys.argv[1], json.load(sys.stdin)
    made = _theirs(given) if variant == "search-and-learn" else _searched(variant, given)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
