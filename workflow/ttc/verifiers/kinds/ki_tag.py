"""Kind `ki_tag`: Math-Shepherd, a language model that says plus or minus at the tag ки behind each step.

Made for peiyi9979/math-shepherd-mistral-7b-prm.  Input: `{problem} Step 1: … ки\\nStep 2: … ки`, without chat template
or system prompt; a step that says `Step 1:` itself does not get it twice.
"""

import re

from ttc.errors import InputError
from ttc.verifiers.causal import CausalVerifier
from ttc.verifiers.published import Reading

TAG = "ки"
NUMBERED = re.compile(r"Step \d+:")

DECLARATION = {
    "title": "Math-Shepherd: a language model that says + or - at a tag behind each step",
    "score": "P(+) among + and - at the tag `ки`",
    "pitfalls": "the tag is not one token; `Step 1:` twice; a softmax over the whole vocabulary",
    "models": ["peiyi9979/math-shepherd-mistral-7b-prm"],
    "separator": False,
    "words": None,
    "writes": False,
    "vllm": True,
}


class KiTag(CausalVerifier):
    """Read at the tag itself: logits of `+` and `-`, 648 and 387 for Math-Shepherd, at every token 12902."""

    def prepare(self) -> None:
        """See `PublishedVerifier.prepare`."""
        self.tag = self.one_token(TAG)
        # Both in one text, as the card does: sentencepiece has other tokens for them inside a word
        self.answers = self.encode("+ -")
        if len(self.answers) != 2 or self.tokenizer.unk_token_id in self.answers:
            raise InputError(
                f"{self.source.path}: kind 'ki_tag' needs a tokenizer that makes two tokens of '+ -', and this one "
                f"makes {self.tokenizer.convert_ids_to_tokens(self.answers)}"
            )

    def read(self, problem: str, steps: list[str]) -> Reading:
        """See `PublishedVerifier.read`; as many places as there are tags."""
        numbered = (
            step if NUMBERED.match(step) else f"Step {number}: {step}" for number, step in enumerate(steps, 1)
        )
        text = f"{problem} " + "\n".join(f"{step} {TAG}" for step in numbered)
        tokens = self.start() + self.encode(text)
        return Reading(tuple(tokens), tuple(place for place, token in enumerate(tokens) if token == self.tag))


VERIFIER = KiTag
