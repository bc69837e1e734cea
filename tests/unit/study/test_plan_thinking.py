"""Plans of studies whose policy thinks: what is drawn at budgets of thought, what keeps its name, and mistakes."""

import pytest

from tests.support import published_study
from tests.support.published_study import GIVEN, TESTS, TRAINED
from tests.support.workflow_project import Project
from ttc.errors import InputError
from ttc.estimate.counts import expected
from ttc.estimate.measured import assumed
from ttc.estimate.published import CHARACTERS, CHAT_TURNS
from ttc.study.build import plan_jobs, plan_study
from ttc.study.config import merge, parse
from ttc.study.relevant import shown_configuration

MARKS = {"open": "<think>", "close": "</think>"}
THINKS = {"policy": {"thought": MARKS}}
BUDGETS = {"sampling": {"thinking": {"budgets": [64, 256], "samples": 4}}}
SERVED = {
    "policy": {"checkpoint": None, "served": {"model": "m"}},
    "larger_policy": {"checkpoint": None},
    "search": {"strategies": []},
}
FIELD = {"sampling": {"thinking": {"field": "thinking_token_budget"}}}
KEEPS = (SERVED, THINKS, BUDGETS, {"policy": {"thought": {"begun": True}}}, FIELD)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project")).folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return published_study.stand_in(tmp_path_factory.mktemp("files"))


def configured(files, *sections):
    study = published_study.configuration(files, GIVEN)
    for each in sections:
        study = merge(study, each)
    return study


def planned(files, root, *sections):
    return plan_study(configured(files, *sections), root)


def test_samples_at_every_budget_wait_for_probes_and_are_scored_and_evaluated(files, root):
    plan = planned(files, root, THINKS, BUDGETS)
    (check,) = plan.of("check_thoughts")
    assert check.spec["probes"] == 8
    drawn = plan.of("think")
    assert len(drawn) == TESTS / 8  # blocks of problems
    for each in drawn:
        assert each.parts == ("64.parquet", "256.parquet") and check in each.inputs["checked"]
        assert each.spec["samples"] == [0, 4] and each.spec["thinking"]["budgets"] == [64, 256]
        assert each.spec["form"]["thought"] == MARKS | {"begun": None}
    (evaluated,) = plan.of("evaluate_thinking")
    assert len(evaluated.inputs["thoughts_64"]) == len(drawn)
    scored = [each for each in plan.of("score") if each.label.startswith("prm-thought-256")]
    assert evaluated.inputs["scores_256"] == scored and scored


def test_probes_may_be_left_out(files, root):
    plan = planned(files, root, THINKS, BUDGETS, {"sampling": {"thinking": {"probes": None}}})
    assert not plan.of("check_thoughts")


def test_a_study_without_thoughts_says_nothing_of_them(files):
    for study in (GIVEN, TRAINED):
        shown = shown_configuration(parse(published_study.configuration(files, study)))
        assert "thought" not in shown["policy"] and "thinking" not in shown["sampling"]
    shown = shown_configuration(parse(configured(files, THINKS, BUDGETS)))
    assert (
        shown["policy"]["thought"] == MARKS | {"begun": None} and shown["sampling"]["thinking"]["waits"] == 0
    )
    assert "thought" not in shown["larger_policy"]


def test_what_reads_no_solution_of_the_policy_keeps_its_name(files, root):
    names = {(each.stage, each.label): each.key for each in planned(files, root).artifacts}
    kept = {"fetch_model", "problems", "preflight"}
    thinking = planned(files, root, THINKS, BUDGETS)
    for each in thinking.artifacts:
        if each.stage in kept:
            assert names[each.stage, each.label] == each.key
    (policy,) = (each for each in thinking.of("check_prompts") if each.label == "policy")
    (larger,) = (each for each in thinking.of("check_prompts") if each.label == "larger")
    assert names["check_prompts", "policy"] != policy.key and names["check_prompts", "larger"] == larger.key


def test_auto_leaves_the_marks_to_the_tokenizer(files, root):
    plan = planned(files, root, {"policy": {"thought": "auto"}})
    assert plan.of("sample")[0].spec["form"]["thought"] == {"open": None, "close": None, "begun": None}


def test_a_server_that_keeps_budgets_is_asked_at_each(files, root):
    plan = planned(files, root, *KEEPS)
    (check,) = plan.of("check_thoughts")
    for each in (check, *plan.of("think")):
        assert each.spec["engine"] == "openai"
        assert each.spec["thinking"] == {"budgets": [64, 256], "field": "thinking_token_budget"}
    assert plan.of("evaluate_thinking")[0].spec["budgets"] == [64, 256]
    jobs = plan_jobs(plan)
    assert jobs.gpus("think") == 0 and "--servers" in jobs.how("think")(None, 1)
    # Each answer is drawn anew, and bills its prompt
    drawn = plan.of("think")[0]
    work = expected(drawn, assumed(plan))
    count = 8 * 4
    assert work.generations == 2 * count and work.decoded >= count * (64 + 256)
    assert (
        "field"
        not in shown_configuration(plan_study(configured(files, THINKS, BUDGETS), root).configuration)[
            "sampling"
        ]["thinking"]
    )


MISTAKES = {
    "one mark": (
        [{"policy": {"thought": {"open": "<t>"}}}],
        "policy.thought.close: none was given beside policy.thought.open; give both, or neither",
    ),
    "equal marks": (
        [{"policy": {"thought": {"open": "<t>", "close": "<t>"}}}],
        "policy.thought.close: '<t>' was given, and policy.thought.open has it, too, or is in it",
    ),
    "no marks": (
        [BUDGETS],
        "policy.thought: none was given, and sampling.thinking ends thoughts by their closing mark: state the "
        "marks, or auto",
    ),
    "served without marks": (
        [SERVED, {"policy": {"thought": "auto"}}],
        "policy.thought.open: none was given, and a server's tokenizer and chat template are not seen here: state it",
    ),
    "served without begun": (
        [SERVED, THINKS],
        "policy.thought.begun: none was given, and a server's tokenizer and chat template are not seen here: state it",
    ),
    "budgets of a server": (
        [SERVED, THINKS, BUDGETS, {"policy": {"thought": {"begun": True}}}],
        "sampling.thinking.field: none was given, and thoughts of a policy behind a server (policy.served) are not "
        "ended here: give the field of a request that says the budget, such as vLLM's thinking_token_budget, or leave "
        "sampling.thinking out",
    ),
    "field without a server": (
        [THINKS, BUDGETS, FIELD],
        "sampling.thinking.field: thinking_token_budget was given, and the policy is behind no server: leave it out, "
        "thoughts are ended here",
    ),
    "field said twice": (
        [*KEEPS, {"policy": {"served": {"request": {"thinking_token_budget": 5}}}}],
        "policy.served.request.thinking_token_budget: it is said by sampling.thinking.budgets; leave it out",
    ),
    "waits of a server": (
        [*KEEPS, {"sampling": {"thinking": {"waits": 2}}}],
        "sampling.thinking.waits: 2 was given beside sampling.thinking.field, and thoughts that a server ends do not "
        "go on: leave one of the two out",
    ),
    "falling budgets": (
        [THINKS, {"sampling": {"thinking": {"budgets": [8, 4]}}}],
        "sampling.thinking.budgets: [8, 4] was given; allowed are rising numbers",
    ),
    "ending without its mark": (
        [THINKS, BUDGETS, {"sampling": {"thinking": {"ending": "Final"}}}],
        "sampling.thinking.ending: {close} has to stand in it once, and it has it 0 times",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_planning(files, root, case):
    sections, said = MISTAKES[case]
    with pytest.raises(InputError) as caught:
        planned(files, root, *sections)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (THINKS, "policy.thought: it was given, and models of generated problems do not think"),
        (BUDGETS, "sampling.thinking: it was given, and models of generated problems do not think"),
    ],
)
def test_models_of_generated_problems_do_not_think(root, given, said):
    with pytest.raises(InputError, match=said):
        plan_study(given, root)


def test_a_judge_reads_its_words_about_samples_at_budgets_of_thought_too(files, root):
    """Beside a PRM that reads the same solutions: the words of each question, by hand."""
    off = {"search": {"strategies": []}, "ablations": {"larger_search": False}}
    given = configured(files, THINKS, BUDGETS, off)
    prm, judge = (
        plan_study(merge(given, {"prm": {"checkpoint": {"kind": kind}}}), root)
        for kind in ("qwen_extra0", "judge")
    )
    [first, *_], [other, *_] = (
        [each for each in plan.of("score") if each.label.startswith("prm-thought-64")]
        for plan in (prm, judge)
    )
    words = other.spec["judge"]["question"].replace("{solution}", "") + (other.spec["judge"]["system"] or "")
    more = expected(other, assumed(judge)).verified - expected(first, assumed(prm)).verified
    solutions = expected(other, assumed(judge)).rows
    assert more == pytest.approx(solutions * (len(words) / CHARACTERS + CHAT_TURNS))
