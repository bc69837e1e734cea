"""Engines: one module for each library that turns prefixes into continuations.

An engine's module has a function `open_engine`, with the arguments of `ttc.engines.open.open_engine`; one that asks for
whole solutions elsewhere has `sample` instead, with those of `ttc.engines.backends.openai.sample`.  It declares a
`title` for the documentation and the `environment` that it runs in.
"""

NAMED_BY = ("engine",)
DEFAULT = "transformers"
DECLARES = ("title", "environment")
