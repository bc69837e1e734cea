"""Verifiers of texts for tests: one whose scores are a function of the steps, and directories of published ones."""

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.published import checkpoint
from tests.support.toy import END
from ttc import noise
from ttc.problems.steps import steps_of
from ttc.problems.stops import Stops
from ttc.verifiers.follow import TextSteps
from ttc.verifiers.protocol import problem_with_context
from ttc.verifiers.published import Scored


def drawn(problem, steps):
    """A score of the last of `steps` that depends on all that is read, of few distinct values so that ties occur."""
    return round(noise_of(problem, *steps) * 8) / 8


def noise_of(*words):
    """A number in [0, 1) that depends on the words."""
    return float(noise.uniform(noise.substreams(noise.stream(5, *words), 0), 0))


def words_of(problem, steps):
    """Tokens that `Scorer` reads: words."""
    return len(" ".join([problem, *steps]).split())


class Read(NamedTuple):
    """A reading of `Scorer`."""

    problem: str
    steps: tuple

    @property
    def tokens(self):
        return tuple(" ".join([self.problem, *self.steps]).split())

    @property
    def places(self):
        return tuple(range(len(self.steps)))


@dataclass
class Scorer:
    """Scores each step by the problem and the steps up to it; reads as many tokens as there are words."""

    reads_end = False
    of: object = drawn  # (problem, steps) -> score of the last of the steps
    tokens_scored: int = 0
    read: list = field(default_factory=list)  # (problem, steps) of each solution read, in order
    calls: int = 0

    def readings(self, solutions):
        read = [(problem_with_context(each.problem, each.context), steps_of(each.text)) for each in solutions]
        return [Read(problem, tuple(steps)) if steps else None for problem, steps in read]

    def begin(self, problems):
        openings = [tuple(problem.split()) for problem in problems]
        self.tokens_scored += sum(map(len, openings))
        return openings

    def hold(self, reading):
        return reading

    def scores(self, readings, names, known=()):
        made = self.scored([each.problem for each in readings], [each.steps for each in readings])
        self.tokens_scored -= sum(known)
        return [each.scores for each in made]

    def scored(self, problems, solutions, names=None):
        self.calls += 1
        made = []
        for problem, steps in zip(problems, solutions, strict=True):
            assert steps and all(step == step.strip() != "" and "\n" not in step for step in steps)
            self.read.append((problem, tuple(steps)))
            scores = [self.of(problem, steps[: number + 1]) for number in range(len(steps))]
            made.append(Scored(scores, words_of(problem, steps)))
        self.tokens_scored += sum(each.tokens for each in made)
        return made


def model_directory(folder, kind="trl_tokencls", role="prm", **options):
    """A directory as stage `fetch_model` writes it, of a tiny checkpoint of `kind` beside it."""
    weights = checkpoint(folder / f"{kind}-weights", kind)
    path = folder / kind
    path.mkdir()
    (path / "weights").symlink_to(weights)
    plain = {"dtype": "float32", "attention": "sdpa", "trust_remote_code": False, "separator": None}
    card = {"kind": role, "format": kind, "checkpoint": plain | options}
    (path / "card.json").write_text(json.dumps(card))
    return path


@dataclass
class Written:
    """A tokenizer of the toy engine's tokens; each is written as `pieces` say, or as its character."""

    pieces: dict

    def batch_decode(self, solutions, skip_special_tokens, clean_up_tokenization_spaces):
        assert skip_special_tokens and not clean_up_tokenization_spaces
        return [
            "".join(self.pieces.get(chr(token), chr(token)) for token in tokens if token != END)
            for tokens in solutions
        ]


# The token that ends a step is a mark and line ends, as in many BPE tokenizers
MERGED = Written({".": ".\n\n"})


def follower(verifier, tokenizer=MERGED, texts=()):
    return TextSteps(verifier, tokenizer, Stops((END,), (ord("."),), texts=texts))


def started(steps, *problems):
    return steps.prefill(list(problems or ["p"]))[0]
