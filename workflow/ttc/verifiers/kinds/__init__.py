"""Kinds of published verifiers: one module for each way to ask a model about steps and to read its answer.

A kind's module holds the class `VERIFIER`, made of `ttc.verifiers.published.PublishedVerifier`, and declares

- `title`, `score` (what a score is) and `pitfalls` (what goes wrong elsewhere), for the documentation;
- `models`: the published models that it was made for;
- `separator`: may a study say what follows each step?
- `vllm`: are scores computed of the last hidden state at each place alone, so that vLLM may compute the layers?

`ttc.verifiers.load` loads them.
"""

NAMED_BY = ("format",)
DECLARES = ("title", "score", "pitfalls", "models", "separator", "vllm")
