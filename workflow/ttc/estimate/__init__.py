"""The estimate of what a study will cost, from its plan, before anything runs: `ttc plan`.

`lengths` knows how long texts are, `published` what a plan cannot know of real problems and published models, `counts`
what each job does, `sizes` the FLOPs of it, `measured` what finished jobs have really done, `rates` how fast and large
that is, `table` puts it together for people.  No stage imports any of it, so nothing here is part of a key.
"""
