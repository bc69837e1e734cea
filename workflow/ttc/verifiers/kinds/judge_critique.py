"""Kind `judge_critique`: a language model that writes a critique of a solution before its verdict, yes or no.

GenRM-CoT (Zhang et al. 2024, arXiv 2408.15240) and GenPRM (Zhao et al. 2025, arXiv 2504.00891) without their training.
The question is that of kind `judge`; the model answers it with critiques, drawn with noise of their own, and the score
is the mean over them.  `probability`: what stands before the verdict is put behind the critique, in place of a verdict
that it has, and the score is P(yes) among yes and no there; a critique that was cut is asked where it stands.
`parsed`: 1 or 0 as the last verdict in the critique says, and 1/2 where it has none.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.flow import Asked, Flow
from ttc.engines.protocol import unheard
from ttc.errors import InputError
from ttc.models.checkpoint import Source
from ttc.models.weights import Weights
from ttc.problems.stops import Stops
from ttc.verifiers.judging import BETWEEN
from ttc.verifiers.kinds.judge import Judge
from ttc.verifiers.protocol import Spent
from ttc.verifiers.published import Reading, branches

DECLARATION = {
    "title": "any language model that follows instructions, which writes a critique before its verdict",
    "score": "P(yes) among yes and no behind the critique, or the verdict in it; the mean over critiques",
    "pitfalls": "critiques that are cut before their verdict; what they cost",
    "models": [],
    "separator": False,
    "words": "critique",
    "writes": True,
    "vllm": False,
}

TOKENS_PER_ROW = 16  # of `batch_tokens`, which a row that is written takes (`ttc.verifiers.open`)


class Writer(TransformersEngine):
    """The usual engine on a network that is there already."""

    def __init__(self, network, source: Source, rows: int):
        self._network = network
        options = source.dtype, source.attention, source.trust_remote_code, source.linear
        weights = Weights(Path(source.path), *options)
        super().__init__(source.path, rows, source.device.type, _only_ends, weights=weights)

    @property
    def model(self):
        """See `TransformersEngine.model`."""
        return self._network


class JudgeCritique(Judge):
    """Asked as `Judge`; the score is read behind what the model has written itself."""

    def __init__(
        self, source: Source, batch_tokens: int, with_network: bool = True, judge: dict | None = None
    ):
        """judge: how it is asked, `critique` included; None without a network only."""
        if with_network and "critique" not in (judge or {}):
            raise InputError(f"kind '{source.kind}' needs to be told how critiques are drawn (`judge`)")
        self.spent: dict[Reading, Spent] = {}  # of the readings of the last call
        super().__init__(source, batch_tokens, with_network, judge)

    @cached_property
    def writer(self) -> Writer:
        """The engine that writes critiques; it has checked itself."""
        engine = Writer(self.network, self.source, max(1, self.batch_tokens // TOKENS_PER_ROW))
        engine.self_check()
        return engine

    def conversation(self, problem: str, steps: list[str]) -> tuple[int, ...]:
        """See `Judge.conversation`; up to where the critique begins."""
        return tuple(self.encode(self.asking.text(self.tokenizer, problem, steps)))

    def reading(self, problem: str, steps: list[str], name: str) -> Reading:
        """See `PublishedVerifier.reading`; InputError also where the window has no room for a critique."""
        reading = super().reading(problem, steps, name)
        if self.network is None:
            return reading
        longest = max(len(each.tokens) for each in branches(reading))
        needed = longest + self.asking.critique.max_tokens + len(self.encode(BETWEEN + self.asking.verdict))
        if needed > self.window:
            raise InputError(
                f"{self.source.path}: {name} has {longest} tokens with its problem, and with a critique and its "
                f"verdict up to {needed}; the model's window is {self.window}: lower judge.critique.max_tokens"
            )
        return reading

    def scores(
        self, readings: Sequence[Reading], names: Sequence[str], known: Sequence[int] | None = None
    ) -> list[list[float]]:
        """See `PublishedVerifier.scores`; InputError in a search."""
        if known is not None:
            raise InputError(
                f"{self.source.path}: kind '{self.source.kind}' writes critiques and guides no search"
            )
        made = super().scores(readings, names)
        spent = [self.spent[each] for each in readings]
        self.tokens_scored += sum(each.tokens for each in spent) - sum(len(each.tokens) for each in readings)
        return made

    def _different(self, readings: set[Reading], following: bool) -> dict[Reading, list[float]]:
        """See `PublishedVerifier`; `spent` is set."""
        parts = {reading: branches(reading) for reading in readings}
        asked = sorted({each.tokens for some in parts.values() for each in some})
        critiques = self.critiques(asked)
        judged = self._read(critiques) if self.asking.by_probability else self._parse(critiques)
        more = len(self.encode(BETWEEN + self.asking.verdict)) if self.asking.by_probability else 0
        self.spent = {}
        for reading, some in parts.items():
            written = sum(len(tokens) for each in some for tokens in critiques[each.tokens])
            read = len(reading.tokens) + more * self.asking.critique.count * len(some)
            self.spent[reading] = Spent(read + written, written)
        return {reading: [judged[each.tokens] for each in some] for reading, some in parts.items()}

    def critiques(self, asked: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], list[list[int]]]:
        """The tokens of the critiques of each conversation; each has its noise by what it answers."""
        how = self.asking.critique
        flow = Flow(self.writer, how.temperature, how.max_tokens, self.writer.batch_rows, unheard)
        flow.put(
            Asked(
                each,
                list(each),
                noise.substreams(noise.stream(how.seed, "critique", *each), np.arange(how.count)),
            )
            for each in asked
        )
        made: dict[tuple[int, ...], list[list[int]]] = {}
        while done := flow.take():
            made |= {key: [each.tokens for each in answers] for key, answers in done}
        return made

    def text_of(self, critique: list[int]) -> str:
        """What a critique says."""
        return self.tokenizer.decode(critique, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _read(self, critiques: dict) -> dict[tuple[int, ...], float]:
        """P(yes) among yes and no behind each critique, the mean over those of a conversation."""
        behind = {asked: [self._concluded(asked, each) for each in some] for asked, some in critiques.items()}
        whole = {each for some in behind.values() for each in some}
        scores = super()._different(whole, False)
        return {asked: float(np.mean([scores[each][0] for each in some])) for asked, some in behind.items()}

    def _concluded(self, asked: tuple[int, ...], critique: list[int]) -> Reading:
        """A conversation, its critique up to its own verdict, and what stands before the verdict."""
        tokens = (*asked, *self.encode(self.asking.concluded(self.text_of(critique))))
        return Reading(tokens, (len(tokens) - 1,), len(asked))

    def _parse(self, critiques: dict) -> dict[tuple[int, ...], float]:
        """The mean of what the critiques of each conversation say."""
        return {
            asked: float(np.mean([self.asking.parsed(self.text_of(each)) for each in some]))
            for asked, some in critiques.items()
        }


def _only_ends(tokenizer, ends: tuple[int, ...], where: str) -> Stops:
    """A critique ends where the model ends it; its lines are no steps."""
    return Stops(tuple(ends), ())


VERIFIER = JudgeCritique
