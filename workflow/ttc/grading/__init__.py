"""Grading: an answer is found in a text (`answers`), brought to a `normal_form`, and compared (`grader`).

Other rooms use these three.  Behind them are the meanings that Math-Verify reads in answers (`values`), its worker
processes (`worker`, `processes`) and the cache of their replies (`cache`).
"""
