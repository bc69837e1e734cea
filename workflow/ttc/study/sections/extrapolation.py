"""Extrapolation to more samples than a study has."""

from ttc.study.sections.base import Bootstrap, Section, key, whole


class Extrapolation(Section):
    """What more samples would give: pass@k and majority votes (docs/statistics.md)."""

    times: whole(2) = key(10, "how many times the samples there are curves go on to")
    bootstrap: Bootstrap = 1000
    subsets: whole(2) = key(200, "subsets drawn where a vote of some of the samples has no closed form")
