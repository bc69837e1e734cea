"""Texts and their tokens: prompts, solutions, steps and the context of a revision."""

import numpy as np

# Ends a step
SEPARATOR = "\n"
# The line between an answer and its revision
AGAIN = "Again"


def prompt_text(question: str, context: list[str] = ()) -> str:
    """What the model reads before it writes: the earlier answers of a chain, oldest first, then the question.

    The question comes last so that a revision stands to it as a first answer does: a small policy knows where to look.
    """
    attempts = "".join(f"{attempt}{SEPARATOR}{AGAIN}{SEPARATOR}" for attempt in context)
    return f"{attempts}{question}{SEPARATOR}"


def encode_prompts(tokenizer, prompts: list[str]) -> list[list[int]]:
    """Token ids of prompts, each starting with the begin-of-sequence token."""
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return [start + ids for ids in _encode(tokenizer, prompts)]


def encode_solutions(tokenizer, texts: list[str], ended: list[bool]) -> list[list[int]]:
    """Token ids of solutions, with the end token where the solution ended by itself."""
    encoded = _encode(tokenizer, texts)
    return [ids + [tokenizer.eos_token_id] if end else ids for ids, end in zip(encoded, ended, strict=True)]


def _encode(tokenizer, texts: list[str]) -> list[list[int]]:
    """Token ids of texts as they stand, straight from the core of a fast tokenizer: nobody reads offsets and masks."""
    if not getattr(tokenizer, "is_fast", False):
        return tokenizer(list(texts), add_special_tokens=False)["input_ids"] if len(texts) else []
    core = tokenizer.backend_tokenizer
    core.no_padding()
    core.no_truncation()
    return [each.ids for each in core.encode_batch_fast(list(texts), add_special_tokens=False)]


def decode(tokenizer, solutions: list[list[int]], kept: tuple[str, ...] = ()) -> list[str]:
    """Texts of solutions, without the end token; equal ones, which are frequent, are decoded once.

    kept: special tokens that the texts have, in place of none.
    """
    distinct: dict[tuple[int, ...], int] = {}
    place = [distinct.setdefault(tuple(tokens), len(distinct)) for tokens in solutions]
    written = [list(tokens) for tokens in distinct]
    if kept:
        dropped = _special(tokenizer).difference(kept)
        ids = set(tokenizer.convert_tokens_to_ids(sorted(dropped)))
        written = [[token for token in tokens if token not in ids] for tokens in written]
    texts = tokenizer.batch_decode(written, skip_special_tokens=not kept, clean_up_tokenization_spaces=False)
    return [texts[index] for index in place]


def _special(tokenizer) -> set[str]:
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    return {*tokenizer.all_special_tokens, *(str(each) for each in added if each.special)}


def step_ends(solution: list[int], separator: int) -> np.ndarray:
    """Indices of the last token of each step: every separator that something follows or ends, and the last token.

    A separator as the very last token ends the last step; it does not open an empty one.
    """
    tokens = np.asarray(solution)
    ends = np.flatnonzero(tokens == separator)
    if len(tokens) and (not len(ends) or ends[-1] != len(tokens) - 1):
        ends = np.append(ends, len(tokens) - 1)
    return ends
