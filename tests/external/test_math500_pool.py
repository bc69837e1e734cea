"""Real data: MATH-500 completions of Llama-3.2-3B and 1B, votes published with them, and published grading pairs.

The files are not part of the project.  They are looked for in `../shared/data` beside it, or where TTC_DATA says.
The numbers asserted are those of the data's own README (Math-Verify 0.9.0) and those measured once with this code.
"""

import json
import os
import re
import time
from collections import Counter
from itertools import combinations, permutations
from pathlib import Path

import polars as pl
import pytest

from tests.support import specs
from tools import grading_table
from ttc.errors import InputError
from ttc.grading import answers
from ttc.grading.grader import Grader, read
from ttc.problems import formats, pool_files
from ttc.problems.pool_grading import grade
from ttc.runtime import Runtime
from ttc.stages import compare_votes, evaluate, import_pool
from ttc.tables import generation
from ttc.tables.analysis import OUTCOMES
from ttc.tables.generation import SAMPLES, SCORES

DATA = Path(os.environ.get("TTC_DATA", Path(__file__).parents[3] / "shared" / "data"))
PROBLEMS = DATA / "math500_test.jsonl"
POOL = DATA / "pools" / "math500_llama_3b_1b_prm_scored.parquet"
VOTES = DATA / "pools" / "math500_llama_3b_1b_reference_votes.parquet"
PAIRS = DATA / "grading_pairs.jsonl"
GSM8K = DATA / "pools" / "gsm8k_openai_model_solutions.parquet"

pytestmark = pytest.mark.skipif(
    not (POOL.is_file() and PROBLEMS.is_file() and VOTES.is_file() and PAIRS.is_file()),
    reason=f"the real pool is not here: {DATA} lacks it (set TTC_DATA to the folder that holds math500_test.jsonl)",
)

HEADER_RUN = "data_iclr/best_of_n/AMead10Llama-3.2-3B-Instruct-AWQ-_n1_b0.1_q500_period0_model_len10000.jsonl"
COLUMNS = {
    "problem_id": "unique_id",
    "run": "run",
    "sample": "sample",
    "text": "completion",
    "step_scores": "step_scores",
    "tokens": "completion_tokens",
    "correct": "correct_math_verify",
}
LEADING = [{"where": {"run": [HEADER_RUN]}, "count": 1}]
IID = {"kind": ["iid", "near_iid_no_pruning"]}
ALL_ROWS = {"columns": COLUMNS, "leading_scores": LEADING}
OF_PROBLEMS = {
    "columns": {
        "problem_id": "unique_id",
        "question": "problem",
        "answer": "answer",
        "solution": "solution",
        "level": "level",
    },
    "split": "test",
}
SPEC = {
    "problems": OF_PROBLEMS,
    "pools": {
        "policy": ALL_ROWS | {"where": IID | {"model": ["Llama-3.2-3B-Instruct-AWQ"]}},
        "llama_1b": {"columns": COLUMNS, "where": IID | {"model": ["Llama-3.2-1B-Instruct-AWQ"]}},
    },
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    output = tmp_path_factory.mktemp("pool") / "imported"
    files = {"problems": [PROBLEMS], "pool_policy": [POOL], "pool_llama_1b": [POOL]}
    import_pool.run(specs.pools(SPEC), files, output, Runtime())
    return output


@pytest.fixture(scope="module")
def grader():
    """One for all tests, because it remembers what it decided."""
    with Grader() as grader:
        yield grader


@pytest.fixture(scope="module")
def whole(grader):
    """All 6,100 rows, graded: the pool and the table of distinct answers, and the seconds it took."""
    problems = pool_files.read_problems(PROBLEMS, **OF_PROBLEMS)
    pool = pool_files.read_pool([POOL], specs.pool(ALL_ROWS), problems["problem_id"], keep=["q"])
    gold = dict(problems.select("problem_id", "answer").iter_rows())
    started = time.monotonic()
    graded, distinct = grade(pool, gold, specs.pools(SPEC)["grading"], grader)
    assert grader.counts["timeout"] == grader.counts["error"] == 0
    return graded, distinct, time.monotonic() - started


def test_the_import_gives_the_tables_of_a_study(imported):
    problems = generation.PROBLEMS.read(imported / "problems.parquet")
    assert problems["level"].value_counts().sort("level").rows() == [
        (1, 43),
        (2, 90),
        (3, 105),
        (4, 128),
        (5, 134),
    ]
    for name, per_question, accuracy in (("policy", 6, 0.41), ("llama_1b", 3, 0.20)):
        samples = SAMPLES.read(imported / f"{name}.samples.parquet")
        scores = SCORES.read(imported / f"{name}.scores.parquet")
        assert samples.group_by("problem_id").len()["len"].to_list() == [per_question] * 500
        assert samples.select("problem_id", "sample_index").equals(
            scores.select("problem_id", "sample_index")
        )
        assert samples["correct"].mean() == pytest.approx(accuracy, abs=0.01)
        steps = samples["text"].str.count_matches("\n\n", literal=True) + 1
        assert (steps == scores["step_scores"].list.len()).all()
    samples = SAMPLES.read(imported / "policy.samples.parquet")
    assert samples["tokens"].null_count() == 2500  # only the run of single completions has counts
    assert samples["tokens"].drop_nulls().mean() == pytest.approx(462, abs=1)


def test_coverage_is_the_share_of_subsets_with_a_correct_sample(imported, tmp_path):
    """pass@k by the unbiased estimator, against counting all subsets of k of the six samples."""
    files = {"problems": [imported / "problems.parquet"], "samples": [imported / "policy.samples.parquet"]}
    files["scores"] = [imported / "policy.scores.parquet"]
    spec = specs.of("evaluate", budgets=[1, 2, 4], replicates=20)
    evaluate.run(spec, files, tmp_path / "outcomes.parquet", Runtime())
    outcomes = OUTCOMES.read(tmp_path / "outcomes.parquet").filter(strategy="pass_at_k")
    samples = SAMPLES.read(imported / "policy.samples.parquet")
    correct = {name: rows["correct"].to_list() for (name,), rows in samples.group_by("problem_id")}
    for problem_id, k, estimate in outcomes.select("problem_id", "budget", "correct").iter_rows():
        counted = [any(subset) for subset in combinations(correct[problem_id], k)]
        assert estimate == pytest.approx(sum(counted) / len(counted), abs=1e-12)
    means = outcomes.group_by("budget").agg(pl.col("correct").mean().round(3)).sort("budget")
    assert means.rows() == [(1, 0.409), (2, 0.529), (4, 0.635)]


def test_the_header_scores_are_refused_unless_dropped():
    section = {"columns": COLUMNS, "where": {"run": [HEADER_RUN]}}
    spec = specs.pool(section)
    problems = pool_files.read_problems(PROBLEMS, **OF_PROBLEMS)["problem_id"]
    with pytest.raises(InputError, match=r"4 step scores for 3 steps .* \(500 rows are like this\)"):
        pool_files.read_pool([POOL], spec, problems)
    dropped = specs.pool(section | {"leading_scores": LEADING})
    assert len(pool_files.read_pool([POOL], dropped, problems)) == 500
    surplus = specs.pool({"columns": COLUMNS, "leading_scores": [{"count": 1, "surplus": True}]})
    assert len(pool_files.read_pool([POOL], surplus, problems)) == 6100


def test_extraction_finds_the_published_answers():
    pool = pl.read_parquet(POOL, columns=["completion", "answer"])
    found = pl.Series([answers.find(text).answer for text in pool["completion"]], dtype=pl.String)
    assert found.equals(pool["answer"].str.strip_chars(), null_equal=True)


def test_grades_against_the_recorded_verdicts(whole):
    """The pool's verdicts are Math-Verify's own; ours differ where exact arithmetic or whole parsing decides."""
    graded, distinct, seconds = whole
    assert len(graded) == 6100 and seconds < 60
    recorded = graded.drop_nulls("stated").group_by("problem_id", "stated").agg(pl.col("recorded").first())
    pairs = distinct.join(recorded, left_on=["problem_id", "answer"], right_on=["problem_id", "stated"])
    differ = pairs.filter(pl.col("correct") != pl.col("recorded")).sort("problem_id", "answer")
    print(differ.select("problem_id", "answer", "correct", "recorded", "how", "samples"))
    assert len(pairs) == 2574
    assert differ.select("answer", "correct", "how").rows() == [
        (r"4^\frac{3}{2}", False, "math"),  # is 8; gold 3/2; read as 3/2 by Math-Verify
        ("0.00006667", False, "number"),  # gold .0000672, equal to Math-Verify after rounding to six decimals
        ("0.0000668", False, "number"),
        ("0.000067", False, "number"),
    ]
    assert differ["samples"].sum() == 4
    assert (pairs["correct"] == pairs["equal"]).all()  # no class mixes right and wrong answers


def test_names_that_do_not_depend_on_other_answers_hardly_change_votes(whole):
    """Of studies that sample, against the classes of all answers that pools have."""
    gold = dict(pool_files.read_problems(PROBLEMS, **OF_PROBLEMS).select("problem_id", "answer").iter_rows())
    shares, pairs, differ = {"classes": [], "names": []}, 0, 0
    for (problem,), rows in whole[0].drop_nulls("stated").group_by("problem_id"):
        named = [
            formats.name(gold[problem] if right else stated)
            for stated, right in rows.select("stated", "correct").iter_rows()
        ]
        both = {"classes": rows["answer"].to_list(), "names": named}
        for how, called in both.items():
            votes = Counter(called)
            won = [answer for answer in votes if votes[answer] == max(votes.values())]
            right = {answer for answer, correct in zip(called, rows["correct"], strict=True) if correct}
            shares[how].append(len(right.intersection(won)) / len(won))
        for (one, first), (other, second) in combinations(zip(*both.values(), strict=True), 2):
            pairs += 1
            differ += (one == other) != (first == second)
    means = {how: round(sum(each) / len(problems_of(whole)), 4) for how, each in shares.items()}
    print(f"{differ} of {pairs:,} pairs; majority votes that are right: {means}")
    assert (differ, pairs) == (86, 37429)
    assert means == {"classes": 0.5384, "names": 0.5396}


def problems_of(whole) -> list[str]:
    """All problems, also those without any answer."""
    return whole[0]["problem_id"].unique().to_list()


def test_votes_agree_with_the_published_ones(whole, grader):
    pool = whole[0].with_columns(pl.col("stated").alias("answer"), pl.col("q").cast(pl.String))
    rules = {"maj": "majority", "naive": "best_of_n", "weighted": "best_of_n_weighted"}
    votes = compare_votes.read_votes(VOTES, {"question": "q", "answer": "pred"}, rules)
    compared = compare_votes.compare(pool, "q", votes, grader)
    assert len(compared) == 13500
    answered = compared.filter("all_answered")
    assert len(answered) == 11556
    assert answered["agree"].mean() >= 0.99  # string normal forms alone agree on .987 (data/README.md)
    for (run_name, rule), cells in answered.group_by("run", "rule"):
        assert cells["agree"].mean() >= 0.98, (run_name, rule)
    reasons = Counter(answered.filter(~pl.col("agree"))["how"])
    # the last is on answers with `i√2`, which we read and count together
    assert reasons == {"respelled": 104, "grouping": 1, "unexplained": 1}
    elsewhere = compared.filter(~pl.col("all_answered") & ~pl.col("agree"))
    assert set(elsewhere["how"]) == {"no_answer", "respelled"}
    assert compared["agree"].mean() >= 0.887  # as high as data/README.md reports over all cells


def test_grading_pairs_are_judged_as_the_documentation_says(grader):
    """By source how many verdicts are the source's; every other one has a row with its reason in docs/grading.md."""
    agree, total, differ = Counter(), Counter(), []
    for line in PAIRS.read_text().splitlines():
        pair = json.loads(line)
        bare = pair["prediction_kind"] == "answer"
        equal = (grader.equal if bare else grader.equal_texts)(pair["gold"], pair["prediction"]).equal
        total[pair["source"]] += 1
        agree[pair["source"]] += equal == pair["expected"]
        if equal != pair["expected"]:
            differ.append(pair["id"])
    text = (Path(__file__).parents[2] / "docs/grading.md").read_text()
    rows = grading_table.stated(text)
    for source, name in grading_table.SOURCES.items():
        pairs, before, now = (int(cell.replace(",", "")) for cell in rows[name])
        assert (agree[source], total[source]) == (now, pairs)
        assert now >= before
    assert sum(total.values()) == 571
    assert differ == _listed(text)


def _listed(text: str) -> list[str]:
    """The pairs in the first column of the second table: `p183 – p188, p190` are seven."""
    found = []
    for cell in re.findall(r"^\| (p\d.*?) \|", text, re.MULTILINE):
        for part in cell.split(", "):
            first, last = (int(name[1:]) for name in (part.split(" – ") * 2)[:2])
            found += [f"p{number:03d}" for number in range(first, last + 1)]
    return found


@pytest.mark.skipif(not GSM8K.is_file(), reason=f"{GSM8K} is not here")
def test_the_published_labels_of_gsm8k_are_reproduced(grader):
    rows = pl.read_parquet(GSM8K, columns=["gold", "answer", "is_correct"])
    assert len(rows) == 5276
    graded = [
        answer is not None and grader.equal(gold, answer).equal
        for gold, answer in rows.select("gold", "answer").iter_rows()
    ]
    assert graded == rows["is_correct"].to_list()


def test_pairs_told_apart_without_asking_are_not_equal(whole, grader):
    """Pairs in different classes of one problem that were never compared, against Math-Verify, in either order."""
    told = asked = 0
    for _, rows in whole[1].group_by("problem_id"):
        answers = [pair for pair in rows.select("answer", "canonical").rows() if read(pair[0]).number is None]
        for (one, name), (other, other_name) in permutations(answers, 2):
            if name == other_name:
                continue
            question = "compare", read(one).plain, read(other).plain
            asked += question in grader._replies
            if question not in grader._replies:
                told += 1
                assert grader._ask(*question).result is False, (one, other)
    print(f"{told:,} ordered pairs told apart, {asked:,} asked about")
    assert told > 5 * asked


def test_two_workers_and_a_full_cache_give_the_same(whole, tmp_path):
    graded, distinct, _ = whole
    problems = pool_files.read_problems(PROBLEMS, **OF_PROBLEMS)
    gold = dict(problems.select("problem_id", "answer").iter_rows())
    pool = pool_files.read_pool([POOL], specs.pool(ALL_ROWS), problems["problem_id"], keep=["q"])
    for workers in (2, 1):
        with Grader(workers=workers, cache=tmp_path) as again:
            found = grade(pool, gold, specs.pools(SPEC)["grading"], again)
        assert found[0].equals(graded) and found[1].equals(distinct)
    assert again.questions["asked"] == 0 and again.questions["remembered"] > 0
