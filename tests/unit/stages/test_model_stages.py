"""Every model stage, end to end on a minute task; twice, with other batches, gives the same bytes."""

import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from tests.support.all_stages import MODELS, STAGES, TASK, run_all
from ttc import digests
from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.models.tokenizers import load_tokenizer
from ttc.problems import text
from ttc.problems.contexts import contexts
from ttc.problems.formats import grade_line as grade
from ttc.run import job
from ttc.store import row_digests
from ttc.tables.generation import SAMPLES, SCORES
from ttc.tables.registry import SCHEMAS
from ttc.tables.search import CANDIDATES, TREE
from ttc.verifiers.incremental import IncrementalVerifier
from ttc.verifiers.readers import solutions_of
from ttc.verifiers.trained import TokenVerifier


def table(made, name, schema):
    return SCHEMAS[schema].read(made[name])


def test_a_second_run_in_small_batches_gives_the_same_bytes(made, tmp_path):
    again = run_all(tmp_path, batch_rows=8)
    different = [name for name in made if digests.digest(made[name]) != digests.digest(again[name])]
    assert different == []


def test_model_directories_are_whole_and_know_no_paths(made):
    for name, kind in MODELS.items():
        contents = {path.name: path.read_bytes() for path in made[name].iterdir()}
        assert {
            "model.safetensors",
            "config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "card.json",
        } <= set(contents)
        card = read_card(made[name])
        assert card["kind"] == kind and card["parameters"] > 1000 and card["training"]["losses"]
        folder = str(made[name].parent).encode()
        assert not [file for file, content in contents.items() if folder in content]
    # 7 numbers, 5 operations with and without an equals sign, 2 labels, 5 words, 5 special tokens: 29 tokens of 16
    layer = 2 * 16 * 16 + 2 * 16 * 8 + 3 * 16 * 32 + 2 * 16
    assert read_card(made["policy"])["parameters"] == 29 * 16 + layer + 16


def test_the_policy_learned_the_form(made):
    card = read_card(made["policy"])
    assert card["training"]["losses"][-1] < 0.7 * card["training"]["losses"][0]
    test = table(made, "test", "samples")
    assert (test["finish_reason"] == "stop").mean() > 0.7 and test["answer"].is_not_null().mean() > 0.7


def test_samples_are_graded_against_their_problem(made):
    problems = table(made, "problems", "problems")
    golds = dict(problems.select("problem_id", "answer").iter_rows())
    for name, blocks in (("train_a", range(20)), ("train_b", range(20, 40))):
        samples = table(made, name, "samples")
        expected = [(f"train-{row:06d}", index) for row in blocks for index in range(5)]
        assert samples.select("problem_id", "sample_index").rows() == expected
        for row in samples.iter_rows(named=True):
            assert (row["answer"], row["correct"]) == grade(row["text"], golds[row["problem_id"]])
            assert 1 <= row["tokens"] <= 14 and row["logprob"] <= 0
    greedy = table(made, "greedy", "samples")
    assert greedy["sample_index"].to_list() == [0] * 8


def steps_of(frame):
    """Number of steps of each solution: its lines, but a cut one may end with a line end that opens none."""
    return [
        len(text.split("\n")) - (finish == "length" and text.endswith("\n"))
        for text, finish in frame.iter_rows()
    ]


def test_every_step_has_a_value(made):
    values = table(made, "values", "step_values")
    samples = pl.concat([table(made, name, "samples") for name in ("train_a", "train_b")])
    usable = samples.filter(
        pl.col("sample_index") < 3,
        pl.col("problem_id") >= "train-000005",
        pl.col("answer").is_not_null(),
        pl.col("finish_reason") == "stop",
    )
    counted = values.group_by("problem_id", "sample_index", maintain_order=True).agg(
        pl.len(), pl.col("value").last()
    )
    assert (
        counted.select("problem_id", "sample_index").rows()
        == usable.select("problem_id", "sample_index").rows()
    )
    assert counted["len"].to_list() == steps_of(usable.select("text", "finish_reason"))
    assert counted["value"].to_list() == usable["correct"].cast(pl.Float32).to_list()


def test_every_step_has_a_score(made):
    samples = table(made, "test", "samples")
    prm, orm = table(made, "prm_scores", "scores"), table(made, "orm_scores", "scores")
    keys = ["problem_id", "sample_index"]
    assert prm.select(keys).equals(samples.select(keys)) and orm.select(keys).equals(samples.select(keys))
    assert prm["step_scores"].list.len().to_list() == steps_of(samples.select("text", "finish_reason"))
    assert orm["step_scores"].list.len().to_list() == [1] * len(orm)
    assert prm["tokens"].equals(orm["tokens"]) and (prm["tokens"] > samples["tokens"]).all()


def test_a_score_is_a_function_of_the_solution_and_every_sample_has_its_own_bill(made, tmp_path):
    from ttc.stages import score

    samples = table(made, "test", "samples").filter(problem_id="test-000003")
    ended = samples.filter(finish_reason="stop").head(1)
    # the same text again, once ended by itself and once cut, so that no end token was read
    again = [
        ended.with_columns(sample_index=900),
        ended.with_columns(sample_index=901, finish_reason=pl.lit("length")),
    ]
    again = [each.cast(samples.schema) for each in again]
    SAMPLES.write(pl.concat([samples, *again]), tmp_path / "more.parquet")
    inputs = {
        "problems": [made["problems"]],
        "verifier": [made["prm"]],
        "samples": [tmp_path / "more.parquet"],
    }
    score.run({"kind": "prm"}, inputs, tmp_path / "scores.parquet", job.Runtime(device="cpu"))
    scores = SCORES.read(tmp_path / "scores.parquet")
    assert scores.head(len(samples)).equals(
        table(made, "prm_scores", "scores").filter(problem_id="test-000003")
    )
    (first,) = scores.filter(sample_index=ended["sample_index"][0]).rows(named=True)
    same, cut = scores.filter(pl.col("sample_index") >= 900).rows(named=True)
    assert (same["step_scores"], same["tokens"]) == (first["step_scores"], first["tokens"])
    assert cut["tokens"] == first["tokens"] - 1 and cut["step_scores"][-1] != first["step_scores"][-1]


def test_an_outcome_verifier_guides_no_search(made, tmp_path):
    from ttc.stages import search

    _, spec, inputs = STAGES["search"]
    paths = {role: [made[each] for each in names] for role, names in inputs.items()} | {
        "verifier": [made["orm"]]
    }
    with pytest.raises(InputError, match=r"of kind 'orm'; only a process verifier \(prm\) guides a search"):
        search.run({"seed": 1, **spec}, paths, tmp_path / "search", job.Runtime(device="cpu"))


def test_searches_hold_four_candidates_a_problem(made):
    candidates = CANDIDATES.read(made["search"] / "candidates.parquet")
    assert candidates["problem_id"].to_list() == [f"test-{row:06d}" for row in range(8) for _ in range(4)]
    assert candidates["step_scores"].list.len().to_list() == steps_of(
        candidates.select("text", "finish_reason")
    )
    tree = TREE.read(made["search"] / "tree.parquet")
    assert set(tree["problem_id"]) == set(candidates["problem_id"])


def test_trajectories_end_in_correct_solutions(made):
    samples = pl.concat([table(made, name, "samples") for name in ("train_a", "train_b")])
    right = set(samples.filter("correct").select("problem_id", "text").iter_rows())
    written = set(samples.select("problem_id", "text").iter_rows())
    pairs = table(made, "pairs", "pairs")
    assert len(pairs) > 10 and pairs["context"].list.len().max() == 2
    for name, context, target in pairs.select("problem_id", "context", "target").iter_rows():
        assert (name, target) in right and {(name, each) for each in context} <= written


def test_chains_and_their_scores_have_the_lengths_asked_for(made):
    expected = [
        (f"test-{row:06d}", c, step) for row in range(8) for c, n in enumerate((4, 2, 1)) for step in range(n)
    ]
    chains, scores = table(made, "test_chains", "chains"), table(made, "chain_scores", "chain_scores")
    keys = ["problem_id", "chain", "step"]
    assert chains.select(keys).rows() == scores.select(keys).rows() == expected
    # Scored is what the text says: special tokens that an untrained model wrote are not in it
    ended = (chains["finish_reason"] == "stop").to_list()
    written = text.encode_solutions(load_tokenizer(made["reviser"]), chains["text"].to_list(), ended)
    read = zip(chains["context_tokens"], written, strict=True)
    assert scores["tokens"].to_list() == [context + len(solution) for context, solution in read]
    first = chains.filter(step=0)["context_tokens"]
    assert (first <= 8).all()  # the question alone: <bos>, Start at n then, two operations, line end


def test_a_revision_read_alone_has_the_score_of_a_sample(made):
    """Without history a score depends on question and text only, and the PRM's is that of the same sample."""
    problems, chains = table(made, "problems", "problems"), table(made, "test_chains", "chains")
    for name, path in (("scores_alone", "orm_alone"), ("prm_scores_alone", "prm")):
        scores = table(made, name, "chain_scores")
        read = chains.join(scores.rename({"tokens": "read"}), on=["problem_id", "chain", "step"])
        assert read.group_by("problem_id", "text", "finish_reason").agg(
            pl.col("score").n_unique(), pl.col("read").n_unique()
        ).select(pl.col("score", "read").max()).rows() == [(1, 1)]
        reader = IncrementalVerifier if path == "prm" else TokenVerifier
        verifier = reader(made[path], 1024, "cpu")
        readings = verifier.readings(solutions_of(problems, chains))
        expected = [each[-1] for each in verifier.scores(readings)]
        assert scores["score"].to_list() == np.float32(expected).tolist()
    with_history = table(made, "chain_scores", "chain_scores")
    later = (chains["step"] > 0).to_numpy()
    assert (with_history["tokens"].to_numpy() > scores["tokens"].to_numpy())[later].all()
    assert (with_history["tokens"].to_numpy() == scores["tokens"].to_numpy())[~later].all()


def test_revisions_that_differ_in_their_context_only_are_scored_apart(made):
    problems, chains = table(made, "problems", "problems"), table(made, "test_chains", "chains")
    verifier = TokenVerifier(made["revision_orm"], 1024, "cpu")
    before = contexts(chains, 2)
    readings = verifier.readings(solutions_of(problems, chains, before))
    expected = [each[-1] for each in verifier.scores(readings)]
    assert table(made, "chain_scores", "chain_scores")["score"].to_list() == np.float32(expected).tolist()


def test_trajectories_come_from_samples_or_from_chains(made, tmp_path):
    from ttc.stages import pair_revisions

    cut, pairs = table(made, "cut_chains", "chains"), table(made, "rest_pairs", "pairs")
    won = cut.filter("correct")
    assert (
        won.group_by("problem_id", "chain").len()["len"].max() == 1
    )  # the first correct answer is the last one
    assert set(pairs.select("problem_id", "target").iter_rows()) <= set(
        won.select("problem_id", "text").iter_rows()
    )
    for inputs in ({}, {"samples": [made["train_a"]], "chains": [made["cut_chains"]]}):
        with pytest.raises(InputError, match="either --samples or --chains"):
            pair_revisions.run({"seed": 0}, inputs, tmp_path / "pairs.parquet", job.Runtime())


def test_a_verifier_of_another_kind_is_refused(made, tmp_path):
    from ttc.stages import score

    inputs = {"problems": [made["problems"]], "verifier": [made["orm"]], "samples": [made["test"]]}
    with pytest.raises(InputError, match=r"orm is of kind 'orm' and not 'prm'"):
        score.run({"kind": "prm"}, inputs, tmp_path / "scores.parquet", job.Runtime(device="cpu"))
    with pytest.raises(InputError, match="the stage takes one --verifier, and 2 were given"):
        inputs["verifier"] *= 2
        score.run({"kind": "prm"}, inputs, tmp_path / "scores.parquet", job.Runtime(device="cpu"))
    assert list(tmp_path.iterdir()) == []


# The command line


def stage(name, *arguments):
    environment = {key: value for key, value in os.environ.items() if key not in job.thread_variables(1)}
    return subprocess.run(
        [sys.executable, "-m", "ttc.run", name, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )


def test_a_stage_by_its_command_line(made, tmp_path):
    """Without thread variables the process starts anew with them; same bytes, and a sidecar that says what it is."""
    spec, output = {"seed": 1, "task": TASK}, tmp_path / "problems.parquet"
    done = stage("problems", "--spec", json.dumps(spec), "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"problems: wrote {output}, 308 rows" in done.stdout
    assert output.read_bytes() == made["problems"].read_bytes()
    assert json.loads((tmp_path / "problems.parquet.json").read_text()) == {
        "content": row_digests.contents(output),
        "stage": "problems",
        "spec": spec,
        "inputs": {},
        "sha256": digests.digest(output),
        "files": {},
        "rows": 308,
    }
    assert {path.name for path in tmp_path.iterdir()} == {"problems.parquet", "problems.parquet.json"}


def test_a_users_mistake_is_one_sentence_and_exit_code_2(tmp_path):
    task = TASK | {"groups": [TASK["groups"][0] | {"operations": 99}]}
    output = tmp_path / "problems.parquet"
    done = stage("problems", "--spec", json.dumps({"seed": 1, "task": task}), "--output", output)
    assert done.returncode == 2 and not list(tmp_path.iterdir())
    assert (
        done.stderr
        == "problems: task.groups: asks for 99 operations; a clock of 7 hours has 8 different ones\n"
    )


def test_arguments_become_spec_inputs_and_runtime(tmp_path):
    words = [
        "--samples",
        "a",
        "b",
        "--spec",
        '{"seed": 1}',
        "--step-values",
        "c",
        "--output",
        "o",
        "--threads",
        "2",
    ]
    spec, inputs, output, runtime = job._parse("train_prm", [*words, "--device", "cpu", "--batch-rows", "64"])
    assert (spec, str(output)) == ({"seed": 1}, "o")
    assert {role: [str(path) for path in paths] for role, paths in inputs.items()} == {
        "samples": ["a", "b"],
        "step_values": ["c"],
    }
    assert runtime == job.Runtime(threads=2, batch_rows=64, device="cpu")
    for wrong in (
        ["--spec", "{", "--output", "o"],
        ["stray", "--spec", "{}", "--output", "o"],
        ["--output", "o"],
    ):
        with pytest.raises(SystemExit) as caught:
            job._parse("train_prm", wrong)
        assert caught.value.code == 2
