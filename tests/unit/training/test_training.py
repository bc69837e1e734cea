"""Training: losses by hand and by another implementation, the schedule, equal runs, and which weights are kept."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sequences import ENDS, MODEL, SEQUENCES, VALUES, Special, languages, values, whole
from tests.support.tiny import EOS, random_model, saved
from tests.support.verifier_network import hidden
from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.models.directory import count_parameters, resolve_device
from ttc.models.from_scratch import build_policy, build_verifier
from ttc.training import loop
from ttc.training.batches import merge_equal
from ttc.training.checkpoints import kept_evaluation
from ttc.training.loop import train
from ttc.training.losses import mean_loss as mean
from ttc.training.losses import policy_losses, predict, verifier_logits, verifier_losses

SETTINGS = {
    "steps": 60,
    "batch": 4,
    "learning_rate": 0.01,
    "matrix_learning_rate": 0.02,
    "weight_decay": 0.0,
    "warmup": 0.05,
    "decay": 0.4,
    "evaluations": 6,
}


def mean_loss(model, examples, losses, batch=4):
    return mean(model, examples, np.ones(len(examples), dtype=np.int64), losses, 4 * batch)


def quiet(line):
    pass


def small_model(seed=0):
    return random_model(seed=seed, num_hidden_layers=1, initializer_range=0.05, tie_word_embeddings=True)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory):
    return build_verifier(
        saved(random_model(tie_word_embeddings=True), tmp_path_factory.mktemp("p") / "p"), 1, 3
    )


# What is learned


def test_language_loss_is_the_cross_entropy_by_hand():
    model = random_model()
    losses = []
    for prompt, solution in SEQUENCES:  # each alone, without padding
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([prompt + solution])).logits[0]
        for place, token in enumerate(solution):
            row = logits[len(prompt) + place - 1].double().numpy()
            losses.append(-np.log(np.exp(row[token] - row.max()) / np.exp(row - row.max()).sum()))
    assert len(losses) == 19
    assert policy_losses(model, whole(languages())).tolist() == pytest.approx(losses, abs=1e-5)


def test_value_loss_is_the_binary_cross_entropy_by_hand(verifier):
    losses = []
    for (prompt, solution), ends, targets in zip(SEQUENCES, ENDS, VALUES, strict=True):
        with torch.inference_mode():
            states = hidden(verifier, torch.tensor([prompt + solution]))
            logits = verifier.score(states)[0, :, 0].double().numpy()[len(prompt) :]
        for logit, target in zip(logits[ends], targets, strict=True):
            p = 1 / (1 + np.exp(-logit))
            losses.append(-(target * np.log(p) + (1 - target) * np.log(1 - p)))
    assert len(losses) == 6
    assert verifier_losses(verifier, whole(values())).tolist() == pytest.approx(losses, abs=1e-5)
    # The same mean, whatever batches it is taken in
    for batch in (1, 4):
        assert mean_loss(verifier, values(), verifier_losses, batch) == pytest.approx(
            np.mean(losses), abs=1e-5
        )


def test_validation_reads_equal_sequences_once(verifier):
    """The mean loss of examples that occur several times, with targets of their own, is that of the merged ones."""
    chosen = [0, 2, 0, 1, 0, 2]
    targets = [[0.2, 1.0], [0.0, 0.5], [0.6, 0.0], [0.5], [1.0, 0.25], [1.0, 1.0]]
    examples = values([SEQUENCES[each] for each in chosen], [ENDS[each] for each in chosen], targets)
    merged, counts = merge_equal(examples)
    assert len(merged) == 3 and sorted(counts.tolist()) == [1, 2, 3]
    once = mean(verifier, merged, counts, verifier_losses, 4)
    assert once == pytest.approx(mean_loss(verifier, examples, verifier_losses), abs=1e-6)
    texts = languages([SEQUENCES[each] for each in chosen])
    model = random_model()
    once = mean(model, *merge_equal(texts), policy_losses, 4)
    assert once == pytest.approx(mean_loss(model, texts, policy_losses), abs=1e-6)


def test_prompts_carry_no_loss():
    """What follows a token inside the prompt gives the weights no push: only the solution's odds do."""
    model = random_model()
    example = languages(SEQUENCES[2:3])
    batch = whole(example)
    assert len(batch.targets) == len(SEQUENCES[2][1])
    policy_losses(model, batch).mean().backward()
    pushed = model.lm_head.weight.grad
    with torch.inference_mode():
        hidden = model.model(input_ids=batch.tokens).last_hidden_state[0]
        share = torch.softmax(model.lm_head(hidden), dim=-1)
        share[torch.arange(len(share)), torch.tensor(example.targets)] -= 1.0
        expected = share[example.mask].T @ hidden[example.mask] / example.mask.sum()
    assert torch.allclose(pushed, expected, atol=1e-6)


def test_predicted_values_stand_beside_their_targets(verifier):
    predicted = predict(verifier, values(), verifier_logits, 2)
    assert [each.tolist() for each in values().masked_targets()] == VALUES
    for (prompt, solution), ends, values_given in zip(SEQUENCES, ENDS, predicted, strict=True):
        with torch.inference_mode():
            logits = verifier.score(hidden(verifier, torch.tensor([prompt + solution])))[0, :, 0]
        assert values_given == pytest.approx(torch.sigmoid(logits[len(prompt) :][ends]).numpy(), abs=1e-6)


# How it is learned


def test_a_model_learns_four_sequences_by_heart():
    model = small_model()
    examples = languages()
    log = train(model, examples, policy_losses, SETTINGS, 0, report=quiet)
    assert mean_loss(model, examples, policy_losses) < 0.02 < 2 < log.losses[0]
    for prompt, solution in SEQUENCES:
        made = model.generate(torch.tensor([prompt]), max_new_tokens=10, do_sample=False, pad_token_id=0)
        assert made[0, len(prompt) :].tolist() == solution


def test_a_verifier_learns_values_by_heart(tmp_path):
    model = build_verifier(saved(random_model(tie_word_embeddings=True), tmp_path / "p"), 1, 0)
    examples = values(SEQUENCES[:3], [[4], [1], [7]], [[0.9], [0.1], [0.5]])
    train(model, examples, verifier_losses, SETTINGS, 0, report=quiet)
    assert np.concatenate(predict(model, examples, verifier_logits, 256)) == pytest.approx(
        [0.9, 0.1, 0.5], abs=0.03
    )
    # Soft targets: the lowest loss is their entropy, not 0
    entropy = -np.mean([p * np.log(p) + (1 - p) * np.log(1 - p) for p in (0.9, 0.1, 0.5)])
    assert mean_loss(model, examples, verifier_losses) == pytest.approx(entropy, abs=0.005)


def test_equal_runs_give_equal_weights():
    examples = languages(SEQUENCES * 3)
    settings = SETTINGS | {"steps": 12, "batch": 2}

    def weights(seed, model_seed=0):
        model = small_model(model_seed)
        torch.manual_seed(np.random.default_rng().integers(2**31))  # the global generator must not matter
        log = train(model, examples, policy_losses, settings, seed, report=quiet)
        return log, torch.cat([parameter.detach().ravel() for parameter in model.parameters()])

    (log, first), (again_log, again), (_, other) = weights(0), weights(0), weights(1)
    assert torch.equal(first, again) and log == again_log
    assert not torch.equal(first, other)


def test_the_log_says_what_was_seen():
    examples = languages()
    lines = []
    log = train(
        small_model(),
        examples,
        policy_losses,
        SETTINGS | {"steps": 10, "evaluations": 3},
        0,
        report=lines.append,
    )
    assert log.steps == [3, 6, 9, 10]
    assert "% of the" in lines.pop()  # the share of the machine's matrix rate
    assert len(log.losses) == len(lines) == 4 and log.validation == [] and log.best_step == 0
    assert log.tokens == 10 * sum(len(prompt) + len(solution) for prompt, solution in SEQUENCES)
    assert set(log.as_card()) == {"steps", "losses", "validation_losses", "best_step", "tokens"}


def contradiction():
    """After learning the sequences, one who expects other solutions is more and more surprised."""
    examples = languages()
    others = languages([(prompt, [30] * (len(solution) - 1) + [EOS]) for prompt, solution in SEQUENCES])
    return examples, others


def test_the_weights_of_the_lowest_validation_loss_are_kept():
    examples, validation = contradiction()
    model = small_model()
    log = train(model, examples, policy_losses, SETTINGS, 0, validation=validation, report=quiet)
    assert log.validation[-1] > min(log.validation) + 0.1
    assert log.best_step == log.steps[int(np.argmin(log.validation))]
    assert mean_loss(model, validation, policy_losses) == min(log.validation)
    assert not model.training


def test_the_last_weights_are_kept_on_request():
    examples, validation = contradiction()
    model = small_model()
    log = train(
        model, examples, policy_losses, SETTINGS, 0, validation=validation, report=quiet, checkpoint="last"
    )
    assert log.best_step == log.steps[-1]
    assert mean_loss(model, validation, policy_losses) == log.validation[-1] > min(log.validation)


def test_the_weights_a_little_after_the_rise_are_kept_on_request():
    examples, validation = contradiction()
    model = small_model()
    how = {"checkpoint": "after_rise", "after_rise": 1}
    log = train(model, examples, policy_losses, SETTINGS, 0, validation=validation, report=quiet, **how)
    kept = log.steps.index(log.best_step)
    assert 0 < kept < len(log.steps) - 1
    assert log.validation[kept - 1] > log.validation[kept - 2]
    assert mean_loss(model, validation, policy_losses) == log.validation[kept]


# One loss per evaluation, and the evaluation that each rule keeps of it: last, lowest, 0, 1 and 3 after the rise
CURVES = [
    ([5, 4, 3, 2], 3, 3, 3, 3, 3),  # never rises: the last
    ([5, 3, 4, 6, 7, 8], 5, 1, 2, 3, 5),
    ([5, 3, 4, 2, 1, 9], 5, 4, 2, 3, 5),  # the first rise counts, also where a lower loss comes later
    ([1, 2], 1, 0, 1, 1, 1),  # the rise is the last evaluation: nothing comes after it
    ([3, 3, 3], 2, 2, 2, 2, 2),  # level is no rise; of equally low ones the later
    ([4], 0, 0, 0, 0, 0),
]


@pytest.mark.parametrize(("losses", "last", "lowest", "at_rise", "after", "later"), CURVES)
def test_checkpoint_rules_on_made_up_curves(losses, last, lowest, at_rise, after, later):
    assert kept_evaluation(losses, "last") == last
    assert kept_evaluation(losses, "lowest") == lowest
    found = [kept_evaluation(losses, "after_rise", number) for number in (0, 1, 3)]
    assert found == [at_rise, after, later]


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=9), st.integers(0, 4))
def test_a_rule_that_sees_the_past_only_keeps_what_it_would_keep_of_the_whole(losses, after):
    """Weights are saved at an evaluation that the rule chooses of those so far: the last saved is the one chosen."""
    for checkpoint in ("last", "lowest", "after_rise"):
        saved = [
            index
            for index in range(len(losses))
            if kept_evaluation(losses[: index + 1], checkpoint, after) == index
        ]
        assert saved[-1] == kept_evaluation(losses, checkpoint, after)


def test_an_unknown_checkpoint_rule_is_refused():
    with pytest.raises(ValueError, match="allowed are last, lowest, after_rise"):
        kept_evaluation([1.0], "best")


@pytest.mark.parametrize(
    ("step", "factor"),
    [(1, 0.1), (5, 0.5), (10, 1.0), (35, 1.0), (61, 1.0), (62, 39 / 40), (81, 0.5), (100, 1 / 40)],
)
def test_schedule(step, factor):
    assert loop._schedule(step, 100, warmup=0.1, decay=0.4) == pytest.approx(factor)


def test_a_schedule_without_warmup_or_decay_is_constant():
    assert {loop._schedule(step, 100, 0.0, 0.0) for step in range(1, 101)} == {1.0}


def test_matrices_of_the_layers_go_to_muon_and_all_else_to_adamw(verifier):
    muon, adamw = loop.make_optimizers(verifier, SETTINGS)
    names = {id(parameter): name for name, parameter in verifier.named_parameters()}
    matrices = {names[id(each)] for group in muon.param_groups for each in group["params"]}
    others = {names[id(each)] for group in adamw.param_groups for each in group["params"]}
    assert matrices | others == set(names.values()) and not matrices & others
    assert {name.split(".")[0] for name in matrices} == {"model", "fresh"}
    assert len(matrices) == 3 * 7  # three layers of query, key, value, output, gate, up, down
    assert {"score.weight", "joint.weight", "model.embed_tokens.weight", "model.norm.weight"} <= others


# Building


def test_a_policy_has_the_shape_asked_for():
    model = build_policy(MODEL, 38, Special(), seed=0)
    # tied embeddings; per layer queries and output 16·16, keys and values 16·8, three of 16·24, two norms; a norm
    assert count_parameters(model) == 38 * 16 + 2 * (2 * 16 * 16 + 2 * 16 * 8 + 3 * 16 * 24 + 2 * 16) + 16
    assert model.config.max_position_embeddings == 64 and model.config.eos_token_id == 2
    same, other = build_policy(MODEL, 38, Special(), seed=0), build_policy(MODEL, 38, Special(), seed=1)
    assert torch.equal(model.lm_head.weight, same.lm_head.weight)
    assert not torch.equal(model.lm_head.weight, other.lm_head.weight)


def test_a_shape_that_does_not_divide_is_refused():
    with pytest.raises(InputError, match=r"model\.hidden is 18; it must be a multiple of model\.heads = 4"):
        build_policy(MODEL | {"hidden": 18}, 38, Special(), seed=0)


def test_a_verifier_starts_from_its_policy(tmp_path):
    policy = random_model(tie_word_embeddings=True)
    path = saved(policy, tmp_path / "p")
    verifier = build_verifier(path, 2, seed=0)
    for name, tensor in policy.model.state_dict().items():
        assert torch.equal(verifier.model.state_dict()[name], tensor)
    assert len(verifier.fresh.layers) == 2 and len(verifier.model.layers) == 2
    torch.manual_seed(99)
    same, other = build_verifier(path, 2, seed=0), build_verifier(path, 2, seed=1)
    assert all(torch.equal(tensor, same.state_dict()[name]) for name, tensor in verifier.state_dict().items())
    assert not torch.equal(other.joint.weight, verifier.joint.weight)


def test_cards_and_devices(tmp_path):
    path = saved(random_model(), tmp_path / "p")
    assert read_card(path)["parameters"] == count_parameters(random_model())
    with pytest.raises(InputError, match="not a model directory of this study, it has no card"):
        read_card(tmp_path)
    assert resolve_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        assert resolve_device("auto").type == "cpu"
        with pytest.raises(InputError, match=r"runtime\.device is 'cuda' and torch sees no GPU"):
            resolve_device("cuda")
