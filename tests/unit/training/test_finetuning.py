"""Fine-tuning of published models: what is learned, by hand; what is written; and what is refused."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification

from tests.support import finetuned
from tests.support.finetuned import (
    BOS,
    EOS,
    LORA,
    SETTINGS,
    SHORT,
    languages,
    policy,
    reviser,
    values,
    verifier,
)
from tests.support.published import PROBLEM, STEPS, WINDOW, edit_weights
from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.models.weights import weights_of
from ttc.training.adapters import add_adapters, merged
from ttc.training.batches import Batch, collate, language_examples, value_examples
from ttc.training.fine_tune import FineTuning, fine_tune_policy, fine_tune_verifier
from ttc.training.losses import causal_losses, classifier_logits, classifier_losses, predict
from ttc.training.trainer import OneByOne, Pieces, fit, padded
from ttc.verifiers.load import load
from ttc.verifiers.readers import load_reader

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[3]
ARCHITECTURES = list(finetuned.ARCHITECTURES)


@pytest.fixture(scope="module")
def trained(policies, tmp_path_factory):
    """What becomes of each policy, by architecture: a verifier and a reviser."""
    folder = tmp_path_factory.mktemp("trained")
    return {
        name: (
            verifier(path, folder / f"{name}-prm", kind="prm"),
            reviser(path, folder / f"{name}-reviser", SETTINGS | {"steps": 48, "learning_rate": 0.02}),
        )
        for name, path in policies.items()
    }


def classifier(folder, seed=0):
    torch.manual_seed(seed)
    return AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32, num_labels=2).eval()


def causal(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def whole(examples):
    """All examples as one batch."""
    return collate(examples, np.arange(len(examples)), CPU)


def scores_of(model, examples, rows):
    return np.concatenate(predict(model, examples, classifier_logits, rows))


def weights(folder):
    return load_file(folder / "model.safetensors")


# What is learned


def test_the_loss_of_a_reviser_by_hand(policies):
    examples = languages(5)
    for path in policies.values():
        model, losses = causal(path), []
        for start, stop in zip(examples.bounds[:-1], examples.bounds[1:], strict=True):  # without padding
            tokens = examples.tokens[start:stop].tolist()
            logits = model(torch.tensor([tokens])).logits[0].detach().double().numpy()
            for place in (1, 2, 3):  # the token before the solution, and its own but for the last
                odds = np.exp(logits[place] - logits[place].max())
                losses.append(-np.log(odds[tokens[place + 1]] / odds.sum()))
        assert causal_losses(model, whole(examples)).tolist() == pytest.approx(losses, abs=1e-5)


def test_the_loss_of_a_verifier_by_hand(policies):
    prompts, solutions = [[BOS, 5], [BOS]], [[10, 11, 12], [40, 41, 20, 21, 22]]
    places, soft = [np.array([0, 2]), np.array([4])], [np.array([0.25, 1.0]), np.array([0.6])]
    batch = whole(value_examples(prompts, solutions, places, soft))
    for path in policies.values():
        model, losses = classifier(path), []
        for prompt, solution, at, targets in zip(prompts, solutions, places, soft, strict=True):
            logits = model(torch.tensor([prompt + solution])).logits[0].detach().double().numpy()
            for place, target in zip(at + len(prompt), targets, strict=True):
                wrong, right = np.exp(logits[place]) / np.exp(logits[place]).sum()
                losses.append(-(target * np.log(right) + (1 - target) * np.log(wrong)))
        assert classifier_losses(model, batch).tolist() == pytest.approx(losses, abs=1e-5)


@pytest.mark.parametrize(
    "losses, examples", [(classifier_losses, values(30)), (causal_losses, languages(30))]
)
def test_the_loss_of_a_step_is_the_mean_over_its_places_however_it_is_cut(llama, tmp_path, losses, examples):
    """So is the push that the weights get: solutions of other lengths in other pieces do not weigh more."""
    load_model = classifier if losses is classifier_losses else causal
    given = load_model(llama).state_dict()
    after = []
    for pieces, micro_batch in ((1, 8), (3, 3)):
        model = load_model(llama)
        if losses is classifier_losses:
            model.dropout.p = 0.0
        settings = SHORT | {"steps": 1, "evaluations": 1, "batch": 8, "micro_batch": micro_batch}
        batches = [
            padded([OneByOne(examples)[place] for place in piece])
            for piece in Pieces(examples, 1, 8, pieces, 0)
        ]
        with torch.inference_mode():
            each = [losses(model, Batch(*batch.values())) for batch in batches]
            mean = float(torch.cat(each).mean())
        log = fit(
            model,
            examples,
            examples,
            losses,
            settings,
            0,
            tmp_path / "s",
            finetuned.runtime(),
        )
        assert log.losses == pytest.approx([mean], abs=1e-6)
        after.append(torch.cat([(each - given[name]).ravel() for name, each in model.state_dict().items()]))
    assert torch.allclose(*after, atol=1e-4) and after[0].abs().max() > 0.009  # Adam's step is the rate


def test_soft_values_are_learned_by_heart(llama, tmp_path):
    soft = [np.array([0.9]), np.array([0.1]), np.array([0.5])]
    examples = value_examples([[BOS]] * 3, [[10, 11], [12], [13, 14, 15]], [[1], [0], [2]], soft)
    settings = SETTINGS | {"steps": 40, "batch": 3, "micro_batch": 3}
    given = FineTuning(llama, examples, examples, settings, 0)
    fine_tune_verifier(given, tmp_path / "m", finetuned.runtime(), "orm", "trl_tokencls")
    assert scores_of(classifier(tmp_path / "m"), examples, 2) == pytest.approx([0.9, 0.1, 0.5], abs=0.05)
    entropy = -np.mean([p * np.log(p) + (1 - p) * np.log(1 - p) for p in (0.9, 0.1, 0.5)])
    assert read_card(tmp_path / "m")["metrics"]["loss"] == pytest.approx(entropy, abs=0.01)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_verifier_learns_a_rule(trained, architecture):
    card = read_card(trained[architecture][0])
    assert (card["kind"], card["format"]) == ("prm", "trl_tokencls")
    assert card["metrics"]["auc"] > 0.95 and card["metrics"]["values"] == 80
    losses = card["training"]["losses"]
    assert losses[-1] < 0.2 < 0.3 < losses[0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_reviser_learns_a_rule(trained, architecture):
    card = read_card(trained[architecture][1])
    losses = card["training"]["losses"]
    assert card["kind"] == "reviser" and losses[-1] < 0.5 < 1.5 < losses[0]
    assert card["metrics"]["loss"] == pytest.approx(card["training"]["validation_losses"][-1], abs=1e-5)


def test_an_orm_learns_from_verdicts_on_last_tokens(llama, tmp_path):
    card = read_card(
        verifier(llama, tmp_path / "orm", SETTINGS | {"lora": LORA, "learning_rate": 0.02}, kind="orm")
    )
    assert card["kind"] == "orm" and card["metrics"]["auc"] > 0.9


def test_activation_checkpoints_change_nothing(llama, tmp_path):
    made = [
        weights(verifier(llama, tmp_path / str(on), SHORT | {"gradient_checkpointing": on}))
        for on in (False, True)
    ]
    for name, each in made[0].items():
        assert torch.allclose(each, made[1][name], atol=1e-6), name


# Which weights are kept


@pytest.mark.parametrize("rule, after", [("last", 0), ("lowest", 0), ("after_rise", 1)])
def test_the_weights_that_the_rule_chooses_are_written(llama, tmp_path, rule, after):
    """Who learns one answer is more and more surprised by another."""
    prompts = [[BOS, each] for each in range(10, 20)]
    learned = language_examples(prompts, [[30, EOS]] * 10)
    other = language_examples(prompts, [[31, EOS]] * 10)
    settings = SETTINGS | {
        "steps": 12,
        "learning_rate": 0.005,
        "evaluations": 6,
        "checkpoint": rule,
        "evaluations_after_rise": after,
    }
    given = FineTuning(llama, learned, other, settings, 0)
    fine_tune_policy(given, tmp_path / "m", finetuned.runtime())
    card = read_card(tmp_path / "m")
    course = card["training"]["validation_losses"]
    rise = next(place for place in range(1, 6) if course[place] > course[place - 1])
    expected = {"last": 5, "lowest": course.index(min(course)), "after_rise": rise + 1}[rule]
    assert card["training"]["best_step"] == card["training"]["steps"][expected]
    assert card["metrics"]["loss"] == pytest.approx(course[expected], rel=1e-6)
    with torch.inference_mode():
        written = causal_losses(causal(tmp_path / "m"), whole(other)).mean()
    assert float(written) == pytest.approx(course[expected], rel=1e-5)


# LoRA


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_only_adapters_and_a_new_head_are_trained(policies, architecture):
    model = add_adapters(classifier(policies[architecture]), LORA, 0)
    names = [name for name, each in model.named_parameters() if each.requires_grad]
    head = [name for name in names if "score" in name]
    assert sorted(name.rpartition(".")[2] for name in head) == ["bias", "weight"]
    assert all("lora_" in name for name in set(names) - set(head))
    assert len(names) == 2 + 2 * 2 * 7  # two matrices for each of seven in two layers
    reviser_names = [
        name
        for name, each in add_adapters(causal(policies[architecture]), LORA, 0).named_parameters()
        if each.requires_grad
    ]
    assert len(reviser_names) == 2 * 2 * 7 and all("lora_" in name for name in reviser_names)


def test_merged_adapters_change_their_matrices_only(llama, tmp_path):
    made = reviser(llama, tmp_path / "m", SHORT | {"lora": LORA | {"modules": ["q_proj", "down_proj"]}})
    before, after = weights(llama), weights(made)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[-2] for name in changed} == {"q_proj", "down_proj"} and len(changed) == 4


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_merged_adapters_answer_as_they_did_beside_the_matrices(policies, architecture):
    model = add_adapters(classifier(policies[architecture]), LORA, 0).eval()
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    beside = scores_of(model, values(20), 8)
    assert not np.allclose(beside, scores_of(classifier(policies[architecture]), values(20), 8), atol=0.01)
    assert scores_of(merged(model), values(20), 8) == pytest.approx(beside, abs=1e-5)


def test_what_adapters_made_loads_without_peft(llama, tmp_path, monkeypatch):
    made = verifier(llama, tmp_path / "m", SHORT | {"lora": LORA})
    assert weights(made).keys() == {name for name in weights(llama) if name != "lm_head.weight"} | {
        "score.weight",
        "score.bias",
    }
    monkeypatch.setitem(sys.modules, "peft", None)  # to import it is an error from now on
    (scores,) = load("trl_tokencls", made, device="cpu").score([PROBLEM], [STEPS])
    assert len(scores) == 3


# What is written


def test_scores_are_the_trained_models_own_probabilities(policies, trained):
    """The kind reads a text, and gives the probabilities that training saw at those tokens."""
    for name, (folder, _) in trained.items():
        reading = load_reader("trl_tokencls", policies[name]).reading(PROBLEM, STEPS, "it")
        examples = value_examples([[]], [list(reading.tokens)], [np.array(reading.places)], [np.zeros(3)])
        expected = scores_of(classifier(folder), examples, 1)
        scores = load("trl_tokencls", folder, device="cpu").score([PROBLEM], [STEPS])[0]
        assert scores == pytest.approx(expected.tolist(), abs=1e-6)


def test_the_held_out_metrics_are_of_what_is_written(trained):
    for folder, _ in trained.values():
        metrics, examples = read_card(folder)["metrics"], values(40, seed=1)
        with torch.inference_mode():
            loss = classifier_losses(classifier(folder), whole(examples)).mean()
        assert metrics["loss"] == pytest.approx(float(loss), abs=1e-6)
        scores = scores_of(classifier(folder), examples, 4)
        right = examples.targets[examples.mask] >= 0.5
        pairs = scores[right][:, None] - scores[~right]
        assert metrics["auc"] == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean(), abs=1e-9)


def test_a_reviser_keeps_its_policys_files(policies, trained):
    for name, (_, folder) in trained.items():
        given = policies[name]
        assert {path.name for path in folder.iterdir()} == {path.name for path in given.iterdir()} | {
            "card.json"
        }
        for file in (
            "tokenizer.json",
            "tokenizer_config.json",
            "chat_template.jinja",
            "generation_config.json",
        ):
            assert (folder / file).read_bytes() == (given / file).read_bytes()
        assert json.loads((folder / "config.json").read_text()) == json.loads(
            (given / "config.json").read_text()
        )


def test_tied_embeddings_stay_tied(tmp_path):
    given = policy(tmp_path / "tied", tie_word_embeddings=True)
    made = reviser(given, tmp_path / "m", SHORT)
    assert "lm_head.weight" not in weights(made) and weights(made).keys() == weights(given).keys()
    network = causal(made)
    assert network.lm_head.weight is network.model.embed_tokens.weight
    assert read_card(made)["parameters"] == sum(each.numel() for each in weights(given).values())


def test_weights_trained_in_float32_are_written_as_the_policy_is(tmp_path):
    policy_in = policy(tmp_path / "p")
    (policy_in / "card.json").write_text('{"kind": "policy", "dtype": "bfloat16"}')
    for make in (reviser, verifier):
        made = make(policy_in, tmp_path / make.__name__, SHORT)
        assert {each.dtype for each in weights(made).values()} == {torch.bfloat16}
        assert weights_of(made).dtype == "bfloat16"
        assert np.isfinite(read_card(made)["metrics"]["loss"])


def test_weights_in_bfloat16(llama, tmp_path):
    made = reviser(llama, tmp_path / "m", SHORT | {"dtype": "bfloat16", "lora": LORA})
    assert {each.dtype for each in weights(made).values()} == {torch.bfloat16}
    assert weights_of(made).dtype == "bfloat16" and weights_of(llama).dtype == "float32"
    made = verifier(llama, tmp_path / "v", SHORT | {"dtype": "bfloat16"})
    assert {each.dtype for each in weights(made).values()} == {torch.bfloat16}


def test_nothing_else_is_written_and_lines_are_all_that_is_said(llama, tmp_path, monkeypatch, capfd):
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    for make in (reviser, verifier):
        make(llama, place / make.__name__, SHORT)
    assert {path.name for path in place.iterdir()} == {"reviser", "verifier"}
    assert not [path for path in place.rglob("*") if path.suffix in (".bin", ".pt", ".pth")]
    said = capfd.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("step")] == [
        f"step {s}/6" for s in (2, 4, 6)
    ] * 2
    assert len(lines) == 10


# What is refused


def refuse(folder, message, training=None, validation=None, kind=None, **changes):
    examples = values(16) if kind else languages(16)
    given = FineTuning(folder, training or examples, validation or examples, SHORT | changes, 0)
    where = Path("/nowhere"), finetuned.runtime()
    with pytest.raises(InputError, match=message):
        fine_tune_verifier(given, *where, kind, "trl_tokencls") if kind else fine_tune_policy(given, *where)


def test_examples_that_a_model_cannot_read(llama):
    long = language_examples([[BOS]], [[10] * WINDOW])
    message = (
        rf"training example 0 has {WINDOW + 1} tokens and the model's window is {WINDOW}; it is never cut"
    )
    refuse(llama, message, training=long)
    refuse(llama, "held-out example 0 has", validation=long)
    refuse(llama, "tokens up to 55 and the model knows 55", training=language_examples([[BOS]], [[55, EOS]]))


def test_examples_that_teach_nothing(llama):
    empty = language_examples([[BOS, 10]], [[]])
    refuse(llama, "training examples have nothing to learn", training=empty)
    refuse(llama, "held-out examples have nothing to learn", validation=empty)
    beyond = value_examples([[BOS]], [[10]], [[0]], [[1.5]])
    refuse(llama, r"learns values from 1\.5 to 1\.5; allowed is 0 to 1", training=beyond, kind="prm")


def test_an_unknown_kind_of_verifier(llama):
    refuse(llama, "kind 'value' is unknown; allowed are prm, orm", kind="value")


def test_modules_that_a_model_does_not_have(llama):
    refuse(llama, r"names 'q_prj', .* did you mean 'q_proj'", lora=LORA | {"modules": ["k_proj", "q_prj"]})
    refuse(llama, "names 'lm_head'", lora=LORA | {"modules": ["lm_head"]})
    refuse(llama, r"lora\.modules is empty", lora=LORA | {"modules": []})


def test_policies_that_cannot_be_loaded(llama, tmp_path):
    refuse(tmp_path / "none", "there is no such checkpoint directory")
    given = policy(tmp_path / "p")
    edit_weights(given, drop=["model.norm"])
    refuse(given, "the checkpoint lacks model.norm.weight")
    refuse(given, "the checkpoint lacks model.norm.weight", kind="prm")
    refuse(llama, "dtype 'float8' is unknown", dtype="float8")


def test_a_training_that_diverges(llama):
    refuse(llama, r"held-out loss is (nan|inf) after step 2; .* use a lower one", learning_rate=math.inf)
