"""Bugs of other projects that no other test here would catch; docs/known_bugs.md says which test stands for which."""

import ast
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from tests.support.specs import method
from tests.support.tiny import BOS, EOS, NEWLINE, SEED, TASK, random_model, saved, tokenizer
from tests.support.verifier_network import hidden
from ttc.evaluation.outcomes import Outcomes, evaluate_pool
from ttc.evaluation.pool import Pool, Steps, sample_pools
from ttc.evaluation.selection import encode
from ttc.models.directory import save_model
from ttc.models.from_scratch import build_verifier
from ttc.problems.formats import grade_line as grade
from ttc.problems.tasks import clock
from ttc.stages import evaluate
from ttc.tables.generation import SAMPLES
from ttc.verifiers.examples import process_examples
from ttc.verifiers.trained import TokenVerifier

PACKAGE = Path(evaluate.__file__).parents[1]


# -- verifiers -----------------------------------------------------------------------------------------------

TOKENS = [10, 11, NEWLINE, 12, 13, NEWLINE, 14, EOS]


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return saved(random_model(tie_word_embeddings=True), tmp_path_factory.mktemp("policy") / "policy")


def prm(policy, folder, scale):
    network = build_verifier(policy, 1, seed=3)
    with torch.no_grad():
        network.score.weight.mul_(scale)
    save_model(folder, network, tokenizer(), kind="prm", training={}, metrics={})
    return TokenVerifier(folder, device="cpu")


def test_a_score_that_underflows_to_zero_keeps_its_place(policy, tmp_path):
    """Scores are picked by the place of their step; picked as those that are not 0, the rest would shift."""
    prompts = [[BOS, first, NEWLINE] for first in range(5, 25)]
    gentle = prm(policy, tmp_path / "gentle", 0.5).score(prompts, [TOKENS] * 20)
    harsh = prm(policy, tmp_path / "harsh", 1e6).score(prompts, [TOKENS] * 20)
    assert any(0.0 in scores for scores in harsh) and any(1.0 in scores for scores in harsh)
    for soft, hard in zip(gentle, harsh, strict=True):
        assert len(hard) == 3 and [score > 0.5 for score in soft] == [score > 0.5 for score in hard]


def test_labels_stand_where_scores_are_read(policy, tmp_path):
    """A label one token before or after the place that is read at inference trains something else."""
    verifier = prm(policy, tmp_path / "prm", 0.5)
    problems = clock.make_problems(TASK, SEED).filter(split="train").head(4)
    texts = problems["solution"].to_list()
    samples = problems.select(
        "problem_id", sample_index=pl.lit(0), text="solution", finish_reason=pl.lit("stop")
    )
    values = [
        (name, 0, step, 0.5)
        for name, solution in zip(problems["problem_id"], texts, strict=True)
        for step in range(len(solution.rstrip("\n").split("\n")))
    ]
    table = pl.DataFrame(values, schema=["problem_id", "sample_index", "step", "value"], orient="row")
    examples, rows = process_examples(problems, samples, table, verifier)
    assert len(rows) == 4
    for start, stop in zip(examples.bounds[:-1], examples.bounds[1:], strict=True):
        tokens, mask = examples.tokens[start:stop], examples.mask[start:stop]
        with torch.inference_mode():
            logits = verifier.model.score(hidden(verifier.model, torch.tensor(tokens[None].astype(np.int64))))
        taught = torch.sigmoid(logits[0, :, 0].double()).numpy()[mask]
        newline = int(np.flatnonzero(tokens == NEWLINE)[0]) + 1  # the prompt ends with the first one
        (read,) = verifier.score([tokens[:newline].tolist()], [tokens[newline:].tolist()])
        assert read == pytest.approx(taught.tolist(), abs=1e-6)


# -- selection and grading -----------------------------------------------------------------------------------


def pool_of(answers, correct, steps):
    lengths = np.array([len(each) for each in steps])
    fields = {
        "problem_id": "p",
        "groups": encode(answers),
        "correct": np.array(correct, dtype=float),
        "steps": {"prm": Steps(np.concatenate(steps), lengths)},
        "tokens": 1.0,
        "verifier_tokens": {"prm": 1.0},
        "logprob": -1.0,
    }
    if "index" in Pool.__dataclass_fields__:
        fields["index"] = np.arange(len(answers))
    return Pool(**fields)


@pytest.mark.parametrize(("how", "right"), [("last", 1.0), ("min", 0.0)])
def test_the_configured_aggregation_decides_every_rule_of_a_pool(how, right):
    """By the last step's score the first sample is better, by the lowest one the second."""
    outcomes = Outcomes({})
    pool = pool_of(["7", "8"], [1, 0], [[0.1, 0.9], [0.5, 0.6]])
    evaluate_pool(pool, method(budgets=[2], aggregation=how), outcomes)
    found = {row[2]: row[5] for row in outcomes.rows if row[4] == 2}
    assert found["best_of_n"] == found["best_of_n_weighted"] == right
    assert found["majority"] == 0.5


def test_problems_of_equal_text_are_two_problems(tmp_path):
    """Samples belong to a problem by its identity; grouping by the question's text would merge these."""
    rows = [("a", 0, "t", "7", True, 1, -1.0, "stop"), ("b", 0, "t", "8", False, 1, -1.0, "stop")]
    frame = pl.DataFrame(rows, schema=list(SAMPLES.dtypes), orient="row")
    SAMPLES.write(frame, tmp_path / "samples.parquet")
    pools = list(sample_pools([tmp_path / "samples.parquet"], {}))
    assert [(pool.problem_id, pool.correct.tolist()) for pool in pools] == [("a", [1.0]), ("b", [0.0])]


def test_an_answer_that_holds_the_gold_answer_is_wrong():
    """`7` is a substring of `17`, and of the last line of a wrong solution."""
    assert grade("Answer: 17", "7") == ("17", False)
    assert grade("7 is not it\nAnswer: 8", "7") == ("8", False)


# -- randomness --------------------------------------------------------------------------------


def test_no_module_draws_from_a_global_generator():
    """Every random number comes from a generator that was made for it: unseeded or shared ones make runs differ."""
    drawing = {"choice", "shuffle", "rand", "randn", "random", "randint", "seed", "permutation", "sample"}
    drawing |= {"default_rng", "multinomial"}
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
                found.append(f"{path.name}:{node.lineno} imports random")
            if isinstance(node, ast.ImportFrom) and node.module in ("random", "numpy.random"):
                found.append(f"{path.name}:{node.lineno} imports from {node.module}")
            if isinstance(node, ast.Attribute) and node.attr in drawing:
                owner = ast.unparse(node.value)
                if owner in ("np.random", "numpy.random", "torch"):
                    found.append(f"{path.name}:{node.lineno} uses {owner}.{node.attr}")
    assert found == []
