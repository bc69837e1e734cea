"""What a small or odd study runs into: each ends in one sentence, not in a traceback, a loop or a silent loss."""

import numpy as np
import polars as pl
import pytest

from tests.support.clock_task import TASK
from tests.support.rollouts import SAMPLES, rolled
from tests.support.sequences import MODEL, Special
from tests.support.tiny import random_model, saved
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.errors import InputError
from ttc.models.from_scratch import build_policy
from ttc.models.tokenizers import build_tokenizer
from ttc.problems.tasks import clock
from ttc.tables.generation import SCORES
from ttc.tables.revisions import PAIRS
from ttc.verifiers.examples import is_held_out


@pytest.mark.parametrize("values", [[1.5, 2.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_fractions_are_not_cut_off(values):
    frame = pl.DataFrame(
        {"problem_id": ["a", "b"], "sample_index": 0, "step_scores": [[0.5], [0.5]], "tokens": values}
    )
    with pytest.raises(InputError, match=r"scores has the wrong type .*'tokens'"):
        SCORES.check(frame, "here")
    assert SCORES.check(frame.with_columns(tokens=pl.Series([3.0, None])), "here")["tokens"][0] == 3


def test_lists_of_texts_have_no_empty_places():
    frame = pl.DataFrame(
        {"problem_id": ["a"], "pair": 0, "context": [["x", None]], "target": "t", "distance": 1}
    )
    with pytest.raises(InputError, match=r"'context' of pairs has 1 empty values inside its lists"):
        PAIRS.check(frame, "here")


@pytest.mark.parametrize(
    ("changes", "split"),
    [({"test_problems": 29}, "test"), ({"test_problems": 28, "train_problems": 1}, "train")],
)
def test_a_task_with_too_few_questions_is_refused(changes, split):
    """Four operations on a clock of seven hours: 28 questions of one step."""
    task = TASK | {"modulus": 7, "steps": [1, 1], "groups": [TASK["groups"][0] | {"operations": 4}]} | changes
    task |= {"topics": [{"train_share": 1.0, "test_share": 1.0, "weights": [1]}]}
    with pytest.raises(InputError, match=rf"task\.{split}_problems: \d+ was given, and after (28|0) of them"):
        clock.make_problems(task, 0)
    fine = task | {"test_problems": 27, "train_problems": 3}
    assert clock.make_problems(fine, 0)["question"].n_unique() == 28


def test_key_value_heads_that_do_not_divide_are_refused():
    with pytest.raises(InputError, match=r"model\.heads is 4; it must be a multiple of model\.kv_heads = 3"):
        build_policy(MODEL | {"kv_heads": 3}, 38, Special(), seed=0)


@pytest.mark.parametrize("count", [0, 9])
def test_too_few_problems_to_hold_one_out_are_refused(count):
    names = pl.Series([f"p{index}" for index in range(count)], dtype=pl.String)
    with pytest.raises(InputError, match=rf"at least 10 problems, .* those of {count};"):
        is_held_out(names)


def test_models_that_the_engine_cannot_serve_are_refused(tmp_path):
    endless = saved(random_model(eos_token_id=None), tmp_path / "endless")
    with pytest.raises(InputError, match="names no token that ends a text"):
        TransformersEngine(endless, device="cpu")
    lineless = saved(random_model(), tmp_path / "lineless")
    words = [word if word != "\n" else "<line>" for word in clock.vocabulary(TASK, 0)]
    build_tokenizer(words, clock.TOKEN_PATTERN).save_pretrained(lineless)
    with pytest.raises(InputError, match="no token of its own for a line end"):
        TransformersEngine(lineless, device="cpu")


@pytest.mark.parametrize("rows", [1, 12, 1000])
def test_no_more_rollouts_than_asked_for_are_decoded_at_once(rows):
    _, engine = rolled(SAMPLES, rollouts=4, batch=rows)
    # Prefixes that two samples share get 8 rollouts, which stay together
    assert max(count for count, _, _ in engine.calls) <= max(rows, 8)
    assert sum(count for count, _, _ in engine.calls) == 2 * (8 + 4 + 4)


def test_numpy_integers_name_the_same_stream():
    assert noise.stream(1, "a", np.int64(3), np.uint64(4)) == noise.stream(1, "a", 3, 4)
