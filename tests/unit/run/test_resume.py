"""A job that is killed goes on where it was, and ends with the bytes of one that was not."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise

import polars as pl
import pytest

from tests.support import all_stages, tiny
from tests.support.killed_work import Killed, KilledWork
from ttc import digests
from ttc.engines import sampling
from ttc.engines.flow import Flow
from ttc.errors import InputError
from ttc.run import files, job, locks
from ttc.run.work import KeptWork, Work
from ttc.stages import score, score_revisions
from ttc.training.checkpoints import Checkpoints, Progress

LONG = {
    name
    for name, (stage, _, _) in all_stages.STAGES.items()
    if stage in ("sample", "roll_out", "score", "score_revisions", "revise", "search") or "train_" in stage
}
ABOUT = {"stage": "sample", "spec": {"seed": 1}}


def killed_until_done(name, made, place, batch_rows, lives):
    """Run a stage that is killed after `lives` blocks again and again; returns how often it was."""
    deaths = 0
    while True:
        work = KilledWork(place.parent / "work", {"name": name}).open()
        work.lives = lives
        # After each step: a killed training learns the next one and is killed again.
        runtime = job.Runtime(batch_rows=batch_rows, device="cpu", checkpoint_seconds=0, work=work)
        try:
            all_stages.run_stage(name, made, place, runtime)
        except Killed:
            deaths += 1
        else:
            return deaths


@pytest.mark.parametrize("name", sorted(LONG - {"policy"}))
def test_a_stage_killed_after_every_block_gives_the_same_bytes(made, tmp_path, monkeypatch, name):
    monkeypatch.setattr(sampling, "BATCHES", 1)  # blocks as small as batches
    for module in (score, score_revisions):
        monkeypatch.setattr(module, "BLOCKS", 1)
    place = all_stages.place_of(name, tmp_path)
    deaths = killed_until_done(name, made, place, batch_rows=4, lives=1)
    assert deaths >= 2  # there was something to kill
    assert digests.digest(place) == digests.digest(made[name])


def test_a_policy_killed_in_each_of_its_phases_is_the_same(made, tmp_path):
    deaths = killed_until_done("policy", made, tmp_path / "policy", 8, lives=7)
    assert deaths == 99 // 7
    assert digests.digest(tmp_path / "policy") == digests.digest(made["policy"])


def test_problems_that_were_kept_are_not_sampled_again(made, tmp_path, monkeypatch):
    asked = []
    put = Flow.put

    def counted(self, prompts):
        prompts = list(prompts)
        asked.append(len(prompts))
        put(self, prompts)

    monkeypatch.setattr(Flow, "put", counted)
    monkeypatch.setattr(sampling, "BATCHES", 1)
    deaths = killed_until_done("train_a", made, tmp_path / "train_a.parquet", 8, lives=1)
    assert deaths >= 2 and len(asked) == deaths + 1
    assert asked[0] == pl.read_parquet(made["train_a"])["problem_id"].n_unique() and asked[-1] == 0
    assert all(after < before for before, after in pairwise(asked))


@pytest.mark.parametrize(
    ("every", "batches", "least", "most"), [(0, 99, 2, 8), (1e9, 99, 1, 1), (1e9, 1, 2, 8)]
)
def test_what_is_complete_is_kept_when_it_is_time_or_fills_a_block(
    made, tmp_path, monkeypatch, every, batches, least, most
):
    """Of 8 problems with 6 samples each, of which 8 are in work at a time."""
    monkeypatch.setattr(sampling, "BATCHES", batches)
    work = Work(every)
    runtime = job.Runtime(batch_rows=8, device="cpu", work=work)
    all_stages.run_stage("test", made, tmp_path / "test.parquet", runtime)
    assert sum(len(block["samples"]) for block in work.blocks) == 6 * 8
    assert least <= len(work.blocks) <= most


def test_another_batch_size_goes_on_with_the_blocks_of_the_first(made, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "BATCHES", 1)
    for lives, rows in ((1, 16), (1, 8), (99, 64)):
        work = KilledWork(tmp_path / "work", {}).open()
        work.lives = lives
        try:
            runtime = job.Runtime(batch_rows=rows, device="cpu", work=work)
            all_stages.run_stage("test", made, tmp_path / "test.parquet", runtime)
        except Killed:
            continue
    assert len(work.blocks) == 3
    assert sum(len(block["samples"]) // 6 for block in work.blocks) == 8  # problems
    assert digests.digest(tmp_path / "test.parquet") == digests.digest(made["test"])


def block(*values):
    return pl.DataFrame({"problem_id": [str(value) for value in values], "value": [float(v) for v in values]})


def reopened(folder, about=None):
    return KeptWork(folder, ABOUT if about is None else about).open()


def test_blocks_come_back_in_order_and_a_closed_folder_is_gone(tmp_path):
    work = reopened(tmp_path / "work")
    for number in range(12):
        work.add(values=block(number), more=block(-number))
    again = reopened(tmp_path / "work")
    assert again.table("values")["value"].to_list() == list(range(12))
    assert again.table("more")["value"].to_list() == [-number for number in range(12)]
    assert again.finished("values", ["problem_id"]) == {str(number) for number in range(12)}
    assert ("3", 3.0) in again.finished("values", ["problem_id", "value"])
    again.close()
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("damage", ["truncate", "flip", "half"])
def test_a_damaged_block_is_dropped_and_said(tmp_path, capsys, damage):
    work = reopened(tmp_path / "work")
    for number in range(3):
        work.add(values=block(number))
    (file,) = (tmp_path / "work").glob("block-000001-*/values.parquet")
    content = bytearray(file.read_bytes())
    if damage == "truncate":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    else:  # killed before the move into place
        file.parent.rename(file.parent.with_name(".block.part"))
    again = reopened(tmp_path / "work")
    assert again.table("values")["value"].to_list() == [0, 2]
    assert ("damaged" in capsys.readouterr().out) == (damage != "half")
    again.add(values=block(7))  # takes no number that is in use
    assert reopened(tmp_path / "work").table("values")["value"].to_list() == [0, 2, 7]


def test_of_a_folder_that_is_half_removed_nothing_is_taken_for_finished(tmp_path, monkeypatch):
    """A job may be killed while it removes what it kept: some of its blocks are gone then, and others not."""
    work = reopened(tmp_path / "work")
    for number in range(3):
        work.add(values=block(number))

    def killed(folder):
        monkeypatch.undo()
        shutil.rmtree(next(folder.glob("block-*")))
        raise Killed

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(Killed):
        work.close()
    assert len(list((tmp_path / "work").glob("block-*"))) == 2
    assert reopened(tmp_path / "work").blocks == []


def test_one_block_takes_the_place_of_all(tmp_path):
    work = reopened(tmp_path / "work")
    for number in range(3):
        work.add(values=block(number))
    work.restart(values=block(7))
    work.add(values=block(8))
    for found in (work, reopened(tmp_path / "work")):
        assert [each["values"]["value"].to_list() for each in found.blocks] == [[7.0], [8.0]]


@pytest.mark.parametrize("name", sorted(name for name in LONG if all_stages.STAGES[name][0] == "revise"))
def test_what_stands_behind_a_lost_answer_is_written_again(made, tmp_path, capsys, name):
    """A crash may damage any of the blocks; the answers of later ones were written with those of it in view."""
    work = KilledWork(tmp_path / "work", {"name": name}).open()
    work.lives = 99
    runtime = job.Runtime(batch_rows=8, device="cpu", checkpoint_seconds=0, work=work)
    all_stages.run_stage(name, made, tmp_path / "first.parquet", runtime)
    blocks = sorted((tmp_path / "work").glob("block-*"))
    shutil.rmtree(blocks[(len(blocks) - 1) // 2])
    again = KilledWork(tmp_path / "work", {"name": name}).open()
    again.lives = 99
    all_stages.run_stage(name, made, tmp_path / "again.parquet", replace(runtime, work=again))
    assert len(blocks) > 1 and "stand behind ones that were lost" in capsys.readouterr().out
    assert digests.digest(tmp_path / "again.parquet") == digests.digest(made[name])


def test_blocks_of_another_job_are_dropped_and_said(tmp_path, capsys):
    reopened(tmp_path / "work").add(values=block(1))
    other = reopened(tmp_path / "work", ABOUT | {"spec": {"seed": 2}})
    assert other.blocks == [] and "dropped" in capsys.readouterr().out


def test_a_new_checkpoint_takes_the_place_of_the_old_one(tmp_path):
    work = reopened(tmp_path / "work")
    assert work.kept("checkpoint") is None
    for number in range(3):
        work.keep("checkpoint", lambda folder, text=str(number): (folder / "step").write_text(text))
    assert (reopened(tmp_path / "work").kept("checkpoint") / "step").read_text() == "2"
    assert len(list((tmp_path / "work").glob("checkpoint-*"))) == 1


def test_checkpoints_take_no_more_than_their_share_of_the_time(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    saved = []

    class Slow(Work):
        def keep(self, kind, fill):
            saved.append(now[0])
            now[0] += 10  # seconds that a checkpoint takes

    model = tiny.torch.nn.Linear(1, 1)
    checkpoints = Checkpoints(Slow(), 60)
    while now[0] < 1000:
        checkpoints.save_when_due(model, [], Progress())
        now[0] += 1
    assert saved == [60, 60 + 10 + 200, 270 + 10 + 200, 480 + 10 + 200, 690 + 10 + 200]


# ---- the command line: staging, sidecar, lock

STAGE = "problems"


def arguments(output, train_problems=300):
    spec = {"seed": 1, "task": all_stages.TASK | {"train_problems": train_problems}}
    return ["--spec", job.json.dumps(spec), "--output", str(output), "--threads", "1"]


def start(output, **more):
    environment = os.environ | job.thread_variables(1)
    return subprocess.Popen(
        [sys.executable, "-m", "ttc.run", STAGE, *arguments(output, **more)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_an_output_appears_whole_with_its_sidecar_and_nothing_else(tmp_path):
    output = tmp_path / "problems.parquet"
    said, _ = start(output).communicate()
    assert f"wrote {output}, 308 rows" in said
    assert {path.name for path in tmp_path.iterdir()} == {"problems.parquet", "problems.parquet.json"}
    sidecar = job.json.loads((tmp_path / "problems.parquet.json").read_text())
    assert sidecar["sha256"] == digests.digest(output)


def test_a_failing_stage_leaves_no_output_and_the_old_one_alone(tmp_path, monkeypatch):
    output = tmp_path / "problems.parquet"
    output.write_text("old")

    def run(spec, inputs, made, runtime):
        made.write_text("new, half")
        raise InputError("no")

    monkeypatch.setattr(job, "_load", lambda stage: run)
    monkeypatch.setattr(job, "_restart_with_threads", lambda stage, threads: None)
    monkeypatch.setattr(sys, "argv", ["problems", *arguments(output)])
    with pytest.raises(SystemExit):
        job.main(STAGE, sys.argv[1:])
    assert output.read_text() == "old" and list(tmp_path.iterdir()) == [output]


def test_a_second_process_waits_for_the_first_and_takes_its_result(tmp_path):
    output = tmp_path / "problems.parquet"
    first = start(output, train_problems=30_000)
    while not files.lock_path(output).exists():
        time.sleep(0.01)
    second = start(output, train_problems=30_000)
    said = [process.communicate()[0] for process in (first, second)]
    if "wrote" not in said[0]:  # whoever had the lock
        said.reverse()
    assert "30,008 rows" in said[0], said
    assert "waiting" in said[1] and "written by another process" in said[1], said
    assert not files.lock_path(output).exists()


def test_what_a_process_left_that_was_killed_as_it_ended_goes_with_the_next_one(tmp_path):
    output = tmp_path / "problems.parquet"
    with locks.exclusive(files.lock_path(output), print):
        second = start(
            output
        )  # waits, while the first one, which is this test, ends in the middle of its end
        while "waiting" not in second.stdout.readline():
            pass
        assert "wrote" in start(tmp_path / "other" / output.name).communicate()[0]
        for name in (output.name, f"{output.name}.json"):
            (tmp_path / "other" / name).rename(tmp_path / name)
        files.work_folder(output).mkdir()
    assert "written by another process" in second.communicate()[0]
    assert not files.work_folder(output).exists()


def test_a_lock_dies_with_its_holder(tmp_path):
    output = tmp_path / "problems.parquet"
    first = start(output, train_problems=200_000)
    while not files.lock_path(output).exists():
        time.sleep(0.01)
    assert locks.try_lock(files.lock_path(output)) is None
    assert f"process {first.pid} on" in locks.holder(files.lock_path(output))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not output.exists()
    handle = locks.try_lock(files.lock_path(output))
    assert handle is not None
    locks.release(files.lock_path(output), handle)
    said, _ = start(output).communicate()
    assert "308 rows" in said and "waiting" not in said


def test_a_lock_is_had_by_one_at_a_time(tmp_path):
    path = tmp_path / "lock"
    said = []
    with locks.exclusive(path, said.append) as waited:
        assert not waited and locks.try_lock(path) is None
    with locks.exclusive(path, said.append) as waited:
        assert not waited
    assert said == [] and not path.exists()


def test_a_file_system_without_locks_is_said_and_used_all_the_same(tmp_path, monkeypatch, capsys):
    def refuse(handle, operation):
        raise OSError(locks.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with locks.exclusive(tmp_path / "lock", print) as waited:
        assert not waited
    assert "has no locks" in capsys.readouterr().err
