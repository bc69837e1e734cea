"""The configuration: defaults, every kind of mistake in one sentence, and files written from the schema."""

import copy

import pytest
import yaml
from jsonschema import Draft202012Validator

from ttc.errors import InputError
from ttc.study import reference
from ttc.study.config import follow, load, load_schema, merge, resolve

SCHEMA = load_schema()


def nodes(node, path=""):
    """Every schema node with its path; `$ref` followed."""
    node = follow(node, SCHEMA)
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            yield from nodes(node[name], f"{path}.*")


def test_the_schema_is_closed_described_and_has_defaults():
    Draft202012Validator.check_schema(SCHEMA)
    for path, node in nodes(SCHEMA):
        if "properties" in node:
            assert node.get("additionalProperties") is False, path
            for name, child in node["properties"].items():
                child = follow(child, SCHEMA)
                assert child.get("description"), f"{path}.{name}"
                optional = (
                    ".source" in path or ".problems" in path or path.endswith(".*")
                )  # what a list holds
                optional |= name in node.get("required", ())
                assert optional or "default" in child, f"{path}.{name}"


def test_files_written_from_the_schema_are_up_to_date():
    for file, text in reference.files().items():
        assert file.read_text() == text, f"{file.name} differs from the schema; run `make docs`"


def test_config_yaml_says_what_the_defaults_say():
    assert resolve(yaml.safe_load(reference.config_yaml())) == resolve({})


def test_every_key_is_in_the_reference():
    table = reference.markdown()
    for path, _ in nodes(SCHEMA):
        if path and ".*" not in path:
            assert f"| `{path.lstrip('.')}` |" in table


def test_a_part_of_a_section_leaves_the_rest_at_its_default():
    resolved = resolve({"larger_policy": {"model": {"layers": 6}}})
    assert resolved["larger_policy"]["model"] == resolve({})["larger_policy"]["model"] | {"layers": 6}


def test_resolving_twice_changes_nothing():
    once = resolve({})
    assert resolve(copy.deepcopy(once)) == once


def test_numbers_have_one_form():
    assert resolve({"sampling": {"temperature": 1}}) == resolve({"sampling": {"temperature": 1.0}})
    assert isinstance(resolve({"sampling": {"temperature": 1}})["sampling"]["temperature"], float)
    assert isinstance(resolve({"seed": 3.0})["seed"], int)


MISTAKES = [
    ({"polcy": {}}, ["polcy", "did you mean 'policy'?"]),
    ({"policy": {"model": {"layrs": 3}}}, ["policy.model.layrs", "did you mean 'layers'?", "hidden"]),
    ({"sampling": {"bins": 3}}, ["sampling.bins", "did you mean 'difficulty.bins'?"]),
    ({"seed": "zero"}, ["seed", "'zero'", "whole number"]),
    ({"seed": -1}, ["seed", "-1", "0 or more"]),
    ({"seed": True}, ["seed", "true", "whole number"]),
    ({"prm": {"training": {"learning_rate": "3e-4"}}}, ["prm.training.learning_rate", "'3e-4'", "0.0003"]),
    ({"prm": {"training": {"learning_rate": 0}}}, ["prm.training.learning_rate", "more than 0"]),
    ({"figures": None}, ["figures", "null", "section"]),
    ({"figures": {"formats": ["pdf"]}}, ["figures.formats.0", "'pdf'", "svg, png"]),
    ({"figures": {"formats": []}}, ["figures.formats", "1 or more items"]),
    ({"difficulty": {"ties": "spilt"}}, ["difficulty.ties", "did you mean 'split'?"]),
    ({"study": {"name": "store"}}, ["study.name", "'store'", "taken"]),
    ({"study": {"name": "My study"}}, ["study.name", "'My study'"]),
    ({"search": {"strategies": [{"width": 4}]}}, ["search.strategies.0", "'kind' is missing"]),
    ({"source": {"problems": {"path": "a"}, "pools": {}}}, ["source.pools", "'policy' is missing"]),
    # keys that do not fit each other
    (
        {"policy": {"model": {"heads": 7, "hidden": 64}}},
        ["policy.model.heads", "7", "policy.model.hidden", "64"],
    ),
    (
        {"policy": {"first_group": 0.5, "solutions_first": 0.25}},
        ["policy.first_group", "0.5", "policy.solutions_first", "0.25"],
    ),
    ({"task": {"turns": {"attempts": 9}}}, ["policy.model.window", "256", "9 earlier answers"]),
    ({"search": {"strategies": [{"kind": "beam", "width": 3}]}}, ["search.strategies.0", "width 3", "4"]),
    ({"search": {"strategies": [{"kind": "beam"}]}}, ["search.strategies.0", "'width' is missing"]),
    ({"search": {"strategies": [{"kind": "dvts", "width": 8}]}}, ["search.strategies.0", "width 8", "4"]),
    (
        {"search": {"strategies": [{"kind": "rebase", "width": 4}]}},
        ["search.strategies.0", "rebase has none"],
    ),
    ({"search": {"strategies": [{"kind": "rebase", "temperature": 0}]}}, ["temperature", "more than 0"]),
    ({"search": {"larger_budgets": [6]}}, ["search.larger_budgets", "6", "beam(width=4)"]),
    (
        {"search": {"strategies": [{"kind": "beam", "width": "sqrt", "budgets": [8]}]}},
        ["strategies.0", "square", "8"],
    ),
    ({"search": {"strategies": [{"kind": "lookahead", "width": 4}]}}, ["search.strategies.0", "depth"]),
    (
        {"search": {"strategies": [{"kind": "beam", "width": 4, "depth": 1}]}},
        ["strategies.0", "beam has none"],
    ),
    ({"search": {"strategies": [{"kind": "beam", "width": 4}] * 2}}, ["strategies.1", "twice"]),
    ({"evaluation": {"budgets": [1, 3]}}, ["evaluation.budgets", "3", "did you mean 4?"]),
    ({"evaluation": {"budgets": [4, 2]}}, ["evaluation.budgets", "rising"]),
    (
        {"evaluation": {"budgets": [1, 512]}, "sampling": {"samples": 256}},
        ["evaluation.budgets", "512", "sampling.samples", "256"],
    ),
    (
        {"figures": {"ratio_budget": 128}, "revision": {"max_generations": 64}},
        ["figures.ratio_budget", "128", "revision.max_generations"],
    ),
    ({"revision": {"max_generations": 512}}, ["revision.max_generations", "512", "256", "revision.ratios"]),
    ({"revision": {"pairs": {"temperature": 0}}}, ["revision.pairs.temperature", "0 was given"]),
    (
        {"revision": {"rest": {"train_problems": 70}}, "task": {"train_problems": 60}, "prm": {"samples": 8}},
        ["train_problems", "task.train_problems", "60"],
    ),
    ({"figures": {"sweep_budgets": [4, 512]}}, ["figures.sweep_budgets", "512", "evaluation.budgets"]),
    (
        {
            "sampling": {"samples": 64},
            "difficulty": {"samples": "disjoint"},
            "evaluation": {"budgets": [1, 64]},
        },
        ["evaluation.budgets: 64", "half of sampling.samples = 64 (difficulty.samples) allows at most 32"],
    ),
    ({"exchange": {"ratios": {"v1": [0]}}}, ["exchange.ratios.v1.0", "more than 0"]),
    ({"sampling": {"temperature": 0}}, ["sampling.temperature", "0 was given"]),
    (
        {"prm": {"samples": 64}, "sampling": {"train_samples": 16}},
        ["prm.samples", "64", "sampling.train_samples"],
    ),
    ({"difficulty": {"bins": 100000}}, ["difficulty.bins", "task.test_problems"]),
]


@pytest.mark.parametrize(("given", "said"), MISTAKES, ids=[said[0] + " " + said[1] for _, said in MISTAKES])
def test_a_mistake_is_one_sentence_that_says_where_what_and_what_is_allowed(given, said):
    with pytest.raises(InputError) as raised:
        resolve(given)
    message = str(raised.value)
    assert "\n" not in message
    assert [part for part in said if part not in message] == [], message


def test_of_several_mistakes_the_first_is_told_and_the_others_are_counted():
    with pytest.raises(InputError, match=r"seed: .* \(the first of 2 mistakes\)"):
        resolve({"seed": -1, "study": {"name": 3}})


class TestLoad:
    def test_files_are_laid_over_each_other(self, tmp_path):
        (tmp_path / "a.yaml").write_text("x: {y: 1, z: [1, 2]}\n")
        (tmp_path / "b.yaml").write_text("x: {z: [3]}\n")
        assert load(tmp_path / "a.yaml", tmp_path / "b.yaml") == {"x": {"y": 1, "z": [3]}}

    def test_merging_leaves_its_arguments_alone(self):
        under = {"a": {"b": [1]}}
        merge(under, {"a": {"c": 1}})["a"]["b"].append(2)
        assert under == {"a": {"b": [1]}}

    @pytest.mark.parametrize(
        ("text", "said"), [(None, "cannot be read"), ("a: [", "not valid YAML"), ("- 1", "mapping")]
    )
    def test_an_unreadable_file_is_named(self, tmp_path, text, said):
        if text is not None:
            (tmp_path / "a.yaml").write_text(text)
        with pytest.raises(InputError, match=said) as raised:
            load(tmp_path / "a.yaml")
        assert "a.yaml" in str(raised.value)
