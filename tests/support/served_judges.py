"""A study in miniature whose judge is behind the failing server: its files, its specifications, and scores by hand."""

import json

import polars as pl

from tests.support import fault_server
from tests.support.fault_server import MODEL, likely
from ttc.runtime import Runtime
from ttc.stages import score
from ttc.tables import revisions
from ttc.tables.generation import SAMPLES, SCORES
from ttc.verifiers import judging
from ttc.verifiers.judging import Critique

PLACE, NAME = "prm.checkpoint.served", "TTC_TEST_KEY"
YES, NO = ("Yes", "yes"), ("No", "no")
TEXTS = ["1 + 1 = 2.\n#### 2", "1 + 1 = 2.", "", "1 + 1 = 2.\n#### 2", "1 + 1 = 3.\n\n so 3\n#### 3", "2"]
HOW = {"count": 2, "max_tokens": 12, "temperature": 0.7, "seed": 3}


def spec(kind="judge", asks="solution", verdict=None, **more):
    """Of stage `score`."""
    critique = Critique(**HOW, verdict=verdict) if verdict else None
    words = judging.load("critique" if verdict else "yes_or_no", asks, critique)
    return {"kind": "prm", "format": kind, "engine": "openai", "judge": words.content} | more


CASES = {
    "solution": spec(),
    "steps": spec(asks="steps"),
    "parsed": spec("judge_critique", verdict="parsed"),
    "probability": spec("judge_critique", verdict="probability"),
    "critiques of steps": spec("judge_critique", "steps", "probability"),
}


def write(folder):
    """Problems, samples and chains."""
    fault_server.write_study(folder, 2)
    plain = {"answer": None, "correct": False, "tokens": 1, "logprob": 0.0, "finish_reason": "stop"}
    rows = [
        plain | {"problem_id": name, "text": text, "sample_index": index}
        for name in ("p0", "p1")
        for index, text in enumerate(TEXTS)
    ]
    SAMPLES.write(pl.DataFrame(rows, schema=SAMPLES.dtypes), folder / "samples.parquet")
    chained = [
        plain | {"problem_id": "p0", "text": text, "chain": 0, "step": step, "context_tokens": 1}
        for step, text in enumerate(TEXTS[:3])
    ]
    revisions.CHAINS.write(pl.DataFrame(chained, schema=revisions.CHAINS.dtypes), folder / "chains.parquet")
    return folder


def judge_directory(folder, kind):
    """The card of a judge behind the server."""
    made = folder / kind
    made.mkdir(exist_ok=True)
    card = {"kind": "prm", "format": kind, "checkpoint": {"served": MODEL}}
    (made / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return made


async def at_once(seconds):
    """A sleep that takes no time."""


def running(url, work=None, **reached):
    return Runtime(
        servers={PLACE: {"url": url, "sleep": at_once} | reached}, told={}, **({"work": work} if work else {})
    )


def run(folder, url, said, work=None, **reached):
    """Stage `score`; the table, and what it tells its record."""
    given = {name: [folder / f"{name}.parquet"] for name in ("problems", "samples")}
    runtime = running(url, work, **reached)
    score.run(
        said,
        given | {"verifier": [judge_directory(folder, said["format"])]},
        folder / "scores.parquet",
        runtime,
    )
    return SCORES.read(folder / "scores.parquet"), runtime.told.get("server")


def questions(said, name, text):
    """What is asked about a solution of problem p0 or p1, written out here."""
    words = judging.load("critique" if "critique" in said["judge"] else "yes_or_no", "steps").question
    if said["judge"]["asks"] == "solution":
        words = said["judge"]["question"]
    steps = [line.strip() for line in text.split("\n") if line.strip()]
    parts = (
        [steps] if said["judge"]["asks"] == "solution" else [steps[: end + 1] for end in range(len(steps))]
    )
    problem = f"What is {name[1:]}?"
    return [words.replace("{problem}", problem).replace("{solution}", "\n".join(part)) for part in parts]


def by_hand(messages, top=20):
    """P(yes) among yes and no of what the server says is likely."""
    found = dict(likely({"messages": messages, "top_logprobs": top}))
    yes, no = (sum(found.get(text, 0.0) for text in spellings) for spellings in (YES, NO))
    return yes / (yes + no)
