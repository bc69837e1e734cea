"""Stage `evaluate_stopping`: rules that stop sampling early, on the test problems' samples in random order."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.evaluation.exchange import model_parameters
from ttc.evaluation.pool import sample_pools, verdicts_only
from ttc.models.identity import identities
from ttc.runtime import Inputs, Runtime
from ttc.stopping import take_home
from ttc.stopping.measure import Measurement, Options
from ttc.stopping.questions import of_pool
from ttc.tables.stopping import STOPPING, STOPPING_CURVES, STOPPING_QUESTIONS

DECLARATION = {
    "group": "analysis",
    "purpose": "measure rules that stop sampling early",
    "suffix": "",
    "memory": 3000,
    "minutes": 60,
    "published": {
        "stopping.parquet": "tables/stopping.parquet",
        "stopping_curves.parquet": "tables/stopping_curves.parquet",
        "stopping_questions.parquet": "tables/stopping_questions.parquet",
        "stopping.json": "tables/stopping.json",
    },
    "per_pool": True,
    "cards": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, aggregation, parameters by role (of models without a folder) and the section `stopping`.

    Inputs: samples, and scores, policy and prm where there are some.  Writes a folder with the tables `stopping`,
    `stopping_curves` and `stopping_questions`, and `stopping.json`, the rules to take home
    (`ttc.stopping.take_home`).  They are empty where samples have verdicts and no answers: such samples cannot vote.
    """
    if not inputs.get("samples"):
        raise InputError("samples: no table was given, and stopping rules are replayed on a pool of samples")
    summary, curves, by_question = [], [], []
    rules, questions = [], []
    if verdicts_only(inputs["samples"]):
        print("  there are verdicts and no answers: nothing votes, and no rule stops", flush=True)
    else:
        pools = sample_pools(inputs["samples"], {"prm": inputs.get("scores", [])})
        measured = Measurement([of_pool(pool, spec["aggregation"]) for pool in pools], _options(spec, inputs))
        rules, questions = measured.rules, measured.questions
        summary, by_question = measured.tables()
        curves = list(measured.curves())
        print(
            f"  {len(measured.rules)} rules on {len(measured.questions)} questions, at most "
            f"{measured.budgets[-1]} samples each",
            flush=True,
        )
    output.mkdir(parents=True, exist_ok=True)
    tables = ((STOPPING, summary), (STOPPING_CURVES, curves), (STOPPING_QUESTIONS, by_question))
    for table, rows in tables:
        frame = pl.DataFrame(rows, schema=table.dtypes, orient="row")
        table.write(frame, output / f"{table.name}.parquet")
    rows = [dict(zip(STOPPING.columns, row, strict=True)) for row in summary]
    fitted = {"questions": len(questions), "aggregation": spec["aggregation"]} | identities(inputs)
    promised = {name: spec[name] for name in ("loss", "confidence")}
    text = take_home.dumps(take_home.content(rules, questions, rows, fitted, promised))
    (output / "stopping.json").write_text(text, encoding="utf-8")


def _options(spec: dict, inputs: Inputs) -> Options:
    parameters = model_parameters(spec["parameters"], inputs)
    return Options(
        seed=spec["seed"],
        rules=spec["rules"],
        budgets=spec["budgets"],
        orders=spec["orders"],
        folds=spec["folds"],
        bootstrap=spec["bootstrap"],
        loss=spec["loss"],
        confidence=spec["confidence"],
        policy=parameters["policy"],
        verifier=parameters["prm"],
    )
