"""The report's list of what the paper leaves open: nothing is missing, and every configuration key exists."""

import pytest

from tests.support.configuration_keys import exists
from ttc.paper.open_questions import CHOICES, choices
from ttc.study.config import parse, resolve
from ttc.study.relevant import shown_configuration

LOOKAHEAD = "Whether lookahead stops paying when a rollout ends early"
# "Not stated anywhere" in the paper: what it leaves open, and the topic of the list that says what is done here
NOT_STATED = {
    "sampling temperatures": "Sampling temperatures",
    "epochs/steps": "Epochs and steps of training",
    "ORM hyper-parameters beyond 'as the PRM'": "ORM hyper-parameters",
    "whether lookahead stops paying when a rollout ends early": LOOKAHEAD,
    "seeds": "Seeds",
    "repeats/error bars": "Repeats and error bars",
    "number of fold shuffles": "Number of fold shuffles",
    "how an odd bin is split": "How an odd bin is split",
    "max tokens": "Max tokens",
    "what a beam that ends early does to the width": "What a beam that ends early does to the width",
    "de-duplication": "De-duplication",
    "tie-breaking": "Tie-breaking",
}
CONFIGURATION = {"seed": 7, "sampling": {"temperature": 1.0, "max_tokens": 96}, "allocation": {"repeats": 10}}


@pytest.mark.parametrize(("item", "topic"), NOT_STATED.items())
def test_each_thing_the_paper_does_not_state_is_in_the_list(item, topic):
    assert [choice.topic for choice in CHOICES].count(topic) == 1


@pytest.mark.parametrize("key", sorted({key for choice in CHOICES for key in choice.keys}))
def test_every_key_that_is_named_exists(key):
    assert exists(key)


def test_a_default_study_shows_every_choice_with_its_configuration():
    rows = choices(resolve({}))
    shown = {row["topic"]: len(row["lines"]) for row in rows}
    for choice in CHOICES:
        assert shown.get(choice.topic, 0) == len([key for key in choice.keys if exists(key)])


def test_choices_show_the_configuration_and_leave_out_what_a_study_lacks():
    rows = {row["topic"]: row for row in choices(CONFIGURATION)}
    assert rows["Sampling temperatures"]["lines"] == ["sampling.temperature: 1.0"]
    assert rows["Seeds"]["lines"] == ["seed: 7"]
    assert LOOKAHEAD not in rows
    assert rows["No answer"]["lines"] == []


def test_topics_are_different():
    assert len({choice.topic for choice in CHOICES}) == len(CHOICES)


def test_nothing_is_shown_of_what_a_study_does_not_do():
    generated = shown_configuration(parse({}))
    assert "fine_tuning" not in str(generated) and "engine" not in generated
    problems = {"test": {"preset": "gsm8k"}, "train": {"preset": "gsm8k_train"}}
    given = {"hub": "a/b", "revision": "0" * 40}
    study = {
        "problems": problems,
        "policy": {"checkpoint": given},
        "prm": {"checkpoint": given | {"kind": "ki_tag"}},
        "revision": {"use": False},
    }
    shown = shown_configuration(parse(study))
    assert shown["policy"].keys() == {"checkpoint"} and shown["prm"].keys() == {
        "checkpoint",
        "preflight",
        "use",
    }
    assert shown["revision"] == {"use": False} and "task" not in shown
    assert "fine_tuning" in shown["orm"] and "training" not in shown["orm"]
    topics = {row["topic"]: " ".join(row["lines"]) for row in choices(shown)}
    assert "Optimiser" not in topics and "How long the reviser is trained" not in topics
    assert topics["Epochs and steps of training"].startswith("orm.fine_tuning")


def test_a_question_that_does_not_arise_is_not_shown():
    """A published verifier learnt from nothing here, a policy that is asked again from no trajectories."""
    given = {"hub": "a/b", "revision": "0" * 40}
    asked = {
        "problems": {"test": {"preset": "gsm8k"}},
        "policy": {"checkpoint": given},
        "prm": {"checkpoint": given | {"kind": "ki_tag"}},
        "orm": {"use": False},
        "revision": {"by": "prompt", "verifier": {"use": False}},
    }
    learnt = "Samples and rollouts that the PRM learns from"
    others = {"Fewer incorrect answers than the context wants", "The larger policy's search"}
    topics = {row["topic"] for row in choices(shown_configuration(parse(asked)))}
    assert (
        not topics & (others | {learnt}) and {"Ratios of sequential to parallel", "De-duplication"} <= topics
    )
    votes = asked | {"prm": {"use": False}, "search": {"strategies": []}}
    without = {row["topic"] for row in choices(shown_configuration(parse(votes)))}
    assert topics - without >= {"De-duplication", "Rounds of a search", LOOKAHEAD}
    larger = asked | {"larger_policy": {"checkpoint": given}}
    assert "The larger policy's search" in {
        row["topic"] for row in choices(shown_configuration(parse(larger)))
    }
    assert others | {learnt} <= {row["topic"] for row in choices(resolve({}))}


@pytest.mark.parametrize("key", sorted({key for choice in CHOICES for key in choice.needs}))
def test_every_key_that_is_needed_exists(key):
    assert exists(key)
