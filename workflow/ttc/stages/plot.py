"""Stage `plot`: all figures of a study, and `index.json`, which says what each shows and why one is missing.

Roles: the published tables by name, and `allocation`, the folder of fit_allocator.  An empty role means that the study
has no such table, and what needs it is skipped with a reason; only tables that some figure is drawn from are read.
"""

import json
from pathlib import Path

from ttc.runtime import Inputs, Runtime
from ttc.tables.study import NotMeasured, load

DECLARATION = {
    "group": "publication",
    "purpose": "draw the figures",
    "suffix": "",
    "memory": 2000,
    "light": True,
    "published": {"*": "figures"},
    "per_pool": True,
}

# Tables in the folder of fit_allocator
FITTED = ("allocation", "allocator_calibration", "curves", "per_question")


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Draw every figure in every format into the folder `output`.

    spec: the section `figures` of the configuration, seed, aggregation, and `stated`, the values of the configuration
    that captions restate, by dotted key.
    """
    from ttc.figures import style
    from ttc.figures.registry import FIGURES, TABLES
    from ttc.figures.sources import sources

    study = load(**{name: _paths(inputs, name) for name in TABLES})
    values = spec["stated"] | study.counts()
    output.mkdir(parents=True, exist_ok=True)
    index = []
    for figure in FIGURES.values():
        if figure.silent and not figure.reads.keys() & study.frames.keys():
            continue
        entry = figure.described(values) | {"sources": sources(study, figure), "files": []}
        try:
            with style.context():
                drawn = style.settle(figure.draw(study, spec))
                for suffix in sorted(spec["formats"]):
                    style.save(drawn, output / f"{figure.name}.{suffix}", spec["dpi"])
            entry["width"] = round(drawn.get_figwidth(), 2)
            entry["files"] = [f"{figure.name}.{suffix}" for suffix in sorted(spec["formats"])]
            print(f"plot: {figure.name}", flush=True)
        except NotMeasured as reason:
            entry["skipped"] = str(reason)
            print(f"plot: {figure.name} skipped, {reason}", flush=True)
        index.append(entry)
    (output / "index.json").write_text(
        json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _paths(inputs: Inputs, table: str) -> list[Path]:
    if table in FITTED:
        return [folder / f"{table}.parquet" for folder in inputs.get("allocation", [])]
    return inputs.get(table, [])
