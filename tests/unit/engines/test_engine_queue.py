"""The queue of the engine: rows put in while others are in work get what they get alone, and come out by group."""

import numpy as np
import pytest

from tests.support.engines import bits, load
from tests.support.tiny import prompts_of, random_model
from ttc import noise
from ttc.errors import InputError

QUESTIONS = prompts_of([3, 9, 17, 33, 40])
STREAMS = noise.substreams(noise.stream(0, "queue"), np.arange(30))


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def engine(request, tmp_path_factory):
    return load(random_model(request.param), tmp_path_factory)


def group(number):
    """Rows, streams, temperature and limits of a group, one of 6; each limit is a row's own."""
    rows = np.arange(number * 5, number * 5 + 5)
    limits = 1 + (rows * 7 + number) % 9
    return rows % len(QUESTIONS), STREAMS[rows], (0.0 if number % 3 == 2 else 1.0), limits


@pytest.fixture(scope="module")
def alone(engine):
    """What each row gets in a call of its own, twice one after the other where it may go on."""
    made = {}
    for number in range(6):
        questions, streams, temperature, limits = group(number)
        for row, question in enumerate(questions):
            state = engine.prefill([QUESTIONS[question]])
            for turn in range(2):
                [each] = engine.extend(state, streams[row : row + 1], "step", temperature, int(limits[row]))
                made[number, row, turn] = bits([each])[0]
                if each.finish == "end":
                    break
    return made


@pytest.mark.parametrize("batch_rows", [8, 64])
def test_rows_that_enter_while_others_are_in_work_get_what_they_get_alone(engine, alone, batch_rows):
    """Groups come and go in an order of chance, each twice; limits and temperatures are their own."""
    rng = np.random.default_rng(batch_rows)
    kept, engine.batch_rows = engine.batch_rows, batch_rows
    queue, states, found, orders = engine.queue("step"), {}, {}, []
    before = engine.tokens_generated

    def put(number, turn, state, rows):
        _, streams, temperature, limits = group(number)
        states[number, turn] = state, rows
        queue.put([((number, turn), len(rows))], state, streams[rows], temperature, limits[rows])

    waiting = rng.permutation(6).tolist()
    while waiting or states:
        for number in [waiting.pop() for _ in range(min(len(waiting), int(rng.integers(1, 4))))]:
            put(number, 0, engine.fork(engine.prefill(QUESTIONS), group(number)[0]), np.arange(5))
        for (number, turn), made in queue.take():
            state, rows = states.pop((number, turn))
            orders.append((number, turn))
            found |= {(number, row, turn): each for row, each in zip(rows.tolist(), bits(made), strict=True)}
            going = np.flatnonzero([each.finish != "end" for each in made])
            if turn == 0 and len(going):
                put(number, 1, engine.fork(state, going), rows[going])
    engine.batch_rows = kept
    assert found == alone
    assert orders != sorted(orders, key=lambda each: each[1])
    assert queue.take() == []
    assert engine.tokens_generated - before == sum(len(tokens) for tokens, *_ in found.values())
    assert all(each is None or each == 0 for each in queue.table.rows["stored"])  # nothing is held


def test_groups_that_are_put_in_together_come_out_on_their_own(engine, alone):
    """Four groups are one state, and so are those of their rows that go on."""
    numbers = np.repeat([0, 1, 3, 4], 5)
    rows = np.tile(np.arange(5), 4)
    questions, streams, _, limits = (
        np.concatenate(each) if np.ndim(each[0]) else each[0]
        for each in zip(*map(group, [0, 1, 3, 4]), strict=True)
    )
    state, queue, found = engine.fork(engine.prefill(QUESTIONS), questions), engine.queue("step"), {}
    for turn in range(2):
        counts = [(number, int((numbers == number).sum())) for number in dict.fromkeys(numbers.tolist())]
        queue.put(counts, state, streams, 1.0, limits)
        got = {}
        while done := queue.take():
            got |= dict(done)
        made = [each for number, _ in counts for each in got[number]]
        keys = zip(numbers.tolist(), rows.tolist(), [turn] * len(rows), strict=True)
        found |= dict(zip(keys, bits(made), strict=True))
        going = np.flatnonzero([each.finish != "end" for each in made])
        state, numbers, rows = engine.fork(state, going), numbers[going], rows[going]
        streams, limits = streams[going], limits[going]
    assert found == {key: each for key, each in alone.items() if key[0] in (0, 1, 3, 4)}


def test_what_a_queue_refuses(engine):
    queue, state = engine.queue("step"), engine.prefill(QUESTIONS[:2])
    with pytest.raises(ValueError, match="max_tokens is 0"):
        queue.put([("key", 2)], state, STREAMS[:2], 1.0, np.array([4, 0]))
    with pytest.raises(InputError, match=f"may grow to {engine.window + 1} tokens"):
        queue.put([("key", 2)], state, STREAMS[:2], 1.0, np.array([4, engine.window + 1 - len(QUESTIONS[1])]))
    with pytest.raises(ValueError, match="allowed are step, end"):
        engine.queue("line")
    assert queue.take() == []
