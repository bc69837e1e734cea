"""Kinds of allocators, one module each: scikit-learn estimators that name a strategy for a question and a budget.

A kind declares itself in a literal, `DECLARATION`:

* `description`: what it does, in a clause for documents and cards.
* `strategy`: the name of its curve in the tables `curves` and `per_question`.
* `reads`: what it is told of a question: `bin` (of its difficulty), `difficulty` (the number), or None.
* `outcomes`: whether it is told the very outcomes that it is measured on.  No such rule can be used, or stored.

and holds `ALLOCATOR`, a class of `ttc.evaluation.allocator.Allocator`.
"""

NAMED_BY = None
DECLARES = ("description", "strategy", "reads", "outcomes")
