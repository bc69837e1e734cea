"""The base of all kinds of published verifiers: texts to tokens, batches of them, one score in [0, 1] per step.

A kind says with which tokens a problem and its steps are asked (`read`), what the network answers (`logits`) and which
number that is (`probability`).  Where a kind's format leaves a choice, it follows the model's card.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import ClassVar, NamedTuple

import torch

from ttc.errors import InputError
from ttc.models.checkpoint import (
    Source,
    check_architecture,
    load_config,
    load_network,
    load_tokenizer,
)
from ttc.models.directory import spread
from ttc.models.linear import pack
from ttc.models.padding import ROWS, WIDTH, round_up
from ttc.problems.steps import steps_of
from ttc.verifiers.prefix_tree import Prefix
from ttc.verifiers.prefixes import PrefixReader
from ttc.verifiers.protocol import Solution, common, problem_with_context

PROBLEMS = 1024  # problems whose beginnings are remembered as tokens


class Reading(NamedTuple):
    """One solution as a network reads it."""

    tokens: tuple[int, ...]
    places: tuple[int, ...]  # for each step, the token at which its answer is read
    start: int = 0  # tokens that are read of the problem before any step
    # For each place the token at which its question begins, of which later tokens know nothing; (): there are none
    asides: tuple[int, ...] = ()
    cuts: tuple[int, ...] = ()  # numbers of tokens behind which other readings may go on otherwise


class Scored(NamedTuple):
    """What a verifier says of one solution."""

    scores: list[float]  # one per step
    tokens: int  # that the network reads for it


class PublishedVerifier(ABC):
    """Scores of a published process reward model; made by `ttc.verifiers.load.load`.

    Made by `load_reader` there it has no network: it reads solutions (`reading`) and cannot score.
    Whole inputs are read, or after `keep` what is new of them (`ttc.verifiers.prefixes`).  Padding is masked, so that
    the rows of a batch do not see one another.  On a CPU in float32 they are padded as `ttc.models.padding` says, and a
    score does not depend on its batch; elsewhere it does by rounding only (some 1e-6 in float32, up to a few hundredths
    in bfloat16).
    """

    reads_end: ClassVar[bool] = False
    empty_steps: ClassVar[bool] = False  # may a step have no text?
    network_class: ClassVar[type]
    model_type: ClassVar[str | None] = None  # the one architecture that this kind is made of; None: any
    here: ClassVar[bool] = True  # is the network computed by torch, on the source's device?
    head_rows: list[int] | None = (
        None  # of the network's head, of which the others may be left out; None: all
    )

    def __init__(self, source: Source, batch_tokens: int, with_network: bool = True):
        self.source, self.batch_tokens = source, batch_tokens
        self.tokens_scored = 0  # tokens billed so far, equal inputs each, without padding
        self.prefixes: PrefixReader | None = None
        self.opening = lru_cache(PROBLEMS)(self._opening)
        if self.model_type is not None:
            check_architecture(source, self.model_type)
        self.tokenizer = load_tokenizer(source)
        self.prepare()  # before the network: that may take minutes
        self.network = self.open_network() if with_network else None
        self.window = self._window()
        self.special = [
            token.content
            for token in self.tokenizer.added_tokens_decoder.values()
            if token.special and token.content.strip()
        ]

    def open_network(self):
        """The checkpoint's network, complete; `ttc.verifiers.pooling` gives another that answers the same."""
        network = load_network(self.source, self.network_class, places=spread(self.source.device))
        return pack(network, self.source.linear, self.source.path)

    @abstractmethod
    def prepare(self) -> None:
        """Find the kind's tokens in the tokenizer; InputError where they are not as they should be."""

    @abstractmethod
    def read(self, problem: str, steps: list[str]) -> Reading:
        """The tokens for a problem and its steps (without white space around), and where each step's answer is read."""

    @abstractmethod
    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, places: torch.Tensor, **past) -> torch.Tensor:
        """What the network answers at the columns `places` [n] of `tokens` [rows, width]: [rows, n, values].

        mask [rows, width]: 1 where there is a token, 0 where there is padding.  past: arguments of the network by which
        it goes on behind tokens that it has read (`past_key_values`); mask then has their columns, too, in front.
        """

    @abstractmethod
    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """Scores in [0, 1], [n], from logits [n, values]."""

    def readings(self, solutions: Sequence[Solution]) -> list[Reading | None]:
        """See `ttc.verifiers.protocol.Reader.readings`; a solution's steps are the lines that are not blank."""
        steps = [steps_of(each.text) for each in solutions]
        return [
            self.reading(problem_with_context(each.problem, each.context), lines, each.name)
            if lines
            else None
            for each, lines in zip(solutions, steps, strict=True)
        ]

    def score(self, problems: list[str], solutions: list[list[str]]) -> list[list[float]]:
        """For each problem and its solution (texts of steps, without separators), one score per step.

        White space around a step is no part of it.  Equal inputs are read once.  InputError, naming the solution by
        its place from 0, for one without steps, an empty step, a text with a token that the model takes for a mark,
        an input longer than the model's window (it is never cut) and a score that is not a number.
        """
        return [each.scores for each in self.scored(problems, solutions)]

    def scored(
        self, problems: list[str], solutions: list[list[str]], names: list[str] | None = None
    ) -> list[Scored]:
        """As `score`, with the tokens read for each solution; their sum is what `tokens_scored` rises by.

        names: what the sentences of errors call the solutions.
        """
        names = names or [f"solution {index}" for index in range(len(problems))]
        readings = [
            self.reading(problem, steps, name)
            for name, problem, steps in zip(names, problems, solutions, strict=True)
        ]
        scores = self.scores(readings, names)
        return [Scored(each, len(reading.tokens)) for each, reading in zip(scores, readings, strict=True)]

    def scores(
        self, readings: Sequence[Reading], names: Sequence[str], known: Sequence[int] | None = None
    ) -> list[list[float]]:
        """See `ttc.verifiers.protocol.Verifier.scores`; InputError for a score that is not a number from 0 to 1.

        known: of each, in a search, how many of its tokens its row has read before; they are not billed again, and what
        is read stays for the next call and for who holds it (`hold`).
        """
        known = known if (following := known is not None) else [0] * len(readings)
        self.tokens_scored += sum(len(each.tokens) for each in readings) - sum(known)
        scores = self._different(set(readings), following)
        for name, reading in zip(names, readings, strict=True):
            for step, score in enumerate(scores[reading]):
                if not 0 <= score <= 1:  # nan too
                    raise InputError(
                        f"{self.source.path}: the score of step {step} of {name} is {score}; "
                        "allowed is a number from 0 to 1: the weights are damaged, or use dtype float32"
                    )
        return [list(scores[reading]) for reading in readings]

    def begin(self, problems: Sequence[str]) -> list[tuple[int, ...]]:
        """What is read of problems before a search has a step of them, as tokens, and billed."""
        openings = [self.opening(problem) for problem in problems]
        self.tokens_scored += sum(map(len, openings))
        return openings

    def hold(self, reading: Reading) -> Prefix | list[Prefix | None] | None:
        """What was computed of a reading of the last call of `scores`; it is kept as long as the caller has it."""
        if self.prefixes is None:
            return None
        if not reading.asides:
            return self.prefixes.hold(reading)
        held = []
        for branch in branches(reading):
            held.append(self.prefixes.hold(branch))
            if held[-1] is not None and held[-1].length == len(branch.tokens):
                held[-1].drop()  # nothing goes on from a question, whose score is kept
        return held

    def keep(self, memory: int) -> None:
        """Go on from what was read instead of reading it again, and keep keys and values of up to `memory` bytes.

        A network that cannot do so, because it looks ahead or keeps its past in another way, goes on reading inputs
        whole.
        """
        prefixes = PrefixReader(self, memory)
        if prefixes.works():
            self.prefixes = prefixes

    def told(self) -> str:
        """What was billed and what was computed, for the log."""
        if self.prefixes is None:
            return f"verifier: {self.tokens_scored:,} tokens, read whole: this network keeps nothing of what it read"
        return f"verifier: {self.tokens_scored:,} tokens billed, {self.prefixes.told()}"

    def _opening(self, problem: str) -> tuple[int, ...]:
        """The tokens that are read of a problem whatever its first step is."""
        first, second = (self.read(problem, [step]).tokens for step in ("1", "so"))
        return first[: common(first, second)]

    def reading(self, problem: str, steps: list[str], name: str) -> Reading:
        """What is read of a solution, or InputError, as `score` says, which calls the solution `name`."""
        where = f"{self.source.path}: {name}"
        if not steps:
            raise InputError(f"{where} has no steps; a verifier needs at least one")
        steps = [step.strip() for step in steps]
        if not self.empty_steps and not all(steps):
            raise InputError(
                f"{where}: its step {steps.index('')} is empty; leave out what follows the last separator"
            )
        for part, text in (
            ("its problem", problem),
            *((f"its step {n}", step) for n, step in enumerate(steps)),
        ):
            for token in self.special:
                if token in text:
                    raise InputError(
                        f"{where}: {part} contains {token!r}, which the model takes for a mark and not for text"
                    )
        reading = self.read(problem, steps)
        reading = reading._replace(start=common(reading.tokens, self.opening(problem)))
        if len(reading.places) != self.scores_of(steps):
            raise InputError(
                f"{where} has {len(steps)} steps and {len(reading.places)} places to read scores at; a text contains "
                f"the mark by which kind '{self.source.kind}' tells steps, or the tokenizer does not keep the mark "
                "whole"
            )
        longest = max(len(branch.tokens) for branch in branches(reading))
        if longest > self.window:
            raise InputError(
                f"{where} has {longest} tokens with its problem and the model's window is {self.window}; "
                "it is never cut silently: use shorter solutions or a model with a longer window"
            )
        return reading

    def scores_of(self, steps: list[str]) -> int:
        """How many scores a solution of these steps gets: one for each."""
        return len(steps)

    def _different(self, readings: set[Reading], following: bool) -> dict[Reading, list[float]]:
        """Scores of different readings.  following: they will be gone on from (`hold`)."""
        parts = {reading: branches(reading) for reading in readings}
        distinct = sorted(set(chain(*parts.values())), key=lambda each: (len(each.tokens), each))
        if self.prefixes is not None:
            scores = dict(zip(distinct, self.prefixes.scores(distinct, following), strict=True))
        else:
            scores = self._score_whole(distinct)
        return {reading: [score for part in parts[reading] for score in scores[part]] for reading in readings}

    def _score_whole(self, distinct: list[Reading]) -> dict[Reading, list[float]]:
        """Scores of different readings, sorted by length, each read from its first token to its last."""
        scores: dict[Reading, list[float]] = {}
        for batch in batches(distinct, self.batch_tokens, self._width if self.alone else None):
            scores.update(zip(batch, self._score_batch(batch), strict=True))
        return scores

    @torch.inference_mode()
    def _score_batch(self, readings: list[Reading]) -> list[list[float]]:
        width = max(self._width(reading) for reading in readings)
        rows = round_up(len(readings), ROWS) if self.alone else len(readings)
        tokens = torch.zeros(rows, width, dtype=torch.int64)  # what stands in padding does not matter
        mask = torch.zeros_like(tokens)
        mask[:, 0] = 1
        for row, reading in enumerate(readings):
            tokens[row, : len(reading.tokens)] = torch.tensor(reading.tokens)
            mask[row, : len(reading.tokens)] = 1
        places = sorted({place for reading in readings for place in reading.places})
        device = self.source.device
        answers = self.logits(tokens.to(device), mask.to(device), torch.tensor(places))
        column = {place: index for index, place in enumerate(places)}
        return [
            self.rounded(answers[row, [column[place] for place in reading.places]])
            for row, reading in enumerate(readings)
        ]

    def rounded(self, logits: torch.Tensor) -> list[float]:
        """Scores of logits [n, values], in float32."""
        # The last float32 bit depends on a value's place in the vector; rounded from float64 it does not
        return self.probability(logits.double()).float().tolist()

    @property
    def alone(self) -> bool:
        """Whether padding is to make scores independent of their batch: where that is possible."""
        return self.here and self.source.device.type == "cpu" and self.source.dtype == "float32"

    def _width(self, reading: Reading) -> int:
        """Columns that a reading takes; one of padding at least where each is to be masked in the same way."""
        length = len(reading.tokens)
        return round_up(length + 1, WIDTH) if self.alone else length

    def one_token(self, text: str) -> int:
        """The id of `text`, or InputError if the tokenizer has no token of its own for it."""
        ids = self.encode(text)
        if len(ids) != 1 or ids[0] == self.tokenizer.unk_token_id:
            raise InputError(
                f"{self.source.path}: kind '{self.source.kind}' needs a tokenizer with one token for {text!r}, and "
                f"this one makes {self.tokenizer.convert_ids_to_tokens(ids)} of it"
            )
        return ids[0]

    def encode(self, text: str) -> list[int]:
        """Token ids of `text` and nothing around them."""
        return self.tokenizer.encode(text, add_special_tokens=False)

    def start(self) -> list[int]:
        """The id of the token that begins a text; nothing if the tokenizer has none."""
        return [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]

    def chat(self, turns: list[dict[str, str]]) -> list[int]:
        """Token ids of a whole conversation in the model's chat template."""
        return self.encode(self.tokenizer.apply_chat_template(turns, tokenize=False))

    def need_chat_template(self) -> None:
        """InputError if the tokenizer has no chat template."""
        if not self.tokenizer.chat_template:
            raise InputError(
                f"{self.source.path}: kind '{self.source.kind}' needs a tokenizer with a chat template"
            )

    def _window(self) -> int:
        """The longest input in tokens; InputError for a network of another family or too small for its tokenizer."""
        config = load_config(self.source) if self.network is None else self.network.config
        window = getattr(config, "max_position_embeddings", None)
        if not window:
            raise InputError(
                f"{self.source.path}: its configuration names no window (max_position_embeddings)"
            )
        rows = (
            config.vocab_size if self.network is None else self.network.get_input_embeddings().num_embeddings
        )
        largest = max(self.tokenizer.get_vocab().values())
        if largest >= rows:
            raise InputError(
                f"{self.source.path}: its tokenizer has ids up to {largest} and its network knows {rows} tokens; "
                "tokenizer and network are not of one model"
            )
        return window


def branches(reading: Reading) -> list[Reading]:
    """What a network reads of a reading in one go each: all, or for each question the tokens that it stands behind."""
    if not reading.asides:
        return [reading]
    trunk: tuple[int, ...] = ()
    after, cuts, found = 0, [], []
    for aside, place in zip(reading.asides, reading.places, strict=True):
        trunk += reading.tokens[after:aside]
        cuts.append(len(trunk))
        tokens = trunk + reading.tokens[aside : place + 1]
        found.append(Reading(tokens, (len(tokens) - 1,), reading.start, cuts=tuple(cuts)))
        after = place + 1
    return found


def batches(
    readings: list[Reading], most: int, width: Callable[[Reading], int] | None = None
) -> list[list[Reading]]:
    """Groups of readings, sorted by length, with at most `most` tokens each when padded; a longer one is alone.

    width: the columns that a reading takes, if only readings of equal width may be in a group.
    """
    groups: list[list[Reading]] = []
    for reading in readings:
        columns = width(reading) if width else len(reading.tokens)
        alike = groups and (not width or width(groups[-1][0]) == columns)
        if alike and (len(groups[-1]) + 1) * columns <= most:
            groups[-1].append(reading)
        else:
            groups.append([reading])
    return groups
