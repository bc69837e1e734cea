"""Stage `find`: the paper's claims beside this study's numbers.

Writes the table `findings`.  Roles: difficulty, outcomes, allocation (folder of fit_allocator), exchange, chains,
chain_scores, transitions, verifier_quality, prm (model folder); a role that the study lacks is empty, and the claims
that need it are "not measured".  spec: seed, bootstrap; first_answer and max_context of the study's revisions, None in
a study without them, and max_context where no reviser was trained; chain_verifier (optional): whose chain_scores are.
"""

from pathlib import Path

from ttc.models.card import read_card
from ttc.paper.claim import Settings
from ttc.paper.findings import find
from ttc.runtime import Inputs, Runtime
from ttc.tables.publication import FINDINGS
from ttc.tables.study import Study, load

DECLARATION = {
    "group": "analysis",
    "purpose": "compare with the paper's claims",
    "memory": 2000,
    "light": True,
    "published": {"": "tables/findings.parquet"},
    "per_pool": True,
    "cards": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Measure every claim of the paper and write the verdicts."""
    settings = Settings(
        bootstrap=spec["bootstrap"],
        seed=spec["seed"],
        cards={role: read_card(path) for role in ("prm",) for path in inputs.get(role, [])[:1]},
        first_answer=spec["first_answer"],
        max_context=spec["max_context"],
        chain_verifier=spec.get("chain_verifier", "revision_orm"),
    )
    findings = find(_study(inputs), settings)
    written = FINDINGS.write(findings, output)
    counts = written.group_by("verdict").len().sort("verdict")
    print("find: " + ", ".join(f"{number} {verdict}" for verdict, number in counts.iter_rows()), flush=True)


def _study(inputs: Inputs) -> Study:
    fitted = inputs.get("allocation", [])
    per_question, resampled = (
        [folder / f"{name}.parquet" for folder in fitted] for name in ("per_question", "resampled")
    )
    return load(
        difficulty=inputs.get("difficulty"),
        outcomes=inputs.get("outcomes"),
        exchange=inputs.get("exchange"),
        chains=inputs.get("chains"),
        chain_scores=inputs.get("chain_scores"),
        transitions=inputs.get("transitions"),
        verifier_quality=inputs.get("verifier_quality"),
        per_question=per_question,
        resampled=resampled,
    )
