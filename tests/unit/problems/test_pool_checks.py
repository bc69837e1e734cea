"""What a pool is, and whether it is what it says: what stops a study, what is said, and what is let pass."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.support import specs
from tests.support.filed_pools import FiledPool, filed_pool
from ttc.errors import InputError
from ttc.problems.pool_checks import check_pool, check_table
from ttc.runtime import Runtime
from ttc.stages import import_pool
from ttc.tables.pools import POOL_CHECKS


def table(pool: FiledPool, own: np.ndarray | None = None, texts: bool = True, **columns) -> pl.DataFrame:
    """The pool as `grade` returns it, with the samples filed under `own`; further `columns` as they are."""
    own = pool.own if own is None else own
    rows = pl.DataFrame(
        {
            "problem_id": [f"q{place:03d}" for place in own],
            "run": [""] * len(own),
            "stated": pool.stated,
            "correct": [pool.gold[place] == stated for place, stated in zip(own, pool.stated, strict=True)],
        }
        | ({"text": pool.texts} if texts else {})
        | columns
    )
    numbers = pl.int_range(pl.len(), dtype=pl.Int32).over("problem_id")
    return rows.with_columns(sample_index=numbers, sample=numbers.cast(pl.Int64))


def problems(pool: FiledPool, gold: list[str] | None = None) -> pl.DataFrame:
    names = [f"q{place:03d}" for place in range(len(pool.questions))]
    return pl.DataFrame({"problem_id": names, "question": pool.questions, "answer": gold or pool.gold})


def check(pool: FiledPool, own: np.ndarray | None = None, gold: list[str] | None = None, **columns):
    checked = check_pool("policy", [Path("p.jsonl")], table(pool, own, **columns), problems(pool, gold), 0.05)
    POOL_CHECKS.check(check_table([checked]), "here")
    return checked


def test_a_pool_that_is_what_it_says_is_let_pass():
    for accuracy in (0.0, 0.03, 0.3, 1.0):
        checked = check(filed_pool(accuracy=accuracy, seed=1))
        assert not checked.stops and checked.row["texts_elsewhere"] == 0
    row = check(filed_pool(questions=60, samples=4, accuracy=1.0, seed=1)).row
    assert (row["questions"], row["samples"], row["fewest"], row["most"]) == (60, 240, 4, 4)
    assert (row["correct"], row["own_agreement"], row["permuted_agreement"]) == (1, 1, 0)
    assert row["oddities"] == []


@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize("how", ["rows", "questions", "next"])
def test_a_scrambled_pool_stops_with_texts_and_without(how, texts):
    pool, random = filed_pool(questions=100, samples=4, seed=2), np.random.default_rng(3)
    own = {
        "rows": pool.own[random.permutation(len(pool.own))],
        "questions": random.permutation(100)[pool.own],
        "next": (pool.own + 1) % 100,
    }[how]
    assert list(check(pool, own, texts=texts).stops) == ["scrambled"]


def test_a_tenth_of_the_questions_is_enough_where_there_are_texts():
    pool = filed_pool(questions=100, samples=4, seed=4)
    own = np.where(pool.own < 10, (pool.own + 1) % 10, pool.own)
    checked = check(pool, own)
    assert 35 <= checked.row["texts_elsewhere"] <= 40 and list(checked.stops) == ["scrambled"]
    few = np.where(pool.own < 2, 1 - pool.own, pool.own)
    checked = check(pool, few)
    assert not checked.stops and "take up another question" in checked.row["oddities"][0]


def test_one_run_or_one_sample_number_that_is_moved_stops_the_pool():
    """A run of a hundred is one in a hundred completions, and all of its own."""
    pool = filed_pool(questions=30, samples=40, seed=5)
    run = np.arange(len(pool.own)) % 40
    moved = np.where(run == 7, (pool.own + 1) % 30, pool.own)
    assert "sample number" in check(pool, moved).stops["scrambled"]
    names = pl.Series([f"r{number % 40:02d}" for number in range(len(pool.own))])
    assert "of run r07" in check(pool, moved, run=names).stops["scrambled"]
    assert not check(pool, run=names).stops


def test_gold_answers_of_other_questions_are_said_to_be_so():
    pool = filed_pool(questions=100, samples=4, accuracy=0.6, seed=6)
    sentence = check(pool, gold=pool.gold[1:] + pool.gold[:1]).stops["scrambled"]
    assert "right answers stand under other questions" in sentence and "see the gold answers" in sentence


def test_a_model_that_knows_nothing_is_an_oddity_and_no_stop():
    pool = filed_pool(questions=100, samples=4, accuracy=0.0, seed=7)
    for texts in (True, False):
        checked = check(pool, texts=texts)
        assert not checked.stops
        assert "knows nothing of these questions" in " ".join(checked.row["oddities"])


def test_choices_at_chance_are_no_stop():
    random = np.random.default_rng(8)
    pool = filed_pool(questions=200, samples=8, seed=8)
    gold = ["ABCD"[number] for number in random.integers(0, 4, 200)]
    stated = ["ABCD"[number] for number in random.integers(0, 4, len(pool.own))]
    assert not check(pool, gold=gold, texts=False, stated=stated).stops


@pytest.mark.parametrize("wrong", [0, 2, 12, 60])
def test_verdicts_are_compared_and_stop_above_the_allowed_share(wrong):
    pool = filed_pool(questions=60, samples=4, seed=9)
    recorded = table(pool)["correct"].to_list()
    recorded[:wrong] = [not verdict for verdict in recorded[:wrong]]
    checked = check(pool, recorded=recorded)
    assert (checked.row["recorded"], checked.row["contradicted"]) == (240, wrong)
    assert list(checked.stops) == (["contradicted"] if wrong > 12 else [])
    said = " ".join(checked.row["oddities"])
    assert ("differ from ours" in said) == (wrong >= 12)


def test_verdicts_that_are_taken_over_are_held_against_the_exact_rules():
    pool = filed_pool(questions=60, samples=4, seed=10)
    recorded = [not verdict for verdict in table(pool)["correct"]]
    checked = check(pool, recorded=recorded, correct=recorded)
    assert checked.row["contradicted"] == 240 and "contradicted" in checked.stops


def test_verdicts_alone_are_only_described():
    pool = pl.DataFrame(
        {"problem_id": ["a", "a", "b"], "run": "", "sample": [0, 1, 0], "sample_index": [0, 1, 0]}
    )
    pool = pool.with_columns(stated=pl.lit(None, pl.String), correct=pl.Series([True, False, True]))
    pool = pool.with_columns(recorded="correct")
    bare = pl.DataFrame({"problem_id": ["a", "b"], "question": "", "answer": ""})
    checked = check_pool("policy", [], pool, bare, 0.05)
    assert not checked.stops and checked.row["own_agreement"] is None and checked.row["copies"] is None
    assert checked.row["contradicted"] == 0 and checked.row["no_answer"] == 3
    (said,) = checked.row["oddities"]
    assert said.startswith("questions have from 1 to 2 samples")
    POOL_CHECKS.check(check_table([checked]), "here")


def test_copies_are_counted_with_the_columns_in_which_they_differ():
    pool = filed_pool(questions=40, samples=4, seed=11)
    pool.texts[1], pool.texts[2], pool.texts[5] = pool.texts[0], pool.texts[0], pool.texts[4]
    scores = [[0.5]] * len(pool.texts)
    scores[1] = [0.75]
    tokens = [10] * len(pool.texts)
    row = check(pool, step_scores=scores, tokens=tokens, stated=[pool.gold[0]] * 160).row
    assert (row["copies"], row["copies_differ"]) == (3, "step_scores")
    assert "3 of 160 completions are exact copies" in " ".join(row["oddities"])


def test_short_texts_may_repeat():
    pool = filed_pool(questions=40, samples=4, seed=12)
    pool.texts[:] = ["\\boxed{1}"] * len(pool.texts)
    row = check(pool).row
    assert row["copies"] == 120 and not any("copies" in oddity for oddity in row["oddities"])


def test_ends_and_tokens_are_counted():
    pool = filed_pool(questions=40, samples=4, seed=13)
    reasons = ["length"] * 30 + ["stop"] * 100 + ["unknown"] * 30
    tokens = [5] * 100 + [None] * 60
    stated = [None] * 40 + pool.stated[40:]
    row = check(pool, finish_reason=reasons, tokens=tokens, stated=stated).row
    assert (row["cut_off"], row["missing_tokens"], row["no_answer"]) == (30, 60, 40)
    said = " ".join(row["oddities"])
    for part in (
        "30 of 160 completions were cut off",
        "tokens of 60 of 160 samples",
        "40 of 160 completions have no",
    ):
        assert part in said
    assert row["questions_without_tokens"] == 15 and "leave out the 15 questions that have none" in said
    row = check(pool, finish_reason=["unknown"] * 160).row
    assert (row["cut_off"], row["missing_tokens"], row["questions_without_tokens"]) == (None, 160, 40)


def test_samples_that_are_sorted_by_their_verdict_are_noticed():
    pool = filed_pool(questions=60, samples=4, seed=14)
    assert check(pool).row["positions"] == 4
    order = np.lexsort((np.logical_not(table(pool)["correct"].to_numpy()), pool.own))
    ordered = FiledPool(
        pool.questions, pool.gold, pool.own, [pool.texts[i] for i in order], [pool.stated[i] for i in order]
    )
    row = check(ordered).row
    assert row["position_high"] > row["position_low"] + 0.5 and row["position_p"] < 1e-6
    assert "not exchangeable" in " ".join(row["oddities"])


def test_scores_that_rank_nothing_are_noticed():
    pool = filed_pool(questions=60, samples=4, seed=15)
    right = table(pool)["correct"].to_numpy()
    good = check(pool, step_scores=[[0.0, 0.9 if verdict else 0.1] for verdict in right]).row
    assert good["auc"] == good["auc_within"] == 1 and not good["oddities"]
    bad = check(pool, step_scores=[[1.0, 0.1 if verdict else 0.9] for verdict in right]).row
    assert bad["auc"] == 0 and "do not tell right from wrong" in bad["oddities"][0]


def test_the_order_of_rows_changes_nothing():
    pool = filed_pool(questions=40, samples=4, seed=16)
    own = (pool.own + 1) % 40
    rows = table(pool, own)
    results = [
        check_pool("policy", [], each, problems(pool), 0.05)
        for each in (rows, rows.sample(fraction=1, shuffle=True, seed=1))
    ]
    assert results[0] == results[1]


# ---- the stage ----


def files(folder: Path, pool: FiledPool, own: np.ndarray, recorded: bool = False) -> dict[str, list[Path]]:
    rows = table(pool, own).select("problem_id", "stated", "text", "correct")
    told = rows.with_columns(
        text=pl.concat_str(pl.col("text"), pl.lit(" \\boxed{"), pl.col("stated"), pl.lit("}"))
    )
    if recorded:
        told = told.with_columns(correct=table(pool)["correct"])
    told.write_parquet(folder / "pool.parquet")
    problems(pool).write_parquet(folder / "problems.parquet")
    return {"problems": [folder / "problems.parquet"], "pool_policy": [folder / "pool.parquet"]}


def spec(**more) -> dict:
    return specs.pools(
        {"pools": {"policy": {"step_separator": None}}, "grading": {"equality": "text"}} | more
    )


def test_import_stops_before_anything_is_written_and_says_which_key_lets_it_pass(tmp_path):
    pool = filed_pool(questions=60, samples=4, seed=17)
    inputs = files(tmp_path, pool, (pool.own + 1) % 60)
    with pytest.raises(InputError) as stopped:
        import_pool.run(spec(), inputs, tmp_path / "out", Runtime())
    sentence = str(stopped.value)
    assert sentence.startswith("pool 'policy': it looks scrambled: ") and "\n" not in sentence
    assert sentence.endswith("`source.accept: [scrambled]` lets it pass")
    assert not (tmp_path / "out").exists()
    import_pool.run(spec(accept=["scrambled"]), inputs, tmp_path / "out", Runtime())
    row = POOL_CHECKS.read(tmp_path / "out" / "pool_checks.parquet").row(0, named=True)
    assert row["stopped_by"] == "scrambled" and row["oddities"][0].startswith("it looks scrambled: ")


def test_one_sentence_names_all_keys_that_are_needed(tmp_path):
    pool = filed_pool(questions=60, samples=4, seed=18)
    inputs = files(tmp_path, pool, (pool.own + 1) % 60, recorded=True)
    columns = {"problem_id": "problem_id", "text": "text", "correct": "correct"}
    section = {"pools": {"policy": {"step_separator": None, "columns": columns}}}
    with pytest.raises(InputError, match=r"`source.accept: \[scrambled, contradicted\]` lets it pass"):
        import_pool.run(spec(**section), inputs, tmp_path / "out", Runtime())
    with pytest.raises(
        InputError, match=r"recorded verdicts .* `source.accept: \[scrambled, contradicted\]`"
    ):
        import_pool.run(spec(**section, accept=["scrambled"]), inputs, tmp_path / "out", Runtime())
    both = spec(**section, accept=["contradicted", "scrambled"])
    import_pool.run(both, inputs, tmp_path / "out", Runtime())
    row = POOL_CHECKS.read(tmp_path / "out" / "pool_checks.parquet").row(0, named=True)
    assert row["stopped_by"] == "scrambled, contradicted"
    allowed = spec(**section, accept=["scrambled"], contradicted=1.0)
    import_pool.run(allowed, inputs, tmp_path / "out", Runtime())


def test_a_true_pool_is_imported_with_its_row(tmp_path):
    pool = filed_pool(questions=60, samples=4, seed=19)
    import_pool.run(spec(), files(tmp_path, pool, pool.own), tmp_path / "out", Runtime())
    row = POOL_CHECKS.read(tmp_path / "out" / "pool_checks.parquet").row(0, named=True)
    assert row["stopped_by"] == "" and row["oddities"] == [] and row["files"] == "pool.parquet"
