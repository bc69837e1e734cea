"""Data sets of mathematical problems known by name, one module each.

`source` is a section `problems.test` or `problems.train` with its defaults replaced (`ttc.problems.sources`); its
layout (columns, extract, role, rows) also serves a local copy, given as `path`.  `lengths` are the mean lengths that
the estimate assumes (`ttc.estimate`): tokens of a question; tokens and lines of a solution by a model trained on
conversations (`chat`), which explains at length, and by a base model (`completion`), which writes as the solved
examples that it is shown.

The plan fills a preset in, so no stage reads these modules, and a new one changes no result.
"""

NAMED_BY = ("preset",)
DECLARES = ("title", "source", "lengths")
