"""Revision trajectories against brute force, and chains against one answer at a time."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.support.tiny import SEED, TASK, random_model, saved
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.sampling import Draw, select_problems, solutions_frame
from ttc.problems import formats, text
from ttc.problems.contexts import contexts
from ttc.problems.formats import LINES
from ttc.problems.tasks import clock
from ttc.revision.chains import revise
from ttc.revision.pairs import choose_context, make_pairs, successes
from ttc.tables.revisions import CHAINS, PAIRS


def edit_distance(a, b):
    """Insertions, deletions and substitutions, by the textbook table."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def test_the_textbook_table():
    assert [edit_distance(*pair) for pair in (("kitten", "sitting"), ("", "abc"), ("flaw", "lawn"))] == [
        3,
        3,
        2,
    ]


# Trajectories

WORDS = st.text("ab1\n", max_size=9)


@given(WORDS, st.lists(WORDS, max_size=8, unique=True), st.integers(0, 6), st.integers(0, 99))
def test_the_nearest_incorrect_solution_comes_last(target, wrong, count, seed):
    context, distance = choose_context(target, wrong, count, np.random.default_rng(seed))
    assert len(context) == len(set(context)) == min(count, len(wrong))
    assert set(context) <= set(wrong)
    if not context:
        assert distance is None
        return
    distances = [edit_distance(each, target) for each in wrong]
    assert distance == min(distances)
    assert context[-1] == wrong[distances.index(min(distances))]  # the earlier one on a tie


def test_the_other_solutions_are_drawn_evenly():
    wrong = ["near", *[f"far away {index}" for index in range(6)]]
    drawn = [choose_context("nea", wrong, 3, np.random.default_rng(seed))[0] for seed in range(3000)]
    assert {each[-1] for each in drawn} == {"near"}
    for place in (0, 1):
        counts = [sum(each[place] == name for each in drawn) for name in wrong[1:]]
        assert stats.chisquare(counts).pvalue > 0.0005


def samples_of(problems):
    """Rows (problem, text, answer, correct) as a table of samples."""
    counts: dict[str, int] = {}
    rows = []
    for name, solution, answer, correct in problems:
        counts[name] = counts.get(name, -1) + 1
        rows.append((name, counts[name], solution, answer, correct))
    schema = {"problem_id": str, "sample_index": int, "text": str, "answer": str, "correct": bool}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_trajectories_of_a_small_pool():
    samples = samples_of(
        [
            ("p", "right 1", "1", True),
            ("p", "wrong 2", "2", False),
            ("p", "no answer", None, False),
            ("p", "right 1", "1", True),
            ("p", "wrong 2", "2", False),  # an equal text counts once
            ("p", "also right", "1", True),
            ("unsolved", "wrong", "3", False),
            ("solved", "right", "4", True),
        ]
    )
    pairs = PAIRS.check(make_pairs(samples, 4, None, seed=1), "here")
    assert pairs.filter(problem_id="unsolved").is_empty()  # nothing correct to end in
    # one for each correct sample, in their order
    assert pairs.filter(problem_id="p")["target"].to_list() == ["right 1", "right 1", "also right"]
    assert make_pairs(samples, 4, 2, seed=1).equals(pairs.filter(pl.col("pair") < 2))
    for context, target, distance in (
        pairs.filter(problem_id="p").select("context", "target", "distance").rows()
    ):
        assert context in ([], ["wrong 2"])
        assert distance == (edit_distance("wrong 2", target) if context else None)
    solved = pairs.filter(problem_id="solved")  # nothing incorrect to begin with
    assert solved.select("context", "distance").rows() == [([], None)]


def test_contexts_are_incorrect_and_their_number_is_uniform():
    problems = [
        (f"p{index:03d}", f"{kind} {number}", str(number), kind == "right")
        for index in range(400)
        for kind, count in (("right", 3), ("wrong", 6))
        for number in range(count)
    ]
    pairs = make_pairs(samples_of(problems), 4, 3, seed=2)
    assert len(pairs) == 1200
    assert pairs["context"].explode(empty_as_null=False, keep_nulls=False).str.starts_with("wrong").all()
    assert pairs["target"].str.starts_with("right").all()
    counts = np.bincount(pairs["context"].list.len().to_numpy())
    assert len(counts) == 5 and stats.chisquare(counts).pvalue > 0.0005


def test_trajectories_depend_on_the_seed_and_their_own_problem_only():
    problems = [
        (f"p{index}", f"{kind} {number}", str(number), kind == "right")
        for index in range(6)
        for kind, count in (("right", 2), ("wrong", 6))
        for number in range(count)
    ]
    samples = samples_of(problems)
    whole = make_pairs(samples, 4, 4, seed=3)
    assert make_pairs(samples.sample(fraction=1.0, shuffle=True, seed=1), 4, 4, seed=3).equals(whole)
    alone = make_pairs(samples.filter(problem_id="p4"), 4, 4, seed=3)
    assert alone.equals(whole.filter(problem_id="p4"))
    assert not make_pairs(samples, 4, 4, seed=4).equals(whole)


def test_no_samples():
    assert PAIRS.check(make_pairs(samples_of([]), 4, 4, seed=0), "here").is_empty()


def chains_of(verdicts):
    """Chains written as verdicts, such as {"p": ["-+", "+"]}; the text names problem, chain and step."""
    rows = [
        (name, chain, step, f"{name} {chain} {step}", mark == "+")
        for name, each in verdicts.items()
        for chain, marks in enumerate(each)
        for step, mark in enumerate(marks)
    ]
    schema = {"problem_id": str, "chain": int, "step": int, "text": str, "correct": bool}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_successes_by_hand():
    chains = chains_of({"p": ["-+", "--+", "---", "+"], "q": ["-+", "-+", "--"]})
    pairs = PAIRS.check(successes(chains, seed=0), "here")
    # five successes of three lengths: two of each, so one of three of length 2 is left out and the others come twice
    assert sorted(pairs["context"].list.len()) == [0, 0, 1, 1, 2, 2]
    longest = pairs.filter(pl.col("context").list.len() == 2)
    expected = (["p 1 0", "p 1 1"], "p 1 2", 1)
    assert longest.select("context", "target", "distance").rows() == [expected] * 2
    assert pairs.filter(pl.col("context").list.len() == 1)["target"].n_unique() == 2
    assert (
        pairs.filter(pl.col("context").list.len() == 0).select("target", "distance").rows()
        == [("p 3 0", None)] * 2
    )


@given(st.lists(st.lists(st.integers(0, 5), max_size=8), max_size=5), st.integers(0, 5))
def test_successes_are_as_many_of_each_length(failures, seed):
    """Chains of 0 … 3 failures before a success; 4 and 5 failures never succeed."""
    marks = {f"p{index}": ["-" * n + "+" * (n < 4) for n in each] for index, each in enumerate(failures)}
    chains = chains_of(marks)
    pairs = PAIRS.check(successes(chains, seed), "here")
    lengths = [n + 1 for each in failures for n in each if n < 4]
    share = -(-len(lengths) // max(1, len(set(lengths))))
    assert sorted(pairs["context"].list.len() + 1) == sorted([*set(lengths)] * share)
    for length, rows in pairs.group_by(length=pl.col("context").list.len() + 1):
        times = rows["target"].value_counts()["count"]
        # repeated in turn: none twice before all were taken once
        assert len(times) == min(share, lengths.count(length[0])) and times.max() - times.min() <= 1
    verdict = dict(chains.select("text", "correct").iter_rows())
    assert all(verdict[target] for target in pairs["target"])
    assert not any(verdict[each] for context in pairs["context"] for each in context)
    assert successes(chains.sample(fraction=1.0, shuffle=True, seed=1), seed).equals(pairs)


# Chains


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reviser") / "reviser"
    return TransformersEngine(saved(random_model(tie_word_embeddings=True), folder), device="cpu")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy") / "policy"
    return TransformersEngine(saved(random_model(seed=1, tie_word_embeddings=True), folder), device="cpu")


@pytest.fixture(scope="module")
def problems():
    return select_problems(clock.make_problems(TASK, SEED), "test", [0, 5])


LENGTHS = [7, 7, 3, 1, 1]


def silent(done, total, tokens=None, before=0):
    assert before <= done <= total


def chains(engine, first, problems, lengths=LENGTHS, max_context=4, seed=5, **more):
    draw = Draw(seed, 1.0, 8, 16)
    frame = revise(engine, first, LINES, problems, lengths, max_context, draw, report=silent, **more)
    return CHAINS.check(frame, "here")


@pytest.fixture(scope="module")
def known(engine, first, problems):
    return chains(engine, first, problems)


def test_every_chain_has_its_length(known):
    assert known.select("problem_id", "chain", "step").rows() == [
        (f"test-{row:06d}", chain, step)
        for row in range(5)
        for chain, length in enumerate(LENGTHS)
        for step in range(length)
    ]


def test_chains_equal_one_answer_at_a_time(engine, first, problems, known):
    """Each made alone: the first by the policy, the others by the reviser that reads the last four before it."""
    for problem in (problems.row(0, named=True), problems.row(3, named=True)):
        name = problem["problem_id"]
        for chain, length in enumerate(LENGTHS):
            history = []
            for step in range(length):
                prompt = text.prompt_text(problem["question"], history[-4:])
                (tokens,) = text.encode_prompts(engine.tokenizer, [prompt])
                stream = noise.substreams(noise.stream(5, "revise", name, chain), step)
                writer = first if step == 0 else engine
                made = writer.extend(writer.prefill([tokens]), np.array([stream]), "end", 1.0, 8)
                expected = solutions_frame(LINES, engine.tokenizer, made, [problem["answer"]]).row(
                    0, named=True
                )
                row = known.filter(problem_id=name, chain=chain, step=step).row(0, named=True)
                assert {key: row[key] for key in expected} == expected | {
                    "logprob": np.float32(expected["logprob"])
                }
                assert row["context_tokens"] == len(tokens)
                history.append(row["text"])
    assert known["text"].n_unique() > 60


def test_chains_do_not_depend_on_other_problems_or_batches(engine, first, problems, known):
    engine.batch_rows = 8
    apart = CHAINS.check(
        pl.concat([chains(engine, first, problems[:2]), chains(engine, first, problems[2:])]),
        "here",
    )
    engine.batch_rows = 1024
    assert apart.equals(known)
    assert chains(engine, first, problems, [7, 7]).equals(
        known.filter(pl.col("chain") < 2)
    )  # nor on other chains


def test_the_context_reaches_back_only_so_far(engine, first, problems):
    one = chains(engine, first, problems, [4], max_context=1)
    four = chains(engine, first, problems, [4], max_context=4)
    early = pl.col("step") < 2  # up to the second answer both saw the same
    assert one.filter(early).equals(four.filter(early))
    assert not one["text"].equals(four["text"])
    longest = one.group_by("problem_id").agg(pl.col("context_tokens").filter(pl.col("step") > 0).max())
    assert longest["context_tokens"].max() <= 9 + 8 + 3  # question, one answer, `Again` between line ends


def test_contexts_are_the_texts_that_were_read(engine, first, problems, known):
    before = contexts(known, 4)
    questions = dict(problems.select("problem_id", "question").iter_rows())
    prompts = [
        text.prompt_text(questions[name], context)
        for name, context in zip(known["problem_id"], before, strict=True)
    ]
    lengths = [len(each) for each in text.encode_prompts(engine.tokenizer, prompts)]
    assert lengths == known["context_tokens"].to_list()

    read = []

    class Spy:
        def __init__(self, engine):
            self.engine, self.tokenizer, self.fork, self.queue = (
                engine,
                engine.tokenizer,
                engine.fork,
                engine.queue,
            )

        def prefill(self, prompts):
            read.extend(tuple(each) for each in prompts)
            return self.engine.prefill(prompts)

    chains(Spy(engine), Spy(first), problems)
    assert sorted(read) == sorted(map(tuple, text.encode_prompts(engine.tokenizer, prompts)))


def graded(monkeypatch, correct):
    """Let a text be graded by the function `correct` of it."""
    monkeypatch.setattr(formats, "grade_line", lambda solution, gold: ("7", correct(solution)))


def test_nothing_of_the_verdicts_reaches_the_reviser(engine, first, problems, known, monkeypatch):
    """Whatever is correct, the same texts are read and written: nobody tells the reviser."""
    for correct in (True, False):
        graded(monkeypatch, lambda solution, correct=correct: correct)
        made = chains(engine, first, problems)
        assert made["correct"].all() is correct
        assert made.drop("answer", "correct").equals(known.drop("answer", "correct"))


def test_chains_end_with_their_first_correct_answer_where_that_is_asked_for(
    engine, first, problems, monkeypatch
):
    graded(monkeypatch, lambda solution: len(solution) % 4 == 0)
    whole, cut = chains(engine, first, problems), chains(engine, first, problems, until_correct=True)
    marks = {
        key: rows["correct"].to_list()
        for key, rows in whole.group_by("problem_id", "chain", maintain_order=True)
    }
    kept = {key: marks[key].index(True) + 1 if any(marks[key]) else len(marks[key]) for key in marks}
    assert len(set(kept.values())) > 1 and sum(kept.values()) < len(whole)
    places = [(*key, step) for key, count in kept.items() for step in range(count)]
    assert cut.select("problem_id", "chain", "step").rows() == places
    assert cut.equals(whole.join(cut, on=["problem_id", "chain", "step"], how="semi", maintain_order="left"))


def test_contexts_by_hand():
    frame = pl.DataFrame(
        {
            "problem_id": ["p"] * 7 + ["q"],
            "chain": [0, 0, 0, 0, 1, 1, 2, 0],
            "step": [0, 1, 2, 3, 0, 1, 0, 0],
            "text": list("abcdefgh"),
        }
    )
    assert contexts(frame, 2) == [[], ["a"], ["a", "b"], ["b", "c"], [], ["e"], [], []]
    assert contexts(frame[:4], 9)[3] == ["a", "b", "c"]
    assert contexts(frame[:0], 4) == []
    assert contexts(frame, 0) == [[]] * 8
