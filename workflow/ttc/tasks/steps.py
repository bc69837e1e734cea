"""What the steps of a solution text are."""


def steps_of(solution: str) -> list[str]:
    """The steps of a solution: its lines that are not blank, as they stand."""
    return [line for line in solution.split("\n") if line.strip()]
