"""Beam search, M = 4, over the test problems: all problems together against the loop most repositories use.

Ours is the stage `search`: rows of all problems are in work together, and each problem advances at its own pace;
engine and verifier rows are forked, and shared by beams whose tokens are equal so far.  The baseline takes one problem
at a time.  Each round it calls `model.generate` on the whole prefixes of that problem's beams (left-padded, one batch,
stopped at the step's end), then the verifier on the whole prefixes of all beams (right-padded, one batch); what was
computed for a prefix in one round is computed again in the next.  Both follow the same rules of the search (option
`finished: shrink`), sample at temperature 1, use one thread and float32.

The timed baseline samples with torch's generator.  Before that, its results are compared with ours on a few problems,
with the baseline's draws replaced by the keyed noise that ours uses.

Goal: at least 15 times the problems per second.
"""

import gc
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LogitsProcessor, LogitsProcessorList

from benchmarks.frame import Bench
from benchmarks.materials import configuration, path, problems, prompts
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.decoding import choose
from ttc.models.generic_pieces import as_transformers
from ttc.models.verifier import SurpriseVerifier
from ttc.search.strategy import Strategy
from ttc.stages.search import problem_streams, search_problems
from ttc.verifiers.incremental import IncrementalVerifier

TITLE = "beam search"
GOAL = "at least 15 times the problems/s of one problem at a time with full prefixes"
STRATEGY = Strategy("beam", 4)
SEED = 0


class KeyedDraws(LogitsProcessor):
    """Leaves only the token that the engine would have drawn."""

    def __init__(self, streams: np.ndarray, positions: np.ndarray, prompt_width: int):
        """streams: uint64, one per row; positions: of each row's first new token; prompt_width: padded."""
        self.streams, self.positions, self.prompt_width = streams, positions, prompt_width

    def __call__(self, input_ids, scores):
        made = input_ids.shape[1] - self.prompt_width
        chosen, _ = choose(scores, np.arange(len(scores)), self.streams, self.positions + made, 1.0)
        return torch.full_like(scores, -torch.inf).scatter_(1, torch.as_tensor(chosen)[:, None], 0.0)


class OneAtATime:
    """The baseline."""

    def __init__(self, policy, prm, separator: int, max_tokens: int, max_rounds: int):
        self.model = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32).eval()
        self.prm = SurpriseVerifier.load(prm).eval()
        self.base, self.fresh = as_transformers(self.prm.model), as_transformers(self.prm.fresh)
        self.separator, self.end = separator, self.model.config.eos_token_id
        self.max_tokens, self.max_rounds = max_tokens, max_rounds

    def search(self, prompt: list[int], beams: int, width: int, stream=None) -> list[tuple[list[int], float]]:
        """Candidates (solution, score of its last step) of one problem; `stream` replaces the draws, if given."""
        running: list[list[int]] = [[]] * beams
        candidates: list[tuple[list[int], float]] = []
        for round_ in range(self.max_rounds):
            streams = None
            if stream is not None:
                roots = noise.substreams(np.full(len(running), stream, dtype=np.uint64), round_)
                streams = noise.substreams(roots, np.arange(len(running)))
            grown = self.generate_step(prompt, running, streams)
            scores = self.score(prompt, grown)
            last = round_ == self.max_rounds - 1
            done = [
                each[-1] == self.end or each[-1] != self.separator or len(each) >= self.max_tokens or last
                for each in grown
            ]
            candidates += [
                (each, score) for each, score, over in zip(grown, scores, done, strict=True) if over
            ]
            going = [row for row, over in enumerate(done) if not over]
            places = beams - len(candidates)
            if not going or places <= 0:
                break
            kept = sorted(going, key=lambda row: (-scores[row], row))[: -(-places // width)]
            shares = [places // len(kept) + (rank < places % len(kept)) for rank in range(len(kept))]
            running = [grown[row] for row, share in zip(kept, shares, strict=True) for _ in range(share)]
        return candidates

    def generate_step(self, prompt: list[int], running: list[list[int]], streams) -> list[list[int]]:
        """Every beam with its next step."""
        prefixes = [prompt + solution for solution in running]
        longest = max(map(len, prefixes))
        tokens = torch.tensor([[0] * (longest - len(each)) + each for each in prefixes])
        mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in prefixes])
        draws = LogitsProcessorList()
        if streams is not None:
            draws.append(KeyedDraws(streams, np.array([len(each) for each in prefixes]), longest))
        made = self.model.generate(
            input_ids=tokens,
            attention_mask=mask,
            max_new_tokens=self.max_tokens - min(map(len, running)),
            eos_token_id=[self.separator, self.end],
            pad_token_id=self.model.config.pad_token_id,
            do_sample=True,
            temperature=1.0,
            top_k=0,
            logits_processor=draws,
        )[:, longest:].tolist()
        return [
            (solution + self.cut(step))[: self.max_tokens]
            for solution, step in zip(running, made, strict=True)
        ]

    def cut(self, step: list[int]) -> list[int]:
        """A generated row up to its first separator or end token."""
        for place, token in enumerate(step):
            if token in (self.separator, self.end):
                return step[: place + 1]
        return step

    @torch.inference_mode()
    def score(self, prompt: list[int], solutions: list[list[int]]) -> list[float]:
        """The verifier's score of the last step of each solution, read from prompt and solution."""
        rows = [prompt + solution for solution in solutions]
        longest = max(map(len, rows))
        tokens = torch.tensor([each + [0] * (longest - len(each)) for each in rows])
        believed = self.base(input_ids=tokens).last_hidden_state
        joined = torch.nn.functional.pad(self.prm.join(believed[:, :-1], tokens[:, 1:]), (0, 0, 1, 0))
        hidden = self.fresh(inputs_embeds=joined).last_hidden_state
        ends = torch.tensor([len(each) - 1 for each in rows])
        return torch.sigmoid(self.prm.score(hidden[torch.arange(len(rows)), ends])[:, 0]).tolist()


def measure(bench: Bench) -> None:
    """The headline, equality on a few problems, growth over problems and over N."""
    count, beams = (8, 16) if bench.quick else (100, 64)
    defaults = configuration()
    max_tokens, max_rounds = defaults["sampling"]["max_tokens"], defaults["search"]["max_rounds"]
    engine = TransformersEngine(path(bench, "policy"), device="cpu")
    verifier = IncrementalVerifier(path(bench, "prm"), device="cpu")
    baseline = OneAtATime(
        path(bench, "policy"), path(bench, "prm"), engine.stops.step[0], max_tokens, max_rounds
    )
    table = problems(bench, count)
    tokens = prompts(engine.tokenizer, table)
    limits = {"temperature": 1.0, "max_tokens": max_tokens}
    limits |= {
        name: defaults["search"][name] for name in ("max_rounds", "max_step_tokens", "finished", "duplicates")
    }

    def ours(problems: int, beams: int):
        spec = {"seed": SEED, "strategy": {"kind": "beam", "width": 4}, "budget": beams} | limits
        return search_problems(engine, verifier, table[:problems], spec, 2048)

    def theirs(problems: int, beams: int):
        torch.manual_seed(SEED)
        return [baseline.search(prompt, beams, 4) for prompt in tokens[:problems]]

    few = min(count, 10)
    streams = problem_streams(SEED, STRATEGY, beams, table["problem_id"][:few].to_list())
    expected = [
        baseline.search(prompt, beams, 4, stream) for prompt, stream in zip(tokens, streams, strict=False)
    ]
    found = ours(few, beams)
    bench.same(
        f"candidates of {few} problems",
        [[each.tokens for each in result.candidates] for result in found],
        [[solution for solution, _ in result] for result in expected],
    )
    bench.same(
        f"scores of the candidates of {few} problems",
        [each.step_scores[-1] for result in found for each in result.candidates],
        [score for result in expected for _, score in result],
        1e-5,
    )

    gc.freeze()  # as the stage does once its models are loaded; it serves both
    seconds = bench.time(lambda: ours(count, beams))
    computed = engine.tokens_computed / engine.tokens_generated
    note = f"{computed:.2f} tokens computed for each that was generated, padding included"
    bench.record("ours", seconds, count, "problems", note=note)
    # One run, warmed up by the comparison above: it is the long one
    seconds = _once(lambda: theirs(count, beams))
    bench.record("baseline", seconds, count, "problems", note="draws by torch's generator")
    bench.goal("problems/s, ours over baseline", bench.ratio(), at_least=15)

    for problems_ in (2, 4, 8) if bench.quick else (12, 25, 50, 100):
        seconds = bench.time(lambda size=problems_: ours(size, beams), repeats=2)
        bench.record("ours", seconds, problems_, "problems", "problems", problems_)
    for problems_ in (2, 4) if bench.quick else (6, 12, 24):
        seconds = _once(lambda size=problems_: theirs(size, beams))
        bench.record("baseline", seconds, problems_, "problems", "problems", problems_)
    some = 4 if bench.quick else 12
    for size in (4, 16) if bench.quick else (16, 64, 256):
        seconds = bench.time(lambda size=size: ours(some, size), repeats=2)
        bench.record("ours", seconds, some, "problems", "N", size)
        seconds = _once(lambda size=size: theirs(some, size))
        bench.record("baseline", seconds, some, "problems", "N", size)


def _once(function) -> float:
    """Seconds of a single call, for what takes long."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
