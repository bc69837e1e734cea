"""The stages that read with a judge: what is written is kept and billed, after a kill nothing is asked again."""

import polars as pl
import pytest

from tests.support import judges
from tests.support.judges import PROBLEM, STEPS
from tests.support.killed_work import Killed, KilledWork
from ttc.errors import InputError
from ttc.runtime import Runtime
from ttc.stages import preflight, score, score_revisions
from ttc.tables import revisions
from ttc.tables.generation import PREFLIGHT, PROBLEMS, SAMPLES, SCORES
from ttc.tables.revisions import CHAIN_SCORES
from ttc.verifiers.judging import Critique
from ttc.verifiers.kinds.judge_critique import JudgeCritique
from ttc.verifiers.open import open_verifier

HOW = Critique(count=2, max_tokens=6, temperature=1.0, verdict="probability", seed=1)
TEXTS = ["\n".join(STEPS), STEPS[0], "", "\n".join(STEPS), "3 + 4 = 8.", "7", "8", "#### 7"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def inputs(folder):
    problem = {"problem_id": "p", "split": "test", "level": 1, "question": PROBLEM, "answer": "7"}
    PROBLEMS.write(
        pl.DataFrame([problem | {"solution": ""}], schema=PROBLEMS.dtypes), folder / "problems.parquet"
    )
    plain = {"problem_id": "p", "answer": None, "correct": False, "tokens": 1, "logprob": 0.0}
    rows = [
        plain | {"text": text, "finish_reason": "stop", "sample_index": index}
        for index, text in enumerate(TEXTS)
    ]
    SAMPLES.write(pl.DataFrame(rows, schema=SAMPLES.dtypes), folder / "samples.parquet")
    chained = [
        plain | {"text": text, "finish_reason": "stop", "chain": 0, "step": step, "context_tokens": 1}
        for step, text in enumerate(TEXTS[:3])
    ]
    revisions.CHAINS.write(pl.DataFrame(chained, schema=revisions.CHAINS.dtypes), folder / "chains.parquet")
    return {name: [folder / f"{name}.parquet"] for name in ("problems", "samples", "chains")}


@pytest.fixture(scope="module")
def models(folder):
    return {kind: judges.model_directory(folder / kind, kind, seed=5) for kind in ("judge", "judge_critique")}


def spec(folder, reads, asks="solution", **more):
    how = HOW if reads == "judge_critique" else None
    asked = judges.asking(folder / "words", asks, how, **({"verdict": "So:"} if how else {}))
    return {"format": reads, "judge": asked} | more


def test_a_killed_scoring_goes_on_and_asks_nothing_again(folder, inputs, models, tmp_path, monkeypatch):
    given = {name: inputs[name] for name in ("problems", "samples")} | {
        "verifier": [models["judge_critique"]]
    }
    said = spec(folder, "judge_critique", kind="prm")
    asked = []
    own = JudgeCritique.critiques
    monkeypatch.setattr(JudgeCritique, "critiques", lambda self, some: asked.extend(some) or own(self, some))
    score.run(said, given, tmp_path / "whole.parquet", Runtime(device="cpu"))
    once, deaths = sorted(asked), 0
    asked.clear()
    monkeypatch.setattr(score, "BLOCKS", 2)
    while True:
        work = KilledWork(tmp_path / "work", {"job": 1}).open()
        try:
            score.run(said, given, tmp_path / "again.parquet", Runtime(device="cpu", batch_rows=1, work=work))
            break
        except Killed:
            deaths += 1
    assert deaths > 2 and sorted(asked) == once and len(set(once)) == len(once)
    whole, again = (SCORES.read(tmp_path / f"{name}.parquet") for name in ("whole", "again"))
    assert whole.equals(again)
    rows = {row["sample_index"]: row for row in whole.iter_rows(named=True)}
    assert rows[0]["step_scores"] == rows[3]["step_scores"] and rows[0]["written"] == rows[3]["written"] > 0
    assert rows[2]["step_scores"] == [0.0] and (rows[2]["tokens"], rows[2]["written"]) == (0, 0)
    assert all(row["written"] < row["tokens"] for index, row in rows.items() if index != 2)


def test_what_writes_nothing_has_no_such_column(folder, inputs, models, tmp_path):
    given = {name: inputs[name] for name in ("problems", "samples")} | {"verifier": [models["judge"]]}
    score.run(
        spec(folder, "judge", "steps", kind="prm"), given, tmp_path / "scores.parquet", Runtime(device="cpu")
    )
    made = SCORES.read(tmp_path / "scores.parquet").sort("sample_index")
    assert "written" not in made.columns
    by_hand = judges.ByHand(models["judge"] / "weights")
    assert made["step_scores"][0].to_list() == pytest.approx(by_hand.steps(PROBLEM, STEPS), abs=1e-5)


@pytest.mark.parametrize("kind", ["judge", "judge_critique"])
def test_revisions_are_judged_alone(folder, inputs, models, tmp_path, kind):
    given = {name: inputs[name] for name in ("problems", "chains")} | {"verifier": [models[kind]]}
    score_revisions.run(
        spec(folder, kind, max_context=0), given, tmp_path / "scores.parquet", Runtime(device="cpu")
    )
    made = CHAIN_SCORES.read(tmp_path / "scores.parquet")
    assert ("written" in made.columns) == (kind == "judge_critique")
    if kind == "judge":
        by_hand = judges.ByHand(models["judge"] / "weights")
        expected = [by_hand.solution(PROBLEM, steps) for steps in (STEPS, STEPS[:1])]
        assert made["score"].to_list() == pytest.approx([*expected, 0.0], abs=1e-5)


@pytest.mark.parametrize("asks", ["solution", "steps"])
def test_a_preflight_asks_in_the_words_of_the_study(folder, models, tmp_path, asks):
    """A judge that is right about each example passes, and with the verdicts turned round it does not."""
    said = spec(folder, "judge", asks)
    verifier = open_verifier(models["judge"], "judge", Runtime(device="cpu"), judge=said["judge"])
    scores = verifier.score([PROBLEM, PROBLEM], [STEPS, ["3 + 4 = 8.", "#### 8"]])
    middle = sorted(score for each in scores for score in each)[2]
    for right in (True, False):
        examples = [
            {"problem": PROBLEM, "steps": steps, "verdicts": [(score >= middle) == right for score in each]}
            for steps, each in zip([STEPS, ["3 + 4 = 8.", "#### 8"]], scores, strict=True)
        ]
        output = tmp_path / f"{right}.parquet"
        how = said | {"least_auc": 0.9, "examples": examples}
        if right:
            preflight.run(how, {"verifier": [models["judge"]]}, output, Runtime(device="cpu"))
            assert PREFLIGHT.read(output)["score"].to_list() == pytest.approx(
                [score for each in scores for score in each], abs=1e-6
            )
        else:
            with pytest.raises(
                InputError, match="does not tell right steps of the golden examples from wrong"
            ):
                preflight.run(how, {"verifier": [models["judge"]]}, output, Runtime(device="cpu"))
