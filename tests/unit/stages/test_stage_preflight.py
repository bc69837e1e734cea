"""The stage `preflight` and the opening of verifiers: what a card says, and a check that costs seconds."""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from tests.support import tiny
from tests.support.published import KINDS, PROBLEM, SOLUTIONS, edit_weights
from tests.support.text_verifiers import model_directory
from ttc.errors import InputError
from ttc.models.directory import save_model
from ttc.models.from_scratch import build_verifier
from ttc.models.linear import PackedLinear
from ttc.run import job
from ttc.stages import preflight
from ttc.store.code import Sources
from ttc.tables.generation import PREFLIGHT
from ttc.verifiers.incremental import IncrementalVerifier
from ttc.verifiers.load import load
from ttc.verifiers.open import open_verifier
from ttc.verifiers.preflight import GOLDEN, golden_examples, told_apart


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return model_directory(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def examples(directory):
    """Examples with the verdicts that the checkpoint gives, so that it is right about each."""
    scores = opened(directory).score([PROBLEM] * len(SOLUTIONS), SOLUTIONS)
    every = sorted(score for each in scores for score in each)
    median = every[len(every) // 2]
    return [
        {"problem": PROBLEM, "steps": steps, "verdicts": [score >= median for score in each]}
        for steps, each in zip(SOLUTIONS, scores, strict=True)
    ]


@pytest.fixture(scope="module")
def flipped(tmp_path_factory):
    """The same checkpoint with its two labels exchanged: every score is one minus what it was."""
    path = model_directory(tmp_path_factory.mktemp("flipped"))
    weights = load_file(path / "weights/model.safetensors")
    edit_weights(
        path / "weights", add={name: weights[name].flip(0) for name in ("score.weight", "score.bias")}
    )
    return path


def opened(path, reads="trl_tokencls", **how):
    return open_verifier(path, reads, job.Runtime(device="cpu", **how))


def run(path, output, examples, least_auc=0.75, reads="trl_tokencls"):
    spec = {"format": reads, "least_auc": least_auc, "examples": examples}
    preflight.run(spec, {"verifier": [path]}, output, job.Runtime(device="cpu"))


# The stage


def test_a_verifier_that_is_right_passes(directory, examples, tmp_path, capsys):
    run(directory, tmp_path / "preflight.parquet", examples)
    table = PREFLIGHT.read(tmp_path / "preflight.parquet")
    scores = opened(directory).score([PROBLEM] * len(SOLUTIONS), SOLUTIONS)
    assert table.rows() == [
        (number, step, verdict, pytest.approx(score, abs=1e-5))
        for number, (each, made) in enumerate(zip(examples, scores, strict=True))
        for step, (verdict, score) in enumerate(zip(each["verdicts"], made, strict=True))
    ]
    area, right, wrong = told_apart(table)
    assert area == 1 and right > wrong
    assert f"right steps score {right:.3f} on average and wrong ones {wrong:.3f}, with an AUC of 1.000" in (
        capsys.readouterr().out
    )


def test_a_verifier_with_flipped_verdicts_is_refused(flipped, directory, examples, tmp_path):
    problems = [PROBLEM] * len(SOLUTIONS)
    upright, turned = (opened(path).score(problems, SOLUTIONS) for path in (directory, flipped))
    for each, other in zip(upright, turned, strict=True):
        assert [1 - score for score in other] == pytest.approx(each, abs=1e-5)
    with pytest.raises(
        InputError, match=r"does not tell right steps .* with an AUC of 0.000 where 0.75 is needed"
    ):
        run(flipped, tmp_path / "preflight.parquet", examples)
    assert list(tmp_path.iterdir()) == []


class Golden:
    """Knows the verdicts of the golden examples."""

    def __init__(self, right, wrong):
        self.of = {True: right, False: wrong}
        self.verdicts = {
            step: v for each in golden_examples() for step, v in zip(each.steps, each.verdicts, strict=True)
        }

    def score(self, problems, solutions):
        return [[self.of[self.verdicts[step]] for step in steps] for steps in solutions]


def test_without_examples_the_golden_ones_are_scored(directory, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(preflight, "open_verifier", lambda *_, **__: Golden(0.9, 0.2))
    run(directory, tmp_path / "preflight.parquet", None)
    table = PREFLIGHT.read(tmp_path / "preflight.parquet")
    assert table["score"].to_list() == [0.9 if verdict else 0.2 for verdict in table["verdict"]]
    assert len(table) == sum(len(each.steps) for each in golden_examples())
    assert (
        "right steps score 0.900 on average and wrong ones 0.200, with an AUC of 1.000"
        in capsys.readouterr().out
    )
    monkeypatch.setattr(preflight, "open_verifier", lambda *_, **__: Golden(0.2, 0.9))
    with pytest.raises(InputError, match=r"6 right steps score 0.200 on average and 4 wrong ones 0.900"):
        run(directory, tmp_path / "preflight.parquet", None)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_reads_the_golden_examples(tmp_path, kind):
    """Random weights pass or fail by their numbers; either way all steps are scored."""
    try:
        path = model_directory(tmp_path, kind)
        run(path, tmp_path / "preflight.parquet", None, least_auc=0, reads=kind)
    except InputError as error:
        assert "6 right steps score 0." in str(error)
    else:
        assert len(PREFLIGHT.read(tmp_path / "preflight.parquet")) == 10


def test_examples_are_checked(directory, tmp_path):
    for steps, verdicts in ((["a", "b"], [True]), ([], [])):
        examples = [{"problem": "p", "steps": ["a"], "verdicts": [True]}]
        examples.append({"problem": "p", "steps": steps, "verdicts": verdicts})
        with pytest.raises(
            InputError, match=rf"examples\[1\] has {len(steps)} steps and {len(verdicts)} verdicts"
        ):
            run(directory, tmp_path / "preflight.parquet", examples)
    with pytest.raises(InputError, match="needs examples with right and with wrong steps"):
        run(directory, tmp_path / "preflight.parquet", examples[:1])


def test_a_verifier_that_was_trained_here_has_no_preflight(trained, tmp_path):
    with pytest.raises(InputError, match="its card names no format, and the specification 'trl_tok"):
        run(trained, tmp_path / "preflight.parquet", None)


def stage(path, output, examples):
    spec = json.dumps({"format": "trl_tokencls", "least_auc": 0.75, "examples": examples})
    arguments = ["--spec", spec, "--verifier", str(path), "--output", str(output), "--device", "cpu"]
    return subprocess.run(
        [sys.executable, "-m", "ttc.run", "preflight", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | job.thread_variables(1),
    )


def test_the_command_line_stops_with_one_sentence(directory, flipped, examples, tmp_path):
    output = tmp_path / "preflight.parquet"
    failed = stage(flipped, output, examples)
    assert failed.returncode == 2 and not list(tmp_path.iterdir())
    assert failed.stderr.startswith(
        "preflight: the verifier does not tell right steps of the golden examples from"
    )
    assert failed.stderr.count("\n") == 1
    done = stage(directory, output, examples)
    assert (done.returncode, done.stderr) == (0, "")
    assert "with an AUC of 1.000" in done.stdout and f"preflight: wrote {output}, 11 rows" in done.stdout


def test_the_golden_examples_count_in_the_stages_code(monkeypatch, tmp_path):
    assert "ttc.verifiers.preflight" in Sources().closure("stages.preflight").modules
    before, read = Sources().closure("stages.preflight").digest, type(GOLDEN).read_bytes
    monkeypatch.setattr(
        type(GOLDEN), "read_bytes", lambda path: read(path) + (b" " if path.name == GOLDEN.name else b"")
    )
    assert Sources().closure("stages.preflight").digest != before


# Opening


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A verifier of the default study with random weights."""
    folder = tmp_path_factory.mktemp("trained")
    policy = tiny.saved(tiny.random_model(tie_word_embeddings=True), folder / "policy")
    network = build_verifier(policy, 1, seed=3)
    save_model(folder / "prm", network, tiny.tokenizer(), kind="prm", training={}, metrics={})
    return folder / "prm"


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("role", ["prm", "orm"])
def test_a_card_with_a_format_opens_a_published_verifier(tmp_path, kind, role):
    path = model_directory(tmp_path, kind, role)
    verifier = opened(path, kind, batch_rows=64)
    assert type(verifier).__module__ == f"ttc.verifiers.kinds.{kind}" and verifier.batch_tokens == 1024
    expected = load(kind, path / "weights", device="cpu").score([PROBLEM] * 4, SOLUTIONS)
    for made, each in zip(verifier.score([PROBLEM] * 4, SOLUTIONS), expected, strict=True):
        assert made == pytest.approx(each, abs=1e-5)


def test_options_of_the_card_are_used(tmp_path):
    path = model_directory(tmp_path, dtype="bfloat16", attention="eager", separator="\n\n")
    verifier = opened(path)
    assert verifier.network.dtype == torch.bfloat16 and verifier.separator == "\n\n"
    assert verifier.source.attention == "eager" and not verifier.source.trust_remote_code


def test_linear_layers_are_those_of_the_card(tmp_path):
    verifier = opened(model_directory(tmp_path, linear="onednn"))
    assert any(isinstance(each, PackedLinear) for each in verifier.network.modules())


def test_a_card_without_a_format_opens_a_trained_verifier(trained):
    verifier = opened(trained, None, batch_rows=16)
    assert isinstance(verifier, IncrementalVerifier) and verifier.batch_rows == 16 and verifier.kind == "prm"


def test_cards_that_are_refused(tmp_path):
    path = model_directory(tmp_path, role="policy")
    with pytest.raises(InputError, match="its card says kind 'policy'; a verifier is one of prm, orm"):
        opened(path)
    card = json.loads((path / "card.json").read_text()) | {"kind": "prm", "format": "skywork"}
    (path / "card.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=r"kinds: there is no 'skywork'; .* did you mean 'skywork_value'"):
        opened(path, "skywork")
    card |= {"format": "ki_tag", "checkpoint": card["checkpoint"] | {"separator": "\n"}}
    (path / "card.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="'ki_tag' has a step separator of its own"):
        opened(path, "ki_tag")
    with pytest.raises(InputError, match=r"not a model directory of this study, it has no card.json"):
        opened(tmp_path)
    with pytest.raises(
        InputError, match="names the format 'ki_tag', and the specification none; it is another"
    ):
        opened(path, None)
