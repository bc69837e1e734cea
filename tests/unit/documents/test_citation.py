"""The citation file and the licence: valid by the format's schema, and the same in all files that name them."""

import hashlib
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
CITATION = (ROOT / "CITATION.cff").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SCHEMA = json.loads((ROOT / "tests/support/cff-1.2.0.schema.json").read_text())

# The text at https://www.apache.org/licenses/LICENSE-2.0.txt, byte for byte.
APACHE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def validate(citation: dict) -> None:
    """Raise `ValidationError` unless the citation is one of format 1.2.0, formats of URLs and dates included."""
    validator = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
    validator.validate(json.loads(json.dumps(citation, default=str)))


def test_the_citation_is_valid():
    validate(yaml.safe_load(CITATION))


@pytest.mark.parametrize(
    "damage",
    [
        {"authors": []},
        {"version": None},
        {"licence": "Apache-2.0"},
        {"license": "Apache 2"},
        {"references": [{}]},
    ],
    ids=str,
)
def test_the_schema_refuses_a_damaged_citation(damage):
    with pytest.raises(jsonschema.ValidationError):
        validate(yaml.safe_load(CITATION) | damage)


def test_the_citation_names_the_project_as_it_is():
    citation = yaml.safe_load(CITATION)
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["title"].startswith(PROJECT["name"])


def test_the_paper_is_cited():
    (paper,) = yaml.safe_load(CITATION)["references"]
    assert paper["identifiers"][0]["value"] == "arXiv:2408.03314"


def test_the_licence_is_the_text_of_apache_2():
    assert PROJECT["license"] == "Apache-2.0"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE
