"""The solutions browser: a small page, and beside it a file of texts for each problem, which the page loads when asked.

A browser lets no page that was opened from a disk read files beside it, but it runs scripts from there: the file of a
problem is a call, `problem(NUMBER, {...})`.  Mathematics is MathML already, so the page needs no library; its tags are
single characters in the files, where they would be most of the bytes.
"""

import json
import re
from collections.abc import Iterator

import polars as pl

from ttc.evaluation.selection import aggregate
from ttc.report import mathml, templating
from ttc.report.solutions import steps

# The templates; their bytes are part of the code of this module
RESOURCES = (
    "templates/solutions/index.html",
    "templates/solutions/solutions.css",
    "templates/solutions/solutions.js",
)
# Of all texts of a study, up to which they are inside the page
INSIDE = 2_000_000
# Characters of a question that the list shows, and that it is searched by
EXCERPT, SEARCHED = 160, 400
# In the files the characters from U+0080 on, which no text means to hold
TAGS = (
    "<math>",
    '<math display="block">',
    "</math>",
    "<mrow>",
    "</mrow>",
    "<mi>",
    "</mi>",
    "<mn>",
    "</mn>",
    "<mo>",
    '<mo stretchy="false">',
    '<mo stretchy="true">',
    "</mo>",
    "<msup>",
    "</msup>",
    "<msub>",
    "</msub>",
    "<mfrac>",
    "</mfrac>",
    "<msqrt>",
    "</msqrt>",
    "<mtext>",
    "</mtext>",
    '<mi mathvariant="normal">',
    "<mtable>",
    "</mtable>",
    "<mtr>",
    "</mtr>",
    "<mtd>",
    "</mtd>",
)
FIRST = 0x80
_PLACES = {tag: chr(FIRST + place) for place, tag in enumerate(TAGS)}
_TAG = re.compile("|".join(map(re.escape, TAGS)))
_MEANT = re.compile("[\x80-\x9f]")


def html(text: str, bare: bool = False) -> str:
    """A text, or a `bare` answer, as HTML for a data file: escaped, mathematics as MathML, tags as characters."""
    text = _MEANT.sub("\ufffd", text)
    made = mathml.answer(text) if bare else mathml.rendered(text)
    return _TAG.sub(lambda found: _PLACES[found[0]], str(made))


def summary(problem: dict, samples: pl.DataFrame, difficulty: dict, majority: float | None) -> dict:
    """What the list says of a problem; `difficulty` is its row of that table, `majority` the vote's correctness."""
    words = " ".join(problem["question"].split())
    shown = html(mathml.beginning(words, EXCERPT))
    return {
        "id": problem["problem_id"],
        "shown": shown.replace(_PLACES['<math display="block">'], _PLACES["<math>"]),
        "words": words[:SEARCHED],
        "level": problem["level"],
        "oracle": difficulty.get("oracle_bin"),
        "predicted": difficulty.get("predicted_bin"),
        "rate": round(float(samples["correct"].mean()), 4),
        "samples": len(samples),
        "majority": None if majority is None else round(majority, 4),
    }


def details(problem: dict, parts: dict[str, pl.DataFrame], aggregation: str) -> dict:
    """All of one problem: question, gold answer, samples from the highest score down, chains of revisions, search.

    parts: its rows of samples, scores, chains, chain_scores, tree and origin, those that the study has.
    """
    return {
        "question": html(problem["question"]),
        "gold": html(problem["answer"], bare=True),
        "samples": [_told(each) for each in _samples(parts, aggregation)],
        "chains": [[_told(each) for each in chain] for chain in _chains(parts)],
        "tree": list(_tree(parts)),
    }


def _told(solution: dict) -> dict:
    """A solution without what is empty."""
    return {name: value for name, value in solution.items() if value != ""}


def _samples(parts: dict[str, pl.DataFrame], aggregation: str) -> Iterator[dict]:
    rows, scored = parts["samples"].to_dicts(), {}
    if "scores" in parts:
        scored = dict(parts["scores"].select("sample_index", "step_scores").iter_rows())
    origin = {}
    if "origin" in parts:
        origin = {row["sample_index"]: row for row in parts["origin"].to_dicts()}
    made = []
    for row in rows:
        scores = list(scored.get(row["sample_index"], []))
        made.append(
            _solution(row, scores)
            | {
                "name": row["sample_index"],
                "score": _rounded(aggregate(scores, [len(scores)], aggregation)[0]) if scores else None,
                "tokens": row["tokens"],
                "finish": "length" if row["finish_reason"] == "length" else "",
                "from": _called(origin.get(row["sample_index"])),
            }
        )
    yield from sorted(made, key=lambda each: (-1 if each["score"] is None else -each["score"], each["name"]))


def _called(row: dict | None) -> str:
    """What the pool's file calls a sample; empty where the study sampled it."""
    if row is None:
        return ""
    return f"sample {row['sample']}" + (f" of run {row['run']}" if row["run"] else "")


def _solution(row: dict, scores: list[float]) -> dict:
    """Verdict, answer and steps [[html, score or null]]; `line`: scores that do not match the steps."""
    shown = {
        "correct": row["correct"],
        "answer": None if row["answer"] is None else html(row["answer"], True),
    }
    if row["text"] is None:
        return shown | {"steps": None, "line": ", ".join(f"{score:.2f}" for score in scores)}
    found, line = steps(row["text"], scores)
    return shown | {"steps": [[html(each["text"]), _rounded(each["score"])] for each in found], "line": line}


def _chains(parts: dict[str, pl.DataFrame]) -> Iterator[list[dict]]:
    if "chains" not in parts:
        return
    scored = {}
    if "chain_scores" in parts:
        columns = parts["chain_scores"].select("chain", "step", "score")
        scored = {(chain, step): score for chain, step, score in columns.iter_rows()}
    chains: dict[int, list[dict]] = {}
    for row in parts["chains"].sort("chain", "step").to_dicts():
        score = _rounded(scored.get((row["chain"], row["step"])))
        chains.setdefault(row["chain"], []).append(_solution(row, []) | {"score": score})
    yield from chains.values()


def _tree(parts: dict[str, pl.DataFrame]) -> Iterator[list]:
    """Nodes in order: [parent, round, html, score, kept, finish]."""
    if "tree" in parts:
        for row in parts["tree"].sort("node").to_dicts():
            text = html(row["text"].strip("\n"))
            yield [
                row["parent"],
                row["round"],
                text,
                _rounded(row["score"]),
                row["kept"],
                row["finish_reason"],
            ]


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(float(score), 3)


def call(number: int, content: dict) -> str:
    """The file of a problem: a call that may also stand inside a page."""
    return f"problem({number},{_json(content)});\n"


def _json(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    # What would end a script inside a page, or a line of a script
    for mark, written in (
        ("</", "<\\/"),
        ("<!--", "\\u003c!--"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(mark, written)
    return text


def page(
    study: str, title: str, report: str, problems: list[dict], about: dict, inside: list[str] | None
) -> str:
    """The page: its list of `problems`, what it says `about` them, and the calls that are `inside` it, if they are.

    `report`: the report of the study, as the page sees it.
    """
    return (
        templating.environment()
        .get_template("solutions/index.html")
        .render(
            study=study,
            title=title,
            report=report,
            data=_json(
                about
                | {"problems": problems, "tags": list(TAGS), "first": FIRST, "inside": inside is not None}
            ),
            calls="".join(inside or []),
        )
    )
