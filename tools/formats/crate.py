"""Check of an archive's RO-Crate: it is read by `rocrate` and validated by `roc-validator`.

.venv-formats/bin/python -m tools.formats.crate FOLDER

Prints JSON: the name of the crate's main entity, the number of rules that were checked, and each rule that is not
kept (severity, identifier, sentence).  The validator fetches the JSON-LD context of RO-Crate 1.1; here it gets the copy
that `rocrate` 0.14 brings along, and anything else that it asks for is not to be had: no check needs a network, and
none is left out for want of one.
"""

import argparse
import importlib.resources
import io
import json
import os
from unittest.mock import patch

import requests
import urllib3
from rocrate.rocrate import ROCrate
from rocrate_validator import constants, services

PROFILE = "workflow-run-crate-0.5"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def checked(folder: str) -> dict:
    """What the two libraries say of the crate in a folder, by the rules that must be kept and those that should be."""
    os.environ[constants.AUTO_WARM_ENV_VAR] = "0"  # no other page is fetched beforehand
    settings = services.ValidationSettings(
        rocrate_uri=folder, profile_identifier=PROFILE, requirement_severity="RECOMMENDED", no_cache=True
    )
    with patch.object(requests.adapters.HTTPAdapter, "send", _send):
        result = services.validate(settings)
    issues = sorted(
        (each.severity.name, each.check.identifier, each.message or each.check.name)
        for each in result.get_issues()
    )
    return {
        "main_entity": ROCrate(folder).mainEntity.id,
        "rules": len(result.executed_checks),
        "skipped": sorted(each.identifier for each in result.skipped_checks),
        "issues": issues,
    }


def _send(self, request, **_) -> requests.Response:
    """The answer to any request: the context, or that there is no network."""
    if request.url != CONTEXT:
        raise requests.ConnectionError(f"{request.url} is not to be had without a network")
    text = (importlib.resources.files("rocrate") / "data/ro-crate.jsonld").read_bytes()
    if json.loads(text)["@id"] != CONTEXT:
        raise ValueError("this version of rocrate brings another context along than that of RO-Crate 1.1")
    kind = {"Content-Type": "application/ld+json"}
    raw = urllib3.HTTPResponse(io.BytesIO(text), status=200, headers=kind, preload_content=False)
    return self.build_response(request, raw)


def main() -> None:
    """Check one folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    print(json.dumps(checked(parser.parse_args().folder), indent=1))


if __name__ == "__main__":
    main()
