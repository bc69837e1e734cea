"""Captions restate the numbers of the configuration; a changed number changes the caption and the key of `plot`."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.figures import captions
from ttc.figures.captions import specification
from ttc.figures.registry import FIGURES
from ttc.study.build import plan_study
from ttc.study.config import resolve

ENTRIES = tuple(FIGURES.values())
KEYS = sorted(
    captions.fields(sentence for entry in ENTRIES for sentence in entry.caption) - set(captions.MEASURED)
)


@pytest.fixture(scope="module")
def configuration():
    return resolve({})


def caption_of_all(configuration, **measured):
    known = dict.fromkeys(captions.MEASURED, "what was measured") | {"questions": 300}
    values = specification(configuration)["stated"] | known | measured
    return {entry.name: captions.fill(entry.caption, values) for entry in ENTRIES}


def changed(configuration, key, value):
    other = copy.deepcopy(configuration)
    *sections, last = key.split(".")
    inner = other
    for section in sections:
        inner = inner[section]
    inner[last] = value
    return other


def test_every_number_that_captions_restate_is_a_key_of_the_configuration(configuration):
    assert set(specification(configuration)["stated"]) == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_changed_number_changes_every_caption_that_restates_it(configuration, key):
    before, after = caption_of_all(configuration), caption_of_all(changed(configuration, key, 98765))
    for entry in ENTRIES:
        restated = key in captions.fields(entry.caption)
        assert ("98,765" in after[entry.name]) == restated
        assert (before[entry.name] != after[entry.name]) == restated


def test_the_number_of_questions_is_the_tables(configuration):
    assert "1,234 test questions" in caption_of_all(configuration, questions=1234)["search_sweep"]


def test_no_caption_has_an_open_place(configuration):
    for text in caption_of_all(configuration).values():
        assert "{" not in text and text.endswith(".")


def test_a_sentence_whose_number_a_study_lacks_is_left_out():
    sentences = ("Chains of {revision.max_generations} answers.", "Seed {seed}.", "Always.")
    assert captions.fill(sentences, {"seed": 7}) == "Seed 7. Always."
    assert captions.stated({"seed": 7, "revision": None}, sentences) == {"seed": 7}


def test_a_null_in_the_configuration_is_not_restated():
    assert captions.stated({"evaluation": {"budgets": None}}, ["N up to {evaluation.budgets}."]) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2048, "2,048"),
        (0.2, "0.2"),
        (22.0, "22"),
        ([4, 16, 64], "4, 16 and 64"),
        ([5], "5"),
        ("last", "last"),
    ],
)
def test_values_in_words(value, text):
    assert captions.text(value) == text


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5})?", fullmatch=True), st.integers(0, 999), min_size=1
    )
)
def test_filling_puts_every_value_in_its_place(values):
    sentence = " ".join(f"{{{name}}}" for name in values)
    assert captions.fill([sentence], values) == " ".join(map(str, values.values()))


def test_a_number_that_only_captions_restate_draws_the_figures_anew_and_nothing_before_them():
    def keys(given):
        return {(each.stage, each.label): each.key for each in plan_study(given).artifacts}

    before, after = keys({}), keys({"figures": {"ratio_budget": 32}})
    assert {stage for (stage, label), key in after.items() if before[stage, label] != key} == {
        "plot",
        "gallery",
        "report",
        "publish",
    }
