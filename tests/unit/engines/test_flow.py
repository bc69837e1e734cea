"""Prompts through a queue: every prompt gets what it gets alone, whatever order answers come in and whatever fits."""

import numpy as np
import pytest

from tests.support.toy import ToyEngine, text
from ttc import noise
from ttc.engines.flow import AHEAD, Asked, Flow
from ttc.engines.protocol import unheard


def odds(prefix: str) -> dict[str, float]:
    """Solutions of very different lengths: what begins with `b` goes on nine times as long."""
    end = 0.5 if "b" not in prefix else 0.05
    return {"a": 0.6 * (1 - end), "b": 0.1 * (1 - end), ".": 0.3 * (1 - end), "$": end}


def prompts(count: int, answers: int) -> list[Asked]:
    lengths = np.random.default_rng(1).permutation(count)
    streams = noise.substreams(noise.stream(3, "flow"), np.arange(count * answers)).reshape(count, answers)
    return [
        Asked(key, text("?" * (1 + int(length))), streams[key]) for key, length in enumerate(lengths.tolist())
    ]


def alone(asked: list[Asked]) -> dict:
    engine = ToyEngine(odds)
    found = {}
    for each in asked:
        state = engine.fork(engine.prefill([each.prompt]), np.zeros(len(each.streams), dtype=int))
        found[each.key] = engine.extend(state, each.streams, "end", 1.0, 60, keep=False)
    return found


@pytest.mark.parametrize("rows", [1, 4, 7, 1000])
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_every_prompt_gets_what_it_gets_alone(rows, seed):
    asked = prompts(12, 3)
    engine = ToyEngine(odds, shuffled=None if seed is None else np.random.default_rng(seed))
    flow = Flow(engine, 1.0, 60, rows, unheard)
    flow.put(asked[:9])
    found, late = {}, asked[9:]
    while done := flow.take():
        assert flow.growing <= AHEAD * rows + 3
        found |= dict(done)
        flow.put(late)  # more may come while others are in work
        late = []
    assert found == alone(asked)
    assert engine.prefilled == sum(len(each.prompt) for each in asked)  # each is read once
    assert flow.take() == []


def test_short_prompts_go_first():
    engine = ToyEngine(odds)
    flow = Flow(engine, 1.0, 60, 1, unheard)
    asked = prompts(8, 1)
    flow.put(asked)
    order = []
    while done := flow.take():
        order += [key for key, _ in done]
    lengths = [len(asked[key].prompt) for key in order]
    assert lengths == sorted(lengths)


def test_progress_hears_of_every_row_and_token():
    heard = np.zeros(2, dtype=int)

    def tell(rows: int, tokens: int) -> None:
        heard[:] += rows, tokens

    engine = ToyEngine(odds)
    flow = Flow(engine, 1.0, 60, 4, tell)
    flow.put(prompts(6, 2))
    while flow.take():
        pass
    assert heard.tolist() == [12, engine.tokens_generated]
