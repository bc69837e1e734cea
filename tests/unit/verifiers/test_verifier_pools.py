"""Scores of pools and revisions by verifiers of texts: read once, billed each, and kept when a job is killed."""

import polars as pl
import pytest

from tests.support.published import KINDS, PROBLEM, checkpoint
from tests.support.text_verifiers import Scorer, drawn, words_of
from ttc.errors import InputError
from ttc.problems.contexts import contexts
from ttc.problems.steps import steps_of
from ttc.run.work import KeptWork
from ttc.runtime import Work, unreported
from ttc.tables import revisions
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.revisions import CHAIN_SCORES
from ttc.verifiers.load import load
from ttc.verifiers.protocol import Solution, problem_with_context
from ttc.verifiers.readers import solutions_of
from ttc.verifiers.scoring import paced, score_in_blocks

QUESTIONS = {"p": "What is 2 + 3?", "q": "Why?"}
TEXTS = {  # text of each sample, in order
    "p": ["2 + 3\n\n5.\n", "so 5", "2 + 3\n\n5.\n", "", " \n\n", "so 5\n\n"],
    "q": ["so 5", "a\nb\nc", "a\nb\nd"],
}


@pytest.fixture
def problems():
    rows = {
        "problem_id": list(QUESTIONS),
        "split": "test",
        "level": 1,
        "question": list(QUESTIONS.values()),
        "answer": "5",
        "solution": "",
    }
    return pl.DataFrame(rows, schema=PROBLEMS.dtypes)


def sample_table(texts=TEXTS):
    rows = [
        {
            "problem_id": name,
            "sample_index": index,
            "text": text,
            "answer": None,
            "correct": False,
            "tokens": 1,
            "logprob": 0.0,
            "finish_reason": "length" if index % 2 else "stop",
        }
        for name, each in texts.items()
        for index, text in enumerate(each)
    ]
    return pl.DataFrame(rows, schema=SAMPLES.dtypes)


def chain_table(chains):
    """Chains given as {(problem, chain): texts}."""
    rows = [
        {
            "problem_id": name,
            "chain": chain,
            "step": step,
            "text": text,
            "answer": None,
            "correct": False,
            "tokens": 1,
            "context_tokens": 1,
            "logprob": 0.0,
            "finish_reason": "length" if chain else "stop",
        }
        for (name, chain), texts in sorted(chains.items())
        for step, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=revisions.CHAINS.dtypes)


def scored(verifier, problems, samples, work=None, batch=100, report=unreported):
    made = score_in_blocks(verifier, solutions_of(problems, samples), work or Work(), batch, report)
    frame = pl.concat([samples.select("problem_id", "sample_index"), made], how="horizontal")
    return SCORES.check(frame, "here")


# Pools


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_scores_are_those_of_the_lines(problems, batch):
    table = scored(Scorer(), problems, sample_table(), batch=batch)
    assert table.select("problem_id", "sample_index").rows() == [
        (name, index) for name, texts in TEXTS.items() for index in range(len(texts))
    ]
    for name, index, scores, tokens in table.iter_rows():
        steps = steps_of(TEXTS[name][index])
        expected = [drawn(QUESTIONS[name], steps[: last + 1]) for last in range(len(steps))] or [0.0]
        assert scores == expected
        assert tokens == (words_of(QUESTIONS[name], steps) if steps else 0)


def test_equal_texts_are_read_once_and_billed_each(problems):
    verifier = Scorer()
    table = scored(verifier, problems, sample_table())
    assert len(verifier.read) == 6  # `so 5` with and without a line end are two texts
    assert verifier.read.count((QUESTIONS["p"], ("2 + 3", "5."))) == 1
    assert table["tokens"].sum() == verifier.tokens_scored + words_of(QUESTIONS["p"], ["2 + 3", "5."])


def test_progress_counts_different_texts(problems):
    told = []
    scored(Scorer(), problems, sample_table(), batch=3, report=lambda *each: told.append(each[:2]))
    assert told == [(1, 8), (3, 8), (6, 8), (8, 8)]  # blocks grow to the largest


class Killed(BaseException):
    """What SIGKILL is to a process."""


class KilledWork(KeptWork):
    """Work of a job that is killed when it has kept a block."""

    def add(self, **frames):
        super().add(**frames)
        raise Killed


def until_done(folder, run):
    """Run a job that is killed after each block until there is nothing left to do; its result and how often it was."""
    for deaths in range(20):
        try:
            return run(KilledWork(folder, {"job": 1}).open()), deaths
        except Killed:
            pass
    raise AssertionError("the job makes no progress")


def test_a_killed_job_goes_on_and_reads_nothing_twice(problems, tmp_path):
    verifier, whole = Scorer(), Scorer()
    made, deaths = until_done(
        tmp_path / "work", lambda work: scored(verifier, problems, sample_table(), work, batch=2)
    )
    assert deaths == 8  # each begins with a block of one
    assert made.equals(scored(whole, problems, sample_table()))
    assert sorted(verifier.read) == sorted(whole.read)


def test_a_block_of_another_size_leaves_out_what_is_finished(problems, tmp_path):
    verifier = Scorer()
    with pytest.raises(Killed):
        scored(verifier, problems, sample_table(), KilledWork(tmp_path, {"job": 1}).open(), batch=3)
    again = scored(verifier, problems, sample_table(), KeptWork(tmp_path, {"job": 1}).open(), batch=5)
    assert again.equals(scored(Scorer(), problems, sample_table()))
    assert len(verifier.read) == 6


class Outcome(Scorer):
    """Gives one score to a solution."""

    def scores(self, readings, names):
        return [each[-1:] for each in super().scores(readings, names)]


def test_another_number_of_scores_is_told_with_problem_and_sample(problems):
    message = "problem 'p', sample 0: the verifier gave 1 scores to 2 steps; one for each is needed"
    with pytest.raises(InputError, match=message):
        scored(Outcome(), problems, sample_table())


@pytest.fixture(scope="module", params=list(KINDS))
def verifier(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / request.param
    return load(request.param, checkpoint(folder, request.param), device="cpu")


def test_published_verifiers(verifier, problems):
    problems = problems.with_columns(question=pl.Series([PROBLEM, "What is 3 + 4?"]))
    questions = dict(problems.select("problem_id", "question").iter_rows())
    samples = sample_table()
    table = scored(verifier, problems, samples, batch=4)
    for row, solution in zip(table.iter_rows(named=True), samples["text"], strict=True):
        steps, problem = steps_of(solution), questions[row["problem_id"]]
        if steps:
            assert row["step_scores"] == pytest.approx(verifier.score([problem], [steps])[0], abs=1e-5)
            assert row["tokens"] == len(verifier.read(problem, steps).tokens)
        else:
            assert (row["step_scores"], row["tokens"]) == ([0.0], 0)


def test_what_cannot_be_read_is_told_with_problem_and_sample(verifier, problems):
    with pytest.raises(
        InputError, match="problem 'q', sample 1: its step 1 contains '<pad>', which the model"
    ):
        scored(verifier, problems, sample_table({"p": ["5"], "q": ["5", "5\n5 <pad>", "5\n5 <pad>"]}))
    with pytest.raises(
        InputError, match=r"problem 'p', sample 2 has \d+ tokens with its problem and the model's"
    ):
        scored(verifier, problems, sample_table({"p": ["5", "6", "7 " * 300]}))


# Revisions

CHAINS = {
    ("p", 0): ["so 5", "so 6\n\n7.", "so 5"],
    ("p", 1): ["so 5", "so 6\n\n7."],
    ("q", 0): ["so 5", "\n", "a\nb"],
}


def revised(verifier, problems, max_context, chains=CHAINS, work=None, batch=100):
    table = chain_table(chains)
    solutions = solutions_of(problems, table, contexts(table, max_context))
    made = score_in_blocks(verifier, solutions, work or Work(), batch, unreported)
    last = made.select(pl.col("step_scores").list.last().alias("score"), "tokens")
    frame = pl.concat([table.select("problem_id", "chain", "step"), last], how="horizontal")
    return CHAIN_SCORES.check(frame, "here")


def test_the_problem_with_earlier_answers():
    assert problem_with_context("Why?", []) == "Why?"
    assert problem_with_context("Why?", ["a\nb\n", "c"]) == "Why?\n\nAttempt 1:\na\nb\n\nAttempt 2:\nc"


@pytest.mark.parametrize("max_context", [0, 1, 4])
@pytest.mark.parametrize("batch", [1, 100])
def test_a_revision_has_the_score_of_its_last_step(problems, max_context, batch):
    table = revised(Scorer(), problems, max_context, batch=batch)
    expected = []
    for (name, chain), texts in CHAINS.items():
        for step, solution in enumerate(texts):
            before = texts[:step][-max_context:] if max_context else []
            problem, steps = problem_with_context(QUESTIONS[name], before), steps_of(solution)
            score, tokens = (drawn(problem, steps), words_of(problem, steps)) if steps else (0.0, 0)
            expected.append((name, chain, step, score, tokens))
    assert table.rows() == expected


def test_equal_revisions_are_read_once(problems):
    """Also where one was cut and the other not, which a text does not say."""
    verifier = Scorer()
    table = revised(verifier, problems, 0)
    assert len(verifier.read) == len(set(verifier.read)) == 4
    assert table["tokens"].sum() > verifier.tokens_scored
    verifier = Scorer()
    revised(verifier, problems, 4)
    assert len(verifier.read) == len(set(verifier.read)) == 5  # the second `so 5` has read another answer


class SeesEnds(Scorer):
    """Its readings depend on whether a solution was cut."""

    reads_end = True


def test_what_reads_alike_is_one():
    rows = [  # problem, text, ended, context
        ("p", "a", True, []),
        ("p", "a", True, ["b"]),  # another context
        ("q", "a", True, []),  # another question
        ("p", "a", True, []),
        ("p", "a", False, []),  # no end token after it
        ("p", "a", True, ["b", "a"]),
        ("p", "a", True, ["a", "b"]),
        ("p", "a", True, ["b"]),
    ]
    solutions = [Solution(problem, text, "it", ended, context) for problem, text, ended, context in rows]
    for verifier, count in ((SeesEnds(), 6), (Scorer(), 5)):
        told = []
        made = score_in_blocks(
            verifier, solutions, Work(), 99, lambda *each, told=told: told.append(each[:2])
        )
        assert len(made) == 8 and len(verifier.read) == count and told == [(count, count)]
    assert score_in_blocks(Scorer(), [], Work(), 99, lambda *_: None).is_empty()


def test_a_killed_scoring_of_revisions_goes_on(problems, tmp_path):
    verifier, whole = Scorer(), Scorer()
    made, deaths = until_done(
        tmp_path / "work", lambda work: revised(verifier, problems, 4, work=work, batch=2)
    )
    assert deaths == 6
    assert made.equals(revised(whole, problems, 4))
    assert sorted(verifier.read) == sorted(whole.read) and len(set(verifier.read)) == len(verifier.read)


def test_a_revision_that_cannot_be_read_is_told_with_its_place(verifier, problems):
    with pytest.raises(InputError, match="problem 'q', chain 1, step 1: its step 0 contains '<pad>'"):
        revised(verifier, problems, 0, {("p", 0): ["5"], ("q", 1): ["5", "<pad>"]})
    with pytest.raises(
        InputError, match="problem 'p', chain 0, step 1: the verifier gave 1 scores to 2 steps"
    ):
        revised(Outcome(), problems, 0)


@pytest.mark.parametrize(
    ("size", "seconds", "after"), [(64, 10, 128), (64, 30, 64), (64, 60, 64), (64, 240, 16), (1, 600, 0)]
)
def test_blocks_of_scores_take_about_a_minute(size, seconds, after):
    assert paced(size, seconds, every=60) == after
