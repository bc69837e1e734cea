"""The data card of an archive: README.md, whose head the viewer of data sets on the hub reads."""

from pathlib import PurePosixPath

import yaml

from ttc.sharing.layout import ABOUT, CRATE, LOCK, STUDY, SUMS
from ttc.sharing.licences import HERE
from ttc.study.plan import Plan
from ttc.tables.registry import SCHEMAS

SAYS = {
    "tables": "tables, figures, report and notebook; of samples, trees and models the records alone",
    "pools": "tables, figures, report and notebook, and all samples, scores, chains and trees; of models the cards",
    "models": "everything: also the models that were trained for the study",
}


def tables(names) -> dict[str, str]:
    """The published tables among the members of an archive, by name; of further pools with the pool's name before."""
    found = {}
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.parts[:2] == ("study", "tables") and path.suffix == ".parquet":
            found["_".join([*path.parts[2:-1], path.stem])] = name
    return found


def text(plan: Plan, about: dict, members) -> str:
    """The card.  about: as in `archive.json`; members: the names in the archive."""
    found = tables(members)
    first = "findings" if "findings" in found else next(iter(found), None)
    configs = [
        {"config_name": name, "data_files": member} | ({"default": True} if name == first else {})
        for name, member in found.items()
    ]
    head = {
        "pretty_name": f"ttc study {plan.study}",
        "license": _licence(about["licences"]),
        "tags": ["test-time-compute", "ttc"],
        "configs": configs,
    }
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
        f"# Study {plan.study}",
        "A study of compute-optimal test-time compute, made with `ttc` (CITATION.cff says how to cite it).",
        f"This archive has the size `{about['size']}`: {SAYS[about['size']]}.",
        _use(plan.study),
        "## Tables\n\n" + "\n".join(_line(name, member) for name, member in found.items()),
        "## Licences\n\n" + _licences(about["licences"]),
        "## What made it\n\n" + _made(about),
        f"`{STUDY}` is the configuration, `study/config.resolved.yaml` has every key; `{LOCK}` names the behaviour of"
        f" each stage, `envs/` the versions of libraries, `{ABOUT}` every artifact with its key, `{CRATE}` the same for"
        f" machines that read RO-Crates. `{SUMS}` is what `sha256sum -c {SUMS}` checks.",
    ]
    return "\n\n".join(parts) + "\n"


def _use(study: str) -> str:
    return (
        "`study/report.html` is the place to begin. In a clone of ttc:\n\n```sh\n"
        "ttc verify ARCHIVE     # is everything there, and as it was made?\n"
        "ttc adopt ARCHIVE      # put the results where the workflow finds them\n"
        f"snakemake -n --configfile results/{study}/{STUDY}   # nothing to do\n```"
    )


def _line(name: str, member: str) -> str:
    schema = SCHEMAS.get(PurePosixPath(member).stem)
    return f"- `{name}`: {schema.meaning if schema else 'see its columns'}"


def _licence(rows: list[dict]) -> str:
    """The one licence that all have, where there is one; else `other`, and the card names each."""
    named = {row["licence"] for row in rows}
    (only,) = named if len(named) == 1 else ("other",)
    return only if only.islower() and " " not in only else "other" if named != {HERE} else "unknown"


def _licences(rows: list[dict]) -> str:
    lines = ["| what | name | revision | licence |", "|---|---|---|---|"]
    lines += [
        f"| {row['role']} | {row['name']} | {row['revision'] or '–'} | {row['licence']} |" for row in rows
    ]
    note = (
        "Whoever shares the study says under which licence its own tables and models are; nothing here does."
    )
    return "\n".join(lines) + f"\n\n{note}"


def _made(about: dict) -> str:
    code = about["code"]
    said = "Code outside of a git repository."
    if code["commit"]:
        changed = ", with files changed since" if code["changed"] else ""
        said = f"Shared from commit `{code['commit']}` of {code['day']}{changed}."
    with_ = ", ".join(f"{name} {version}" for name, version in sorted(about["made_with"].items()))
    return f"{said} Made with {with_}."
