"""Digests that do not depend on how rows were cut into shards, and the comparison of studies that rests on them."""

import hashlib
import itertools
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.__main__ import main as command
from ttc.store import manifest, row_digests, sidecars
from ttc.study.build import plan_study
from ttc.study.config import merge

FRAME = pl.DataFrame(
    {
        "problem_id": [f"p{number // 3}" for number in range(12)],
        "sample_index": [number % 3 for number in range(12)],
        "text": ['a "quoted"\nline', "", "é"] * 4,
        "step_scores": pl.Series([[0.1, 0.2], [], [0.3]] * 4, dtype=pl.List(pl.Float32)),
        "tokens": [1, None, 3] * 4,
    }
)


def digest_of(frame, folder):
    path = folder / "rows.parquet"
    frame.write_parquet(path)
    return dict(zip(("rows", "digest"), row_digests.table_digest(path), strict=True))


def test_a_table_digest_is_the_sum_over_rows_of_sha256(tmp_path):
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    rows = [b'{"a":1,"b":"x"}', b'{"a":2,"b":null}']
    lanes = [0] * 4
    for row in rows:
        digest = hashlib.sha256(row).digest()
        for lane in range(4):
            word = int.from_bytes(digest[8 * lane : 8 * lane + 8], "little")
            lanes[lane] = (lanes[lane] + word) % 2**64
    assert digest_of(frame, tmp_path) == {"rows": 2, "digest": "".join(f"{lane:016x}" for lane in lanes)}


@given(cuts=st.sets(st.integers(0, 12)), seed=st.integers(0, 99))
def test_shards_in_any_cut_and_order_add_up_to_the_whole(tmp_path_factory, cuts, seed):
    folder = tmp_path_factory.mktemp("cut")
    shuffled = FRAME.sample(fraction=1.0, shuffle=True, seed=seed)
    edges = sorted(cuts | {0, 12})
    shards = [shuffled[start:stop] for start, stop in itertools.pairwise(edges)]
    parts = [digest_of(shard, folder) for shard in shards]
    assert row_digests.merged(parts) == digest_of(FRAME, folder)


def test_rows_are_read_in_portions(tmp_path, monkeypatch):
    whole = digest_of(FRAME, tmp_path)
    monkeypatch.setattr(row_digests, "ROWS_AT_A_TIME", 5)
    assert digest_of(FRAME, tmp_path) == whole


@pytest.mark.parametrize(
    "other",
    [
        FRAME.with_columns(tokens=pl.col("tokens") + 1),
        FRAME.with_columns(text=pl.col("text").reverse()),
        FRAME[1:],
        pl.concat([FRAME, FRAME[:1]]),
        FRAME.rename({"tokens": "token"}),
    ],
)
def test_other_rows_have_another_digest(tmp_path, other):
    assert digest_of(other, tmp_path)["digest"] != digest_of(FRAME, tmp_path)["digest"]


def test_contents_of_a_folder_are_by_file(tmp_path):
    folder = tmp_path / "artifact"
    folder.mkdir()
    FRAME.write_parquet(folder / "tree.parquet")
    (folder / "card.json").write_text("{}")
    (folder / ".snakemake_timestamp").touch()
    found = row_digests.contents(folder)
    assert found.keys() == {"card.json", "tree.parquet"}
    assert found["card.json"] == {"rows": None, "digest": hashlib.sha256(b"{}").hexdigest()}
    assert found["tree.parquet"]["rows"] == 12
    assert row_digests.contents(folder / "tree.parquet") == {"": found["tree.parquet"]}


@pytest.mark.parametrize("factor", [1, 7])
def test_labels_that_differ_in_their_block_alone_are_one_table(factor):
    """The tables that labels tell apart are those that specifications and inputs tell apart, blocks left out."""
    cut = {
        "sampling": {"block_problems": 100 // factor, "block_samples": 128 // factor},
        "search": {"block_problems": 50},
        "revision": {"block_problems": 70 // factor},
    }
    plan = plan_study(merge({"prm": {"block_problems": 300}}, cut))
    tables = {}
    for artifact in plan.artifacts:
        made_of = {
            name: value for name, value in artifact.spec.items() if name not in ("problems", "samples")
        }
        lengths = len(str(artifact.spec.get("lengths", "")))  # chains of training and of test problems
        models = [
            each.label
            for role in ("policy", "verifier", "reviser", "pairs")
            for each in artifact.inputs.get(role, [])
        ]
        read = {row_digests.table_label(each.label) for each in artifact.inputs.get("samples", [])}
        identity = (json.dumps(made_of, sort_keys=True), lengths, *models, *sorted(read))
        tables.setdefault((artifact.stage, row_digests.table_label(artifact.label)), set()).add(identity)
    assert {table for table, identities in tables.items() if len(identities) > 1} == set()
    by_identity = [(stage, identity) for (stage, _), (identity,) in tables.items()]
    assert len(set(by_identity)) == len(by_identity)


# The comparison


def study(folder, shards, monkeypatch, value=0.5, extra=b"figure"):
    """A published study of one sharded table, a model and a figure; returns the path of its manifest."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    paths = []
    for number, shard in enumerate(shards):
        path = manifest.Path(
            f"results/store/score/prm-test-{number + 1}of{len(shards)}-{number:016x}.parquet"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        shard.with_columns(value=pl.lit(value)).write_parquet(path)
        sidecars.write(path, {"stage": "score", "spec": {}, "inputs": {}}, len(shard), path)
        paths.append(path)
    view = folder / "view"
    (view / "figures").mkdir(parents=True)
    (view / "figures/a.svg").write_bytes(extra)
    (view / "config.resolved.yaml").write_text(f"shards: {len(shards)}\n")
    written = folder / "manifest.json"
    written.write_text(manifest.manifest("demo", [manifest.describe(path) for path in paths], view))
    return written


def test_other_shards_are_the_same_study(tmp_path, monkeypatch, capsys):
    first = study(tmp_path / "a", [FRAME], monkeypatch)
    second = study(tmp_path / "b", [FRAME[:5], FRAME[5:]], monkeypatch)
    assert first.read_bytes() != second.read_bytes()
    assert command(["compare", str(first), str(second)]) == 0
    assert "The results are the same: 1 tables and files of models, 1 files" in capsys.readouterr().out


def test_each_difference_is_a_sentence(tmp_path, monkeypatch, capsys):
    first = study(tmp_path / "a", [FRAME], monkeypatch)
    values = study(tmp_path / "b", [FRAME], monkeypatch, value=0.25, extra=b"other")
    fewer = study(tmp_path / "c", [FRAME[:5]], monkeypatch)
    assert command(["compare", str(first), str(values)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "score prm-test differs in its rows.",
        "The file figures/a.svg differs.",
    ]
    assert command(["compare", str(first), str(fewer)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "score prm-test has 12 rows in the first study and 5 in the second."
    ]
    changed = json.loads(first.read_text())
    changed["content"], changed["made_with"]["torch"] = [], "1.0"
    (tmp_path / "d.json").write_text(json.dumps(changed))
    assert command(["compare", str(first), str(tmp_path / "d.json")]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("the second with 1.0.")
    assert told[1:] == ["score prm-test is only in the first study."]


def test_what_is_no_manifest_is_said(tmp_path, capsys):
    assert command(["compare", str(tmp_path), str(tmp_path)]) == 2
    assert "manifest.json: not a manifest" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        command(["compare"])
