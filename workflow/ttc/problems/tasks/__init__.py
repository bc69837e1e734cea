"""Generated tasks, one module each (`ttc.problems.task` says what such a module holds)."""

NAMED_BY = ("task", "kind")
DEFAULT = "clock"
DECLARES = ("title", "parameters")
