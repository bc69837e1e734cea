"""The engine on vLLM stops at steps, ends and texts, and goes on from there."""

import numpy as np
import pytest

from tests.support import vllm_models as tiny
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.backends.vllm import VllmEngine
from ttc.problems.stops import Stops, any_line_end

WORDS = tiny.tokenizer()
STREAMS = np.arange(3, 3 + len(tiny.PROMPTS), dtype=np.uint64)


def token(text):
    (one,) = WORDS.encode(text, add_special_tokens=False)
    return one


def written(tokens):
    return WORDS.decode(tokens, clean_up_tokenization_spaces=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.checkpoint(tmp_path_factory.mktemp("models") / "llama", "llama")


@pytest.fixture(scope="module")
def engine(folder):
    return VllmEngine(folder, tiny.stops(), 64, "cpu")


@pytest.fixture
def reading(engine, monkeypatch):
    """The engine with other stops than it was made with; texts need none of what it was made without."""

    def other(stops):
        monkeypatch.setattr(engine, "stops", stops)
        return engine

    return other


def grow(engine, state, streams, stop, temperature, most, times):
    """Tokens of each row after `times` calls of `extend` for those that have not ended."""
    tokens = [[] for _ in state.tokens]
    finishes = [[] for _ in tokens]
    rows = list(range(len(tokens)))
    for _ in range(times):
        if not rows:
            break
        made = engine.extend(state, streams[rows], stop, temperature, most)
        for row, each in zip(rows, made, strict=True):
            tokens[row] += each.tokens
            finishes[row].append(each.finish)
        goes_on = [place for place, each in enumerate(made) if each.finish != "end"]
        state, rows = engine.fork(state, np.array(goes_on, dtype=int)), [rows[place] for place in goes_on]
    return tokens, finishes


def test_steps_add_up_to_the_whole(engine):
    whole = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "end", 0.0, 60)
    tokens, _ = grow(engine, engine.prefill(tiny.PROMPTS), STREAMS, "step", 0.0, 60, 3)
    for each, steps in zip(whole, tokens, strict=True):
        shared = min(len(each.tokens), len(steps))
        assert shared and each.tokens[:shared] == steps[:shared]


def test_steps_end_with_a_line_end_and_something_to_read(engine):
    rows = engine.fork(engine.prefill(tiny.PROMPTS), np.repeat(np.arange(len(tiny.PROMPTS)), 20))
    made = engine.extend(rows, np.arange(100, dtype=np.uint64), "step", 2.0, 40)
    steps = [each for each in made if each.finish == "step"]
    assert len(steps) > 30
    for each in steps:
        assert "\n" in WORDS.decode(each.tokens[-1:]) and written(each.tokens).strip()
        before = each.tokens[:-1]
        assert "\n" not in written(before).lstrip() or not written(before).strip()
    assert any(not written(each.tokens).startswith(written(each.tokens).lstrip()) for each in steps)
    assert {each.finish for each in made} <= {"step", "end", "length"}
    for each in made:
        assert (each.finish == "end") == (each.tokens[-1] == 2)


def test_steps_are_those_of_the_other_engine(folder, engine, reading):
    """Many tokens end a step and many are blank, so that blank steps are frequent; greedy, three steps each."""
    some = [token(each) for each in "abcdefghk=? 1234"]
    stops = Stops((2,), (*some[::2], token("\n")), (*some[::3], token("\n"), token("= ")))
    other = TransformersEngine(folder, 64, "cpu", lambda *_: stops)
    engine = reading(stops)
    state, expected = engine.prefill(tiny.PROMPTS), other.prefill(tiny.PROMPTS)
    for _ in range(3):
        made = engine.extend(state, STREAMS, "step", 0.0, 30)
        known = other.extend(expected, STREAMS, "step", 0.0, 30)
        assert [(each.tokens, each.finish) for each in made] == [(each.tokens, each.finish) for each in known]
        keep = np.flatnonzero([each.finish != "end" for each in made])
        state, expected = engine.fork(state, keep), other.fork(expected, keep)
        if len(keep) < len(STREAMS):
            break


def test_blank_steps_go_on(engine, reading):
    """Every token ends a step and all but one are blank: a row goes on until that one, or to its limit."""
    readable = token("c")
    known = range(len(WORDS))
    stops = Stops((2,), tuple(known), tuple(each for each in known if each != readable))
    engine = reading(stops)
    calls = engine.tokens_asked
    made = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "step", 2.0, 25)
    assert engine.tokens_asked > calls + sum(map(len, tiny.PROMPTS))
    assert {each.finish for each in made} <= {"step", "end", "length"} and len(made) == len(STREAMS)
    for each in made:
        if each.finish == "step":
            assert each.tokens.index(readable) == len(each.tokens) - 1
        elif each.finish == "length":
            assert len(each.tokens) == 25 and readable not in each.tokens
        else:
            assert each.tokens[-1] == 2 and readable not in each.tokens


def test_a_step_cut_by_the_limit_ends_with_its_line_end(engine, reading):
    """What was readable before the cut counts: the line end alone then ends the step."""
    line = token("\n")
    known = tuple(range(len(WORDS)))
    (made,) = reading(Stops((), (), ())).extend(engine.prefill(tiny.PROMPTS[:1]), STREAMS[:1], "step", 0.0, 8)
    state = engine.prefill(tiny.PROMPTS[:1])
    cut = reading(Stops((), (), (line,))).extend(state, STREAMS[:1], "step", 0.0, 4)
    assert cut[0].finish == "length" and not state.blank[0]
    (rest,) = reading(Stops((), known, known)).extend(state, STREAMS[:1], "step", 0.0, 4)
    assert (rest.tokens, rest.finish) == (made.tokens[4:5], "step")


def test_forks_draw_their_own_noise(engine):
    prompt = engine.prefill(tiny.PROMPTS[:1])
    rows = engine.fork(prompt, np.zeros(20, dtype=int))
    made = engine.extend(rows, np.arange(20, dtype=np.uint64), "end", 2.0, 12)
    assert len({tuple(each.tokens) for each in made}) > 15
    assert prompt.tokens == tiny.PROMPTS[:1]  # as it was
    same_stream = engine.extend(
        engine.fork(prompt, np.zeros(3, dtype=int)), np.full(3, 5, dtype=np.uint64), "end", 2.0, 12
    )
    assert [each.tokens for each in same_stream] == [made[5].tokens] * 3


def test_a_row_depends_on_its_tokens_and_its_stream(engine):
    """Not on how it came to be: extended, or read with what was written as its prompt; the position changes noise."""
    state = engine.prefill(tiny.PROMPTS)
    first = engine.extend(state, STREAMS, "step", 2.0, 6)
    keep = [row for row, each in enumerate(first) if each.finish != "end"]
    assert len(keep) > 1
    again = engine.extend(engine.fork(state, np.array(keep)), STREAMS[keep], "end", 2.0, 10)
    prompts = [tiny.PROMPTS[row] + first[row].tokens for row in keep]
    assert engine.extend(engine.prefill(prompts), STREAMS[keep], "end", 2.0, 10) == again


def test_noise_is_another_at_each_position(engine, monkeypatch):
    seeds = []
    add = engine.llm.llm_engine.add_request

    def told(name, prompt, parameters):
        seeds.append(parameters.seed)
        return add(name, prompt, parameters)

    monkeypatch.setattr(engine.llm.llm_engine, "add_request", told)
    streams = np.array([0, 1, 2**64 - 1], dtype=np.uint64)
    for prompts in (tiny.PROMPTS[:1] * 3, [tiny.PROMPTS[0] + [7]] * 3):
        engine.extend(engine.prefill(prompts), streams, "end", 1.0, 1)
    assert len(set(seeds)) == 6 and all(0 <= seed < 2**63 for seed in seeds)


def test_rows_that_enter_while_others_are_in_work_get_what_they_get_alone(engine):
    """Groups with limits and temperatures of their own come and go; what is complete first comes out first."""
    rows = [np.array([0, 1, 2]), np.array([3, 4]), np.array([2, 0])]
    limits = [np.array([40, 3, 17]), np.array([2, 2]), np.array([9, 30])]
    temperatures = [1.0, 0.0, 2.0]
    alone = [
        [
            engine.extend(
                engine.prefill([tiny.PROMPTS[row]]), STREAMS[[row]], "step", temperature, int(limit)
            )[0]
            for row, limit in zip(chosen, most, strict=True)
        ]
        for chosen, most, temperature in zip(rows, limits, temperatures, strict=True)
    ]
    queue, found = engine.queue("step"), {}

    def put(number):
        state = engine.fork(engine.prefill(tiny.PROMPTS), rows[number])
        queue.put(
            [(number, len(state.tokens))], state, STREAMS[rows[number]], temperatures[number], limits[number]
        )

    put(0)
    put(1)
    while taken := queue.take():
        if not found:
            put(2)
        found |= dict(taken)
    assert next(iter(found)) == 1
    assert [found[number] for number in range(3)] == alone


def test_an_ended_row_is_not_extended(engine, reading):
    engine = reading(Stops(tuple(range(len(WORDS))), ()))  # any token ends a solution
    state = engine.prefill(tiny.PROMPTS[:2])
    made = engine.extend(state, STREAMS[:2], "step", 1.0, 5)
    assert [(len(each.tokens), each.finish) for each in made] == [(1, "end")] * 2
    with pytest.raises(ValueError, match="has ended"):
        engine.extend(state, STREAMS[:2], "step", 1.0, 5)


# Texts


@pytest.fixture(scope="module")
def greedy(engine):
    """What the engine writes without texts to stop at."""
    made = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "end", 0.0, 60)
    return max((each.tokens for each in made), key=lambda tokens: len(set(tokens)))


@pytest.fixture(scope="module")
def prompt(engine, greedy):
    made = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "end", 0.0, 60)
    return next(each for each, other in zip(tiny.PROMPTS, made, strict=True) if other.tokens == greedy)


@pytest.fixture(scope="module")
def text(greedy):
    """Three characters of it that begin in its middle, and the tokens up to the end of where they are first."""
    tokens = greedy
    whole = written(tokens)
    chosen = whole[len(whole) // 2 :][:3]
    count = next(count for count in range(1, len(tokens) + 1) if chosen in written(tokens[:count]))
    return chosen, tokens[:count]


def test_a_text_ends_a_solution(folder, text, prompt):
    chosen, expected = text
    stops = tiny.stops((chosen, "never written"))
    engine = VllmEngine(folder, stops, 64, "cpu")
    other = TransformersEngine(folder, 64, "cpu", lambda *rest: any_line_end(*rest, stops.texts))
    (made,) = engine.extend(engine.prefill([prompt]), STREAMS[:1], "end", 0.0, 60)
    (known,) = other.extend(other.prefill([prompt]), STREAMS[:1], "end", 0.0, 60)
    assert (made.tokens, made.finish) == (expected, "end") == (known.tokens, known.finish)
    assert made.logprob == pytest.approx(known.logprob, abs=1e-4)
    # Written over several calls, with the text cut anywhere: it ends with the same token
    for most in (1, 2, 3, 5):
        tokens, finishes = grow(engine, engine.prefill([prompt]), STREAMS[:1], "end", 0.0, most, 60)
        assert (tokens[0], finishes[0][-1]) == (expected, "end")
        assert set(finishes[0][:-1]) == {"length"}
    # And in the prompt it ends nothing
    state = engine.prefill([prompt + expected])
    assert engine.extend(state, STREAMS[:1], "end", 0.0, 1)[0].finish == "length"
