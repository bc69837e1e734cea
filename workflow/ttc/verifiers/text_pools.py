"""Scores of a pool's solutions and of revisions by a published verifier, which reads texts.

What is read equally is scored once and billed each time.  Blocks of scores are kept, so that a job that is killed
loses no more than one.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.problems.contexts import contexts, distinct_reads
from ttc.problems.steps import steps_of
from ttc.runtime import Work
from ttc.verifiers.published import PublishedVerifier, Scored

SOLUTION = ("problem_id", "text")  # what a score depends on
NO_STEPS = Scored([0.0], 0)  # of a solution without anything to read: it can never win
Report = Callable[[int, int], None]


def score_texts(
    verifier: PublishedVerifier,
    problems: pl.DataFrame,
    samples: pl.DataFrame,
    work: Work,
    batch: int,
    report: Report,
    outcome: bool,
) -> pl.DataFrame:
    """The table of scores of `samples`: one per line of the text that is not blank, or with `outcome` the last only.

    batch: different solutions that are scored before they are kept.  A solution without steps has one score, 0.
    InputError, naming problem and sample, for a solution that the verifier cannot read or gives other than one score
    a step.
    """
    questions = dict(problems.select("problem_id", "question").iter_rows())
    different = samples.group_by(SOLUTION).agg(pl.col("sample_index").min()).sort(SOLUTION)

    def read(block: pl.DataFrame) -> pl.DataFrame:
        names = [f"problem '{name}', sample {index}" for name, _, index in block.iter_rows()]
        made = read_solutions(
            verifier, [questions[name] for name in block["problem_id"]], block["text"].to_list(), names
        )
        scores = [each.scores[-1:] if outcome else each.scores for each in made]
        return block.select(SOLUTION).with_columns(
            step_scores=pl.Series(scores, dtype=pl.List(pl.Float32)),
            tokens=pl.Series([each.tokens for each in made], dtype=pl.Int64),
        )

    scored = _in_blocks(different, SOLUTION, read, work, batch, report)
    return samples.select("sample_index", *SOLUTION).join(scored, on=SOLUTION, how="left").drop("text")


def score_revision_texts(
    verifier: PublishedVerifier,
    problems: pl.DataFrame,
    chains: pl.DataFrame,
    max_context: int,
    work: Work,
    batch: int,
    report: Report,
) -> pl.DataFrame:
    """The table of chain scores: of each revision the score of its last step, 0 where it has none.

    max_context: how many earlier answers of its chain are read with a revision, 0 = it is read alone; batch: as for
    `score_texts`.  InputError, naming problem, chain and step, for a revision that the verifier cannot read or gives
    other than one score a step.
    """
    questions = dict(problems.select("problem_id", "question").iter_rows())
    before = contexts(chains, max_context)
    # Whether a revision was cut does not matter: its end token is not read
    first, place = distinct_reads(chains.with_columns(finish_reason=pl.lit("stop")), before)

    def read(block: pl.DataFrame) -> pl.DataFrame:
        rows = np.array(first)[block["read"].to_numpy()].tolist()
        cells = chains[rows].select("problem_id", "chain", "step", "text").rows()
        made = read_solutions(
            verifier,
            [problem_with_context(questions[cells[at][0]], before[row]) for at, row in enumerate(rows)],
            [text for *_, text in cells],
            [f"problem '{name}', chain {chain}, step {step}" for name, chain, step, _ in cells],
        )
        return block.with_columns(
            score=pl.Series([each.scores[-1] for each in made], dtype=pl.Float32),
            tokens=pl.Series([each.tokens for each in made], dtype=pl.Int64),
        )

    numbers = pl.DataFrame({"read": pl.Series(range(len(first)), dtype=pl.Int64)})
    scored = _in_blocks(numbers, ("read",), read, work, batch, report).sort("read")[place]
    return chains.select("problem_id", "chain", "step").with_columns(scored["score"], scored["tokens"])


def read_solutions(
    verifier: PublishedVerifier, problems: list[str], texts: list[str], names: list[str]
) -> list[Scored]:
    """Scores of the steps of each text, and the tokens read for it; `NO_STEPS` where there is nothing to read.

    InputError, with the solution's name, if the verifier cannot read it or gives other than one score a step.
    """
    steps = [steps_of(text) for text in texts]
    places = [place for place, each in enumerate(steps) if each]
    made = [NO_STEPS] * len(texts)
    scored = verifier.scored(*([given[place] for place in places] for given in (problems, steps, names)))
    for place, each in zip(places, scored, strict=True):
        if len(each.scores) != len(steps[place]):
            raise InputError(
                f"{names[place]}: the verifier gave {len(each.scores)} scores to {len(steps[place])} steps; one for "
                "each is needed"
            )
        made[place] = each
    return made


def problem_with_context(question: str, context: list[str]) -> str:
    """The problem as a verifier reads it before a revision: the question, and the earlier answers, oldest first."""
    attempts = [f"Attempt {number}:\n{answer.strip()}" for number, answer in enumerate(context, 1)]
    return "\n\n".join([question, *attempts])


def _in_blocks(
    rows: pl.DataFrame,
    key: tuple[str, ...],
    read: Callable[[pl.DataFrame], pl.DataFrame],
    work: Work,
    batch: int,
    report: Report,
) -> pl.DataFrame:
    """What `read` makes of `rows`, `batch` at a time; those whose `key` is among the finished ones are not read."""
    finished = work.finished("scores", key)
    for start in range(0, len(rows), batch):
        block = rows[start : start + batch]
        names = block.select(key).iter_rows() if len(key) > 1 else block[key[0]]
        block = block.filter(pl.Series([name not in finished for name in names], dtype=pl.Boolean))
        if len(block):
            work.add(scores=read(block))
            report(min(start + batch, len(rows)), len(rows))
    return work.table("scores")
