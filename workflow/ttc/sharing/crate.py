"""The archive as an RO-Crate (1.1) of the profile Workflow Run Crate 0.5: `ro-crate-metadata.json`.

Written without the library of that name, whose bytes change between versions; tests have it read by that library and
validated by the profile's own rules.  What nobody told us is left out: author, publisher, agent, times of the run.
"""

from pathlib import Path

from ttc.sharing.layout import CARD, CRATE, STUDY, SUMS, WORKFLOW
from ttc.sharing.pack import Members, size
from ttc.study.plan import Plan

# The terms of workflow-run/context are not used here, so readers need not fetch it.
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
CRATE_1_1 = "https://w3id.org/ro/crate/1.1"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
SNAKEMAKE, SOFTWARE, RUN = "#snakemake", "#ttc", "#run"
UNDATED = "1980-01-01"  # where no commit says when
PLAIN = "text/plain"  # of whatever has no ending of these: licences, lock files, stamps
TYPES = {
    ".cff": "application/yaml",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".safetensors": "application/octet-stream",
    ".skops": "application/zip",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
}


def described(plan: Plan, about: dict, members: Members) -> dict:
    """The crate's description.  members: everything else in the archive; the workflow itself is named, not included."""
    day = about["code"]["day"] or UNDATED
    files = [_file(name, member) for name, member in sorted(members.items()) if name != WORKFLOW]
    workflow = _workflow(about)
    results = [{"@id": name} for name in sorted(members) if name.startswith("study/") and "/." not in name]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"ttc study {plan.study}",
        "description": f"A study of compute-optimal test-time compute; archive of size {about['size']}",
        "datePublished": day,
        "license": {"@id": CARD},
        "conformsTo": [{"@id": each} for each in PROFILES],
        "mainEntity": {"@id": workflow["@id"]},
        "mentions": {"@id": RUN},
        "hasPart": [{"@id": workflow["@id"]}, *({"@id": each["@id"]} for each in files), {"@id": SUMS}],
    }
    run = {
        "@id": RUN,
        "@type": "CreateAction",
        "name": f"The run of the study {plan.study}",
        "instrument": {"@id": workflow["@id"]},
        "description": "Snakemake ran the workflow with the configuration of the study until nothing was left to do",
        "object": {"@id": STUDY},
        "result": results,
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [{"@id": CRATE_1_1}, {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"}],
    }
    sums = {"@id": SUMS, "@type": "File", "name": SUMS, "encodingFormat": PLAIN}
    software = [
        {
            "@id": SNAKEMAKE,
            "@type": "ComputerLanguage",
            "name": "Snakemake",
            "url": {"@id": "https://snakemake.readthedocs.io"},
            "identifier": {"@id": "https://doi.org/10.12688/f1000research.29032.1"},
        },
        {
            "@id": SOFTWARE,
            "@type": "SoftwareApplication",
            "name": "ttc",
            "softwareVersion": about["code"]["commit"] or "not known",
        },
    ]
    profiles = [
        {"@id": each, "@type": "CreativeWork", "name": name, "version": version}
        for each, (name, version) in PROFILES.items()
    ]
    return {
        "@context": CONTEXT,
        "@graph": [descriptor, root, workflow, run, sums, *software, *profiles, *files],
    }


def _workflow(about: dict) -> dict:
    return {
        "@id": WORKFLOW,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "ttc: compute-optimal test-time compute",
        "programmingLanguage": {"@id": SNAKEMAKE},
        "softwareRequirements": {"@id": SOFTWARE},
        "version": about["code"]["commit"] or "not known",
        "encodingFormat": PLAIN,
    }


def _file(name: str, member: Path | bytes) -> dict:
    about = {
        "@id": name,
        "@type": "File",
        "name": name,
        "contentSize": str(size(member)),
        "encodingFormat": TYPES.get(Path(name).suffix, PLAIN),
    }
    return about | ({"about": {"@id": "./"}} if name == CARD else {})
