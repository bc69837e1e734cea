"""Pools read block by block: the same arrays, bit for bit, whatever the block, the shards and the order of rows."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.evaluation.pool import revision_chains, sample_pools
from ttc.tables.generation import SAMPLES, SCORES
from ttc.tables.registry import SCHEMAS

SIZES = {"p0": 1, "p1": 9, "p10": 4, "p2": 6, "p3": 2}  # in order of the ids, as text


def pool_tables(seed=0):
    """Samples, scores and chains of problems of unequal size."""
    random = np.random.default_rng(seed)
    samples, scores, chains, chain_scores = [], [], [], []
    for name, size in SIZES.items():
        for index in range(size):
            answer = [None, "1", "2"][random.integers(3)]
            solution = {"text": "t" * 20, "answer": answer, "correct": answer == "1", "finish_reason": "stop"}
            tokens = None if random.random() < 0.2 else int(random.integers(1, 9))
            place = {"problem_id": name, "sample_index": index}
            samples.append(place | solution | {"tokens": tokens, "logprob": -float(random.random())})
            scores.append(place | {"step_scores": random.random(random.integers(4)).tolist(), "tokens": 3})
            place = {"problem_id": name, "chain": index // 2, "step": index % 2}
            chains.append(place | solution | {"tokens": index, "context_tokens": 5, "logprob": -1.0})
            chain_scores.append(place | {"score": random.random(), "tokens": 7})
    found = {"samples": samples, "scores": scores, "chains": chains, "chain_scores": chain_scores}
    return {
        name: SCHEMAS[name].check(pl.DataFrame(rows, infer_schema_length=None), "here")
        for name, rows in found.items()
    }


TABLES = pool_tables()


def scatter(frame, folder, name, random, shards, group):
    """Write rows as others may: in any order, over several files, in small row groups that problems span."""
    folder.mkdir(exist_ok=True)
    rows = frame[random.permutation(len(frame))]
    owner = random.integers(0, shards, len(frame))
    paths = [folder / f"{name} [{shard}].parquet" for shard in range(shards)]
    for shard, path in enumerate(paths):
        rows.filter(owner == shard).write_parquet(path, row_group_size=group)
    return paths


def arrays(pools):
    """Everything that pools or chains hold, as comparable bytes."""
    found = []
    for pool in pools:
        values = vars(pool) | {name: vars(steps) for name, steps in getattr(pool, "steps", {}).items()}
        found.append({name: _plain(value) for name, value in values.items() if name != "steps"})
    return found


def _plain(value):
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return repr(value)


@settings(max_examples=30)
@given(
    block=st.integers(1, 30), shards=st.integers(1, 3), group=st.integers(1, 30), seed=st.integers(0, 10_000)
)
def test_blocks_give_what_the_whole_table_gives(tmp_path_factory, block, shards, group, seed):
    folder = tmp_path_factory.mktemp("pool")
    random = np.random.default_rng(seed)
    for name, frame in TABLES.items():
        SCHEMAS[name].write(frame, folder / f"{name}.parquet")
    whole = {name: [folder / f"{name}.parquet"] for name in TABLES}
    apart = {
        name: scatter(frame, folder / name, name, random, shards, group) for name, frame in TABLES.items()
    }
    pools = arrays(sample_pools(apart["samples"], {"prm": apart["scores"]}, block))
    assert pools == arrays(sample_pools(whole["samples"], {"prm": whole["scores"]}, 10**6))
    assert [pool["problem_id"] for pool in pools] == [repr(name) for name in SIZES]
    chains = arrays(revision_chains(apart["chains"], {"orm": apart["chain_scores"]}, block))
    assert chains == arrays(revision_chains(whole["chains"], {"orm": whole["chain_scores"]}, 10**6))


@settings(max_examples=30)
@given(rows=st.integers(1, 30), seed=st.integers(0, 100))
def test_spans_are_blocks_of_whole_problems_within_the_bound(tmp_path_factory, rows, seed):
    paths = scatter(
        TABLES["samples"], tmp_path_factory.mktemp("s"), "samples", np.random.default_rng(seed), 2, 4
    )
    found = SAMPLES.spans(paths, rows)
    held = [[name for name in SIZES if first <= name <= last] for first, last in found]
    assert [name for names in held for name in names] == list(SIZES)
    for names in held:
        assert len(names) == 1 or sum(SIZES[name] for name in names) <= rows
    for one, two in pairwise(held):
        assert sum(SIZES[name] for name in one) + SIZES[two[0]] > rows  # no block is cut short


def test_no_table_has_no_blocks():
    assert SAMPLES.spans([], 5) == [] and list(sample_pools([], {})) == []


def test_only_the_columns_asked_for_are_read_and_the_key(tmp_path):
    frame = TABLES["samples"]
    # no sample says how it ended, which is refused where that is read
    frame.with_columns(finish_reason=pl.lit(None, pl.String)).write_parquet(tmp_path / "s.parquet")
    found = SAMPLES.read(tmp_path / "s.parquet", ["correct", "answer"], ("p1", "p2"))
    expected = frame.filter(pl.col("problem_id").is_in(["p1", "p10", "p2"]))
    assert found.equals(expected.select("problem_id", "sample_index", "answer", "correct"))
    with pytest.raises(InputError, match="column 'finish_reason' of samples has 22 empty values"):
        SAMPLES.read(tmp_path / "s.parquet")
    assert SAMPLES.read([], ["tokens"]).columns == ["problem_id", "sample_index", "tokens"]


def test_a_file_of_another_table_is_refused_whatever_is_read_of_it(tmp_path):
    TABLES["scores"].write_parquet(tmp_path / "scores.parquet")
    for read in (
        lambda path: SAMPLES.read(path, []),
        lambda path: SAMPLES.spans([path], 5),
    ):
        with pytest.raises(
            InputError, match=r"scores\.parquet: the table of samples lacks the column 'text'"
        ):
            read(tmp_path / "scores.parquet")


def test_a_row_without_a_problem_is_refused_before_any_block_is_read(tmp_path):
    frame = TABLES["samples"].with_columns(
        problem_id=pl.when(pl.col("problem_id") != "p2").then("problem_id")
    )
    frame.write_parquet(tmp_path / "s.parquet")
    with pytest.raises(InputError, match="'problem_id' of samples has 6 empty values"):
        next(sample_pools([tmp_path / "s.parquet"], {}))


def test_repeated_and_missing_rows_are_found_in_their_block(tmp_path):
    paths = {}
    for name in ("samples", "scores"):
        paths[name] = tmp_path / f"{name}.parquet"
        SCHEMAS[name].write(TABLES[name], paths[name])
    SAMPLES.write(TABLES["samples"].filter(problem_id="p3"), tmp_path / "again.parquet")
    pools = sample_pools([paths["samples"], tmp_path / "again.parquet"], {}, 6)
    assert next(pools).problem_id == "p0"
    with pytest.raises(InputError, match=r"samples\.parquet and 1 more: 4 rows of samples share their key"):
        list(pools)
    SCORES.write(TABLES["scores"].head(-1), tmp_path / "few.parquet")
    with pytest.raises(
        InputError, match="prm scores of samples: 1 of 8 are missing for problems 'p2' to 'p3'"
    ):
        list(sample_pools([paths["samples"]], {"prm": [tmp_path / "few.parquet"]}, 8))
