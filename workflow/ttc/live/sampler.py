"""Samples of questions drawn live: a policy's solutions by question and index, with a verifier's scores."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines.protocol import Engine
from ttc.engines.sampling import solutions_frame
from ttc.evaluation.selection import aggregate
from ttc.live.loop import DRAWN
from ttc.problems.formats import Form
from ttc.runtime import Work, silent
from ttc.verifiers.protocol import Verifier
from ttc.verifiers.readers import solutions_of
from ttc.verifiers.scoring import score_in_blocks


@dataclass
class Sampler:
    """Draws samples of `questions` (problem_id, question) as the study drew its own, with noise of another name.

    verifier: None where no rule reads scores; `aggregation` of its step scores, `batch` of different solutions that it
    scores at a time.
    """

    engine: Engine
    form: Form
    verifier: Verifier | None
    questions: pl.DataFrame
    seed: int
    temperature: float
    max_tokens: int
    aggregation: str
    batch: int

    def __call__(self, wanted: list[tuple[int, int]]) -> pl.DataFrame:
        """The table `ttc.live.loop.DRAWN` of samples (place of the question, index), in order.

        The gold answer has no part in it: answers have the names that they have without one.
        """
        places = list(dict.fromkeys(place for place, _ in wanted))
        asked = self.questions[places]
        names = self.questions["problem_id"].to_list()
        prompts = self.form.prompts(self.engine.tokenizer, asked["question"].to_list())
        rows = {place: row for row, place in enumerate(places)}
        state = self.engine.fork(self.engine.prefill(prompts), np.array([rows[place] for place, _ in wanted]))
        made = self.engine.extend(
            state, streams(self.seed, names, wanted), "end", self.temperature, self.max_tokens, keep=False
        )
        frame = solutions_frame(self.form, self.engine.tokenizer, made, [""] * len(made)).drop("correct")
        frame = frame.with_columns(
            problem_id=pl.Series([names[place] for place, _ in wanted], dtype=pl.String),
            sample_index=pl.Series([index for _, index in wanted], dtype=pl.Int32),
            logprob=pl.col("logprob").cast(pl.Float32).cast(pl.Float64),
        )
        return frame.with_columns(**self._scores(asked, frame)).select(
            pl.col(name).cast(dtype) for name, dtype in DRAWN.items()
        )

    def _scores(self, asked: pl.DataFrame, frame: pl.DataFrame) -> dict[str, pl.Series | pl.Expr]:
        if self.verifier is None:
            return {"score": pl.lit(None, dtype=pl.Float64), "read": pl.lit(0, dtype=pl.Int32)}
        solutions = solutions_of(asked, frame)
        scored = score_in_blocks(self.verifier, solutions, Work(), self.batch, silent(""))
        lists = scored["step_scores"]
        values = lists.explode(empty_as_null=False, keep_nulls=False).to_numpy().astype(np.float64)
        scores = aggregate(values, lists.list.len().to_numpy(), self.aggregation)
        return {"score": pl.Series(scores), "read": scored["tokens"]}


def streams(seed: int, names: list[str], wanted: list[tuple[int, int]]) -> np.ndarray:
    """One noise stream (uint64) for each sample (place of the question, index), none of which the study has used."""
    roots = {
        place: noise.stream(seed, "solve", names[place]) for place in dict.fromkeys(p for p, _ in wanted)
    }
    return noise.substreams(
        np.array([roots[place] for place, _ in wanted], dtype=np.uint64),
        np.array([index for _, index in wanted]),
    )
