"""Rollouts of a policy whose odds are known."""

import polars as pl

from tests.support.toy import END, ToyEngine
from tests.support.toy import text as characters
from ttc.engines.sampling import Draw, roll_out
from ttc.problems.formats import LINES
from ttc.problems.formats import grade_line as grade
from ttc.tables.generation import STEP_VALUES


class Characters:
    """A tokenizer whose tokens are characters; `$` is the end token."""

    bos_token_id = None
    eos_token_id = END

    def __call__(self, texts, add_special_tokens):
        return {"input_ids": [characters(each) for each in texts]}

    def batch_decode(self, solutions, skip_special_tokens, clean_up_tokenization_spaces):
        return ["".join(chr(token) for token in solution if token != END) for solution in solutions]


def silent(done, total, tokens=None, before=0):
    assert before <= done <= total


def policy(prefix):
    """After `Q\\n` a first line `a` or `b`, a second line `c`, then the answer: 1, with odds set by the first."""
    solution = prefix[2:]
    line = "\nAnswer: "
    if not solution:
        return {"a": 0.5, "b": 0.5}
    if len(solution) < 3:
        return {"\n": 1.0} if len(solution) == 1 else {"c": 1.0}
    written = solution[3:]
    if len(written) < len(line):
        return {line[len(written)]: 1.0}
    if len(written) == len(line):
        return {"1": 0.8, "2": 0.2} if solution[0] == "a" else {"1": 0.3, "2": 0.7}
    return {"$": 1.0}


QUESTIONS = pl.DataFrame(
    {"problem_id": ["x", "y"], "question": ["Q", "Q"], "answer": ["1", "2"], "level": [1, 1]}
)


def made(rows):
    schema = {"problem_id": str, "sample_index": int, "text": str, "finish_reason": str}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    golds = dict(QUESTIONS.select("problem_id", "answer").iter_rows())
    graded = [grade(text, golds[name]) for name, _, text, _ in rows]
    return frame.with_columns(
        answer=pl.Series([answer for answer, _ in graded], dtype=pl.String),
        correct=pl.Series([correct for _, correct in graded], dtype=pl.Boolean),
    )


SAMPLES = [
    ("x", 0, "a\nc\nAnswer: 1", "stop"),
    ("x", 1, "a\nc\nAnswer: 2", "stop"),
    ("x", 2, "b\nc\nAnswer: 1", "stop"),
    ("y", 0, "a\nc\nAnswer: 1", "stop"),
]


def rolled(rows, rollouts=1, batch=1000, seed=3, limit=30):
    engine = ToyEngine(policy)
    engine.tokenizer = Characters()
    frame = roll_out(
        engine, LINES, QUESTIONS, made(rows), rollouts, Draw(seed, 1.0, limit, batch), report=silent
    )
    return STEP_VALUES.check(frame, "here"), engine
