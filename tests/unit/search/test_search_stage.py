"""The stage `search`: blocks, tables and costs, with a policy written out as a table."""

import numpy as np
import polars as pl
import pytest

from tests.support.toy import END, ToyEngine, ToyStepVerifier, keyed
from tests.support.toy import text as tokens
from ttc import noise
from ttc.errors import InputError
from ttc.runtime import Work
from ttc.search.strategy import Strategy
from ttc.stages.search import (
    candidate_table,
    problem_streams,
    search_problems,
    tree_table,
)
from ttc.tables.generation import PROBLEMS
from ttc.tables.search import CANDIDATES, TREE
from ttc.verifiers.follow import require_same_tokens

SPEC = {
    "seed": 3,
    "strategy": {"kind": "beam", "width": 2},
    "budget": 4,
    "temperature": 1.0,
    "max_tokens": 30,
    "max_step_tokens": None,
    "max_rounds": 10,
    "finished": "shrink",
    "duplicates": "keep",
}


class Characters:
    """A tokenizer whose tokens are characters; `$` is the end token."""

    bos_token_id = None
    eos_token_id = END

    def __call__(self, texts, add_special_tokens):
        return {"input_ids": [tokens(each) for each in texts]}

    def batch_decode(self, solutions, skip_special_tokens, clean_up_tokenization_spaces):
        return ["".join(chr(token) for token in solution if token != END) for solution in solutions]


def policy(prefix):
    """A first step `a.` or `b.`, then the answer line: 1 or 2."""
    solution = prefix[prefix.index("\n") + 1 :]
    if not solution:
        return {"a": 0.5, "b": 0.5}
    if solution in "ab":
        return {".": 1.0}
    line = "\nAnswer: "
    written = solution[2:]
    if len(written) < len(line):
        return {line[len(written)]: 1.0}
    return {"1": 0.5, "2": 0.5} if len(written) == len(line) else {"$": 1.0}


@pytest.fixture
def problems():
    return pl.DataFrame(
        {
            "problem_id": [f"test-{index}" for index in range(5)],
            "split": "test",
            "level": 1,
            "question": [f"What is {index}?" for index in range(5)],
            "answer": ["1", "2", "1", "2", "1"],
            "solution": "",
        },
        schema=PROBLEMS.dtypes,
    )


def searched(problems, rows=1000, **changes):
    engine = ToyEngine(policy)
    engine.tokenizer = Characters()
    verifier = ToyStepVerifier(lambda prefix: keyed(noise.stream(1, prefix), 0))
    return search_problems(engine, verifier, problems, SPEC | changes, rows), engine


def test_tables_are_what_the_schemas_ask(problems, tmp_path):
    results, engine = searched(problems)
    candidates = candidate_table(problems, results, engine.tokenizer)
    candidates = CANDIDATES.write(candidates, tmp_path / "candidates.parquet")
    tree = TREE.write(tree_table(problems, results, engine.tokenizer), tmp_path / "tree.parquet")
    assert candidates.height == 5 * 4
    costs = candidates.unique("problem_id")
    assert costs["generated_tokens"].sum() == engine.tokens_generated
    assert set(candidates["generations"]) == {4.0}
    gold = dict(zip(problems["problem_id"], problems["answer"], strict=True))
    for row in candidates.iter_rows(named=True):
        assert row["text"][:2] in ("a.", "b.") and row["answer"] == row["text"][-1]
        assert row["correct"] == (row["answer"] == gold[row["problem_id"]])
        assert len(row["step_scores"]) == 2
    assert tree.height == 5 * 8


def test_a_candidate_without_an_answer_line_has_no_answer(problems):
    results, engine = searched(problems, max_tokens=8)
    candidates = candidate_table(problems, results, engine.tokenizer)
    assert set(candidates["text"].str.slice(1)) == {".\nAnswe"}
    assert candidates["answer"].is_null().all() and not candidates["correct"].any()
    assert set(candidates["finish_reason"]) == {"length"}


def test_a_tree_says_what_each_step_was(problems):
    results, engine = searched(problems)
    tree = tree_table(problems, results, engine.tokenizer)
    assert set(tree.filter(pl.col("parent") == -1)["text"]) == {"a.", "b."}


def test_neither_blocks_nor_order_change_a_search(problems):
    together, engine = searched(problems)
    by_one, _ = searched(problems, rows=1)
    assert together == by_one
    assert max(sum(rows for rows, *_ in groups) for groups in engine.takes) == 20
    assert searched(problems.reverse())[0] == together[::-1]


def test_options_reach_the_search(problems):
    assert {len(result.candidates) for result in searched(problems, max_step_tokens=1)[0]} == {4}
    cut = searched(problems, max_step_tokens=1)[0][0].candidates
    assert {candidate.finish for candidate in cut} == {"length"}
    kept = searched(problems, finished="keep", duplicates="drop")[0]
    assert all(result.bill.generations == 4 for result in kept)
    ahead = searched(problems, strategy={"kind": "lookahead", "width": 2, "depth": 3})[0]
    assert all(result.bill.generations == 16 and result.bill.rollout_tokens for result in ahead)
    for strategy in ({"kind": "dvts", "width": 2}, {"kind": "rebase", "temperature": 0.2}):
        results = searched(problems, strategy=strategy, duplicates="drop")[0]
        assert all(len(result.candidates) == result.bill.generations == 4 for result in results)


def test_one_method_under_two_names_draws_the_same():
    names = ["test-1", "test-2"]
    square, four = Strategy("beam", "sqrt"), Strategy("beam", 4)
    assert np.array_equal(problem_streams(0, square, 16, names), problem_streams(0, four, 16, names))
    assert not np.array_equal(problem_streams(0, square, 64, names), problem_streams(0, four, 64, names))
    assert len(set(problem_streams(0, four, 16, names))) == 2
    subtrees = Strategy("dvts", 4)
    assert np.array_equal(problem_streams(0, subtrees, 4, names), problem_streams(0, four, 4, names))
    assert not np.array_equal(problem_streams(0, subtrees, 16, names), problem_streams(0, four, 16, names))


def test_a_verifier_of_another_vocabulary_is_refused():
    """The verifier reads the tokens that the policy made; numbered otherwise they would be other words."""

    class Vocabulary:
        def __init__(self, *words):
            self.words = words

        def get_vocab(self):
            return {word: index for index, word in enumerate(self.words)}

    require_same_tokens(Vocabulary("a", "b"), Vocabulary("a", "b"))
    with pytest.raises(InputError, match="the policy's tokens are not the verifier's"):
        require_same_tokens(Vocabulary("a", "b"), Vocabulary("b", "a"))


def test_a_bill_that_does_not_add_up_stops_the_stage(problems):
    engine = ToyEngine(policy)
    engine.tokenizer = Characters()

    class Careless(ToyStepVerifier):
        def score_more(self, state, steps, rollouts):
            self.tokens_scored += 1
            return super().score_more(state, steps, rollouts)

    with pytest.raises(RuntimeError, match="billed"):
        search_problems(engine, Careless({}), problems, SPEC, 1000)


def test_runs_of_a_search_share_no_noise_and_the_first_is_not_numbered():
    four, names = Strategy("beam", 4), ["test-1", "test-2", "test-3"]
    streams = np.stack([problem_streams(0, four, 16, names, repeat) for repeat in range(50)])
    assert np.array_equal(streams[0], problem_streams(0, four, 16, names))
    assert len(set(streams.ravel().tolist())) == streams.size
    # Numbers of two runs at the same place are as if drawn independently
    numbers = noise.uniform(streams[:, :1], np.arange(4000))
    correlations = np.corrcoef(numbers)[np.triu_indices(50, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(4000)


def test_a_run_does_not_depend_on_the_blocks_of_problems(problems):
    again, _ = searched(problems, repeat=3)
    assert again == searched(problems, rows=1, repeat=3)[0] != searched(problems)[0]
    assert searched(problems, repeat=0)[0] == searched(problems)[0]


def test_runs_end_differently_as_often_as_chance_has_it(problems):
    """Each first step is `a` or `b` by halves, so two runs agree in the one of a problem's first beam by halves."""
    many = pl.concat([problems.with_columns(pl.col("problem_id") + f"-{each}") for each in range(20)])
    runs = [searched(many, repeat=repeat)[0] for repeat in range(4)]
    firsts = np.array([[result.nodes[0].tokens[0] for result in run] for run in runs])
    agree = np.mean([(firsts[a] == firsts[b]).mean() for a in range(4) for b in range(a)])
    assert abs(agree - 0.5) < 5 * 0.5 / np.sqrt(100 * 3)


def test_kept_work_does_not_depend_on_the_order_in_which_problems_end(problems, tmp_path):
    """Problems end in an order of chance; blocks hold what has ended, and the tables are those of one go."""
    many = pl.concat([problems.with_columns(pl.col("problem_id") + f"-{each}") for each in range(6)])
    many = many.sort("problem_id")
    engine = ToyEngine(policy)
    engine.tokenizer = Characters()
    verifier = ToyStepVerifier(lambda prefix: keyed(noise.stream(1, prefix), 0))
    whole = search_problems(engine, verifier, many, SPEC, 1000)
    written = [(CANDIDATES, candidate_table(many, whole, engine.tokenizer))]
    written += [(TREE, tree_table(many, whole, engine.tokenizer))]
    work, orders = Work(), []
    for lives in (2, 1, 99):
        engine.shuffled = np.random.default_rng(lives)
        add = Dying(work, lives)
        try:
            search_problems(engine, verifier, many, SPEC, 12, add)
        except KeyboardInterrupt:
            orders.append([block["tree"]["problem_id"].unique(maintain_order=True) for block in work.blocks])
    assert [len(each) for each in orders] == [2, 3] and len(work.blocks) > 5
    ended = pl.concat(orders[-1])
    assert len(ended) == len(ended.unique()) and ended.to_list() != ended.sort().to_list()
    for table, frame in written:
        one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
        table.write(frame, one)
        table.write(work.table(table.name), other)
        assert one.read_bytes() == other.read_bytes()


class Dying(Work):
    """Work that is kept in another one, of a job that is killed when it has kept `lives` blocks."""

    def __init__(self, work, lives):
        super().__init__()
        self._blocks, self.lives = work.blocks, lives

    def add(self, **tables):
        super().add(**tables)
        self.lives -= 1
        if not self.lives:
            raise KeyboardInterrupt
