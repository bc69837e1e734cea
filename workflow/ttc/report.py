"""The report of a study: one HTML file that needs nothing beside it (figures are inside as data)."""

import base64
import json
from pathlib import Path

import jinja2
import polars as pl
import yaml

from ttc import examples
from ttc.errors import InputError

RESOURCES = ("../report/report.html",)  # the template; its bytes are part of the code of this module
MARKS = {"reproduced": "✓", "not reproduced": "✗", "undecided": "?", "not measured": "–"}
LISTED_VOTES = 200

# What the paper leaves open: the question, what is done here, and the configuration that decides.
OPEN_CHOICES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Sampling temperature",
        "fixed per kind of sample; rollouts of lookahead are greedy",
        ("sampling.temperature", "prm.temperature", "search.temperature", "revision.temperature"),
    ),
    (
        "Longest solution",
        "cut there; a cut solution has no answer unless one was stated",
        ("sampling.max_tokens", "search.max_step_tokens"),
    ),
    (
        "Epochs and steps of training",
        "a fixed number of optimiser steps",
        ("policy.training", "larger_policy.training", "prm.training", "orm.training", "revision.training"),
    ),
    ("Seeds", "one seed; every random number is a function of it and of where it is used", ("seed",)),
    (
        "Error bars",
        "95 % percentile bootstrap over questions, paired for differences",
        ("allocation.bootstrap", "findings.bootstrap", "figures.bootstrap", "exchange.bootstrap"),
    ),
    (
        "Number of fold shuffles",
        "two folds inside each bin as in the paper, split at random several times and averaged",
        ("allocation.folds", "allocation.repeats"),
    ),
    (
        "How a bin of odd size is split",
        "the odd question goes to a random fold; questions of equal difficulty across a border of bins by `ties`",
        ("difficulty.ties",),
    ),
    (
        "Ties between answers or scores",
        "averaged over all tied choices, in expectation; equal scores of beams go to the earlier one",
        (),
    ),
    (
        "Who writes the first answer of a chain (the paper: the reviser)",
        "with `policy` the step from the first answer to the second holds the gain of fine-tuning, too",
        ("revision.first_answer",),
    ),
    (
        "Where the policy learned to read earlier answers (a large model: in its pretraining)",
        "in training texts in which several authors answer in turn and notice some mistakes of the one before",
        ("task.turns.share", "task.turns.attempts", "task.turns.notice"),
    ),
    (
        "How long the reviser is trained (not stated in the paper)",
        "shortly and slowly: long enough on correct answers, it answers as well without earlier answers as with them",
        (
            "revision.training.steps",
            "revision.training.learning_rate",
            "revision.training.matrix_learning_rate",
        ),
    ),
    ("No answer", "wrong, and never wins a vote unless no candidate has an answer", ()),
    (
        "Accuracy with N generations",
        "the mean over all subsets of N of the pool, in closed form or from drawn subsets, not the first N",
        ("sampling.samples", "evaluation.budgets", "evaluation.replicates"),
    ),
    (
        "A strategy at a budget that it was not run at",
        "does not compete there, unless it may spend less",
        ("search.budgets", "allocation.at_most"),
    ),
    (
        "A beam that ends early",
        "`shrink`: leaves as a candidate with its place in the budget; `keep`: competes on; `refill`: N others go on",
        ("search.finished", "search.max_rounds"),
    ),
    (
        "Equal beams",
        "`keep`: each was sampled, so each competes; `drop`: one of them",
        ("search.duplicates",),
    ),
    ("A lookahead that ends early", "is billed in full, N·(k + 1)", ("search.strategies",)),
    (
        "How step scores make one score",
        "the last step's, as the paper found best; others are compared",
        ("evaluation.aggregation", "evaluation.aggregations_compared"),
    ),
    ("Cost of estimating difficulty", "not counted, as in the paper", ()),
)


def render(
    study: str,
    configuration: dict,
    findings: pl.DataFrame,
    figures: Path | None,
    content: examples.Content,
    shown: int,
    models: dict[str, dict],
    votes: pl.DataFrame | None = None,
) -> str:
    """The report as HTML.

    `figures` is the folder that `plot` wrote, `content` the tables of texts, `shown` the number of problems shown with
    whole solutions, `models` cards by role, `votes` the comparison with published votes.  All text is escaped.
    """
    template = Path(__file__).parent / RESOURCES[0]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False)
    environment.filters["number"] = number
    drawn, skipped = embedded(figures) if figures else ([], [])
    return environment.from_string(template.read_text()).render(
        study=study,
        opening=_opening(content, findings),
        findings=findings.sort("claim").to_dicts(),
        marks=MARKS,
        figures=drawn,
        skipped=skipped,
        models=[_model(role, card) for role, card in models.items()],
        examples=examples.solutions(content, shown),
        chains=examples.revisions(content, 1 if shown else 0),
        tree=examples.search_tree(content) if shown else None,
        votes=_votes(votes),
        choices=choices(configuration),
        configuration=yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True, width=100),
    )


def number(value: float) -> str:
    """A number as the report shows it: three decimals, fewer for larger ones, a true minus sign."""
    text = f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def embedded(folder: Path) -> tuple[list[dict], list[dict]]:
    """Figures of the folder that `plot` wrote, with `source` as data URI (SVG if there), and those that it skipped."""
    try:
        index = json.loads((folder / "index.json").read_text())
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: a folder of figures holds an index.json, and this one does not"
        ) from error
    drawn = []
    for entry in index:
        kinds = {Path(name).suffix: name for name in entry["files"]}
        if not kinds:
            continue
        suffix = ".svg" if ".svg" in kinds else ".png"
        media = {".svg": "image/svg+xml", ".png": "image/png"}[suffix]
        data = base64.b64encode((folder / kinds[suffix]).read_bytes()).decode()
        drawn.append(entry | {"source": f"data:{media};base64,{data}"})
    return drawn, [entry for entry in index if not entry["files"]]


def choices(configuration: dict) -> list[dict]:
    """What the paper leaves open, with the configuration that decides; keys that a study lacks stay out."""
    rows = []
    for topic, here, keys in OPEN_CHOICES:
        values = [(key, _look_up(configuration, key)) for key in keys]
        values = [f"{key}: {_inline(value)}" for key, value in values if value is not _ABSENT]
        if values or not keys:
            rows.append({"topic": topic, "here": here, "lines": values})
    return rows


_ABSENT = object()


def _look_up(configuration: dict, key: str) -> object:
    value: object = configuration
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _inline(value: object) -> str:
    return yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    ).split("\n")[0]


def _opening(content: examples.Content, findings: pl.DataFrame) -> str:
    counts = dict(findings["verdict"].value_counts().iter_rows())
    verdicts = ", ".join(f"{counts[name]} {name}" for name in MARKS if name in counts)
    questions = content.samples["problem_id"].n_unique()
    return (
        f"{questions:,} test questions, {len(content.samples):,} independent solutions. "
        f"Of {len(findings)} claims: {verdicts}."
    )


def _model(role: str, card: dict) -> dict:
    metrics = card.get("metrics") or {}
    kept = {name: value for name, value in sorted(metrics.items()) if isinstance(value, int | float)}
    words = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in kept.items())
    parameters = card.get("parameters")
    return {
        "role": role.replace("_", " "),
        "parameters": "unknown" if parameters is None else f"{parameters:,}",
        "metrics": words or "–",
    }


def _votes(votes: pl.DataFrame | None) -> dict | None:
    """Agreement with published votes where every completion has an answer, and the disagreements."""
    if votes is None:
        return None
    whole = votes.filter("all_answered") if "all_answered" in votes.columns else votes
    differ = whole.filter(~pl.col("agree"))
    listed = differ.head(LISTED_VOTES)
    sentence = (
        f"{len(whole) - len(differ):,} of {len(whole):,} votes on completions that all have an answer agree with the "
        f"published ones; {len(differ):,} differ{' and are listed here' if len(differ) else ''}."
    )
    rows = [[str(cell) for cell in row] for row in listed.iter_rows()]
    return {"sentence": sentence, "columns": listed.columns, "rows": rows, "more": len(differ) - len(listed)}
