"""A small invented study for the solutions browser: texts with mathematics and with what is dangerous in a page."""

import polars as pl

from ttc.tables.analysis import DIFFICULTY, OUTCOMES
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.tables.search import TREE

NAMES = ("test/algebra/1.json", "a & b", "p3")
HOSTILE = "</script><script>alert(1)</script> <!-- <b>bold</b> & \u2028 $x<1$"
SPEC = {"study": "trial", "title": "", "report": "../report.html", "aggregation": "last"}


def tables(samples: int = 5, texts: bool = True) -> dict[str, pl.DataFrame]:
    """Tables of three problems by name."""
    solved = []
    for place, name in enumerate(NAMES):
        for index in range(samples):
            text = f"Add $\\frac{{1}}{{2}}$.\n{HOSTILE}\nSo $x^{{{index}}}$." if texts else None
            solved.append(
                (name, index, text, None if index == 3 else str(index), index < place, 9, -1.0, "stop")
            )
    scores = [
        (name, index, [0.1, 0.2, round(0.9 - 0.1 * (index % 5), 1)], 11)
        for name in NAMES
        for index in range(samples)
    ]
    chains = [
        (NAMES[1], 0, step, f"try {step}", str(step), step == 1, 5, 10, -1.0, "stop") for step in range(2)
    ]
    nodes = [
        (NAMES[1], 0, -1, 0, "a\n", 0.4, True, "step"),
        (NAMES[1], 1, 0, 1, "$y_1$\n", 0.1, False, "stop"),
    ]
    problems = [
        (name, "test", 1 + place, f"What is ${place}+1$? {HOSTILE}", "1", "")
        for place, name in enumerate(NAMES)
    ]
    votes = [
        ("search", "majority", "majority", samples, name, share, 0.0, 1.0, None, None)
        for name, share in zip(NAMES, (0.0, 0.5, 1.0), strict=True)
    ]
    measured = [
        (name, 0.5, 1 + place, 0.5, 3 - place, None, None, None, None, 1) for place, name in enumerate(NAMES)
    ]
    made = (
        (PROBLEMS, problems),
        (SAMPLES, solved),
        (SCORES, scores),
        (CHAINS, chains),
        (CHAIN_SCORES, [(NAMES[1], 0, step, 0.5, 7) for step in range(2)]),
        (TREE, nodes),
        (OUTCOMES, votes),
        (DIFFICULTY, measured),
    )
    found = {
        table.name: table.check(pl.DataFrame(rows, schema=table.dtypes, orient="row"), "t")
        for table, rows in made
    }
    return found


def write(folder, frames: dict[str, pl.DataFrame]) -> dict[str, list]:
    """Write the tables below `folder`; the inputs of the stage `browse`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet")
    inputs = {name: [folder / f"{name}.parquet"] for name in frames if name != "tree"}
    return inputs | ({"searches": [folder]} if "tree" in frames else {})
