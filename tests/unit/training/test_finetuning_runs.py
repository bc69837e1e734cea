"""Runs of fine-tuning: equal ones, ones that go on where they were ended, and ones of several processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.support.finetuned import (
    LORA,
    SETTINGS,
    SHORT,
    in_work,
    policy,
    reviser,
    values,
    verifier,
)
from ttc import plugins
from ttc.digests import digest
from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.training.callbacks import Course
from ttc.training.processes import spread
from ttc.training.trainer import OneByOne, Pieces, padded

ROOT = Path(__file__).parents[3]


def weights(folder):
    return load_file(folder / "model.safetensors")


# Equal runs


def test_equal_runs_write_equal_bytes(llama, tmp_path):
    made = []
    for number, seed in enumerate((0, 0, 1)):
        torch.manual_seed(number)  # the global generator must not matter
        np.random.seed(number)
        made.append(digest(verifier(llama, tmp_path / str(number), SHORT | {"lora": LORA}, seed)))
    assert made[0] == made[1] != made[2]


class Interrupted(Exception):
    pass


def interrupt(monkeypatch, save):
    """Have the run end after its checkpoint number `save`, counted from 1."""
    counts = iter(range(1, 1000))
    saved = Course.on_save

    def stop(self, *given, **named):
        saved(self, *given, **named)
        if next(counts) == save:
            raise Interrupted

    monkeypatch.setattr(Course, "on_save", stop)


@pytest.mark.parametrize("make, lora", [(verifier, None), (verifier, LORA), (reviser, LORA)])
def test_a_run_that_was_interrupted_writes_the_same(tmp_path, monkeypatch, capfd, make, lora):
    """Interrupted twice, once between two evaluations; dropout is drawn on from where it was."""
    settings = SHORT | {"lora": lora}
    whole_run = make(policy(tmp_path / "policy"), tmp_path / "expected", settings)
    for save in (2, 3):
        with monkeypatch.context() as patch:
            interrupt(patch, save)
            with pytest.raises(Interrupted):
                in_work(tmp_path, make, settings)
    capfd.readouterr()
    made = in_work(tmp_path, make, settings)
    said = capfd.readouterr()
    assert "continuing after step 5" in said.out and said.err == ""
    for file in sorted(path.name for path in whole_run.iterdir()):
        assert (made / file).read_bytes() == (whole_run / file).read_bytes(), file
    assert digest(made) == digest(whole_run)
    assert not (tmp_path / ".model.work").exists()


def test_a_run_that_was_killed_writes_the_same(tmp_path, capfd):
    whole_run = verifier(policy(tmp_path / "policy"), tmp_path / "expected", SHORT)
    program = [sys.executable, "-m", "tests.support.finetuned", str(tmp_path)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=os.environ, cwd=ROOT)
    for line in process.stdout:
        if line.startswith("step 4/"):
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    assert any((tmp_path / ".model.work").glob("checkpoint-*"))
    capfd.readouterr()
    made = in_work(tmp_path, verifier)
    assert "continuing after step" in capfd.readouterr().out
    assert digest(made) == digest(whole_run)


# Batches


def test_every_step_learns_as_many_examples_in_as_many_pieces():
    examples = values(10)  # an epoch is one batch of 8 and one of 2, which is filled up
    pieces = Pieces(examples, steps=6, batch=8, number=3, seed=0)
    again, other = (Pieces(examples, 6, 8, 3, seed) for seed in (0, 1))
    assert len(pieces) == len(list(pieces)) == 18
    for step in range(6):
        chosen = list(pieces)[3 * step : 3 * step + 3]
        assert [len(each) for each in chosen] == [3, 3, 2]
        batches = [padded([OneByOne(examples)[place] for place in each]) for each in chosen]
        assert sum(len(batch["targets"]) for batch in batches) == pieces.places[step] == 16
        assert pieces.tokens[step] == examples.lengths[np.concatenate(chosen)].sum()
    assert list(pieces) == list(again) != list(other)
    for start in (0, 2, 4):  # every example is learned in each epoch
        assert set(np.concatenate(list(pieces)[3 * start : 3 * start + 6])) == set(range(10))


# Several processes


def test_two_processes_learn_what_one_does(tmp_path):
    """Each reads half of a batch, and of the held-out examples"""
    settings = SETTINGS | {"steps": 4, "batch": 10, "micro_batch": 4, "evaluations": 2}
    given = policy(tmp_path / "policy"), tmp_path / "together", settings
    alone = reviser(given[0], tmp_path / "alone", settings)
    spread(reviser, given, 2)
    cards = [read_card(tmp_path / name)["training"] for name in ("alone", "together")]
    assert cards[0]["steps"] == cards[1]["steps"] and cards[0]["tokens"] == cards[1]["tokens"]
    for name in ("losses", "validation_losses"):
        assert cards[1][name] == pytest.approx(cards[0][name], rel=1e-5)
    before, expected, made = weights(given[0]), weights(alone), weights(tmp_path / "together")
    assert max(float((expected[name] - before[name]).abs().max()) for name in expected) > 0.01
    for name, each in expected.items():
        assert torch.allclose(made[name], each, atol=1e-4), name


def test_what_one_of_several_processes_refuses_is_one_sentence():
    with pytest.raises(InputError, match=r"^kinds: there is no 'qwen_extra'; "):
        spread(plugins.declaration, ("ttc.verifiers.kinds", "qwen_extra"), 2)
