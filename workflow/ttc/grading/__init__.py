"""Whether an answer is right: found in a text (`answers`), brought to a `normal_form`, compared (`grader`).

Other rooms use these three.  Behind them are the meanings that Math-Verify reads in answers (`values`), its worker
processes (`worker`, `processes`) and the cache of their replies (`cache`).
"""
