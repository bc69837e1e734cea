"""The configuration: defaults, every kind of mistake in one sentence, and files written from its sections."""

import copy

import pytest
import yaml

from ttc import plugins
from ttc.errors import InputError
from ttc.study import reference, yaml_files
from ttc.study.build import plan_study
from ttc.study.config import load, merge, resolve
from ttc.study.sections import declared
from ttc.study.sections.configuration import Configuration
from ttc.study.tree import at, paths, tree

TREE = tree(Configuration)


def nodes(node, path=""):
    """Every key with its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            yield from nodes(node[name], f"{path}.*")


def test_every_section_is_closed_and_every_key_described():
    for path, node in nodes(TREE):
        if "properties" in node:
            assert node.get("additionalProperties") is False, path
            for name, child in node["properties"].items():
                assert child.get("description"), f"{path}.{name}"


def test_every_number_has_a_range_in_the_tree():
    for path, node in nodes(TREE):
        if "integer" in node.get("type", []):
            assert "minimum" in node, path


def test_every_key_outside_of_what_is_given_whole_has_a_default():
    for path, node in nodes(TREE):
        for name, child in node.get("properties", {}).items():
            # What stands in a section that is null by default, or in a list
            whole = (
                path.startswith((".source", ".problems")) or "*" in path or name in node.get("required", ())
            )
            assert whole or "default" in child, f"{path}.{name}"


def test_files_written_from_the_sections_are_up_to_date():
    for file, text in reference.files().items():
        assert file.read_text() == text, f"{file.name} differs from the sections; run `make docs`"


def test_config_yaml_says_what_the_defaults_say():
    given = yaml.safe_load(yaml_files.config_yaml())
    assert resolve(given) == resolve({})
    made, asked = plan_study({}).artifacts, plan_study(given).artifacts
    assert [(each.stage, each.label, each.spec) for each in made] == [
        (each.stage, each.label, each.spec) for each in asked
    ]


def test_config_yaml_is_a_page_that_a_newcomer_reads():
    text = yaml_files.config_yaml()
    assert len(text.splitlines()) <= 240
    assert max(map(len, text.splitlines())) <= 110
    for word in ("fine_tuning", "lora", "preflight", "vllm", "checkpoint:\n", "hub"):
        assert word not in text


def test_every_key_is_in_one_of_the_two_files():
    default, others = (
        yaml.safe_load(text) for text in (yaml_files.config_yaml(), yaml_files.published_yaml())
    )
    for path in paths(TREE):
        *sections, last = path.split(".")
        places = []
        for node in (default, others):
            for section in sections:
                node = node.get(section, {}) if isinstance(node, dict) else {}
            places.append(last in node)
        leaf = "properties" not in at(TREE, tuple(path.split(".")))
        assert places.count(True) == 1 if leaf else any(places), path


def test_every_key_is_in_the_reference():
    table = reference.markdown()
    for path, _ in nodes(TREE):
        if path and ".*" not in path:
            assert f"| `{path.lstrip('.')}` |" in table


@pytest.mark.parametrize(
    ("package", "key"),
    [
        ("ttc.search.methods", "search.strategies[].kind"),
        ("ttc.verifiers.kinds", "prm.checkpoint.kind"),
        ("ttc.engines.backends", "engine.sample"),
        ("ttc.problems.tasks", "task.kind"),
        ("ttc.problems.presets", "problems.test.preset"),
    ],
)
def test_the_reference_names_every_plug_in(package, key):
    (row,) = (line for line in reference.markdown().splitlines() if line.startswith(f"| `{key}` |"))
    assert [name for name in plugins.names(package) if name not in row] == []


def test_every_type_of_hyper_parameter_is_a_type_of_key():
    from ttc.search.strategy import TYPES

    assert TYPES.keys() == declared.PARAMETERS.keys()


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
    ({"task": {"kind": "clok"}}, ["task.kind", "'clok'", "did you mean 'clock'?"]),
    ({"task": {"steps": [2]}}, ["task.steps", "2 or more items"]),
    ({"task": {"groups": [{"operations": 0}]}}, ["task.groups.0", "is missing"]),
    ({"engine": {"sample": "vlm"}}, ["engine.sample", "'vlm'", "transformers", "did you mean 'vllm'?"]),
    ({"runtime": {"jobs": {"sampel": {}}}}, ["runtime.jobs.sampel", "did you mean 'sample'?"]),
    ({"runtime": {"jobs": {"sample": {"minutes": None}}}}, ["runtime.jobs.sample.minutes", "null"]),
    ({"prm": {"checkpoint": {"kind": "ki_tga"}}}, ["prm.checkpoint.kind", "did you mean 'ki_tag'?"]),
    ({"exchange": {"versions": ["v1", "v1"]}}, ["exchange.versions", "items that differ"]),
    ({"orm": {"fine_tuning": {"lora": {"modules": 3}}}}, ["orm.fine_tuning.lora.modules", "text or a list"]),
    ({"allocation": {"strategies": {"search": "beam"}}}, ["allocation.strategies.search", "a list or null"]),
    ({"findings": {"bootstrap": 9}}, ["findings.bootstrap", "9", "10 or more"]),
    ({"report": {"examples": 1.5}}, ["report.examples", "1.5", "a whole number"]),
    ({"ablations": {"rest_em": "yes"}}, ["ablations.rest_em", "true or false"]),
    ({"seed": float("inf")}, ["seed", "inf", "whole number"]),
    ({"sampling": {"temperature": float("nan")}}, ["sampling.temperature", "nan"]),
    ({3: {}}, ["3", "keys are text"]),
    ({"source": {"problems": {"path": "a"}, "pools": {True: None}}}, ["source.pools", "was given"]),
    (
        {"source": {"problems": {"path": "a"}, "pools": {"policy": {"path": "b"}, "A": {"path": "c"}}}},
        ["source.pools", "'A'", "text of the form"],
    ),
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
    ({"figures": {"ratio_budget": 3}}, ["figures.ratio_budget", "3", "did you mean 4?"]),
    ({"revision": {"by": "promt"}}, ["revision.by", "'promt'", "did you mean 'prompt'?"]),
    (
        {"revision": {"by": "prompt", "first_answer": "policy"}},
        ["revision.first_answer", "policy was given", "revision.by: prompt"],
    ),
    ({"figures": {"sweep_budgets": [16, 4]}}, ["figures.sweep_budgets", "rising"]),
    ({"evaluation": {"budgets": [4, 2]}}, ["evaluation.budgets", "rising"]),
    (
        {"evaluation": {"budgets": [1, 512]}, "sampling": {"samples": 256}},
        ["evaluation.budgets", "512", "sampling.samples", "256"],
    ),
    (
        {"figures": {"ratio_budget": 256}, "revision": {"max_generations": 64}},
        ["figures.ratio_budget", "256", "revision.max_generations"],
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
