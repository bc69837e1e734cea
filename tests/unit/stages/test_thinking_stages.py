"""Stages of models that think, on a checkpoint made by hand: probes, budgets, bills, the surface and choices."""

import json

import numpy as np
import polars as pl
import pytest

from tests.support import thinking_models
from tests.support.thinking_models import CLOSE, ENDING, FORM, OPEN
from ttc.errors import InputError
from ttc.run import job
from ttc.stages import check_thoughts, evaluate_thinking, fetch_model, measure_difficulty, plot, sample, think
from ttc.tables.generation import PROBLEMS, SAMPLES, THOUGHT_PROBES
from ttc.tables.thinking import THINKING, THINKING_CHOICES, THINKING_CURVES

DRAW = {"seed": 1, "temperature": 1.0, "max_tokens": 60, "form": FORM}
BUDGETS = [3, 6, 12]
FORCED = {"budgets": BUDGETS, "answer_tokens": 4, "ending": ENDING, "waits": 0, "wait": "."}
QUESTIONS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A policy, problems, and samples with and without budgets."""
    made = tmp_path_factory.mktemp("thinking")
    spec = {"role": "policy", "hub": None, "revision": None, "dtype": "float32", "attention": "sdpa"}
    weights = thinking_models.checkpoint(made / "weights")
    inputs = {"checkpoint": [weights]}
    fetch_model.run(spec | {"trust_remote_code": False}, inputs, made / "policy", runtime())
    names = [f"p{number:02}" for number in range(QUESTIONS)]
    frame = pl.DataFrame({"problem_id": names, "question": [f" {name} one" for name in names]}).with_columns(
        split=pl.lit("test"), level=pl.lit(0, pl.Int32), answer=pl.lit("1"), solution=pl.lit("")
    )
    PROBLEMS.write(frame, made / "problems.parquet")
    drawn = DRAW | {"split": "test", "problems": [0, QUESTIONS], "samples": [0, 16]}
    sample.run(drawn, inputs_of(made), made / "samples.parquet", runtime())
    think.run(drawn | {"thinking": FORCED}, inputs_of(made), made / "think", runtime())
    return made


def runtime():
    """A new one for each job, which keeps what is finished of it."""
    return job.Runtime(device="cpu")


def inputs_of(folder):
    return {"problems": [folder / "problems.parquet"], "policy": [folder / "policy"]}


def at(folder, budget):
    return SAMPLES.read(folder / "think" / f"{budget}.parquet")


def test_the_bill_splits_thought_and_answer(folder):
    plain = SAMPLES.read(folder / "samples.parquet").filter(finish_reason="stop")
    dots = plain["text"].str.count_matches(".", literal=True)
    assert plain["thinking_tokens"].to_list() == (dots + 2).to_list()
    assert (plain["tokens"] - plain["thinking_tokens"] == 2).all()  # the answer and the end
    for budget in BUDGETS:
        forced = at(folder, budget).filter("forced")
        # As many tokens as the budget, the mark, and a line end that belongs to the answer
        assert set(forced["thinking_tokens"]) == {budget + 1} and set(forced["tokens"]) == {budget + 4}


def test_a_budget_cuts_the_sample_that_there_is_without_one(folder):
    drawn = SAMPLES.read(folder / "samples.parquet", ["text"]).select("problem_id", "sample_index", "text")
    plain = {(name, index): text for name, index, text in drawn.iter_rows()}
    for budget in BUDGETS:
        for row in at(folder, budget).iter_rows(named=True):
            whole = plain[row["problem_id"], row["sample_index"]]
            if row["forced"]:
                cut = OPEN + "." * (budget - 1)
                assert row["text"].startswith(f"{cut}{CLOSE}\n") and whole.startswith(cut)
            else:
                assert row["text"] == whole


def test_accuracy_rises_with_the_budget_and_fewer_thoughts_are_ended(folder):
    rates = [
        (at(folder, budget)["correct"].mean(), at(folder, budget)["forced"].mean()) for budget in BUDGETS
    ]
    assert [right for right, _ in rates] == sorted(right for right, _ in rates)
    # A thought is cut unless one of its first dots ended it: .8 to the power of the dots that fit
    for budget, (_, forced) in zip(BUDGETS, rates, strict=True):
        expected = 0.8 ** (budget - 2)
        assert abs(forced - expected) < 4 * np.sqrt(expected * (1 - expected) / (16 * QUESTIONS)) + 0.01


def probed(folder, tmp_path, form=FORM, **changes):
    spec = DRAW | {"probes": 8, "thinking": FORCED | changes, "form": form}
    check_thoughts.run(spec, inputs_of(folder), tmp_path / "probes.parquet", runtime())
    return THOUGHT_PROBES.read(tmp_path / "probes.parquet")


def test_probes_say_what_each_budget_changes(folder, tmp_path, capsys):
    table = probed(folder, tmp_path)
    assert len(table) == 8 * len(BUDGETS) and table["closed"].all() and table["answered"].all()
    longer = table["tokens"] > table["budget"] - 1  # the mark is a token of the budget, too
    assert table["forced"].to_list() == longer.to_list()
    assert "tokens by themselves" in capsys.readouterr().out


def test_a_budget_that_no_probe_uses_up_is_refused(folder, tmp_path):
    said = r"budgets: 100 was given, and none of 8 probes uses it up \(their longest thought has \d+ tokens\)"
    with pytest.raises(InputError, match=said):
        probed(folder, tmp_path, budgets=[3, 100], answer_tokens=2)


def test_marks_that_the_model_does_not_write_are_refused(folder, tmp_path):
    other = FORM | {"thought": {"open": "<x>", "close": "</x>", "begun": False}}
    with pytest.raises(InputError, match="none of 8 probes has a thought between <x> and </x>"):
        probed(folder, tmp_path, other)
    never = FORM | {"thought": {"open": OPEN, "close": "</x>", "begun": False}}
    with pytest.raises(InputError, match="none of 8 probes closes its thought with </x>"):
        probed(folder, tmp_path, never)


EVALUATED = {
    "seed": 1,
    "budgets": BUDGETS,
    "token_budgets": None,
    "orders": 50,
    "aggregation": "last",
    "replicates": 50,
    "folds": 3,
    "repeats": 2,
    "clusters": "text",
    "bootstrap": 20,
}


@pytest.fixture(scope="module")
def evaluated(folder):
    roles = {"problems": [folder / "problems.parquet"]}
    drawn = roles | {"samples": [folder / "samples.parquet"], "scores": []}
    spec = {"bins": 2, "ties": "split", "samples": "shared", "aggregation": "last"}
    measure_difficulty.run(spec, drawn, folder / "difficulty.parquet", runtime())
    roles |= {"difficulty": [folder / "difficulty.parquet"]}
    roles |= {f"thoughts_{budget}": [folder / "think" / f"{budget}.parquet"] for budget in BUDGETS}
    evaluate_thinking.run(EVALUATED, roles, folder / "evaluated", runtime())
    return folder / "evaluated"


def test_the_surface_has_every_budget_at_every_number_of_samples(folder, evaluated):
    surface = THINKING.read(evaluated / "thinking.parquet")
    plain = surface.filter(selection="majority", shortest=0)
    for budget in BUDGETS:
        rows = plain.filter(thinking=budget)
        assert {1, 2, 4, 8, 16} <= set(rows["samples"])
        one, samples = rows.filter(samples=1), at(folder, budget)
        assert one["accuracy"][0] == pytest.approx(samples["correct"].mean())
        assert one["tokens"][0] == pytest.approx(samples["tokens"].mean())
        assert one["thinking_tokens"][0] == pytest.approx(samples["thinking_tokens"].mean())
        assert one["forced"][0] == pytest.approx(samples["forced"].mean())
    assert set(surface["shortest"]) == {0, 1, 3}


def test_budgets_of_thought_are_chosen_at_budgets_of_tokens(evaluated):
    curves, choices = (
        THINKING_CURVES.read(evaluated / "thinking_curves.parquet"),
        THINKING_CHOICES.read(evaluated / "thinking_choices.parquet"),
    )
    surface = THINKING.read(evaluated / "thinking.parquet")
    assert {"best_fixed", "compute_optimal", "oracle", "majority(thinking=12)"} <= set(curves["strategy"])
    last = choices.filter(pl.col("budget") == pl.col("budget").max())["strategy"]
    assert last.str.starts_with("majority(thinking=12").mean() > 0.5
    for row in curves.filter(strategy="majority(thinking=6)", bins="none").iter_rows(named=True):
        paid = surface.filter(pl.col("tokens") <= row["budget"], thinking=6, selection="majority", shortest=0)
        assert row["accuracy"] == pytest.approx(paid.sort("samples")["accuracy"][-1])
    # With tokens enough the longest thoughts are worth it, and the choice on other questions finds that
    whole = curves.filter(pl.col("budget") == pl.col("budget").max(), bin=0, bins="none")
    accuracy = dict(whole.select("strategy", "accuracy").iter_rows())
    assert accuracy["oracle"] >= accuracy["majority(thinking=12)"] > accuracy["majority(thinking=3)"] + 0.2
    assert accuracy["best_fixed"] > accuracy["majority(thinking=6)"]


def test_the_figure_is_drawn_from_the_two_tables(evaluated, tmp_path):
    """Numbers of the surface are on it, and a study without budgets of thought has none."""
    names = ("thinking", "thinking_curves")
    spec = {"formats": ["svg"], "dpi": 50, "seed": 0, "aggregation": "last", "stated": {"seed": 0}}
    plot.run(spec, {name: [evaluated / f"{name}.parquet"] for name in names}, tmp_path / "plot", runtime())
    drawn = {each["name"]: each for each in json.loads((tmp_path / "plot/index.json").read_text())}
    assert drawn["thinking"]["files"] == ["thinking.svg"] and drawn["thinking"]["main"]
    figure = (tmp_path / "plot/thinking.svg").read_text()
    for row in THINKING.read(evaluated / "thinking.parquet").filter(
        selection="majority", shortest=0, samples=4
    )["accuracy"]:
        assert f"<!-- {100 * row:.0f} -->" in figure
    plot.run(spec, {}, tmp_path / "without", runtime())
    without = {each["name"]: each for each in json.loads((tmp_path / "without/index.json").read_text())}
    assert without["thinking"]["skipped"] == "the study has no budgets of thought"
