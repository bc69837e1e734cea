"""Chains of revisions, in which an answer is written with up to the last four before it in view (paper §6.2)."""

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines.protocol import Continuation, Engine
from ttc.engines.sampling import Draw, solutions_frame
from ttc.problems.formats import Form
from ttc.runtime import Report, Work


def revise(
    engine: Engine,
    first: Engine,
    form: Form,
    problems: pl.DataFrame,
    lengths: list[int],
    max_context: int,
    draw: Draw,
    *,
    until_correct: bool = False,
    report: Report = lambda done, total: None,
    work: Work | None = None,
) -> pl.DataFrame:
    """The table of chains: chain c of every problem has `lengths[c]` answers; all chains advance in lock-step.

    With `until_correct` a chain ends with its first correct answer, which only training problems allow (ReST^EM).

    `first` writes the first answer of each chain, `engine` (the reviser) all others; they share a tokenizer.  At most
    `draw.rows` answers are written at once.  All answers at one place in the chains are a block that `work` keeps.

    The context is what was answered before, right or wrong: the reviser is not told which.
    """
    names, golds = problems["problem_id"].to_list(), problems["answer"].to_list()
    questions = problems["question"].to_list()
    cells = [(row, chain) for row in range(len(problems)) for chain in range(len(lengths))]
    history: dict[tuple[int, int], list[str]] = {cell: [] for cell in cells}
    roots = {cell: noise.stream(draw.seed, "revise", names[cell[0]], cell[1]) for cell in cells}
    work = work or Work()
    solved: set[tuple[int, int]] = set()
    done = 0
    for step in range(max(lengths)):
        alive = [cell for cell in cells if lengths[cell[1]] > step and cell not in solved]
        if not alive:
            break
        if step == len(work.blocks):
            prompts = form.prompts(
                engine.tokenizer,
                [questions[row] for row, _ in alive],
                [history[cell][-max_context:] for cell in alive],
            )
            streams = noise.substreams(np.array([roots[cell] for cell in alive], dtype=np.uint64), step)
            writer = engine if step else first
            made = _write(writer, prompts, streams, draw)
            frame = solutions_frame(form, engine.tokenizer, made, [golds[row] for row, _ in alive])
            work.add(
                chains=frame.with_columns(
                    problem_id=pl.Series([names[row] for row, _ in alive]),
                    chain=pl.Series([chain for _, chain in alive], dtype=pl.Int32),
                    step=pl.lit(step, dtype=pl.Int32),
                    context_tokens=pl.Series([len(prompt) for prompt in prompts], dtype=pl.Int32),
                )
            )
        # In the order of `alive`
        answers = work.blocks[step]["chains"].select("text", "correct")
        for cell, (solution, correct) in zip(alive, answers.iter_rows(), strict=True):
            history[cell].append(solution)
            if until_correct and correct:
                solved.add(cell)
        done += len(alive)
        report(done, done if until_correct else len(problems) * sum(lengths))
    return work.table("chains")


def _write(writer: Engine, prompts: list[list[int]], streams: np.ndarray, draw: Draw) -> list[Continuation]:
    """An answer to each prompt, `draw.rows` of them at a time, the shortest prompts first."""
    made: list[Continuation | None] = [None] * len(prompts)
    order = np.argsort([len(prompt) for prompt in prompts], kind="stable")
    for start in range(0, len(order), draw.rows):
        chosen = order[start : start + draw.rows]
        state = writer.prefill([prompts[index] for index in chosen])
        written = writer.extend(state, streams[chosen], "end", draw.temperature, draw.max_tokens)
        for index, each in zip(chosen, written, strict=True):
            made[index] = each
    return made
