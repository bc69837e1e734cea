"""Kind `chat_plus`: RLHFlow's models, a chat in which the assistant answers each step with plus or minus.

Made for RLHFlow/Llama3.1-8B-PRM-Deepseek-Data and …-Mistral-Data.  Turns: the user says `{problem} {first step}`, the
assistant `+`; then each further step and its `+`.  The card grows the conversation turn by turn; earlier answers are
`+` whatever was scored, so one pass over the whole conversation gives the same scores.
"""

from ttc.errors import InputError
from ttc.verifiers.causal import CausalVerifier
from ttc.verifiers.published import Reading

PLUS, MINUS = "+", "-"

DECLARATION = {
    "title": "RLHFlow: a chat in which the assistant answers each step with + or -",
    "score": "P(+) among + and - before the assistant's answer to a step",
    "pitfalls": "a system prompt that is added; read at the wrong token",
    "models": ["RLHFlow/Llama3.1-8B-PRM-Deepseek-Data", "RLHFlow/Llama3.1-8B-PRM-Mistral-Data"],
    "separator": False,
    "words": None,
    "writes": False,
    "vllm": True,
}


class ChatPlus(CausalVerifier):
    """Read at the token before each answer, which predicts it."""

    def prepare(self) -> None:
        """See `PublishedVerifier.prepare`."""
        self.need_chat_template()
        self.answers = [self.one_token(PLUS), self.one_token(MINUS)]
        first, both = self.chat(turns("1", ["1"], PLUS)), self.chat(turns("1", ["1", "1"], PLUS))
        if both[: len(first)] != first:
            raise InputError(
                f"{self.source.path}: its chat template writes earlier turns differently once others follow, and "
                "kind 'chat_plus' reads all steps in one pass"
            )

    def read(self, problem: str, steps: list[str]) -> Reading:
        """See `PublishedVerifier.read`; as many places as there are answers that are tokens of their own."""
        tokens = self.chat(turns(problem, steps, PLUS))
        other = self.chat(turns(problem, steps, MINUS))
        # The answers are where the conversation with `-` differs, whatever pluses the steps contain
        places = [place for place, pair in enumerate(zip(tokens, other, strict=False)) if pair[0] != pair[1]]
        whole = len(tokens) == len(other) and all(
            [tokens[place], other[place]] == self.answers for place in places
        )
        return Reading(tuple(tokens), tuple(place - 1 for place in places) if whole else ())


def turns(problem: str, steps: list[str], answer: str) -> list[dict[str, str]]:
    """The conversation in which every step is answered with `answer`."""
    texts = [f"{problem} {steps[0]}", *steps[1:]]
    return [
        turn
        for text in texts
        for turn in ({"role": "user", "content": text}, {"role": "assistant", "content": answer})
    ]


VERIFIER = ChatPlus
