"""Stage `find`: the paper's claims beside this study's numbers.

Writes the table `findings`.  Roles: difficulty, outcomes, allocation (folder of fit_allocator), exchange, chains, prm
(model folder); a role that the study lacks is empty, and the claims that need it are "not measured".
"""

import json
from pathlib import Path

from ttc import tables
from ttc.errors import InputError
from ttc.findings import find
from ttc.measures import Settings
from ttc.results import Study, load


def run(spec: dict, inputs: dict, output: Path, runtime) -> None:
    """Measure every claim of the paper and write the verdicts."""
    defaults = Settings()
    settings = Settings(
        bootstrap=spec.get("bootstrap", defaults.bootstrap),
        seed=spec.get("seed", defaults.seed),
        reference_budget=spec.get("reference_budget", defaults.reference_budget),
        cards={role: _card(path) for role in ("prm", "orm") for path in inputs.get(role, [])[:1]},
    )
    findings = find(_study(inputs), settings, spec.get("thresholds"))
    written = tables.write(findings, output, "findings")
    counts = written.group_by("verdict").len().sort("verdict")
    print("find: " + ", ".join(f"{number} {verdict}" for verdict, number in counts.iter_rows()), flush=True)


def _study(inputs: dict) -> Study:
    fitted = inputs.get("allocation", [])
    per_question = [folder / "per_question.parquet" for folder in fitted]
    return load(
        difficulty=inputs.get("difficulty"),
        outcomes=inputs.get("outcomes"),
        exchange=inputs.get("exchange"),
        chains=inputs.get("chains"),
        per_question=per_question,
    )


def _card(folder: Path) -> dict:
    try:
        return json.loads((folder / "card.json").read_text())
    except FileNotFoundError as error:
        raise InputError(f"{folder}: a model folder holds a card.json, and this one does not") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{folder / 'card.json'}: not JSON ({error})") from error


if __name__ == "__main__":
    from ttc.stages import command

    command.main("find")
