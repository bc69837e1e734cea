"""Plans of studies with a judge: its words are in the names of what it scores, and mistakes are told in planning."""

import pytest

from tests.support import judges, published_study
from tests.support.published_study import GIVEN, TESTS
from tests.support.workflow_project import Project
from ttc.errors import InputError
from ttc.estimate.counts import expected
from ttc.estimate.measured import assumed
from ttc.study.build import plan_study
from ttc.study.config import merge, parse
from ttc.study.relevant import shown_configuration
from ttc.verifiers import judging

ALONE = {"search": {"strategies": []}, "ablations": {"larger_search": False}}
REVISED = {
    "problems": {"train": None, "prompt": "math_chat"},
    "revision": {
        "use": True,
        "by": "prompt",
        "max_context": 2,
        "max_generations": 4,
        "verifier": {"use": False},
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project")).folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What `published_study.write` makes, as far as a plan sees it, and the words of a judge."""
    folder = published_study.stand_in(tmp_path_factory.mktemp("files"))
    judges.words_file(folder)
    return folder


def configured(files, kind="judge", judge=None, *sections):
    given = published_study.configuration(files, GIVEN)
    given["prm"]["checkpoint"] |= {"kind": kind} | ({} if judge is None else {"judge": judge})
    for each in sections:
        given = merge(given, each)
    return given


def planned(files, root, *how):
    return plan_study(configured(files, *how), root)


def keys(plan):
    return {(each.stage, each.label): each.key for each in plan.artifacts}


def test_its_words_are_part_of_what_it_scores_and_of_no_model(files, root):
    usual = planned(files, root, "judge", {"asks": "steps"})
    own = planned(files, root, "judge", {"asks": "steps", "prompt": str(files / "judge.yaml")})
    content = judging.load("yes_or_no", "steps").content
    for stage in ("preflight", "score", "search"):
        assert usual.of(stage)
        for each in usual.of(stage):
            assert each.spec["format"] == "judge" and each.spec["judge"] == content, stage
    before, now = keys(usual), keys(own)
    differ = {stage for (stage, label) in now if now[stage, label] != before[stage, label]}
    assert {"preflight", "score", "search"} <= differ
    assert not {"problems", "fetch_model", "sample", "check_prompts"} & differ


def test_a_judge_of_solutions_scores_pools_and_leads_no_search(files, root):
    made = planned(files, root, "judge", None, ALONE)
    assert "search" not in made.stages and made.of("preflight")
    assert {each.spec["judge"]["asks"] for each in made.of("score")} == {"solution"}


def test_a_judge_chooses_among_revisions(files, root):
    made = planned(files, root, "judge", None, ALONE, REVISED)
    for each in made.of("score_revisions"):
        assert each.spec["judge"] == judging.load("yes_or_no", "solution").content


def test_other_kinds_have_the_names_that_they_had(files, root):
    """Nothing is said of judges where there is none."""
    made = plan_study(published_study.configuration(files, GIVEN), root)
    assert not [each for each in made.artifacts if "judge" in each.spec]
    shown = shown_configuration(parse(published_study.configuration(files, GIVEN)))
    assert "judge" not in shown["prm"]["checkpoint"]


def test_the_configuration_shows_how_it_is_asked(files):
    shown = shown_configuration(parse(configured(files, "judge", {"asks": "steps"})))
    assert shown["prm"]["checkpoint"]["judge"] == {
        "prompt": None,
        "asks": "steps",
        "critique": None,
    }


def test_its_words_are_counted(files, root):
    """A solution with its question, and behind each step the question about it."""
    whole, steps, plain = (
        expected(plan.of("score")[0], assumed(plan)).verified
        for plan in (
            planned(files, root, "judge", None, ALONE),
            planned(files, root, "judge", {"asks": "steps"}, ALONE),
            planned(files, root, "chat_plus", None, ALONE),
        )
    )
    (first, *_) = (plan := planned(files, root, "judge", None, ALONE)).of("score")
    rows = expected(first, assumed(plan)).rows
    words = {asks: judging.load("yes_or_no", asks).question for asks in ("solution", "steps")}
    ahead, behind = words["solution"].split("{solution}")
    assert whole - plain == pytest.approx(rows * ((len(ahead) + len(behind)) / 2.9 + 45))
    ahead, behind = words["steps"].split("{solution}")
    lines = len(assumed(plan).questions.steps("test"))
    assert lines > 1
    assert steps - plain == pytest.approx(rows * (len(ahead) / 2.9 + lines * (len(behind) / 2.9 + 45)))
    searched, trained = (
        expected(plan.of("search")[0], assumed(plan))
        for plan in (planned(files, root, "judge", {"asks": "steps"}), planned(files, root, "chat_plus"))
    )
    nodes = searched.rows - searched.generations
    assert searched.verified - trained.verified == pytest.approx(
        TESTS * len(ahead) / 2.9 + nodes * (len(behind) / 2.9 + 45)
    )


MISTAKES = {
    "search of solutions": (
        ["judge"],
        "prm.checkpoint.judge.asks: a judge of whole solutions scores no steps, and search.strategies has 2: set it "
        "to steps, or search.strategies to []",
    ),
    "larger search": (
        ["judge", {"asks": "solution"}, {"search": {"strategies": []}, "ablations": {"larger_search": True}}],
        "prm.checkpoint.judge.asks: a judge of whole solutions scores no steps, and ablations.larger_search is "
        "one: set it to steps, or ablations.larger_search to false",
    ),
    "trained kind": (
        ["chat_plus", {"asks": "steps"}],
        "prm.checkpoint.judge: kind chat_plus is asked as it was trained; leave it out, or take a kind that is asked "
        "in words: judge, judge_critique",
    ),
    "no such words": (
        ["judge", {"asks": "steps", "prompt": "yes_or_now"}],
        "judge's prompt 'yes_or_now': there is no such file; known are",
    ),
    "other question": (
        ["judge", {"asks": "step"}],
        "prm.checkpoint.judge.asks: 'step' was given; allowed are solution, steps; did you mean 'steps'?",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_planning(files, root, case):
    how, said = MISTAKES[case]
    with pytest.raises(InputError) as caught:
        planned(files, root, *how)
    assert str(caught.value).startswith(said)
