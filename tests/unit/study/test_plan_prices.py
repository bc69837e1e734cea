"""Plans of studies whose models have prices: what is measured by them, which keys hold them, and what is refused."""

import pytest

from tests.support.planned import few_problems
from ttc.errors import InputError
from ttc.study.build import ROOT, plan_study
from ttc.study.config import merge
from ttc.study.relevant import shown_configuration

CHECKPOINT = {"hub": "a/b", "revision": 40 * "a", "parameters": 1000}
PRICE = {"read": 0.15, "decoded": 0.6, "currency": "EUR"}
SERVED = {"model": "owner/served", "url": "http://localhost:8000/v1"}
ASKED = ("problems", "fetch_model", "sample", "revise", "score", "search", "check_prompts")
STAGE = "evaluate_money"


@pytest.fixture
def base(tmp_path):
    """A study of a policy behind a server, which is asked again, with a verifier that is here."""
    return {
        "problems": few_problems(tmp_path),
        "policy": {"served": SERVED},
        "prm": {"checkpoint": CHECKPOINT | {"kind": "qwen_extra0"}},
        "orm": {"use": False},
        "search": {"strategies": [{"kind": "beam", "width": 2}], "budgets": [4]},
        "revision": {"by": "prompt", "verifier": {"use": False}},
        "sampling": {"samples": 4, "max_tokens": 100},
        "difficulty": {"bins": 2},
    }


def planned(base, **sections):
    return plan_study(merge(base, sections), ROOT)


def priced(base, price=PRICE, **sections):
    return planned(base, policy={"served": {"price": price}}, **sections)


def test_a_price_makes_a_measurement_and_renames_nothing_that_was_paid_for(base):
    before, after = planned(base), priced(base)
    assert not before.of(STAGE) and len(after.of(STAGE)) == 1
    for stage in ASKED:
        assert [each.key for each in before.of(stage)] == [each.key for each in after.of(stage)]
    assert before.of("evaluate")[0].key != after.of("evaluate")[0].key
    assert before.of("fit_allocator")[0].spec == after.of("fit_allocator")[0].spec
    assert after.of(STAGE)[0].spec["currency"] == "EUR"
    # The currency and the price are shown, and make the same study again
    shown = shown_configuration(after.configuration)["policy"]
    assert shown["served"]["price"] == PRICE
    assert [each.key for each in planned(base, policy=shown).artifacts] == [
        each.key for each in after.artifacts
    ]
    dearer = priced(base, PRICE | {"read": 1.0})
    assert dearer.of("evaluate")[0].key != after.of("evaluate")[0].key
    assert [each.key for each in dearer.of("sample")] == [each.key for each in after.of("sample")]


def test_a_study_without_prices_says_nothing_of_them(base):
    for plan in (planned(base), plan_study({}, ROOT)):
        specs = [each.spec for each in plan.artifacts if each.stage in ("evaluate", "evaluate_hybrid")]
        inputs = [each.inputs for each in plan.artifacts]
        assert not any("prices" in spec for spec in specs)
        assert not any({"prompts", "money_curves"} & given.keys() for given in inputs)
        assert "price" not in str(shown_configuration(plan.configuration)["policy"])


def test_who_is_asked_again_and_who_chooses_have_the_price_of_their_model(base):
    own = [0.15, 0.6]
    assert priced(base).of("evaluate")[0].spec["prices"] == {"policy": own, "reviser": own}
    verifier = {"checkpoint": {"price": {"read": 0.01, "decoded": 0.0, "currency": "EUR"}}}
    both = priced(base, prm=verifier)
    read = [0.01, 0.0]
    wanted = {"policy": own, "reviser": own, "prm": read, "revision_orm": read}
    assert both.of("evaluate")[0].spec["prices"] == both.of("evaluate_hybrid")[0].spec["prices"] == wanted
    assert both.of("evaluate_hybrid")[0].inputs["prompts"] == []  # a server says how long they are


def test_a_model_that_is_here_may_have_a_price_and_its_prompts_are_counted(base):
    here = {"served": None, "checkpoint": CHECKPOINT | {"price": PRICE}}
    larger = {"checkpoint": {"hub": "c/d", "revision": 40 * "b", "price": PRICE}}
    off = {"prm": {"use": False}, "revision": {"use": False}, "search": {"strategies": []}}
    plan = planned(base, policy=here, larger_policy=larger, ablations={"larger_search": False}, **off)
    outcomes = plan.of("evaluate")[0]
    assert outcomes.spec["prices"] == {"policy": [0.15, 0.6], "larger_policy": [0.15, 0.6]}
    by_label = {each.label: each for each in plan.of("check_prompts")}
    assert outcomes.inputs["prompts"] == [by_label["policy"]]
    assert outcomes.inputs["larger_prompts"] == [by_label["larger"]]
    unpriced = planned(base, policy={"served": None, "checkpoint": CHECKPOINT}, **off)
    assert [each.key for each in unpriced.of("sample")] == [each.key for each in plan.of("sample")][:1]


def test_a_price_of_the_verifier_alone_decides_nothing(base):
    alone = {"checkpoint": CHECKPOINT | {"kind": "qwen_extra0", "price": PRICE}}
    before, after = planned(base), planned(base, prm=alone)
    assert [each.key for each in before.artifacts] == [each.key for each in after.artifacts]


def test_policies_of_unknown_size_are_compared_at_equal_money(base):
    larger = {"larger_policy": {"served": SERVED | {"model": "owner/larger", "price": PRICE}}}
    with pytest.raises(
        InputError, match=r"policy\.served\.parameters: none was given.*may be at equal money"
    ):
        planned(base, **larger)
    plan = priced(base, **larger)
    assert not plan.of("match_flops") and len(plan.of(STAGE)) == 1
    assert plan.of("evaluate")[0].spec["prices"]["larger_policy"] == [0.15, 0.6]
    sized = {"policy": {"served": {"parameters": 7}}, "larger_policy": {"served": {"parameters": 99}}}
    assert len(plan_study(merge(merge(base, larger), sized), ROOT).of("match_flops")) == 1


def test_a_pool_may_have_a_price(tmp_path):
    (tmp_path / "pool.jsonl").write_text('{"id": "a", "text": "1", "correct": true, "read": 7}\n')
    columns = {"problem_id": "id", "text": "text", "correct": "correct", "prompt_tokens": "read"}
    pool = {"path": str(tmp_path / "pool.jsonl"), "columns": columns}
    source = {"pools": {"policy": pool}, "grading": "recorded"}
    before = plan_study({"source": source}, ROOT)
    after = plan_study({"source": source | {"pools": {"policy": pool | {"price": PRICE}}}}, ROOT)
    assert before.of("import_pool")[0].key == after.of("import_pool")[0].key
    assert after.of("evaluate")[0].spec["prices"] == {"policy": [0.15, 0.6]}
    assert not before.of(STAGE) and after.of(STAGE)[0].spec["currency"] == "EUR"


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"prm": {"checkpoint": {"price": {"read": 1.0, "decoded": 1.0}}}},
            "prm.checkpoint.price.currency: USD was given, and policy.served.price.currency is EUR; all prices",
        ),
        (
            {"policy": {"served": {"price": {"read": 1.0}}}},
            "policy.served.price: the key 'decoded' is missing",
        ),
        (
            {"policy": {"served": {"price": {"read": -1.0, "decoded": 1.0}}}},
            "policy.served.price.read: -1.0 was given",
        ),
    ],
)
def test_prices_that_do_not_fit_are_refused(base, sections, said):
    given = base if "policy" in sections else merge(base, {"policy": {"served": {"price": PRICE}}})
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        planned(given, **sections)


def test_money_decides_nothing_where_there_is_no_price(base):
    with pytest.raises(
        InputError, match=r"spending\.hybrid_unit: money was given, and the policy has no price"
    ):
        planned(base, spending={"hybrid_unit": "money"})
    assert priced(base, spending={"hybrid_unit": "money"}).of("evaluate_hybrid")[0].spec["unit"] == "money"
