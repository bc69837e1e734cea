"""Readers: how verifiers read solutions, as tokens of their policy or as texts in a format of their own.

They are apart from the verifiers, because what a verifier is trained on is read without one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ttc import plugins
from ttc.errors import InputError
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import weights_of
from ttc.problems import text
from ttc.verifiers import kinds
from ttc.verifiers.protocol import Reader, Solution


def solutions_of(
    problems: pl.DataFrame, rows: pl.DataFrame, contexts: Sequence[Sequence[str]] | None = None
) -> list[Solution]:
    """What a verifier is asked about: samples, or revisions with the answers before them."""
    questions = dict(problems.select("problem_id", "question").iter_rows())
    place = ["sample_index"] if "sample_index" in rows.columns else ["chain", "step"]
    ended = pl.col("finish_reason") != "length"
    cells = rows.select("problem_id", "text", ended, *place).iter_rows()
    return [
        Solution(
            questions[name],
            text,
            f"problem '{name}', "
            + ", ".join(
                f"{what.removesuffix('_index')} {at}" for what, at in zip(place, places, strict=True)
            ),
            ended,
            context,
        )
        for (name, text, ended, *places), context in zip(cells, contexts or [()] * len(rows), strict=True)
    ]


def open_reader(path: Path, reads: str | None, kind: str) -> Reader:
    """How a verifier of this kind, prm or orm, will read that is to be trained from the policy in a model directory."""
    if reads is not None:
        return load_reader(reads, weights_of(path).folder)
    return TokenReader(load_tokenizer(path), kind)


class TokenReading(NamedTuple):
    """A solution as tokens of the policy: its prompt, up to `start`, and what was written."""

    tokens: tuple[int, ...]
    places: tuple[int, ...]
    start: int


class TokenReader:
    """`ttc.verifiers.protocol.Reader` of verifiers from scratch: they read what their policy read and wrote.

    kind `prm` has a score at the last token of each step, `orm` at the last token of the solution.
    """

    reads_end = True

    def __init__(self, tokenizer, kind: str):
        self.tokenizer, self.kind = tokenizer, kind
        self.separator = tokenizer.convert_tokens_to_ids(text.SEPARATOR)

    def readings(self, solutions: Sequence[Solution]) -> list[TokenReading]:
        """See `ttc.verifiers.protocol.Reader.readings`; there is always an end to read."""
        prompts = [text.prompt_text(each.problem, each.context) for each in solutions]
        written = [each.text for each in solutions], [each.ended for each in solutions]
        return [
            self.reading(*each)
            for each in zip(
                text.encode_prompts(self.tokenizer, prompts),
                text.encode_solutions(self.tokenizer, *written),
                strict=True,
            )
        ]

    def reading(self, prompt: Sequence[int], solution: Sequence[int]) -> TokenReading:
        """A prompt and a solution, both token ids; InputError for a solution without tokens."""
        if not len(solution):
            raise InputError("an empty solution cannot be scored; every solution needs at least one token")
        ends = len(prompt) + text.step_ends(list(solution), self.separator)
        places = ends if self.kind == "prm" else ends[-1:]
        return TokenReading((*prompt, *solution), tuple(places.tolist()), len(prompt))


def load_reader(
    kind: str, path: Path | str, *, trust_remote_code: bool = False, separator: str | None = None
) -> Reader:
    """The verifier (`PublishedVerifier`) of `kind` that the model in a directory may become, without its network.

    Its `reading` gives the tokens and places that a verifier learns from: those that it will be scored by.
    InputError as `load`, but for weights, which are not looked at.
    """
    from ttc.models.checkpoint import Source
    from ttc.models.directory import resolve_device

    make, options = kind_class(kind, separator)
    source = Source(kind, str(path), None, "float32", resolve_device("cpu"), "sdpa", trust_remote_code, True)
    return make(source, batch_tokens=1, with_network=False, **options)


def kind_class(kind: str, separator: str | None, judge: dict | None = None) -> tuple[type, dict]:
    """The class of a kind of published verifiers, and the options that it is made with.

    InputError for an unknown kind, for a separator where the kind has one of its own, and for words of a judge
    (`ttc.verifiers.judging`) where it is asked as it was trained.
    """
    declared = plugins.declaration(kinds.__name__, kind)
    if judge is not None and declared["words"] is None:
        raise InputError(f"verifier kind '{kind}' is asked as it was trained; leave judge out")
    if separator is None:
        options = {}
    elif declared["separator"]:
        options = {"separator": separator}
    else:
        raise InputError(f"verifier kind '{kind}' has a step separator of its own; leave separator out")
    if judge is not None:
        options["judge"] = judge
    return plugins.load(kinds.__name__, kind).VERIFIER, options
