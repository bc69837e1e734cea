"""The verifier that reads each step once: equal to reading whole solutions, whatever the tree, batch or order."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.full_prefixes import FullPrefixes
from tests.support.tiny import BOS, EOS, NEWLINE, random_model, saved, tokenizer
from ttc.engines.protocol import StepScore
from ttc.errors import InputError
from ttc.models.directory import save_model
from ttc.models.from_scratch import build_verifier
from ttc.models.generic_pieces import GenericLayers
from ttc.models.llama_pieces import SmallLlamaLayers
from ttc.models.padding import ROWS
from ttc.verifiers.incremental import IncrementalVerifier, pieces
from ttc.verifiers.trained import TokenVerifier

NOTHING = 8  # a token that is neither a separator nor an end


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory):
    """Pairs (reads step by step, reads whole solutions) of random verifiers, their logits spread out.

    `small` has layers of our own pass, `generic` those of transformers, with two fresh layers.
    """
    made = {}
    for name, layers, heads in (("small", 1, 4), ("generic", 2, 2)):  # too few heads for our own pass
        folder = tmp_path_factory.mktemp(name)
        changes = {"num_attention_heads": heads, "num_key_value_heads": heads // 2, "head_dim": 8}
        policy = saved(random_model(tie_word_embeddings=True, **changes), folder / "policy")
        network = build_verifier(policy, layers, seed=3)
        with torch.no_grad():
            network.score.weight.mul_(0.5)
        save_model(folder / "prm", network, tokenizer(), kind="prm", training={}, metrics={})
        made[name] = (
            IncrementalVerifier(folder / "prm", device="cpu"),
            TokenVerifier(folder / "prm", device="cpu"),
        )
    assert [type(each.policy) for each, _ in made.values()] == [SmallLlamaLayers, GenericLayers]
    return made


@pytest.fixture(params=["small", "generic"])
def pair(verifiers, request):
    return verifiers[request.param]


@pytest.fixture
def verifier(pair):
    return pair[0]


@pytest.fixture
def reference(pair):
    return pair[1]


def draw_tokens(rng, length):
    return rng.integers(NEWLINE + 1, len(tokenizer()), length).tolist()


def step_of(rng, length, whole=True):
    """A step of so many tokens; a whole one ends with the separator."""
    return draw_tokens(rng, length - 1) + [NEWLINE if whole else NOTHING]


# A round of a search: which rows to copy (as shares of those there are), and how long their steps and rollouts are.
ROUND = st.lists(
    st.tuples(st.floats(0, 0.999), st.integers(1, 11), st.sampled_from([0, 0, 0, 1, 2, 5])),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    name=st.sampled_from(["small", "generic"]),
    prompts=st.lists(st.integers(1, 70), min_size=1, max_size=5),
    rounds=st.lists(ROUND, min_size=1, max_size=5),
    equal=st.booleans(),
)
def test_a_tree_read_step_by_step_gets_the_scores_of_whole_prefixes(
    verifiers, seed, name, prompts, rounds, equal
):
    verifier, reference = verifiers[name][0], FullPrefixes(verifiers[name][1])
    rng = np.random.default_rng(seed)
    starts = [[BOS, *draw_tokens(rng, length - 1)] for length in prompts]
    once, whole = verifier.prefill(starts)[0], reference.prefill(starts)[0]
    rows = len(starts)
    for round_ in rounds:
        index = np.array([int(share * rows) for share, _, _ in round_])
        rows = len(index)
        # Equal steps of equal rows are read once: half of the trees have many of them
        repeat = np.random.default_rng(seed) if equal else None
        draw = [np.random.default_rng(int(repeat.integers(2))) if equal else rng for _ in round_]
        steps = [step_of(each, length) for each, (_, length, _) in zip(draw, round_, strict=True)]
        rollouts = [
            [token for _ in range(depth) for token in step_of(each, 3)]
            for each, (_, _, depth) in zip(draw, round_, strict=True)
        ]
        once, whole = verifier.fork(once, index), reference.fork(whole, index)
        made = verifier.score_more(once, steps, rollouts)
        expected = reference.score_more(whole, steps, rollouts)
        # Two orders of float32 sums; on steps this long the two are up to 1.1e-5 apart.
        assert np.array(made)[:, :2] == pytest.approx(np.array(expected)[:, :2], abs=5e-5)
        assert [each.tokens for each in made] == [
            len(s) + len(r) for s, r in zip(steps, rollouts, strict=True)
        ]


def test_rows_at_very_different_positions_are_read_together(verifier, reference):
    rng = np.random.default_rng(1)
    prompts = [[BOS, *draw_tokens(rng, length)] for length in (1, 2, 29, 30, 31, 32, 90, 150)]
    steps = [step_of(rng, length) for length in (4, 1, 3, 4, 4, 2, 4, 3)]
    state, _ = verifier.prefill(prompts)
    made = verifier.score_more(state, steps, [[]] * 8)
    expected = [scores[0] for scores in reference.score(prompts, steps)]
    assert [each.step for each in made] == pytest.approx(expected, abs=1e-5)
    assert np.std(expected) > 0.05


@pytest.mark.parametrize("last", [[10, 11, EOS], [EOS], [10, 11, 12], [10] * 70 + [EOS], [10] * 64])
def test_a_solution_may_end_anywhere(verifier, reference, last):
    """With the end token, or cut in the middle of a step, which may be longer than the largest piece."""
    prompt, first = [BOS, 5, 9, NEWLINE], [10, 11, NEWLINE]
    state, _ = verifier.prefill([prompt])
    made = [verifier.score_more(state, [step], [[]])[0].step for step in (first, last)]
    assert made == pytest.approx(reference.score([prompt], [first + last])[0], abs=1e-5)


def test_a_rollout_leaves_no_trace(verifier):
    rng = np.random.default_rng(2)
    prompts, first, second = [[BOS, 7, NEWLINE]], [step_of(rng, 4)], [step_of(rng, 5)]
    plain, seen = verifier.prefill(prompts)[0], verifier.prefill(prompts)[0]
    [alone] = verifier.score_more(plain, first, [[]])
    [ahead] = verifier.score_more(seen, first, [step_of(rng, 7) + step_of(rng, 3, whole=False)])
    assert alone.step == alone.ahead == pytest.approx(ahead.step, abs=1e-6)
    assert abs(ahead.ahead - ahead.step) > 1e-3
    after = [verifier.score_more(state, second, [[]])[0].step for state in (plain, seen)]
    assert after[0] == pytest.approx(after[1], abs=1e-6)


def test_a_fork_is_a_copy(verifier):
    """What one copy reads changes neither the other copy nor the row it was taken from."""
    rng = np.random.default_rng(3)
    state, _ = verifier.prefill([[BOS, 7, NEWLINE], [BOS, 9, 9, NEWLINE]])
    one, other = verifier.fork(state, np.array([1, 1, 0])), verifier.fork(state, np.array([0]))
    steps = [step_of(rng, 4) for _ in range(3)]
    expected = verifier.score_more(other, steps[:1], [[]])
    verifier.score_more(one, steps, [[]] * 3)
    assert verifier.score_more(verifier.fork(state, np.array([0])), steps[:1], [[]]) == expected
    assert verifier.score_more(state, [steps[0]] * 2, [[]] * 2)[0] == expected[0]


# Batches


def grown(verifier, order, rows=1024):
    """Scores of 60 growing solutions, given in this order; steps of 1 to 30 tokens, some with rollouts."""
    verifier.batch_rows = rows
    rng = np.random.default_rng(4)
    prompts = [[BOS, *draw_tokens(rng, length)] for length in rng.integers(1, 60, 60)]
    texts = [[step_of(rng, length) for length in rng.integers(1, 30, 3)] for _ in prompts]
    ahead = [[step_of(rng, 6) * int(count) for count in rng.integers(0, 3, 3)] for _ in prompts]
    state, _ = verifier.prefill([prompts[index] for index in order])
    made = [
        verifier.score_more(state, [texts[i][round_] for i in order], [ahead[i][round_] for i in order])
        for round_ in range(3)
    ]
    verifier.batch_rows = 1024
    return {index: [each[place] for each in made] for place, index in enumerate(order)}


def test_scores_do_not_depend_on_the_batch_bit_for_bit(verifier):
    reference = grown(verifier, range(60))
    for rows in (8, 24):
        assert grown(verifier, range(60), rows) == reference
    assert grown(verifier, np.random.default_rng(0).permutation(60), 16) == reference
    for index in range(0, 60, 7):
        assert grown(verifier, [index]) == {index: reference[index]}
    assert grown(verifier, [5, 3, 5, 5]) == {5: reference[5], 3: reference[3]}


def test_the_self_check_passes_and_bills_nothing(verifier):
    before = verifier.tokens_scored
    verifier.self_check()
    assert verifier.tokens_scored == before


def test_the_self_check_finds_scores_that_depend_on_the_batch(verifier, monkeypatch):
    values = verifier.values

    def crowded(hidden):
        return values(hidden) + np.float32(1e-7 * (len(hidden) > 2 * ROWS))  # two scores a row

    monkeypatch.setattr(verifier, "values", crowded)
    with pytest.raises(InputError, match="self-check failed"):
        verifier.self_check()


# Bills and sizes


def test_equal_rows_are_read_once_and_billed_each(verifier, monkeypatch):
    read = []
    layers = verifier.policy.read
    monkeypatch.setattr(
        verifier.policy, "read", lambda *given: (read.append(given[1].shape), layers(*given))[1]
    )
    before = verifier.tokens_scored
    state, counts = verifier.prefill([[BOS, 7, 8, NEWLINE]] * 50)
    state = verifier.fork(state, np.arange(100) % 50)
    made = verifier.score_more(state, [[9, NEWLINE]] * 100, [[]] * 100)
    assert counts == [4] * 50 and made == [StepScore(made[0].step, made[0].step, 2)] * 100
    assert verifier.tokens_scored - before == 50 * 4 + 100 * 2
    assert read == [(ROWS, 4), (ROWS, 4)]


def test_pieces_hold_the_tokens_and_follow_from_their_number():
    assert pieces(1) == pieces(4) == (4,) and pieces(5) == pieces(8) == (8,) and pieces(33) == (48,)
    assert pieces(64) == (64,) and pieces(65) == (64, 4) and pieces(200) == (64, 64, 64, 8)
    for tokens in range(1, 300):
        assert tokens <= sum(pieces(tokens)) <= max(tokens + 3, 1.5 * tokens)


def test_no_rows(verifier):
    state, read = verifier.prefill([])
    assert read == [] and verifier.score_more(state, [], []) == []


# What is refused


def test_what_is_longer_than_the_window_is_refused(verifier):
    state, _ = verifier.prefill([[BOS] + [10] * 99, [BOS, 10]])
    verifier.score_more(state, [[10] * 91 + [NEWLINE], [NEWLINE]], [[]] * 2)  # 192 tokens fit
    with pytest.raises(InputError, match=r"has 193 tokens and the verifier's window is 192"):
        verifier.score_more(state, [[EOS], [EOS]], [[]] * 2)
    with pytest.raises(InputError, match=r"has 193 tokens"):
        verifier.prefill([[BOS] * 193])


def test_an_empty_step_is_refused(verifier):
    state, _ = verifier.prefill([[BOS, 7]])
    with pytest.raises(InputError, match="an empty step cannot be scored"):
        verifier.score_more(state, [[]], [[]])


# Pools


def pool(seed=5):
    """Solutions of three problems: many begin alike, some are equal, some are cut in a step or after one."""
    rng = np.random.default_rng(seed)
    steps = [step_of(rng, length) for length in (1, 3, 4, 5, 9)]
    ends = [[EOS], [11, EOS], [11, 12], []]
    prompts = [[BOS, *draw_tokens(rng, length)] for length in (3, 30, 100)]
    pairs = []
    for _ in range(120):
        body = [token for index in rng.integers(0, len(steps), rng.integers(1, 5)) for token in steps[index]]
        pairs.append((prompts[rng.integers(3)], body + ends[rng.integers(len(ends))]))
    return pairs


def scored(verifier, pairs, rows=1024):
    verifier.batch_rows = rows
    made = verifier.score([prompt for prompt, _ in pairs], [solution for _, solution in pairs])
    verifier.batch_rows = 1024
    return made


def test_a_pool_gets_the_scores_of_whole_solutions(verifier, reference):
    pairs = pool()
    made, expected = scored(verifier, pairs), scored(reference, pairs)
    assert [len(each) for each in made] == [len(each) for each in expected]
    assert np.concatenate(made) == pytest.approx(np.concatenate(expected), abs=1e-5)


def test_an_outcome_verifier_reads_the_same_steps_and_gives_the_last_score(verifier, tmp_path):
    save_model(tmp_path / "orm", verifier.model, tokenizer(), kind="orm", training={}, metrics={})
    orm, pairs = IncrementalVerifier(tmp_path / "orm", device="cpu"), pool()
    made = scored(orm, pairs)
    assert made == [each[-1:] for each in scored(verifier, pairs)]
    reference = scored(TokenVerifier(tmp_path / "orm", device="cpu"), pairs)
    assert np.concatenate(made) == pytest.approx(np.concatenate(reference), abs=1e-5)


def test_a_step_has_the_same_bits_in_a_pool_and_in_a_search(verifier):
    pairs = pool()
    made = scored(verifier, pairs)
    for (prompt, solution), scores in list(zip(pairs, made, strict=True))[:20]:
        state, _ = verifier.prefill([prompt])
        start = 0
        for score in scores:
            end = solution.index(NEWLINE, start) + 1 if NEWLINE in solution[start:] else len(solution)
            assert verifier.score_more(state, [solution[start:end]], [[]])[0].step == score
            start = end


def test_a_pool_is_scored_alike_in_any_batch_and_order(verifier):
    pairs = pool()
    expected = scored(verifier, pairs)
    assert scored(verifier, pairs, rows=8) == expected
    order = np.random.default_rng(0).permutation(len(pairs))
    shuffled = scored(verifier, [pairs[index] for index in order], rows=32)
    assert [shuffled[place] for place in np.argsort(order)] == expected
    assert [scored(verifier, [pair])[0] for pair in pairs[:8]] == expected[:8]


def test_of_a_pool_every_sample_is_billed(verifier):
    pairs, before = pool(), verifier.tokens_scored
    scored(verifier, pairs)
    assert verifier.tokens_scored - before == sum(len(prompt) + len(solution) for prompt, solution in pairs)
    assert verifier.score([], []) == []


def test_an_empty_solution_is_refused(verifier):
    with pytest.raises(InputError, match="an empty solution cannot be scored"):
        verifier.score([[BOS, 7], [BOS, 7]], [[9, EOS], []])
