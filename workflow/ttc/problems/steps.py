"""Steps of a solution's text."""

from ttc.problems.text import SEPARATOR


def steps_of(solution: str) -> list[str]:
    """The lines of a solution that are not blank, without white space around them."""
    return [line.strip() for line in solution.split(SEPARATOR) if line.strip()]
