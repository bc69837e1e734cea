"""Stage `plot`: all figures of a study, and `index.json`, which says what each shows and why one is missing.

Roles: difficulty, allocation (folder of fit_allocator: curves), exchange, and the tables of the ablations; an empty
role means that the study has no such table, and what needs it is skipped with a reason.
"""

import json
from pathlib import Path

from ttc.tables.study import NotMeasured, Study, load

DECLARATION = {
    "group": "publication",
    "purpose": "draw the figures",
    "suffix": "",
    "memory": 2000,
    "light": True,
    "published": {"*": "figures"},
    "per_pool": True,
}

TABLES = ("difficulty", "exchange", "transitions", "calibration", "verifier_quality")


def run(spec: dict, inputs: dict, output: Path, runtime) -> None:
    """Draw every figure in every format into the folder `output`.

    The spec's `stated` holds the values of the configuration that captions restate, by dotted key.
    """
    from ttc.figures import style
    from ttc.figures.catalogue import ENTRIES
    from ttc.figures.registry import DRAW, OPTIONS
    from ttc.figures.sources import sources

    options = {name: spec.get(name, default) for name, default in OPTIONS.items()}
    study = _study(inputs)
    values = spec.get("stated", {}) | study.counts()
    output.mkdir(parents=True, exist_ok=True)
    index = []
    for plot in ENTRIES:
        entry = plot.described(values) | {"sources": sources(study, plot), "files": []}
        try:
            with style.context():
                drawn = style.settle(DRAW[plot.name](study, options))
                for suffix in sorted(options["formats"]):
                    style.save(drawn, output / f"{plot.name}.{suffix}", options["dpi"])
            entry["files"] = [f"{plot.name}.{suffix}" for suffix in sorted(options["formats"])]
            print(f"plot: {plot.name}", flush=True)
        except NotMeasured as reason:
            entry["skipped"] = str(reason)
            print(f"plot: {plot.name} skipped, {reason}", flush=True)
        index.append(entry)
    (output / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n")


def _study(inputs: dict) -> Study:
    fitted = inputs.get("allocation", [])
    named = {name: inputs.get(name) for name in TABLES}
    return load(**named, curves=[folder / "curves.parquet" for folder in fitted])
