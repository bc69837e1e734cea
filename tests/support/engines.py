"""Engines of small models, and what they wrote, bit by bit."""

from tests.support.tiny import saved
from ttc.engines.backends.transformers import TransformersEngine


def load(model, tmp_path_factory, **options):
    return TransformersEngine(saved(model, tmp_path_factory.mktemp("model") / "m"), device="cpu", **options)


def bits(made):
    """Continuations with their log-probabilities to the last bit."""
    return [(each.tokens, each.logprob.hex(), each.finish) for each in made]


def stored(state):
    """How many prefixes are stored for the rows of a state."""
    return len({id(each) for each in state.stored if each is not None})
