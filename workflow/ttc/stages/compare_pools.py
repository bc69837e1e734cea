"""Stage `compare_pools`: several pools beside each other, paired by question, at equal FLOPs (paper §7) and money."""

from pathlib import Path

import polars as pl

from ttc.evaluation.choices import search_choice
from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import common_questions
from ttc.evaluation.comparison import STRATEGIES, Sampled, accuracies, differences, exchanges
from ttc.evaluation.cuts import cuts_of
from ttc.runtime import Inputs, Runtime
from ttc.tables.analysis import DIFFICULTY, OUTCOMES, PER_QUESTION
from ttc.tables.comparison import POOL_ACCURACY, POOL_EXCHANGE, POOL_PAIRS
from ttc.tables.generation import PROBLEMS

DECLARATION = {
    "group": "analysis",
    "purpose": "compare pools with each other",
    "suffix": "",
    "memory": 2000,
    "light": True,
    "published": {
        "pool_accuracy.parquet": "tables/pool_accuracy.parquet",
        "pool_pairs.parquet": "tables/pool_pairs.parquet",
        "pool_exchange.parquet": "tables/pool_exchange.parquet",
    },
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, pools [{name, model, parameters, competing_methods}, ..], allocation (that section), bootstrap,
    versions, ratios and verifier_curves of `exchange`.

    Roles: problems, outcomes, difficulty and allocation (folders of fit_allocator), each with one entry a pool in that
    order.
    """
    roles = (inputs[role] for role in ("problems", "outcomes", "difficulty", "allocation"))
    pools = [_read(spec, *each) for each in zip(spec["pools"], *roles, strict=True)]
    ratios = {version: spec["ratios"][version] for version in spec["versions"]}
    replicates, seed = spec["bootstrap"], spec["seed"]
    tables = (
        (POOL_ACCURACY, accuracies(pools, replicates, seed)),
        (POOL_PAIRS, differences(pools, replicates, seed)),
        (POOL_EXCHANGE, exchanges(pools, ratios, spec["verifier_curves"], replicates, seed)),
    )
    output.mkdir(parents=True, exist_ok=True)
    priced = any(pool.money for pool in pools)
    for table, rows in tables:
        last = {name: column.dtype for name, column in table.columns.items() if column.optional and priced}
        frame = pl.DataFrame(list(rows), schema=table.dtypes | last, orient="row")
        table.write(frame, output / f"{table.name}.parquet")


def _read(
    spec: dict, pool: dict, problems: Path, outcomes: Path, difficulty: Path, allocation: Path
) -> Sampled:
    table, difficulties = OUTCOMES.read(outcomes), DIFFICULTY.read(difficulty)
    # As the curves of the pool alone: the same questions at every budget
    problem_ids, lacking = common_questions(table)
    table = table.filter(pl.col("problem_id").is_in(problem_ids))
    optimal = PER_QUESTION.read(allocation / "per_question.parquet")
    optimal = optimal.filter(strategy="compute_optimal", family="search", bins="oracle")
    choice = None
    if len(optimal):
        chosen = spec["allocation"] | {"competing_methods": pool["competing_methods"]}
        alike = clusters(PROBLEMS.read(problems, ["question"]), chosen["clusters"], problem_ids)
        cuts = cuts_of(difficulties, problem_ids)["oracle"]
        choice = search_choice(table, problem_ids, lacking, cuts, alike, chosen, spec["seed"])
    names = ("problem_id", "strategy", "budget", "correct")
    voted = table.filter(pl.col("family").is_in(("baseline", "search")), pl.col("strategy").is_in(STRATEGIES))
    costs = [name for name in ("tokens", "money") if name in table.columns]
    one = table.filter(strategy="pass_at_1").with_columns(pl.col(costs).fill_null(float("nan")))
    places = difficulties.select("problem_id", "oracle", "oracle_bin").iter_rows()
    return Sampled(
        name=pool["name"],
        model=pool["model"] or pool["name"],
        parameters=pool["parameters"],
        correct=pl.concat([voted.select(names), optimal.select(names)]),
        tokens=dict(one.select("problem_id", "tokens").iter_rows()),
        difficulty={name: (rate, value) for name, rate, value in places},
        choice=choice,
        money=dict(one.select("problem_id", "money").iter_rows()) if "money" in costs else {},
    )
