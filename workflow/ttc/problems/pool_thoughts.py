"""Thoughts in the completions of pools: no answer is taken from them, and their tokens are counted if possible."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.problems.distinct import of_each
from ttc.problems.thoughts import Counter, Thought


def set_apart(pool: pl.DataFrame, given: dict | None, tokenizer: Path | None = None) -> pl.DataFrame:
    """The pool with `answered`, what of each text may hold its answer (null: it ends inside a thought).

    given: open, close and begun, or None for a model that does not think; begun null: if any text closes a thought that
    it has not opened, all begin inside one.  tokenizer: a tokenizer.json, by which `thinking_tokens` are counted where
    the pool does not say them; they are null for a text that has fewer tokens by the pool's own count.
    """
    if given is None:
        return pool
    if "text" not in pool.columns:
        raise InputError("thought: it was given, and the pool has no completions (column 'text')")
    texts = pool["text"]
    thought = Thought(given["open"], given["close"], bool(given["begun"]))
    if given["begun"] is None:
        begun = of_each(texts, lambda text: _begins_inside(thought, text), pl.Boolean).sum()
        thought = Thought(thought.open, thought.close, begun > 0)
        print(
            f"  {begun:,} of {len(texts):,} completions close a thought that they have not opened", flush=True
        )
    outside = of_each(texts, thought.outside, pl.String)
    pool = pool.with_columns(answered=outside)
    print(
        f"  {outside.null_count():,} of {len(texts):,} completions end inside a thought: no answer",
        flush=True,
    )
    if "thinking_tokens" in pool.columns:
        return pool
    if tokenizer is None:
        print(
            "  tokens of thoughts are not known: no column says them, and there is no tokenizer", flush=True
        )
        return pool
    return _counted(pool, thought, tokenizer)


def _begins_inside(thought: Thought, text: str) -> bool:
    closed, opened = text.find(thought.close), text.find(thought.open)
    return closed >= 0 and not 0 <= opened < closed


def _counted(pool: pl.DataFrame, thought: Thought, path: Path) -> pl.DataFrame:
    from transformers import PreTrainedTokenizerFast

    try:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path))
    except Exception as error:  # whatever the library raises of a file that is none
        raise InputError(f"{path}: no tokenizer.json ({' '.join(str(error).split())[:200]})") from error
    counter = Counter(thought, tokenizer)

    def count(text: str) -> int:
        return counter.count(tokenizer(text, add_special_tokens=False)["input_ids"]).thinking

    pool = pool.with_columns(thinking_tokens=of_each(pool["text"], count, pl.Int64))
    if "tokens" not in pool.columns:
        return pool
    more = (pl.col("thinking_tokens") > pl.col("tokens")).fill_null(False)
    if lacking := pool.select(more.sum()).item():
        print(
            f"  {lacking:,} thoughts have more tokens than their completions by the pool: not known",
            flush=True,
        )
    return pool.with_columns(thinking_tokens=pl.when(more).then(None).otherwise(pl.col("thinking_tokens")))
