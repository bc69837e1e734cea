"""Published process reward models through vLLM, whose prefix cache knows what solutions begin with alike.

What is read, where, and what is refused is the kinds' own (`ttc.verifiers.kinds`).  For each place at which a score is
read vLLM is sent the tokens up to it and gives the hidden state of the last one; the kind's head makes a score of it.
In a search as in a pool a row is its tokens and nothing else; scores are remembered while a row has them.
"""

from collections.abc import Sequence

import torch

from ttc import plugins
from ttc.errors import InputError
from ttc.models.checkpoint import Source
from ttc.verifiers import kinds
from ttc.verifiers.prefix_tree import Prefix, PrefixTree
from ttc.verifiers.published import PublishedVerifier, Reading
from ttc.verifiers.vllm_network import HEAD_ROWS, HeadNetwork, PooledNetwork

AT_ONCE = 4096  # requests handed to vLLM, which makes its own batches of them


class PooledReader(PrefixTree):
    """Scores of readings by a verifier whose layers are vLLM's: a request for each prefix that has none yet."""

    def __init__(self, verifier: "Pooled"):
        super().__init__()
        self.verifier = verifier
        self.requests = 0
        self.tokens_sent = 0
        self.tokens_computed = 0  # of these; the prefix cache knew the others

    def scores(self, readings: Sequence[Reading], keep: bool) -> list[list[float]]:
        """Scores of different readings.  keep: they will be gone on from (`hold`)."""
        paths = [self.path(each) for each in readings]
        unread: dict[Prefix, tuple[int, ...]] = {}
        # By their tokens: what begins alike is read one after the other, the shorter first, while the cache has it
        for path, reading in sorted(zip(paths, readings, strict=True), key=lambda pair: pair[1].tokens):
            for prefix in path[len(path) - len(reading.places) :]:
                if prefix.score is None:
                    unread[prefix] = reading.tokens[: prefix.length]
        waiting = list(unread)
        for start in range(0, len(waiting), AT_ONCE):
            batch = waiting[start : start + AT_ONCE]
            states, known = self.verifier.network.read([unread[prefix] for prefix in batch])
            sent = sum(prefix.length for prefix in batch)
            self.requests += len(batch)
            self.tokens_sent += sent
            self.tokens_computed += sent - sum(known)
            for prefix, score in zip(batch, self.verifier.scores_at(states), strict=True):
                prefix.score = score
        return self.scores_of(paths, readings, keep)

    def told(self) -> str:
        """What was computed, for the log."""
        return (
            f"{self.tokens_computed:,} computed by vLLM; of the other {self.tokens_sent - self.tokens_computed:,} in "
            f"{self.requests:,} requests it had kept what it had read"
        )


class Pooled(PublishedVerifier):
    """A kind whose layers are vLLM's; comes before the kind among the bases of a class."""

    here = False
    network: HeadNetwork

    def __init__(self, source: Source, batch_tokens: int, device: str, memory: dict, **options):
        """device: vLLM's; memory: see `ttc.engines.vllm_settings.open_body`."""
        self.place = device
        super().__init__(source, batch_tokens, **options)
        self.network.open(**memory)  # last, because it takes long: whatever is wrong has been told
        self.window = min(self.window, self.network.window)
        self.prefixes = PooledReader(self)

    def open_network(self) -> HeadNetwork:
        """See `PublishedVerifier.open_network`."""
        return PooledNetwork(self.source, self.network_class, self.head_rows, self.place)

    @torch.inference_mode()
    def scores_at(self, states: torch.Tensor) -> list[float]:
        """Scores of last hidden states, float32 [n, hidden size]."""
        scores: list[float] = []
        for some in states.split(HEAD_ROWS):
            places = self.network.give(some)
            logits = self.logits(places[None], torch.ones_like(places)[None], places)[0]
            scores += self.rounded(logits[: len(some)])
        return scores


def pooled(kind: str, own: type[PublishedVerifier], by: type[Pooled] = Pooled) -> type[Pooled]:
    """The class of a kind whose layers are vLLM's, made of the kind's `own`; InputError where vLLM does not take it.

    by: `Pooled`, or a class of it whose layers are in another place.
    """
    able = [name for name, each in plugins.declarations(kinds.__name__).items() if each["vllm"]]
    if kind not in able:
        raise InputError(
            f"verifier kind '{kind}' needs the transformers engine; vLLM takes the kinds {', '.join(able)}"
        )
    return type(f"{by.__name__}{own.__name__}", (by, own), {})
