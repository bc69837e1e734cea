"""Kinds of published verifiers: one module for each way to ask a model about steps and to read its answer.

A kind's module holds the class `VERIFIER`, made of `ttc.verifiers.published.PublishedVerifier`, and declares

- `title`, `score` (what a score is) and `pitfalls` (what goes wrong elsewhere), for the documentation;
- `models`: the published models that it was made for;
- `separator`: may a study say what follows each step?
- `words`: the file in `workflow/prompts/judges` with the words in which a model is asked that nobody trained to verify
  (`ttc.verifiers.judging`); None: a published verifier is asked as it was trained;
- `writes`: does it write tokens before it gives a score?
- `vllm`: are scores computed of the last hidden state at each place alone, so that vLLM may compute the layers?

`ttc.verifiers.load` loads them.
"""

NAMED_BY = ("format",)
DECLARES = ("title", "score", "pitfalls", "models", "separator", "words", "writes", "vllm")
