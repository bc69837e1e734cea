"""A model that thinks, in miniature: a tokenizer of signs whose marks are tokens or are not, and a policy by a table.

`policy` goes with `tests.support.toy.ToyEngine`: tokens are characters, so a mark takes several of them.
"""

from collections.abc import Mapping

from tokenizers import AddedToken

from ttc.problems.thoughts import Thought

OPEN, CLOSE = "<t>", "</t>"
THOUGHT = Thought(OPEN, CLOSE)
BEGUN = Thought(OPEN, CLOSE, begun=True)


class Signs:
    """A tokenizer whose tokens are characters; of `marks`, each is one token from 1000 on, `special` or not."""

    eos_token_id = ord("$")
    bos_token_id = None
    all_special_tokens = ("$",)

    def __init__(self, marks: tuple[str, ...] = (), chat_template: str | None = None, special: bool = False):
        self.marks, self.chat_template, self.special = marks, chat_template, special

    @property
    def added_tokens_decoder(self):
        return {
            number: AddedToken(mark, special=self.special) for number, mark in enumerate(self.marks, 1000)
        }

    def encode(self, text: str) -> list[int]:
        found = []
        while text:
            mark = next((each for each in self.marks if text.startswith(each)), None)
            found.append(ord(text[0]) if mark is None else 1000 + self.marks.index(mark))
            text = text[1 if mark is None else len(mark) :]
        return found

    def __call__(self, texts, add_special_tokens=False):
        return {"input_ids": self.encode(texts) if isinstance(texts, str) else [*map(self.encode, texts)]}

    def batch_decode(self, solutions, skip_special_tokens=True, clean_up_tokenization_spaces=False):
        special = {self.eos_token_id, *(range(1000, 1000 + len(self.marks)) if self.special else ())}
        skipped = special if skip_special_tokens else set()
        return [
            "".join(
                self.marks[token - 1000] if token >= 1000 else chr(token)
                for token in tokens
                if token not in skipped
            )
            for tokens in solutions
        ]

    def convert_tokens_to_ids(self, tokens):
        known = {each: number for number, each in enumerate(self.marks, 1000)} | {"$": self.eos_token_id}
        return [known.get(each, 0) for each in tokens]


def policy(texts: Mapping[str, Mapping[str, float]]):
    """A policy of characters: after a prompt one of its `texts`, by their odds, each up to its `$`.

    What begins like none of them is followed by that text of `texts[""]` which its end begins, or else by `$`.
    """

    def odds(prefix: str) -> dict[str, float]:
        prompt, written = prefix[:1], prefix[1:]
        found: dict[str, float] = {}
        for text, share in texts[prompt].items():
            if text.startswith(written):
                following = text[len(written)]
                found[following] = found.get(following, 0.0) + share
        if found:
            return found
        for text in texts.get("", {}):
            for count in range(len(text) - 1, 0, -1):
                if written.endswith(text[:count]):
                    return {text[count]: 1.0}
        return {"$": 1.0}

    return odds
