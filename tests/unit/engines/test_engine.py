"""The engine against the models themselves, and against a chain with known odds; batches must not matter."""

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import AutoModelForCausalLM

from tests.support.engines import bits, load
from tests.support.tiny import BOS, EOS, KINDS, NEWLINE, markov_model, prompts_of, random_model, saved
from ttc import noise
from ttc.engines.decoding import choose
from ttc.errors import InputError

LENGTHS = [1, 2, 3, 5, 8, 9, 20, 31, 32, 33, 34, 40, 63, 64, 65, 70, 1, 5]
PROMPTS = prompts_of(LENGTHS)
STREAMS = noise.substreams(noise.stream(0, "test"), np.arange(len(PROMPTS)))


@pytest.fixture(scope="module", params=list(KINDS))
def engine(request, tmp_path_factory):
    return load(random_model(request.param), tmp_path_factory)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return load(random_model("llama"), tmp_path_factory)


def extend(engine, prompts=PROMPTS, streams=STREAMS, stop="end", temperature=1.0, max_tokens=24, rows=1024):
    engine.batch_rows = rows
    return engine.extend(engine.prefill(prompts), streams, stop, temperature, max_tokens)


def full_logprobs(model, prompt, tokens):
    """Log-probability of each of `tokens` after `prompt`, from one forward pass without a cache."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([prompt + tokens])).logits[0].double()
    logprobs = torch.log_softmax(logits[len(prompt) - 1 : -1], dim=-1)
    return logprobs[torch.arange(len(tokens)), torch.tensor(tokens)]


# What is decoded


def test_greedy_decoding_equals_generate(engine):
    made = extend(engine, temperature=0.0)
    for prompt, each in list(zip(PROMPTS, made, strict=True))[::2]:
        with torch.inference_mode():
            expected = engine.model.generate(
                torch.tensor([prompt]), max_new_tokens=24, do_sample=False, eos_token_id=EOS, pad_token_id=0
            )[0, len(prompt) :].tolist()
        assert each.tokens == expected
        assert each.finish == ("end" if expected[-1] == EOS else "length")


@pytest.mark.parametrize("temperature", [0.0, 0.6])
def test_logprobs_are_those_of_the_whole_sequence_at_temperature_1(engine, temperature):
    for prompt, each in zip(PROMPTS, extend(engine, temperature=temperature), strict=True):
        assert each.logprob == pytest.approx(
            float(full_logprobs(engine.model, prompt, each.tokens).sum()), abs=1e-4
        )


def test_logprobs_are_those_of_a_float64_forward_pass(llama):
    exact = random_model("llama").double()
    for prompt, each in zip(PROMPTS, extend(llama, max_tokens=1), strict=True):
        assert each.logprob == pytest.approx(float(full_logprobs(exact, prompt, each.tokens)), abs=5e-5)


def test_tokens_are_the_inverse_of_the_cumulative_distribution(llama):
    """Each token is the first whose cumulative probability exceeds the uniform number of (stream, position)."""
    checked = 0
    for prompt, stream, each in zip(PROMPTS, STREAMS, extend(llama, temperature=0.7), strict=True):
        with torch.inference_mode():
            logits = llama.model(input_ids=torch.tensor([prompt + each.tokens])).logits[0].double()
        for place, token in enumerate(each.tokens):
            position = len(prompt) + place
            cumulative = torch.softmax(logits[position - 1] / 0.7, dim=-1).cumsum(0).numpy()
            drawn = float(noise.uniform(stream, position))
            below = cumulative[token - 1] if token else 0.0
            assert below - 1e-6 <= drawn < cumulative[token] + 1e-6
            checked += 1
    assert checked > 100


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_samples_follow_the_softmax(llama, temperature):
    count = 4000
    state = llama.fork(llama.prefill(PROMPTS[4:5]), np.zeros(count, dtype=int))
    streams = noise.substreams(noise.stream(1, "chi-square"), np.arange(count))
    llama.batch_rows = 1024
    drawn = np.array([each.tokens[0] for each in llama.extend(state, streams, "end", temperature, 1)])
    with torch.inference_mode():
        logits = llama.model(input_ids=torch.tensor(PROMPTS[4:5])).logits[0, -1].double()
    expected = torch.softmax(logits / temperature, dim=-1).numpy() * count
    observed = np.bincount(drawn, minlength=len(expected)).astype(float)
    often = expected >= 5
    assert often.sum() >= 4
    cells = (
        np.append(observed[often], observed[~often].sum()),
        np.append(expected[often], expected[~often].sum()),
    )
    assert 0.0005 < stats.chisquare(*cells).pvalue < 0.9995


def test_choose_by_hand():
    # Softmax of logs of 1, 2, 4, 1 eighths; cumulative 1/8, 3/8, 7/8, 1; every second row draws from other odds
    logits = torch.log(torch.tensor([[1.0, 2.0, 4.0, 1.0], [8.0, 1.0, 1.0, 6.0]]))
    nodes = np.arange(64) % 2
    streams = noise.substreams(np.uint64(3), np.arange(64))
    positions = np.arange(64)
    drawn = noise.uniform(streams, positions)
    tokens, logprobs = choose(logits, nodes, streams, positions, 1.0)
    expected = np.searchsorted([0.125, 0.375, 0.875], drawn, side="right")
    assert tokens[::2].tolist() == expected[::2].tolist() and len(set(tokens[::2])) == 4
    assert logprobs[::2] == pytest.approx(np.log(np.array([1, 2, 4, 1]) / 8)[tokens[::2]], abs=1e-6)
    other = np.searchsorted([0.5, 0.5625, 0.625], drawn, side="right")
    assert tokens[1::2].tolist() == other[1::2].tolist()
    assert logprobs[1::2] == pytest.approx(np.log(np.array([8, 1, 1, 6]) / 16)[tokens[1::2]], abs=1e-6)
    # At temperature 1/2 the odds are 1 : 4 : 16 : 1; log-probabilities stay those of temperature 1
    nodes = np.zeros(64, dtype=int)
    tokens, logprobs = choose(logits, nodes, streams, positions, 0.5)
    expected = np.searchsorted(np.array([1, 5, 21]) / 22, drawn, side="right")
    assert tokens.tolist() == expected.tolist()
    assert logprobs == pytest.approx(np.log(np.array([1, 2, 4, 1]) / 8)[tokens], abs=1e-6)
    assert choose(logits, 1 - nodes, streams, positions, 0.0)[0].tolist() == [0] * 64


def test_choose_never_takes_the_impossible_and_breaks_ties_downwards():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf]])
    streams, nodes = noise.substreams(np.uint64(4), np.arange(1000)), np.zeros(1000, dtype=int)
    tokens, logprobs = choose(logits, nodes, streams, np.zeros(1000, dtype=int), 1.0)
    assert set(tokens) == {1, 3} and logprobs == pytest.approx(np.log(0.5))
    assert set(choose(logits, nodes, streams, np.zeros(1000, dtype=int), 0.0)[0]) == {1}


# What must not matter


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_batch_size_order_and_neighbours_change_no_bit(engine, temperature):
    reference = bits(extend(engine, temperature=temperature))
    assert len({len(tokens) for tokens, _, _ in reference}) > 1  # rows stop at different times
    for rows in (8, 16):
        assert bits(extend(engine, temperature=temperature, rows=rows)) == reference
    order = np.random.default_rng(0).permutation(len(PROMPTS))
    shuffled = extend(engine, [PROMPTS[i] for i in order], STREAMS[order], temperature=temperature, rows=16)
    assert bits([shuffled[place] for place in np.argsort(order)]) == reference
    for row in (0, 4, 12, 16):
        alone = extend(engine, PROMPTS[row : row + 1], STREAMS[row : row + 1], temperature=temperature)
        assert bits(alone) == reference[row : row + 1]


def test_a_fork_is_as_good_as_a_prefill(engine):
    rows = np.array([3, 3, 0, 16, 12, 12, 3, 9, 15])
    streams = noise.substreams(np.uint64(9), np.arange(len(rows)))
    engine.batch_rows = 1024
    forked = engine.extend(engine.fork(engine.prefill(PROMPTS), rows), streams, "end", 1.0, 24)
    assert bits(forked) == bits(extend(engine, [PROMPTS[row] for row in rows], streams))


def test_rows_of_one_fork_go_their_own_ways(llama):
    state = llama.prefill(PROMPTS[:6])
    left = llama.fork(state, np.arange(6))
    first = llama.extend(left, STREAMS[:6], "end", 1.0, 24)
    again = llama.extend(llama.fork(state, np.arange(6)), STREAMS[:6], "end", 1.0, 24)
    other = llama.extend(llama.fork(state, np.arange(6)), STREAMS[6:12], "end", 1.0, 24)
    assert bits(first) == bits(again)
    assert all(a.tokens != b.tokens for a, b in zip(first, other, strict=True))
    assert state.lengths.tolist() == LENGTHS[:6]
    assert bits(llama.extend(state, STREAMS[:6], "end", 1.0, 24)) == bits(
        first
    )  # the first one was not spent


def test_step_by_step_equals_all_at_once(engine):
    whole = extend(engine, max_tokens=24)
    state, rows = engine.prefill(PROMPTS), np.arange(len(PROMPTS))
    tokens, logprobs, rounds = [[] for _ in rows], np.zeros(len(rows)), 0
    engine.batch_rows = 16
    while len(rows):
        made = engine.extend(state, STREAMS[rows], "step", 1.0, 4)  # 24 is a multiple of 4
        for row, each in zip(rows, made, strict=True):
            tokens[row] += each.tokens
            logprobs[row] += each.logprob if len(tokens[row]) <= 24 else np.nan
        going = [each.finish != "end" and len(tokens[row]) < 24 for row, each in zip(rows, made, strict=True)]
        state, rows = engine.fork(state, np.flatnonzero(going)), rows[going]
        rounds += 1
    assert rounds > 5
    assert [each[:24] for each in tokens] == [each.tokens for each in whole]
    assert np.isfinite(logprobs).sum() > 5
    expected = np.where(np.isfinite(logprobs), [each.logprob for each in whole], np.nan)
    assert logprobs == pytest.approx(expected, abs=1e-12, nan_ok=True)


# When it stops


def chain(rows):
    """Transitions in which every token not in `rows` goes to the end token."""
    transitions = np.zeros((38, 38))
    transitions[:, EOS] = 1.0
    for token, odds in rows.items():
        transitions[token] = 0.0
        for following, probability in odds.items():
            transitions[token, following] = probability
    return transitions


@pytest.fixture(scope="module")
def counting(tmp_path_factory):
    """After 10 come 11, 12, 13, a newline, 14, 15 and the end; after 20 only 20."""
    following = {10: 11, 11: 12, 12: 13, 13: NEWLINE, NEWLINE: 14, 14: 15, 15: EOS, 20: 20}
    return load(markov_model(chain({a: {b: 1.0} for a, b in following.items()})), tmp_path_factory)


@pytest.mark.parametrize(
    ("prompt", "stop", "limit", "tokens", "finish"),
    [
        ([BOS, 10], "end", 40, [11, 12, 13, NEWLINE, 14, 15, EOS], "end"),
        ([BOS, 10], "end", 7, [11, 12, 13, NEWLINE, 14, 15, EOS], "end"),
        ([BOS, 10], "end", 6, [11, 12, 13, NEWLINE, 14, 15], "length"),
        ([BOS, 10], "step", 40, [11, 12, 13, NEWLINE], "step"),
        ([BOS, 10], "step", 4, [11, 12, 13, NEWLINE], "step"),
        ([BOS, 10], "step", 3, [11, 12, 13], "length"),
        ([BOS, 14], "step", 40, [15, EOS], "end"),
        ([BOS, 13, NEWLINE], "step", 40, [14, 15, EOS], "end"),  # a separator in the prompt stops nothing
        ([20], "end", 40, [20] * 40, "length"),
        ([BOS], "end", 1, [EOS], "end"),
    ],
)
def test_stop_conditions(counting, prompt, stop, limit, tokens, finish):
    for temperature in (0.0, 1.0):
        (made,) = counting.extend(counting.prefill([prompt]), STREAMS[:1], stop, temperature, limit)
        assert (made.tokens, made.finish) == (tokens, finish)
        assert made.logprob == pytest.approx(0.0, abs=1e-6)


def test_rows_that_stop_early_do_not_disturb_the_others(counting):
    prompts = [[BOS, 10], [20], [BOS, 15], [20, 20], [BOS, 13]] * 4
    made = extend(counting, prompts, noise.substreams(np.uint64(1), np.arange(20)), max_tokens=60)
    expected = [[11, 12, 13, NEWLINE, 14, 15, EOS], [20] * 60, [EOS], [20] * 60, [NEWLINE, 14, 15, EOS]]
    assert [each.tokens for each in made] == expected * 4


def test_transitions_of_a_known_chain(tmp_path_factory):
    odds = {10: 0.5, 11: 0.3, EOS: 0.2}
    engine = load(markov_model(chain({10: odds, 11: {10: 0.9, EOS: 0.1}})), tmp_path_factory)
    streams = noise.substreams(noise.stream(2, "chain"), np.arange(1500))
    made = extend(engine, [[10]] * 1500, streams, max_tokens=100)
    probability = {10: odds, 11: {10: 0.9, EOS: 0.1}}
    counts = {(a, b): 0 for a in probability for b in probability[a]}
    for each in made:
        pairs = list(zip([10, *each.tokens[:-1]], each.tokens, strict=True))
        assert each.logprob == pytest.approx(sum(np.log(probability[a][b]) for a, b in pairs), abs=1e-4)
        for pair in pairs:
            counts[pair] += 1
    for token, following in probability.items():
        observed = np.array([counts[token, other] for other in following])
        expected = np.array(list(following.values())) * observed.sum()
        assert 0.0005 < stats.chisquare(observed, expected).pvalue < 0.9995


# What is refused and what is counted


def test_a_solution_longer_than_the_window_is_refused(llama):
    state = llama.prefill(PROMPTS[14:16])  # 65 and 70 tokens; the window is 192
    with pytest.raises(InputError, match=r"may grow to 193 tokens and the model's window is 192"):
        llama.extend(state, STREAMS[:2], "end", 1.0, 123)
    assert len(llama.extend(state, STREAMS[:2], "end", 1.0, 122)) == 2


def test_misuse_is_refused(llama, counting):
    with pytest.raises(InputError, match="a prompt has no tokens"):
        llama.prefill([[BOS], []])
    with pytest.raises(ValueError, match="stop is 'line'; allowed are step, end"):
        llama.extend(llama.prefill([[BOS]]), STREAMS[:1], "line", 1.0, 4)
    state = counting.prefill([[BOS, 15], [BOS, 10]])
    assert [each.finish for each in counting.extend(state, STREAMS[:2], "step", 1.0, 10)] == ["end", "step"]
    with pytest.raises(ValueError, match="has ended"):
        counting.extend(state, STREAMS[:2], "step", 1.0, 10)
    assert len(counting.extend(counting.fork(state, np.array([1])), STREAMS[:1], "step", 1.0, 10)) == 1


def test_no_rows(llama):
    assert llama.extend(llama.prefill([]), STREAMS[:0], "end", 1.0, 8) == []


def test_every_token_is_counted_once(llama):
    before = llama.tokens_prefilled, llama.tokens_generated
    state = llama.prefill([*PROMPTS, *PROMPTS])  # equal prompts are computed once; the last token is decoded
    assert llama.tokens_prefilled - before[0] == sum(len(each) - 1 for each in set(map(tuple, PROMPTS)))
    llama.batch_rows = 16
    made = llama.extend(state, np.concatenate([STREAMS, STREAMS + np.uint64(1)]), "end", 1.0, 24)
    assert llama.tokens_generated - before[1] == sum(len(each.tokens) for each in made)
    counted = llama.tokens_generated
    llama.fork(state, np.arange(5))
    assert llama.tokens_generated == counted


# The self-check


def test_the_self_check_passes_and_bills_nothing(engine):
    before = engine.tokens_prefilled, engine.tokens_generated, engine.batch_rows
    engine.self_check()
    assert (engine.tokens_prefilled, engine.tokens_generated, engine.batch_rows) == before


@pytest.mark.parametrize("fault", ["rows", "neighbours"])
def test_the_self_check_finds_an_engine_whose_batches_matter(llama, monkeypatch, fault):
    def faulty(logits, *rest):
        if fault == "rows":
            logits = logits + 1e-6 * len(logits) * torch.arange(logits.shape[1])
        else:
            logits = logits + 1e-6 * logits[:1]
        return choose(logits, *rest)

    monkeypatch.setattr("ttc.engines.decoding.choose", faulty)
    with pytest.raises(InputError, match="self-check failed"):
        llama.self_check()


def test_the_model_is_loaded_as_saved(llama, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(saved(random_model("llama"), tmp_path / "m"))
    for name, tensor in llama.model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])
    assert (llama.window, llama.stops.end, llama.stops.step) == (192, (EOS,), (NEWLINE,))
