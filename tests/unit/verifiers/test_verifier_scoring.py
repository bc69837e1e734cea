"""The verifier: one score per step, read at its end from belief against writing, whatever the batch."""

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import roc_auc_score
from transformers import AutoModelForCausalLM

from tests.support.tiny import BOS, EOS, NEWLINE, PAD, SEED, TASK, random_model, saved, tokenizer
from tests.support.verifier_network import hidden
from ttc.errors import InputError
from ttc.models.directory import save_model
from ttc.models.from_scratch import build_verifier
from ttc.models.verifier import SurpriseVerifier
from ttc.problems.tasks import clock
from ttc.training.batches import value_examples
from ttc.verifiers import step_auc
from ttc.verifiers.examples import is_held_out, outcome_examples, process_examples
from ttc.verifiers.readers import TokenReader, solutions_of
from ttc.verifiers.trained import TokenVerifier

PROMPTS = [[BOS, 5, 9, NEWLINE], [BOS, *[7] * 28, NEWLINE], [BOS, 6, NEWLINE], [BOS, *[8] * 60, NEWLINE]]
SOLUTIONS = [
    [10, 11, NEWLINE, 12, 13, NEWLINE, 14, EOS],
    [15, EOS],
    [16, NEWLINE, 17, NEWLINE],  # cut after a separator: two steps, not three
    [18, NEWLINE, NEWLINE, 19],  # cut inside a step, an empty one before it
]
PAIRS = [(PROMPTS[row % 4], SOLUTIONS[column]) for row in range(6) for column in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("verifiers")


@pytest.fixture(scope="module")
def policy(folder):
    return saved(random_model(tie_word_embeddings=True), folder / "policy")


@pytest.fixture(scope="module")
def network(policy):
    """A verifier with random fresh layers, its logits spread out so that scores differ."""
    network = build_verifier(policy, 1, seed=3)
    with torch.no_grad():
        network.score.weight.mul_(0.5)
    return network.eval()


@pytest.fixture(scope="module")
def prm(network, folder):
    return load(network, folder / "prm", "prm")


@pytest.fixture(scope="module")
def orm(network, folder):
    return load(network, folder / "orm", "orm")


def load(network, folder, kind, **options):
    save_model(folder, network, tokenizer(), kind=kind, training={}, metrics={})
    return TokenVerifier(folder, device="cpu", **options)


def score(verifier, pairs=PAIRS, rows=1024):
    verifier.batch_rows = rows
    return verifier.score([prompt for prompt, _ in pairs], [solution for _, solution in pairs])


def logits_everywhere(network, tokens):
    """The logit at every token of a sequence, computed alone."""
    with torch.inference_mode():
        return network.score(hidden(network, torch.tensor([tokens])))[0, :, 0].double().numpy()


# Where scores are read


def test_one_score_per_step_at_its_last_token(prm, network):
    ends = [[2, 5, 7], [1], [1, 3], [1, 2, 3]]
    made = score(prm)
    for index, (prompt, solution) in enumerate(PAIRS):
        logits = logits_everywhere(network, prompt + solution)[len(prompt) :][ends[index % 4]]
        assert made[index] == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)
    everything = np.concatenate(made)
    assert everything.min() >= 0 and everything.max() <= 1 and everything.std() > 0.05


def test_an_outcome_verifier_gives_one_score_at_the_end(prm, orm):
    assert score(orm) == [[steps[-1]] for steps in score(prm)]


def test_steps_agree_with_the_text(prm):
    """As many scores as lines of the text, with the end token on the last."""
    text = ["1: +2 = 3\n2: +2 = 5\nAnswer: 5", "Answer: 5", "1: +2 = 3\n\nAnswer: 3"]
    rows = pl.DataFrame({"problem_id": "p", "sample_index": range(3), "text": text, "finish_reason": "stop"})
    problems = pl.DataFrame({"problem_id": ["p"], "question": ["Start at 1 then +2 +2"]})
    readings = prm.readings(solutions_of(problems, rows))
    assert [len(each) for each in prm.scores(readings)] == [3, 1, 3]


def test_a_score_of_a_prefix_is_the_score_in_the_whole(prm):
    """Scores look back only: a search may read them before a solution is complete."""
    prompt, solution = PROMPTS[0], SOLUTIONS[0]
    whole, prefix = score(prm, [(prompt, solution), (prompt, solution[:3])])
    assert prefix == pytest.approx(whole[:1], abs=1e-6)


# What must not matter


def test_scores_do_not_depend_on_the_batch(prm):
    reference = score(prm)
    for rows in (8, 16):
        assert score(prm, rows=rows) == reference
    order = np.random.default_rng(0).permutation(len(PAIRS))
    shuffled = score(prm, [PAIRS[index] for index in order], rows=16)
    assert [shuffled[place] for place in np.argsort(order)] == reference
    for index in range(0, len(PAIRS), 5):
        assert score(prm, [PAIRS[index]]) == [reference[index]]


def test_equal_solutions_are_billed_each(prm):
    before = prm.tokens_scored
    first, second = score(prm, [PAIRS[0], PAIRS[0]])
    assert first == second
    assert prm.tokens_scored - before == 2 * (len(PROMPTS[0]) + len(SOLUTIONS[0]))


def test_nothing_to_score(prm):
    assert prm.score([], []) == []


# What is refused


def test_what_is_longer_than_the_window_is_refused_and_never_cut(prm):
    solution = [10] * 187 + [EOS]
    assert len(score(prm, [(PROMPTS[0], solution)])[0]) == 1  # 192 tokens fit
    with pytest.raises(InputError, match=r"has 193 tokens and the verifier's window is 192"):
        score(prm, [PAIRS[0], (PROMPTS[0], [10, *solution])])


def test_an_empty_solution_is_refused(prm):
    with pytest.raises(InputError, match="an empty solution cannot be scored"):
        score(prm, [(PROMPTS[0], [])])


def test_a_policy_is_no_verifier(policy):
    with pytest.raises(InputError, match=r"kind 'policy'; a verifier is one of prm, orm"):
        TokenVerifier(policy)


# The network


def test_saved_and_loaded_again(network, folder):
    network.save_pretrained(folder / "again")
    again = SurpriseVerifier.load(folder / "again").eval()
    assert set(again.state_dict()) == set(network.state_dict())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    tokens = torch.tensor([PROMPTS[0] + SOLUTIONS[0]])
    with torch.inference_mode():
        assert torch.equal(network.score(hidden(network, tokens)), again.score(hidden(again, tokens)))


def test_a_written_token_changes_scores_from_its_place_on_and_none_before(network):
    sequence = PROMPTS[0] + SOLUTIONS[0]
    reference = logits_everywhere(network, sequence)
    for place in range(1, len(sequence)):
        logits = logits_everywhere(network, [*sequence[:place], 33, *sequence[place + 1 :]])
        assert logits[:place] == pytest.approx(reference[:place], abs=1e-5)
        assert abs(logits[place] - reference[place]) > 1e-2


def test_fresh_layers_read_the_belief_before_a_token_beside_the_token(network, policy):
    """At each token: the policy's last hidden state before it, its embedding, and how far it was expected."""
    sequence = torch.tensor([PROMPTS[0] + SOLUTIONS[0], (PROMPTS[2] + SOLUTIONS[2] + [PAD] * 9)[:12]])
    seen = []
    hook = network.joint.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].detach()))
    with torch.inference_mode():
        hidden(network, sequence)
        hook.remove()
        base = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32).eval()
        output = base(input_ids=sequence, output_hidden_states=True)
    features, width = seen[0].numpy(), base.config.hidden_size
    logits = output.logits[:, :-1].double().numpy()
    logprobs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    written = np.take_along_axis(logprobs, sequence[:, 1:, None].numpy(), axis=-1)[..., 0]
    assert features.shape == (2, 11, 2 * width + 2)
    assert features[..., :width] == pytest.approx(output.hidden_states[-1][:, :-1].numpy(), abs=1e-5)
    assert features[..., width:-2] == pytest.approx(
        base.model.embed_tokens(sequence[:, 1:]).detach().numpy(), abs=1e-6
    )
    # Nats, none below -10, in tenths
    assert features[..., -2] == pytest.approx(np.maximum(written, -10) / 10, abs=1e-5)
    assert features[..., -1] == pytest.approx(np.maximum(written - logprobs.max(-1), -10) / 10, abs=1e-5)
    assert (features[..., -1] <= 0).all() and features[..., -1].min() < -0.1


# What it learns from


@pytest.fixture(scope="module")
def problems():
    return clock.make_problems(TASK, SEED)


def samples_of(problems, count):
    chosen = problems.filter(split="train")[:count]
    return chosen.select(
        "problem_id",
        pl.lit(0).alias("sample_index"),
        pl.col("solution").alias("text"),
        pl.lit("stop").alias("finish_reason"),
        pl.Series("correct", [index % 2 == 0 for index in range(count)]),
    )


def one_by_one(examples):
    return [examples.take(np.array([index])) for index in range(len(examples))]


def test_process_examples_carry_the_value_of_each_step_at_its_end(problems):
    samples = samples_of(problems, 5)
    values = [
        (name, 0, step, (step + 1) / 8)
        for name, text in samples.select("problem_id", "text").rows()
        for step in range(text.count("\n") + 1)
        if name != "train-000003"  # without values: left out
    ]
    frame = pl.DataFrame(values, schema=["problem_id", "sample_index", "step", "value"], orient="row")
    examples, rows = process_examples(
        problems, samples, frame.sample(fraction=1.0, shuffle=True, seed=1), TokenReader(tokenizer(), "prm")
    )
    assert rows["problem_id"].to_list() == [f"train-{index:06d}" for index in (0, 1, 2, 4)]
    for example, text in zip(one_by_one(examples), rows["text"], strict=True):
        steps = text.count("\n") + 1
        marked = example.tokens[example.mask].tolist()
        assert marked == [NEWLINE] * (steps - 1) + [EOS]
        assert example.targets[example.mask].tolist() == [(step + 1) / 8 for step in range(steps)]
        assert example.tokens[0] == BOS and example.tokens[-1] == EOS


def test_outcome_examples_carry_the_verdict_at_the_end_and_read_the_context(problems):
    samples = samples_of(problems, 3)
    reader = TokenReader(tokenizer(), "orm")
    plain = one_by_one(outcome_examples(problems, samples, reader)[0])
    assert [each.targets[each.mask].tolist() for each in plain] == [[1.0], [0.0], [1.0]]
    assert all(each.mask.tolist() == [False] * (len(each.mask) - 1) + [True] for each in plain)
    contexts = [[], ["Answer: 5"], ["Answer: 5", "Answer: 6"]]
    after = one_by_one(outcome_examples(problems, samples, reader, contexts)[0])
    # Each earlier answer adds `Answer:`, a number, a line end, `Again` and a line end
    assert [len(b.tokens) - len(a.tokens) for a, b in zip(plain, after, strict=True)] == [0, 5, 10]
    assert after[2].mask.sum() == 1 and after[2].mask[-1]


def test_a_cut_solution_has_no_end_token(problems):
    rows = samples_of(problems, 2).with_columns(finish_reason=pl.Series(["stop", "length"]))
    ended, cut = TokenReader(tokenizer(), "prm").readings(solutions_of(problems, rows))
    assert ended.tokens[-1] == EOS and EOS not in cut.tokens


def test_every_tenth_problem_is_held_out():
    names = pl.Series([f"p{index:02d}" for index in range(20) for _ in range(3)]).sample(
        fraction=1, shuffle=True, seed=0
    )
    held = is_held_out(names)
    assert set(names.filter(pl.Series(held))) == {"p09", "p19"} and held.sum() == 6


# How well it ranks


class Known:
    """A verifier whose scores are given."""


def fixed_scores(monkeypatch, scores):
    monkeypatch.setattr(step_auc, "predict", lambda *_: [np.array(each) for each in scores])


def examples_with(values):
    solutions = [[NEWLINE] * len(each) for each in values]
    return value_examples([[BOS]] * len(values), solutions, [np.arange(len(each)) for each in values], values)


def test_step_quality_by_hand(monkeypatch):
    problems = pl.DataFrame(
        {"problem_id": ["a", "b"], "question": ["Start at 5 then +7 *3", "Start at 1 then +1"]}
    )
    rows = pl.DataFrame(
        {
            "problem_id": ["a", "a", "b"],
            "text": [
                "1: +7 = 12\n2: *3 = 36\nAnswer: 36",  # right, right, right
                "1: +7 = 13\n2: *3 = 2\nAnswer: 2",  # wrong from the start
                "1: +1 = 2\nAnswer: 3",  # right, wrong
            ],
        }
    )
    fixed_scores(monkeypatch, [[0.9, 0.8, 0.7], [0.6, 0.75, 0.1], [0.5, 0.4]])
    values = [[1.0, 0.5, 1.0], [0.4, 0.5, 0.0], [0.9, 0.0]]
    made = step_auc.step_quality(
        None, examples_with(values), rows, problems, {"kind": "clock", "modulus": 37}, seed=0
    )
    # Right: .9 .8 .7 .5; wrong: .6 .75 .1 .4; pairs won: 4 + 4 + 3 + 2 of 16
    assert made["step_auc"] == pytest.approx(13 / 16)
    # Value of a half or more: .9 .8 .7 .75 .5; less: .6 .1 .4; pairs won: 3 + 3 + 3 + 3 + 2 of 15
    assert made["rollout_auc"] == pytest.approx(14 / 15)
    # First errors .6 and .4 against the four right ones: .9 .8 .7 beat both, .5 beats one
    assert made["error_auc"] == pytest.approx(7 / 8)
    assert (made["steps"], made["problems"]) == (8, 2)
    assert made["step_auc_low"] <= made["step_auc"] <= made["step_auc_high"]


def test_the_interval_covers_a_known_area(monkeypatch):
    """Normal scores a distance d apart have area Φ(d/√2); 40 problems, 20 steps each."""
    rng = np.random.default_rng(1)
    labels = rng.random(800) < 0.5
    scores = rng.normal(size=800) + 1.0 * labels
    owner = np.repeat([f"p{index}" for index in range(40)], 20).astype(object)
    low, high = step_auc._interval(labels, scores, owner, seed=0)
    assert low < 0.7602 < high and 0.02 < high - low < 0.1
    assert low < roc_auc_score(labels, scores) < high
    assert step_auc._interval(labels, scores, owner, seed=0) == (low, high)


def test_outcome_quality_and_nothing_to_rank(monkeypatch):
    fixed_scores(monkeypatch, [[0.9], [0.2], [0.8]])
    assert step_auc.outcome_quality(None, examples_with([[1.0], [0.0], [0.0]]), None) == {
        "auc": 1.0,
        "solutions": 3,
    }
    assert step_auc.outcome_quality(None, examples_with([[1.0], [1.0], [1.0]]), None)["auc"] is None
