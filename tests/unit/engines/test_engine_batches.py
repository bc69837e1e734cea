"""Batches of the engine: rows that share tokens, refilling, compaction and wide caches change no bit of a row.

Also holds the two forward passes against each other.
"""

import numpy as np
import pytest
import torch

from tests.support.engines import bits, load, stored
from tests.support.tiny import EOS, NEWLINE, markov_model, prompts_of, random_model, saved
from ttc import noise
from ttc.engines import decoding
from ttc.engines.backends import transformers
from ttc.errors import InputError
from ttc.models import padding
from ttc.models.generic import GenericForward
from ttc.models.llama_decoding import LlamaForward
from ttc.models.tokenizers import load_tokenizer
from ttc.problems.text import encode_solutions
from ttc.verifiers.trained import TokenVerifier

QUESTIONS = prompts_of([3, 9, 9, 17, 33])
SHARES = np.repeat(np.arange(len(QUESTIONS)), [40, 1, 24, 8, 31])  # rows of each question
STREAMS = noise.substreams(noise.stream(0, "batches"), np.arange(len(SHARES)))


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A policy that is sure of much, so that many of its rows share tokens."""
    model = random_model("llama")
    with torch.no_grad():
        model.lm_head.weight.mul_(6)
    return load(model, tmp_path_factory)


def sample(engine, order=None, stop="end", max_tokens=24):
    """Rows of all questions, in `order`."""
    order = np.arange(len(SHARES)) if order is None else order
    state = engine.fork(engine.prefill(QUESTIONS), SHARES[order])
    made = engine.extend(state, STREAMS[order], stop, 1.0, max_tokens)
    return state, bits([made[place] for place in np.argsort(order)])


@pytest.fixture(scope="module")
def alone(llama):
    """Each row decoded by itself from a prefill of its own: nothing can be shared."""
    made = []
    for row, question in enumerate(SHARES):
        state = llama.prefill([QUESTIONS[question]])
        made += llama.extend(state, STREAMS[row : row + 1], "end", 1.0, 24)
    return bits(made)


def test_rows_that_share_tokens_get_what_they_get_alone(llama, alone):
    before = llama.tokens_generated, llama.tokens_computed
    _, together = sample(llama)
    generated, computed = llama.tokens_generated - before[0], llama.tokens_computed - before[1]
    assert together == alone
    assert generated == sum(len(tokens) for tokens, _, _ in alone)
    assert computed < 0.6 * generated  # they did share
    assert len({tuple(tokens) for tokens, _, _ in alone}) > 40  # and did part


@pytest.mark.parametrize("rows", [1, 8, 24, 50])
def test_few_rows_at_once_change_no_bit(llama, alone, rows):
    llama.batch_rows = rows
    order = np.random.default_rng(rows).permutation(len(SHARES))
    _, made = sample(llama, order)
    llama.batch_rows = 1024
    assert made == alone


@pytest.mark.parametrize(("refill", "compact"), [(0.0, 0.0), (0.9, 0.9), (0.0, 2.0), (1 / 16, 2.0)])
def test_when_places_are_refilled_and_moved_changes_no_bit(llama, alone, monkeypatch, refill, compact):
    monkeypatch.setattr(decoding, "REFILL_AT", refill)
    monkeypatch.setattr(decoding, "COMPACT_AT", compact)  # 2: never
    monkeypatch.setattr(transformers, "CPU_ROWS", 16)
    assert sample(llama)[1] == alone


def test_equal_rows_are_computed_once(tmp_path_factory):
    """200 greedy rows of one question are one node: 16 places (the padding) a step."""
    transitions = np.zeros((38, 38))
    transitions[:, 20] = 1.0
    engine = load(markov_model(transitions), tmp_path_factory)
    state = engine.fork(engine.prefill([[20, 21]]), np.zeros(200, dtype=int))
    made = engine.extend(state, np.arange(200, dtype=np.uint64), "end", 0.0, 10)
    assert [each.tokens for each in made] == [[20] * 10] * 200
    assert (engine.tokens_generated, engine.tokens_computed) == (2000, 160)
    assert stored(state) == 1  # they may be extended again, and share what is stored
    assert state.lengths.tolist() == [12] * 200


def test_steps_of_rows_that_share_equal_all_at_once(llama, alone):
    """Step after step with forks between, as a search does: prefixes that are stored once serve several rows."""
    state, rows = llama.fork(llama.prefill(QUESTIONS), SHARES), np.arange(len(SHARES))
    tokens = [[] for _ in rows]
    shared = False
    while len(rows):
        made = llama.extend(state, STREAMS[rows], "step", 1.0, 4)
        for row, each in zip(rows, made, strict=True):
            tokens[row] += each.tokens
        going = np.array(
            [each.finish != "end" and len(tokens[row]) < 24 for row, each in zip(rows, made, strict=True)]
        )
        shared |= 0 < stored(state) < going.sum()
        state, rows = llama.fork(state, np.flatnonzero(going)), rows[going]
    assert shared
    assert [each[:24] for each in tokens] == [each for each, _, _ in alone]


def test_a_row_that_ended_stores_nothing(llama):
    state, made = sample(llama)
    ended = np.array([finish == "end" for _, _, finish in made])
    assert 0 < ended.sum() < len(ended) and (state.ended == ended).all()
    assert 0 < stored(state) <= (~ended).sum()
    assert state.lengths.tolist() == [
        len(QUESTIONS[question]) + len(tokens) for question, (tokens, _, _) in zip(SHARES, made, strict=True)
    ]


def test_no_token_to_make_is_refused(llama):
    with pytest.raises(ValueError, match="max_tokens is 0"):
        llama.extend(llama.prefill(QUESTIONS), STREAMS[: len(QUESTIONS)], "end", 1.0, 0)


# Wide caches: kernels sum inner dimensions above 192 in pieces that depend on the width

LONG = prompts_of([100, 130, 150, 185, 191, 192, 193, 200, 224, 230, 256, 300, 390, 410, 5], seed=3)


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def wide(request, tmp_path_factory):
    return load(random_model(request.param, head_dim=12, max_position_embeddings=448), tmp_path_factory)


def test_wide_neighbours_change_no_bit(wide):
    streams = STREAMS[: len(LONG)]
    together = bits(wide.extend(wide.prefill(LONG), streams, "end", 1.0, 30))
    for row, prompt in enumerate(LONG):
        alone = wide.extend(wide.prefill([prompt]), streams[row : row + 1], "end", 1.0, 30)
        assert bits(alone) == together[row : row + 1], len(prompt)


def test_wide_neighbours_change_no_score(tmp_path):
    from ttc.models.from_scratch import build_verifier

    policy = saved(
        random_model(head_dim=12, tie_word_embeddings=True, max_position_embeddings=448), tmp_path / "policy"
    )
    model = build_verifier(policy, 1, 0)
    verifier = TokenVerifier(saved(model, tmp_path / "prm", kind="prm"), device="cpu")
    prompts, solutions = [each[:-4] for each in LONG[:-1]], [each[-4:] for each in LONG[:-1]]
    together = verifier.score(prompts, solutions)
    for row in range(len(prompts)):
        assert verifier.score(prompts[row : row + 1], solutions[row : row + 1]) == together[row : row + 1]


def test_batches_of_equal_width():
    cpu = torch.device("cpu")
    batches = padding.batches_of_equal_width([40, 1, 33, 32, 65, 64], 2, cpu)
    assert [(width, rows.tolist()) for width, rows in batches] == [
        (32, [1, 3]),
        (64, [0, 2]),
        (64, [5]),
        (96, [4]),
    ]
    most = [len(rows) for _, rows in padding.batches_of_equal_width([4000] * 20, 1024, cpu)]
    assert most == [16, 4]  # of what is wider than the bound on tokens, still 16 rows
    assert padding.batches_of_equal_width([], 8, cpu) == []


# The two forward passes

SHAPES = {
    "grouped": {},
    "one group": {"num_key_value_heads": 1},
    "no groups": {"num_key_value_heads": 4},
    "tied": {"tie_word_embeddings": True},
    "slow rotations": {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
}


def spread(model):
    """Give norms and biases values other than the ones and zeros they start with."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize(("kind", "shape"), [*(("llama", shape) for shape in SHAPES), ("qwen2", "grouped")])
@torch.inference_mode()
def test_both_forward_passes_give_the_same_logits(kind, shape):
    model = spread(random_model(kind, initializer_range=0.15, **SHAPES[shape]))
    assert LlamaForward.fits(model.config.to_dict())
    tokens = torch.tensor(prompts_of([40] * 8, seed=5))
    lengths = torch.tensor([3, 31, 40, 17, 1, 32, 33, 8])
    logits = {}
    for forward in (
        LlamaForward(model.config.to_dict(), model.state_dict()),
        GenericForward(model),
    ):
        made = forward.prefill(torch.nn.functional.pad(tokens, (0, 24)))
        held = forward.empty(8, 128)
        held[..., : made.shape[-2], :] = made
        # Rows go on from different lengths, over what the prefill left beyond them
        steps = []
        for step in range(20):
            slots = lengths - 1 + step
            fed = tokens[torch.arange(8), slots % 40]
            steps.append(forward.decode(fed, slots, held, 64))
        logits[type(forward)] = torch.stack(steps)
    exact = model.double()
    ours, theirs = logits[LlamaForward], logits[GenericForward]
    assert ours.shape == (20, 8, model.config.vocab_size) and ours.std() > 0.2
    assert (ours - theirs).abs().max() < 1e-5
    assert (ours.argmax(-1) == theirs.argmax(-1)).all()
    for row in range(8):  # and both give what a whole pass in float64 gives
        read = torch.cat(
            [tokens[row, : lengths[row] - 1], tokens[row, (lengths[row] - 1 + torch.arange(20)) % 40]]
        )
        expected = exact(input_ids=read[None]).logits[0, lengths[row] - 1 :]
        assert (ours[:, row] - expected).abs().max() < 1e-5


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_read_from_files_is_the_model(tied, tmp_path):
    model = random_model(tie_word_embeddings=tied)
    engine = transformers.TransformersEngine(saved(model, tmp_path / "m"), device="cpu")
    expected = LlamaForward(model.config.to_dict(), model.state_dict())
    assert torch.equal(engine.forward.unembedding, expected.unembedding)
    for ours, theirs in zip(engine.forward.layers, expected.layers, strict=True):
        assert all(a is b is None or torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    angles = torch.arange(192)[:, None] * model.model.rotary_emb.inv_freq
    assert torch.equal(engine.forward.rotations[:, :4], torch.polar(torch.ones_like(angles), angles))
    assert "model" not in vars(engine)  # none of this has loaded the model's class


def test_what_tokenizer_json_says_counts_where_a_class_would_split_by_its_own_rules(tmp_path):
    folder = saved(random_model(), tmp_path / "m")
    ours = load_tokenizer(folder)
    solution = "".join(sorted(ours.get_vocab())[5:20]) + "\n"
    expected = encode_solutions(ours, [solution], [False])
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "Qwen2Tokenizer"}')
    assert load_tokenizer(folder)(solution)["input_ids"] == expected[0]


def test_greedy_tokens_of_both_forward_passes(llama):
    made = llama.extend(llama.prefill(QUESTIONS), STREAMS[: len(QUESTIONS)], "end", 0.0, 40)
    kept, llama.forward = llama.forward, GenericForward(llama.model)
    other = llama.extend(llama.prefill(QUESTIONS), STREAMS[: len(QUESTIONS)], "end", 0.0, 40)
    llama.forward = kept
    assert isinstance(kept, LlamaForward)
    assert [each.tokens for each in made] == [each.tokens for each in other]
    assert [each.logprob for each in made] == pytest.approx([each.logprob for each in other], abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "changes", "fits"),
    [
        ("llama", {}, True),
        ("qwen2", {}, True),
        ("qwen3", {}, False),
        ("llama", {"hidden_act": "gelu"}, False),
        ("llama", {"attention_bias": True}, False),
        ("llama", {"mlp_bias": True}, False),
        ("llama", {"num_attention_heads": 8, "num_key_value_heads": 8}, False),
        ("llama", {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}, False),
        ("llama", {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, False),
    ],
)
def test_the_model_decides_on_the_forward_pass(kind, changes, fits, tmp_path):
    model = random_model(kind, **changes)
    assert LlamaForward.fits(model.config.to_dict()) is fits
    engine = transformers.TransformersEngine(saved(model, tmp_path / "m"), device="cpu")
    assert type(engine.forward) is (LlamaForward if fits else GenericForward)
    for prompt, each in zip(
        QUESTIONS, engine.extend(engine.prefill(QUESTIONS), STREAMS[:5], "end", 0.0, 4), strict=True
    ):
        with torch.inference_mode():
            expected = engine.model.generate(
                torch.tensor([prompt]), max_new_tokens=4, do_sample=False, eos_token_id=EOS, pad_token_id=0
            )[0, len(prompt) :]
        assert each.tokens == expected.tolist()


def test_a_separator_that_the_tokenizer_lacks_is_refused(tmp_path, monkeypatch):
    folder = saved(random_model(), tmp_path / "m")
    file = folder / "tokenizer.json"
    file.write_text(file.read_text().replace('"\\n"', '"<line>"'))
    assert NEWLINE == 4
    with pytest.raises(InputError, match="no token of its own for a line end"):
        transformers.TransformersEngine(folder, device="cpu")
