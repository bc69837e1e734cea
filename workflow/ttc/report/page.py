"""The report of a study: one HTML file that needs nothing beside it (figures are inside as data)."""

import base64
import json
from pathlib import Path

import polars as pl
import yaml

from ttc.errors import InputError
from ttc.models.card import ACTIVE
from ttc.paper.open_questions import choices
from ttc.report import replicates, samples, solutions, templating, verdicts
from ttc.report.answers import Sources, answer
from ttc.report.pools import accuracy, compared
from ttc.report.pools import described as pools_described

# The templates; their bytes are part of the code of this module
RESOURCES = (
    "templates/report.html",
    "templates/report/accuracy.html",
    "templates/report/answer.html",
    "templates/report/choices.html",
    "templates/report/claims.html",
    "templates/report/figures.html",
    "templates/report/macros.html",
    "templates/report/models.html",
    "templates/report/pools.html",
    "templates/report/rebuild.html",
    "templates/report/report.css",
    "templates/report/solutions.html",
)
SIDES = {"above": ">", "below": "<", "within": "±"}
LISTED_VOTES = 200
# Places of the page and their titles; the third is the part without which there is no such place
CONTENTS = (
    ("answer", "The answer", "answer"),
    ("pools", "Pools", "pools"),
    ("accuracy", "Accuracy by budget", "accuracy"),
    ("figures", "Figures", None),
    ("findings", "Claims of the paper", None),
    ("solutions", "Solutions", "examples"),
    ("replicates", "Replicates", "replicated"),
    ("models", "Models", "models"),
    ("choices", "Choices", None),
    ("environment", "Environment", None),
    ("rebuild", "Rebuild", None),
    ("configuration", "Configuration", None),
)
# Figures that compare pools
OF_ALL = ("pools", "pool_exchange")
METHODS = {
    "boxed": r"the last \boxed{…}",
    "hashes": "what follows the last ####",
    "answer_line": "the last line `Answer: …`",
    "sentence": "a sentence `… answer is …`",
    "bare_box": r"a \boxed without braces",
    "short_line": "the last line `A: …`",
    "last_number": "the last number of the text: a guess",
    "none": "no answer was found; such a sample is wrong and votes for nothing",
}


def render(
    study: str,
    configuration: dict,
    findings: pl.DataFrame,
    figures: Path | list[Path] | None,
    content: solutions.Content,
    shown: int,
    models: dict[str, dict],
    found: dict[str, int] | None = None,
    votes: pl.DataFrame | None = None,
    tables: dict[str, pl.DataFrame] | None = None,
    titles: list[str] | None = None,
    replicated: replicates.Replicated | None = None,
) -> str:
    """The report as HTML.

    `figures` is the folder that `plot` wrote, or those of all pools, whose `titles` are given, `content` the tables of
    texts, `shown` the number of problems shown with whole solutions, `models` cards by role, `found` the number of
    samples by the method that found their answer, `votes` the comparison with published votes, `tables` those of
    accuracy, of the answer and of pools that the study has, by name (`curves`, `advice`, `pool_checks`, …).
    `replicated`: what there is about replicates, of which the other tables are the first.
    All text is escaped.
    """
    tables = tables or {}
    pools = (configuration.get("source") or {}).get("pools")
    folders = figures if isinstance(figures, list) else [figures] if figures else []
    seeds = replicated.seeds if replicated else []
    drawn, skipped = side_by_side(folders, titles or [""] * len(folders), main=True)
    parts = {
        "answer": answer(Sources(tables, models, pools)),
        "pools": pools_described(pools, tables.get("pool_checks")) if pools else None,
        "accuracy": accuracy(tables.get("curves")),
        "compared": compared(tables),
        "more": samples.more(tables.get("extrapolation")),
        "told_apart": samples.told_apart(tables.get("best")),
        "replicated": replicates.section(replicated) if replicated else "",
        "examples": solutions.solutions(content, shown),
        "models": _models(models),
    }
    return (
        templating.environment()
        .get_template("report.html")
        .render(
            parts,
            study=study,
            contents=[(place, title) for place, title, asked in CONTENTS if asked is None or parts[asked]],
            opening=verdicts.opening(findings, models, seeds),
            topics=by_topic(findings.filter(pl.col("verdict") != "not measured")),
            unmeasured=by_topic(findings.filter(verdict="not measured")),
            tested=verdicts.tested(findings, models, seeds),
            power=verdicts.power(findings),
            marks=verdicts.MARKS,
            sides=SIDES,
            figures=drawn,
            skipped=skipped,
            scored=content.scores is not None,
            chains=solutions.revisions(content, 1 if shown else 0),
            tree=solutions.search_tree(content) if shown else None,
            found=_found(found),
            votes=_votes(votes),
            choices=choices(configuration),
            configuration=yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True, width=100),
        )
    )


def embedded(folder: Path, main: bool = False) -> tuple[list[dict], list[dict]]:
    """Figures of the folder that `plot` wrote, with `source` as data URI (SVG if there), and those that it skipped.

    With `main`, only those that the catalogue marks so: the others are in the gallery.
    """
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: a folder of figures holds an index.json, and this one does not"
        ) from error
    index = [entry for entry in index if entry["main"] or not main]
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


def side_by_side(folders: list[Path], titles: list[str], main: bool = False) -> tuple[list[dict], list[dict]]:
    """Figures of one or several pools, and those that none has: each with `images` [{pool, source}], a pool's beside
    the others', and else as `embedded` gives it for the first pool that has it.
    """
    drawn: dict[str, dict] = {}
    skipped: dict[str, dict] = {}
    order: list[str] = []
    for folder, title in zip(folders, titles, strict=True):
        found, missing = embedded(folder, main)
        order += [entry["name"] for entry in [*found, *missing] if entry["name"] not in order]
        for entry in found:
            shown = drawn.setdefault(entry["name"], entry | {"images": []})
            shown["images"].append({"pool": title if len(folders) > 1 else "", "source": entry["source"]})
        skipped |= {entry["name"]: entry for entry in missing if entry["name"] not in skipped}
    for entry in drawn.values():
        # of all pools together, and not one pool's
        if len(entry["images"]) == 1 and entry["name"] in OF_ALL:
            entry["images"][0]["pool"] = ""
    return (
        [drawn[name] for name in order if name in drawn],
        [skipped[name] for name in order if name not in drawn],
    )


def by_topic(findings: pl.DataFrame) -> list[dict]:
    """The rows of the table `findings` in order, by topic: [{topic, rows}]."""
    topics: dict[str, list[dict]] = {}
    for row in findings.sort("number").to_dicts():
        topics.setdefault(row["topic"], []).append(row)
    return [{"topic": topic, "rows": rows} for topic, rows in topics.items()]


def _models(models: dict[str, dict]) -> list[dict]:
    """A row for each model, by role; one that has several roles is there once, with all of them."""
    rows: list[tuple[list[str], dict]] = []
    for role, card in models.items():
        same = next((roles for roles, known in rows if known == card), None)
        if same is None:
            rows.append(([role], card))
        else:
            same.append(role)
    return [_model(" and ".join(roles), card) for roles, card in rows]


def _model(role: str, card: dict) -> dict:
    metrics = card.get("metrics") or {}
    kept = {name: value for name, value in sorted(metrics.items()) if isinstance(value, int | float)}
    words = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in kept.items())
    parameters = card.get("parameters")
    return {
        "role": role.replace("_", " "),
        "source": _source(card),
        "parameters": "unknown" if parameters is None else f"{parameters:,}{_active(card)}",
        "metrics": words or "–",
    }


def _active(card: dict) -> str:
    """Of a mixture of experts, the parameters by which its FLOPs are counted."""
    return f" ({card[ACTIVE]:,} active, by which FLOPs are counted)" if ACTIVE in card else ""


def _source(card: dict) -> str:
    """Where a published model is from and how it is read; nothing of one that was trained here from scratch."""
    checkpoint = card.get("checkpoint") or {}
    place = f"{checkpoint['hub']} at {checkpoint['revision'][:12]}" if checkpoint.get("hub") else ""
    if checkpoint.get("served"):
        place = f"{checkpoint['served']}, behind a server"
    options = [card.get("architecture"), checkpoint.get("dtype"), card.get("format")]
    return ", ".join(each for each in (place, *options) if each)


def _found(counts: dict[str, int] | None) -> list[dict]:
    """The methods of extraction that were asked for, and the share of samples whose answer each found."""
    total = sum((counts or {}).values())
    return [
        {
            "method": method,
            "meaning": METHODS[method],
            "count": f"{count:,}",
            "share": f"{count / max(total, 1):.1%}",
        }
        for method, count in (counts or {}).items()
    ]


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
