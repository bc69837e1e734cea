"""Stopping rules, one module each.

A rule looks at a number after each sample and stops once that has reached its threshold, and at the latest when the
largest budget is spent.  So a stricter threshold never stops earlier, whatever the rule.  It declares itself in a
literal, `DECLARATION`:

* `title`: what it is, in a clause; `legend`: its name in figures; `source`: the paper; `valid`: what it promises, and
  when.
* `vote`: how the answer is chosen when it stops, one of `ttc.stopping.ballots.VOTES`.
* `reads`: what of a sample it needs besides the answer, a field of `ttc.stopping.questions.Question`, or None.
* `by_counts`: whether its number depends on how often each answer was given and on nothing else, such as the order.
* `learns`: whether it is fitted on other questions first.
* `threshold`: what its number is, in a clause; `limit`: `least` stops at a number as large as the threshold, `most` at
  one as small; `thresholds`: the values that are tried, from the loosest to the strictest.

and holds `Watch(paths, classes, most)`, which follows many orders of samples at a time: `see(ballot, group, numbers)`
is called after each sample and returns the rule's number of each path, float (paths,).  `ballot` is the vote so far,
`group` the answer class of the sample just drawn, -1 = none.  A rule by counts keeps nothing between two samples, and
gets no `group`.  A rule that learns has `learn(questions)`, from a list of `ttc.stopping.questions.Question`, and
`numbers(question, learnt)`, float (samples, columns): what it reads of each sample.  What it has learnt goes into JSON
by `stored(learnt)` and comes back by `restored(stored)`.
"""

NAMED_BY = None
DECLARES = (
    "title",
    "legend",
    "source",
    "valid",
    "vote",
    "reads",
    "by_counts",
    "learns",
    "threshold",
    "limit",
    "thresholds",
)
