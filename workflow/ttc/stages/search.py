"""The stage `search`: tree search for a block of problems; writes candidates.parquet and tree.parquet."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines.open import is_elsewhere, open_engine
from ttc.engines.protocol import Engine, StepVerifier
from ttc.engines.sampling import select_problems
from ttc.engines.served import ServedEngine
from ttc.errors import InputError
from ttc.problems.formats import LINES, Form, open_form
from ttc.problems.text import SEPARATOR
from ttc.runtime import Inputs, Report, Runtime, Work, one, silent
from ttc.search.loop import Searches
from ttc.search.options import Draw, Options
from ttc.search.strategy import Strategy, from_spec
from ttc.search.tree import SearchResult
from ttc.tables.generation import PROBLEMS
from ttc.tables.search import CANDIDATES, TREE
from ttc.verifiers.follow import TextSteps, open_follower
from ttc.verifiers.open import tell

DECLARATION = {
    "group": "search",
    "purpose": "search against the process reward model",
    "suffix": "",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 40,
}

BLOCKS = 8  # in which a job keeps what it has searched, at least


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Search the block `problems` [start, stop) of the split, sorted by problem_id.

    spec: seed, split, problems, strategy {kind and its hyper-parameters}, budget (N beams), temperature, max_tokens,
    max_step_tokens (None: as many as max_tokens), max_rounds, finished and duplicates (see `ttc.search.beams`), and
    `repeat` where it is not the first run of its kind; of published models `engine` and `verifier_engine`, where they
    are not the usual one; judge (optional): how a judge is asked; verifier_served (optional): what the verifier's
    layers are called, where a server has them; request and continuation (optional): further fields of requests to a
    server, and of those that go on with an answer.
    InputError where policy and verifier do not read text as the same tokens, and for a server that does not continue
    answers.
    """
    start, stop = spec["problems"]
    problems = PROBLEMS.read(one(inputs, "problems"))
    problems = select_problems(problems, spec["split"], spec["problems"])
    if problems.height < stop - start:
        raise InputError(
            f"search: problems {start} to {stop} of the split {spec['split']} were asked for, and it ends at"
            f" {start + problems.height}"
        )
    beside = one(inputs, "verifier")
    with (
        open_form(spec.get("form"), runtime.threads, runtime.cache) as form,
        _opened(spec, inputs, problems, form, runtime) as engine,
    ):
        read_by = spec.get("verifier_engine", "transformers")
        asked = spec.get("judge"), spec.get("verifier_served")
        verifier = open_follower(beside, spec.get("format"), runtime, engine, read_by, *asked)
        gc.freeze()  # models and libraries stay: garbage collection need not walk over them while trees grow
        most = 2 * max(runtime.batch_rows, getattr(engine, "at_once", 0))
        search_problems(engine, verifier, problems, spec, most, runtime.work, form, runtime.progress)
        tell(verifier)
    output.mkdir(parents=True, exist_ok=True)
    for table in (CANDIDATES, TREE):
        table.write(runtime.work.table(table.name), output / f"{table.name}.parquet")


@contextmanager
def _opened(
    spec: dict, inputs: Inputs, problems: pl.DataFrame, form: Form, runtime: Runtime
) -> Iterator[Engine]:
    """The policy's engine; a server has shown that it continues answers, or answered before."""
    policy = one(inputs, "policy")
    if not is_elsewhere(spec):
        yield open_engine(spec, policy, form, runtime, verifier=one(inputs, "verifier"))
        return
    with ServedEngine(spec, policy, form, runtime) as engine:
        engine.check(problems["question"].to_list())
        yield engine


def search_problems(
    engine: Engine,
    verifier: StepVerifier,
    problems: pl.DataFrame,
    spec: dict,
    most_rows: int,
    work: Work | None = None,
    form: Form = LINES,
    report: Callable[[str], Report] = silent,
) -> list[SearchResult]:
    """Search all problems, as many together as have at most `most_rows` beams; one result per problem, in order.

    `work` keeps the tables of problems that have ended, once a minute or as many together as make `BLOCKS` blocks of
    all, and the problems that it holds already are not searched again.  Stops with an error if the bills and the
    engine's or the verifier's own counts of tokens differ.
    """
    strategy, budget = from_spec(spec["strategy"]), spec["budget"]
    step = spec["max_step_tokens"] or spec["max_tokens"]
    finished = work.finished("candidates", ["problem_id"]) if work else set()
    progress = report(f"problems searched by {strategy.name} with {budget} beams")
    total, size = len(problems), -(-len(problems) // BLOCKS)
    problems = problems.filter(~pl.col("problem_id").is_in(finished))
    questions = problems["question"].to_list()
    served = isinstance(engine, ServedEngine)
    prompts = questions if served else form.prompts(engine.tokenizer, questions)
    counted = engine.tokens_generated, verifier.tokens_scored
    results: dict[int, SearchResult] = {}
    heard = 0

    def tell(rows: int, tokens: int) -> None:
        nonlocal heard
        heard += tokens
        progress(len(finished) + len(results), total, heard, len(finished))

    searches = Searches(
        engine,
        verifier,
        prompts,
        problem_streams(
            spec["seed"], strategy, budget, problems["problem_id"].to_list(), spec.get("repeat", 0)
        ),
        strategy,
        budget,
        Draw(spec["temperature"], step, spec["max_tokens"], spec["max_rounds"]),
        Options(spec["finished"], spec["duplicates"]),
        questions if isinstance(verifier, TextSteps) else prompts,
        most_rows,
        tell,
    )
    gathered: list[int] = []
    for place, result in searches:
        results[place] = result
        gathered.append(place)
        if len(gathered) == size or len(results) == len(problems) or (work is not None and work.due()):
            made = engine.tokens_generated - counted[0], verifier.tokens_scored - counted[1]
            if (billed := searches.billed()) != made:
                raise RuntimeError(
                    f"search: tokens (generated, scored) billed are {billed}, and engine and verifier counted {made}"
                )
            if work is not None:
                block, ended = problems[gathered], [results[each] for each in gathered]
                read = [engine.read[each] for each in gathered] if served else None
                work.add(
                    candidates=candidate_table(block, ended, engine.tokenizer, form, read),
                    tree=tree_table(block, ended, engine.tokenizer, form),
                )
            gathered = []
    if results:
        progress(total, total, heard, len(finished))
    return [results[place] for place in range(len(problems))]


def problem_streams(
    seed: int, strategy: Strategy, budget: int, problem_ids: list[str], repeat: int = 0
) -> np.ndarray:
    """One noise stream (uint64) per problem, of the run `repeat` of this search, from 0; runs share no noise.

    Named by `Strategy.at`, so `beam(width=sqrt)` and `beam(width=4)` with 16 beams are one search and not two draws.
    The first run is not numbered: more runs leave it as it is.
    """
    name = strategy.at(budget).name
    run = ("repeat", repeat) if repeat else ()
    streams = [noise.stream(seed, "search", name, budget, problem_id, *run) for problem_id in problem_ids]
    return np.array(streams, dtype=np.uint64)


def candidate_table(
    problems: pl.DataFrame,
    results: list[SearchResult],
    tokenizer,
    form: Form = LINES,
    read: list[int | None] | None = None,
) -> pl.DataFrame:
    """The table `candidates`: texts with graded answers; the cost of a problem stands on each of its rows.

    read: tokens that a server read for each problem.
    """
    rows = []
    for number, (problem, result) in enumerate(zip(problems.iter_rows(named=True), results, strict=True)):
        texts = form.decode(tokenizer, [candidate.tokens for candidate in result.candidates])
        graded = form.grade(texts, [problem["answer"]] * len(texts))
        bill = result.bill
        for index, candidate in enumerate(result.candidates):
            answer, correct = graded[index]
            rows.append(
                {
                    "problem_id": problem["problem_id"],
                    "candidate": index,
                    "text": texts[index],
                    "answer": answer,
                    "correct": correct,
                    "step_scores": candidate.step_scores,
                    "finish_reason": candidate.finish,
                    "tokens": len(candidate.tokens),
                    "generated_tokens": bill.generated_tokens,
                    "discarded_tokens": bill.discarded_tokens,
                    "rollout_tokens": bill.rollout_tokens,
                    "verifier_tokens": bill.verifier_tokens,
                    "generations": float(bill.generations),
                }
                | ({} if read is None else {"prompt_tokens": read[number]})
            )
    more = {} if read is None else {"prompt_tokens": pl.Int64}
    return pl.DataFrame(rows, schema=CANDIDATES.dtypes | more)


def tree_table(
    problems: pl.DataFrame, results: list[SearchResult], tokenizer, form: Form = LINES
) -> pl.DataFrame:
    """The table `tree`: every node with the text of its step, without the separator after it."""
    rows = []
    for problem_id, result in zip(problems["problem_id"], results, strict=True):
        texts = form.decode(tokenizer, [node.tokens for node in result.nodes])
        for node, step in zip(result.nodes, texts, strict=True):
            rows.append(
                {
                    "problem_id": problem_id,
                    "node": node.index,
                    "parent": node.parent,
                    "round": node.round,
                    "text": step.removesuffix(SEPARATOR),
                    "score": node.score,
                    "kept": node.kept,
                    "finish_reason": node.finish,
                }
            )
    return pl.DataFrame(rows, schema=TREE.dtypes)
