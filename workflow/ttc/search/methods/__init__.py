"""Search methods, one module each.

A method declares itself in a literal, `DECLARATION`:

* `description`: what it does, in a clause for the reference of the configuration; `legend`: its name in figures.
* `parameters`: its hyper-parameters in the order of its name, each with `type` (see `ttc.search.strategy.TYPES`),
  `letter` (its short form in names of files), `description`, and `divides` where it has to divide the budget.
* `looks_ahead`: the parameter that says how many greedy steps are rolled out before a step is scored, or None.  A
  search of N beams is billed N·(steps ahead + 1) generations.
* `at_full_width`: the method that a search is whose width is the whole budget, if another one has that search already.
* `finished`: the way with beams that end (`ttc.search.beams`) that the method fixes, or None.
* `competes`: whether the compute-optimal allocator chooses among its searches by default.
* `beyond_paper`: whether Snell et al. do not have it.

and holds `start(tree, stream, strategy, budget, options)`, the beams of one problem before the first round (N in all),
in groups that do not compete with each other.  What it calls and what its beams do besides is its own: `Beams.share`
says which steps go on and how often, and `Beams.choices` is the noise for choices of its own.
"""

NAMED_BY = ("strategy", "kind")
DECLARES = (
    "description",
    "legend",
    "parameters",
    "looks_ahead",
    "at_full_width",
    "finished",
    "competes",
    "beyond_paper",
)
