"""Kind `judge`: any language model that follows instructions, asked whether a solution is correct, yes or no.

Zhang et al. 2024 (arXiv 2408.15240), GenRM without a critique.  The question is the user's turn in the model's own chat
template, in the words of a file (`ttc.verifiers.judging`); the score is P(yes) among yes and no at the token that the
model would write next, the probabilities of the spellings of each summed.  About a whole solution it is asked once,
about steps after each of them, in a conversation of its own: its answers to one question are not read with the next.
"""

import torch

from ttc.errors import InputError
from ttc.models.checkpoint import Source
from ttc.verifiers.causal import CausalVerifier
from ttc.verifiers.judging import SOLUTION, STEPS, Asking, load
from ttc.verifiers.protocol import common
from ttc.verifiers.published import Reading, Scored

DECLARATION = {
    "title": "any language model that follows instructions, asked whether a solution is correct",
    "score": "P(yes) among yes and no at the next token",
    "pitfalls": "a spelling that is not one token; an answer that is no verdict",
    "models": [],
    "separator": False,
    "words": "yes_or_no",
    "writes": False,
    "vllm": True,
}

GOES_ON = "1"  # a step behind the last one, which shows where the solution ends and the question begins


class Judge(CausalVerifier):
    """Read at the last token of the conversation, which predicts the verdict."""

    def __init__(
        self, source: Source, batch_tokens: int, with_network: bool = True, judge: dict | None = None
    ):
        """judge: how it is asked, as a specification has it; None: about whole solutions, in the usual words."""
        self.asking = load(DECLARATION["words"], SOLUTION) if judge is None else Asking.of(judge)
        # Whether a fetched model has tokens for the words of a study is told when it is asked in them
        self.asked = with_network or judge is not None
        super().__init__(source, batch_tokens, with_network)

    def prepare(self) -> None:
        """See `PublishedVerifier.prepare`; InputError also where two spellings are one token."""
        self.need_chat_template()
        if not self.asked:
            return
        spellings = (*self.asking.yes, *self.asking.no)
        self.answers = [self.one_token(text) for text in spellings]
        for place, token in enumerate(self.answers):
            if token in self.answers[:place]:
                first = spellings[self.answers.index(token)]
                raise InputError(
                    f"{self.source.path}: its tokenizer has one token for {first!r} and {spellings[place]!r}, and a "
                    "judge's verdicts have to differ; leave one of them out of the judge's prompt"
                )

    def read(self, problem: str, steps: list[str]) -> Reading:
        """See `PublishedVerifier.read`; about steps a conversation for each, all of which share the steps before."""
        if self.asking.asks == SOLUTION:
            tokens = self.conversation(problem, steps)
            return Reading(tokens, (len(tokens) - 1,))
        asked = [self.conversation(problem, steps[: count + 1]) for count in range(len(steps))]
        following = [*asked[1:], self.conversation(problem, [*steps, GOES_ON])]
        alike = [min(common(*pair), len(pair[0]) - 1) for pair in zip(asked, following, strict=True)]
        # Where a tokenizer merges what follows a step, less may be alike with a later conversation than with the next
        ends = [min(alike[place:]) for place in range(len(asked))]
        tokens: tuple[int, ...] = ()
        places, asides, before = [], [], 0
        for each, end in zip(asked, ends, strict=True):
            tokens += each[before:end]
            asides.append(len(tokens))
            tokens += each[end:]
            places.append(len(tokens) - 1)
            before = end
        return Reading(tokens, tuple(places), asides=tuple(asides))

    def conversation(self, problem: str, steps: list[str]) -> tuple[int, ...]:
        """The tokens before the verdict on these steps."""
        text = self.asking.text(self.tokenizer, problem, steps)
        return tuple(self.encode(text + (self.asking.verdict or "")))

    def scores_of(self, steps: list[str]) -> int:
        """See `PublishedVerifier.scores_of`; one where it is asked about whole solutions."""
        return len(steps) if self.asking.asks == STEPS else 1

    def scored(
        self, problems: list[str], solutions: list[list[str]], names: list[str] | None = None
    ) -> list[Scored]:
        """See `PublishedVerifier.scored`; asked about whole solutions it is asked as if they ended with each step."""
        if self.asking.asks == STEPS:
            return super().scored(problems, solutions, names)
        ended = [
            (problem, steps[: count + 1])
            for problem, steps in zip(problems, solutions, strict=True)
            for count in range(len(steps))
        ]
        made = iter(super().scored([problem for problem, _ in ended], [steps for _, steps in ended]))
        found = [[next(made) for _ in steps] for steps in solutions]
        return [
            Scored([score for each in parts for score in each.scores], sum(each.tokens for each in parts))
            for parts in found
        ]

    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """See `PublishedVerifier.probability`."""
        return logits.softmax(-1)[:, : len(self.asking.yes)].sum(-1)


VERIFIER = Judge
