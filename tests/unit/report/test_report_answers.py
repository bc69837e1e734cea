"""The first screen of the report says what the tables say, in every kind of study, and no number besides."""

import re

import polars as pl
import pytest

from tests.support import invented_study, specs, synthetic_spending, synthetic_stopping, synthetic_study
from tests.support.advised import ONE, cheapest, row, tables
from ttc.report import answers, answers_beyond, numbers
from ttc.report.answers import Sources
from ttc.runtime import Runtime
from ttc.stages import advise
from ttc.tables.advice import ADVICE, CHEAPEST
from ttc.tables.analysis import EXCHANGE

CARDS = {"policy": {"parameters": 1_234_567}, "larger_policy": {"parameters": 18_400_000}}
BEAM = "beam(width=4)"
GAINS = {"one": (0.2, 0.17, 0.23), "weighted": (0.031, 0.01, 0.052), "majority": (0.06, 0.04, 0.08)}


def told(found):
    made = answers.answer(found)
    return [(title, text.replace("\u00a0", " ")) for title, text in made["points"] + made["further"]]


def said(found, title):
    return dict(told(found)).get(title)


def test_what_was_studied_names_models_questions_and_samples():
    found = Sources(tables([row(4, BEAM, 0.5, GAINS)]), CARDS)
    assert said(found, "Studied") == (
        "A policy of 1.23 million parameters, trained here: 300 test questions, 76,800 independent solutions, scored "
        "by a verifier. Beside it: a larger policy of 18.4 million parameters, trained here."
    )
    pools = {"policy": {"model": "Llama-3B", "parameters": 3_000_000_000}}
    unscored = Sources(tables([row(4, "majority", 0.5, {"one": GAINS["one"]})]), {}, pools)
    assert said(unscored, "Studied") == (
        "Llama-3B, 3 billion parameters: 300 test questions, 76,800 independent solutions, sampled before this study; "
        "no verifier scored them."
    )


def test_one_solution_has_its_accuracy_and_cost():
    found = Sources(tables([]), CARDS)
    assert said(found, "One solution") == (
        "It is right on 31.2 % of the questions [27.0, 35.4] and takes 45 tokens and 120 million FLOPs."
    )
    priced = tables([])
    priced["advice"] = priced["advice"].with_columns(money=pl.lit(0.00045))
    priced["money_curves"] = pl.DataFrame({"currency": ["EUR"], "bin": [1]})
    assert said(Sources(priced, CARDS), "One solution").endswith(
        "takes 45 tokens, 120 million FLOPs and 0.45 EUR for 1,000 questions."
    )
    unknown = tables([])
    nothing = pl.lit(None, pl.Float64)
    unknown["advice"] = unknown["advice"].with_columns(tokens=nothing, flops=nothing)
    assert said(Sources(unknown), "One solution").endswith("; what it costs is not recorded.")


def test_the_best_strategy_is_told_with_what_it_gains():
    found = Sources(tables([row(16, BEAM, 0.512, GAINS), row(64, "majority", 0.55, GAINS)]), CARDS)
    assert said(found, "More solutions") == (
        "With 16 generations a question, the best single strategy is beam, width 4: 51.2 % [47.2, 55.2], +20.0 [+17.0, "
        "+23.0] points over one solution; +3.1 [+1.0, +5.2] over best-of-N weighted; +6.0 [+4.0, +8.0] over majority "
        "voting. With 64 generations a question, the best single strategy is majority vote: 55.0 % [51.0, 59.0], +20.0 "
        "[+17.0, +23.0] points over one solution; +3.1 [+1.0, +5.2] over best-of-N weighted; that is majority voting "
        "itself."
    )


def test_what_is_not_told_apart_or_behind_is_said_so():
    gains = GAINS | {"weighted": (0.003, -0.004, 0.01), "majority": (-0.02, -0.03, -0.01)}
    text = said(Sources(tables([row(16, BEAM, 0.5, gains)])), "More solutions")
    assert "not told apart from best-of-N weighted (+0.3 [−0.4, +1.0])" in text
    assert "behind majority voting (−2.0 [−3.0, −1.0])" in text


def test_where_nothing_gains_one_solution_is_the_advice():
    rows = [
        row(4, BEAM, 0.32, {"one": (0.008, -0.01, 0.03)}),
        row(16, "majority", 0.31, {"one": (-0.1, -0.2, 0.0)}),
    ]
    text = said(Sources(tables(rows)), "More solutions")
    assert text.startswith("Nothing here is surely better than one solution")
    assert "+0.8 [−1.0, +3.0] points, with 4 generations (beam, width 4)" in text
    assert text.endswith("Spend one solution a question.")
    assert said(Sources(tables(rows)), "Cheapest way").startswith(
        "No strategy is more accurate than one solution"
    )


def test_verdicts_alone_say_what_somebody_who_checks_would_find():
    columns = {"family": "baseline", "strategy": "pass_at_k", "selection": "oracle", "bins": "none", "bin": 0}
    curve = pl.DataFrame([columns | {"budget": 8, "accuracy": 0.75, "low": 0.7, "high": 0.8}])
    found = Sources(tables([], curves=curve))
    text = said(found, "More solutions")
    assert "verdicts alone" in text and "among 8 solutions on 75.0 % of the questions [70.0, 80.0]" in text
    assert answers.answer(found)["table"] is None
    assert {"By difficulty", "Cheapest way", "Larger model"}.isdisjoint(dict(told(found)))


def binned(gain):
    rows = [
        row(16, BEAM, 0.5, GAINS),
        row(16, "compute_optimal", 0.53, GAINS | {"fixed": gain}, bins="predicted"),
    ]
    names = {1: "majority", 2: BEAM, 3: "revisions(sequential=8, parallel=2)"}
    return rows + [
        row(16, name, 0.6, GAINS | {"fixed": gain}, bins="predicted", bin=number)
        for number, name in names.items()
    ]


def test_difficulty_is_advised_only_where_it_surely_gains():
    found = Sources(tables(binned((0.03, 0.01, 0.05))))
    assert said(found, "By difficulty").startswith(
        "Choosing by predicted difficulty gains over the one best strategy: at most +3.0 [+1.0, +5.0] points with 16"
    )
    table = answers.answer(found)["table"]
    assert table["bins"] == ["easiest", "bin 2", "hardest"]
    assert [cell["strategy"] for cell in table["rows"][0]["bins"]] == [
        "majority vote",
        "beam, width 4",
        "revisions 8\u00a0×\u00a02",
    ]
    unsure = said(Sources(tables(binned((0.01, -0.01, 0.03)))), "By difficulty")
    assert "not surely better than the one best strategy" in unsure and "keep that one" in unsure
    one_bin = said(Sources(tables([row(16, BEAM, 0.5, GAINS)])), "By difficulty")
    assert one_bin == "All questions are in one difficulty bin: there is nothing to choose by."


def test_the_cheapest_way_goes_by_flops_where_they_are_known():
    ways = [
        cheapest(0.4, "best_fixed", BEAM, 3.0, times=12.0),
        cheapest(0.4, "majority", "majority", 4.0, times=4.0),
        cheapest(0.5, "compute_optimal", "compute_optimal", 9.0, times=30.0, high=None),
    ]
    assert said(Sources(tables([row(16, BEAM, 0.5, GAINS)], ways)), "Cheapest way") == (
        "To each accuracy, by FLOPs, in those of one solution. 40 %: majority vote, 4 generations [2, 8], × 4; 50 %: "
        "the strategy of each difficulty, 9 generations [4.5, beyond], × 30."
    )
    unknown = [dict(each, times=None) for each in ways]
    text = said(Sources(tables([row(16, BEAM, 0.5, GAINS)], unknown)), "Cheapest way")
    assert "by generations; FLOPs are not known. 40 %: beam, width 4, 3 generations [1.5, 6];" in text


STOP = {
    "rule": "beta", "vote": "majority", "budget": 64, "target": "equal", "bound": "none", "samples": 20.0,
    "difference": -0.001, "difference_low": -0.004, "difference_high": 0.002, "saving_flops": 3.1,
    "saving_flops_low": 2.5, "saving_flops_high": 3.9, "saving_tokens": 3.0, "saving_samples": 3.2,
}  # fmt: skip


def test_stopping_tells_the_rule_that_saves_most_or_that_none_surely_does():
    rows = [STOP, STOP | {"rule": "leader", "saving_flops": 2.0}, STOP | {"budget": 4, "saving_flops": 9.0}]
    assert answers_beyond.stopping(rows) == (
        "Of the rules that stop sampling a question early, that which saves most is Beta (ASC) (chosen here, so a "
        "little flattered): of at most 64 samples it draws 20, 3.1 times fewer FLOPs [2.5, 3.9] than a fixed number "
        "that is as accurate; its accuracy is −0.1 points [−0.4, +0.2] from that of all 64."
    )
    assert answers_beyond.stopping([STOP | {"saving_flops_low": 0.9}]).startswith("No rule that stops")
    assert answers_beyond.stopping([]) == ""


def test_spending_tells_the_largest_gain_or_that_there_is_none():
    spread = {"rule": "price", "budget": 8, "gain_generations": 0.02}
    spread |= {"gain_generations_low": 0.01, "gain_generations_high": 0.03}
    uniform = spread | {"rule": "uniform", "gain_generations": 0.5}
    text = answers_beyond.spending([spread, uniform])
    assert text.startswith("Spreading the budget gains most by a price that each question pays")
    assert "+2.0 points [+1.0, +3.0]" in text and "with 8 a question" in text
    unsure = answers_beyond.spending([spread | {"gain_generations_low": -0.01}])
    assert unsure.startswith("Spreading the budget is not surely better")
    assert answers_beyond.spending([uniform]) == ""


def test_mixing_is_told_after_the_smallest_look_at_a_budget_chosen_beforehand():
    def row(rule, probe, budget, gain, selection="best_of_n_weighted", form="steps"):
        ends = {"gain_fixed": gain, "gain_fixed_low": gain - 0.03, "gain_fixed_high": gain + 0.03}
        ends |= {"accuracy": 0.8, "low": 0.75, "high": 0.85, "unit": "flops"}
        return {"rule": rule, "probe": probe, "budget": budget, "selection": selection, "form": form} | ends

    rows = [row("hybrid", 2, 8, 0.09), row("hybrid", 1, 8, 0.05), row("hybrid", 1, 64, 0.2)]
    rows += [row("hybrid", 1, 8, 0.3, "majority"), row("hybrid", 1, 8, 0.4, form="price")]
    rows += [row("small", 1, 8, -0.01), row("uniform", 0, 8, 0.0)]
    assert answers_beyond.mixing(rows) == (
        "A rule that looks at 1 sample of each question, and stops or takes whichever strategy promises most, has "
        "80.0 % [75.0, 85.0] for the FLOPs of 8 samples, +5.0 points [+2.0, +8.0] over the best mix of two strategies "
        "for all questions; without the larger policy −1.0 points [−4.0, +2.0] over that mix."
    )
    unsure = answers_beyond.mixing([row("hybrid", 1, 8, 0.01)])
    assert unsure.endswith("for all questions: it is not surely better.")
    assert answers_beyond.mixing([row("uniform", 0, 8, 0.0)]) == ""


def test_votes_by_own_confidence_are_told_beside_the_majority():
    def row(vote, budget, accuracy, rule="uniform"):
        ends = {"accuracy": accuracy, "low": accuracy - 0.05, "high": accuracy + 0.05}
        return {"rule": rule, "vote": vote, "budget": budget} | ends

    rows = [row("majority", 16, 0.4), row("majority", 64, 0.5), row("best_of_n", 64, 0.9)]
    assert said(Sources(tables([]) | {"stopping_curves": pl.DataFrame(rows)}), "Own confidence") is None
    rows += [row("confidence_weighted", 64, 0.52), row("confidence_weighted", 16, 0.99)]
    rows += [row("majority", 4, 0.3), row("confidence_weighted", 4, 0.35), row("deepconf_mean", 64, 0.99)]
    rows += [row("deepconf_tail", 64, 0.51), row("deepconf_tail", 64, 0.99, rule="deepconf_tail")]
    assert said(Sources(tables([]) | {"stopping_curves": pl.DataFrame(rows)}), "Own confidence") == (
        "Without a verifier, of 4 samples a majority vote is right on 30.0 % [25.0, 35.0], a vote by own confidence on "
        "35.0 % [30.0, 40.0]; of 64 samples a majority vote is right on 50.0 % [45.0, 55.0], a vote by own confidence "
        "on 52.0 % [47.0, 57.0], a vote by tail confidence on 51.0 % [46.0, 56.0]."
    )


def test_samples_or_thought_is_told_at_the_ends_of_what_tokens_buy():
    def curve(strategy, bins, budget, accuracy):
        ends = {"accuracy": accuracy, "low": accuracy - 0.05, "high": accuracy + 0.05}
        return {"strategy": strategy, "bins": bins, "bin": 0, "budget": budget} | ends

    curves = [
        curve("best_fixed", "none", 512, 0.4),
        curve("best_fixed", "none", 1024, 0.45),
        curve("best_fixed", "none", 8192, 0.5),
        curve("compute_optimal", "predicted", 8192, 0.62),
        curve("compute_optimal", "oracle", 8192, 0.9),
        curve("majority(thinking=64)", "none", 16384, 0.99),
        curve("best_fixed", "none", 8192, 0.8) | {"bin": 2},
    ]
    long, short = "majority(thinking=1024, shortest=3)", "best_of_n_weighted(thinking=256)"
    chosen = [("predicted", long)] * 3 + [("predicted", short)] * 2 + [("oracle", short)] * 9
    choices = [{"bins": bins, "budget": 8192, "strategy": strategy} for bins, strategy in chosen]
    found = tables([]) | {"thinking_curves": pl.DataFrame(curves), "thinking_choices": pl.DataFrame(choices)}
    assert said(Sources(found), "Samples or thought") == (
        "With 512 tokens a question one rule for all is right on 40.0 % [35.0, 45.0]. With 8,192 tokens a question one "
        "rule for all is right on 50.0 % [45.0, 55.0], the rule of each bin by predicted difficulty on 62.0 % [57.0, "
        "67.0] (most often majority vote of the 3 shortest, thoughts of up to 1,024 tokens). Both are chosen on other "
        "questions."
    )
    assert said(Sources(tables([])), "Samples or thought") is None


def test_the_larger_model_is_ahead_behind_or_undecided_at_each_ratio():
    frames = synthetic_study.study()
    text = answers_beyond.larger(Sources({"exchange": frames["exchange"]}))
    rows = frames["exchange"].filter(bin=0, bins="oracle", version="v1")
    for each in rows.to_dicts():
        assert f"{numbers.points(each['difference'])} [" in text and f"R = {each['ratio']:g}" in text
    words = {"small": "ahead at", "larger": "behind at", "undecided": "not told apart at"}
    assert {word for word in words.values() if word in text} == {words[each] for each in rows["winner"]}
    assert text.count("*") == rows["clipped"].sum() + 1
    assert answers_beyond.larger(Sources({})) == ""


def test_few_questions_are_a_first_look_and_one_training_is_named():
    few = dict(ONE, questions=12)
    frames = tables([row(4, BEAM, 0.5, GAINS)])
    frames["advice"] = frames["advice"].with_columns(questions=pl.lit(12, pl.Int32))
    text = said(Sources(frames, CARDS), "How sure")
    assert text.startswith(f"{few['questions']} questions.") and "Under 20 questions nothing counts" in text
    assert "a true gain of 2.1 points over best-of-N weighted" in text and "trained once" in text
    hub = {"policy": {"checkpoint": {"hub": "a/b", "revision": "0" * 40}, "parameters": 5}}
    assert "trained once" not in said(Sources(frames, hub), "How sure")


def test_a_study_without_the_table_has_no_first_screen():
    assert answers.answer(Sources({})) is None


# ---- every number is in a published table

CONSTANTS = {"95", "80", "20"}
FORMS = (
    numbers.percent,
    numbers.points,
    numbers.short,
    lambda value: f"{value:,}",
    lambda value: f"{value:g}",
    lambda value: f"{100 * value:.0f}",
    lambda value: numbers.large(value).split(" ")[0],
)


def written(frames, cards):
    """All numbers of tables and cards, as a page may write them."""
    values = [card["parameters"] for card in cards.values()]
    for frame in frames.values():
        for column in frame:
            if column.dtype.is_numeric():
                values += column.drop_nulls().to_list()
            elif column.dtype == pl.String:
                values += [
                    int(each) for text in column.unique().drop_nulls() for each in re.findall(r"\d+", text)
                ]
    return {
        form(value).lstrip("+−") for value in values for form in FORMS if value >= 0 or form is numbers.points
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Published tables of a small invented study."""
    folder = tmp_path_factory.mktemp("study")
    inputs = invented_study.invent(folder)
    made = invented_study.analyse(folder, inputs)
    read = inputs | {"outcomes": [made["outcomes"]], "difficulty": [made["difficulty"]]}
    advise.run(specs.shared("advise", invented_study.ASKED), read, folder / "advised", Runtime())
    found = {
        table.name: table.read(folder / "advised" / f"{table.name}.parquet") for table in (ADVICE, CHEAPEST)
    }
    found["exchange"] = EXCHANGE.read(made["exchange"])
    found["stopping"] = synthetic_stopping.tables()["stopping"]
    difficulty = synthetic_study.study()["difficulty"]
    return found | {"spending": synthetic_spending.tables(difficulty)["spending"]}


def test_every_number_of_the_first_screen_is_in_a_published_table(measured):
    cards = {"policy": {"parameters": 100}, "larger_policy": {"parameters": 1400}}
    found = Sources(measured, cards)
    assert len(told(found)) == 9
    texts = [text for _, text in told(found)] + [str(each) for each in answers.answer(found)["table"]["rows"]]
    known = written(measured, cards) | CONSTANTS
    for text in texts:
        for each in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", text):
            assert each.rstrip(",") in known, (each, text)


def test_the_stage_writes_the_same_advice_twice(measured, tmp_path):
    inputs = invented_study.invent(tmp_path)
    made = invented_study.analyse(tmp_path, inputs)
    read = inputs | {"outcomes": [made["outcomes"]], "difficulty": [made["difficulty"]]}
    advise.run(specs.shared("advise", invented_study.ASKED), read, tmp_path / "advised", Runtime())
    for table in (ADVICE, CHEAPEST):
        assert table.read(tmp_path / "advised" / f"{table.name}.parquet").equals(measured[table.name])
