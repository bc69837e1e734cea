"""Figures of a study, one module a family.

A family holds its figures, `FIGURES = (Entry(...), ...)` (`ttc.figures.entry`), and what draws them: functions
that take (study, options), the tables and the specification of the stage `plot`, and return a matplotlib Figure.  They
raise NotMeasured, with the reason, where the study lacks the data.  Numbers of the configuration in captions are
written `{dotted.key}` (`ttc.figures.captions`).
"""

NAMED_BY = None
