"""Stage `evaluate`: outcomes of every strategy on every test problem at every budget."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError, nearest
from ttc.evaluation.common import all_budgets
from ttc.evaluation.difficulty import pool_half
from ttc.evaluation.exchange import model_parameters
from ttc.evaluation.money.prices import prices_of, prompted, prompts_of
from ttc.evaluation.outcomes import (
    COLUMNS,
    Method,
    Outcomes,
    Read,
    Selected,
    evaluate_chains,
    evaluate_larger_pool,
    evaluate_pool,
    evaluate_steps,
)
from ttc.evaluation.pool import revision_chains, sample_counts, sample_pools, verdicts_only
from ttc.evaluation.runs import Runs
from ttc.evaluation.selection import AGGREGATIONS, aggregate, best_of_n_weighted, encode
from ttc.runtime import Inputs, Runtime, one
from ttc.tables import search
from ttc.tables.analysis import OUTCOMES
from ttc.tables.generation import PROBLEMS

DECLARATION = {
    "group": "analysis",
    "purpose": "evaluate every strategy at every budget",
    "memory": 4000,
    "minutes": 60,
    "priority": 10,
    "published": {"": "tables/outcomes.parquet"},
    "per_pool": True,
    "cards": True,
}
# Verifier of chains -> the input with its scores
CHAIN_SCORES = {
    "revision_orm": "chain_scores",
    "revision_orm_no_history": "chain_scores_no_history",
    "prm": "chain_scores_prm",
}
# What a search's outcome is made of
CANDIDATES = ("answer", "correct", "step_scores", "generated_tokens", "verifier_tokens", "generations")
CANDIDATES += ("prompt_tokens",)


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, budgets (null: powers of two and all samples), aggregation, aggregations_compared, noisy_verifiers
    {share, acts_on} or null, replicates, difficulty_samples, ratios [[sequential, parallel], ..] or null (all),
    parameters by role (of models without a folder), searches and larger_searches (the strategies of the inputs of these
    names); prices (optional): [read, decoded] of a million tokens by role.

    Inputs but problems and samples may be missing.  `prompts` and `larger_prompts` say how long prompts are where
    samples do not.  Writes the table of outcomes.
    """
    known = set(PROBLEMS.read(one(inputs, "problems"), columns=())["problem_id"])
    method = Method(
        seed=spec["seed"],
        budgets=spec["budgets"],
        aggregation=spec["aggregation"],
        aggregations_compared=spec["aggregations_compared"],
        noisy_verifiers=spec["noisy_verifiers"],
        replicates=spec["replicates"],
        ratios=None if spec["ratios"] is None else [tuple(pair) for pair in spec["ratios"]],
        parameters=model_parameters(spec["parameters"], inputs),
    )
    for how in (method.aggregation, *method.aggregations_compared):
        if how not in AGGREGATIONS:
            raise InputError(
                f"aggregation '{how}' is not one of {', '.join(AGGREGATIONS)}{nearest(how, AGGREGATIONS)}"
            )
    if not inputs.get("samples"):
        raise InputError("samples: no table was given, and outcomes start from a pool of samples")
    outcomes = Outcomes(method.parameters, prices_of(spec.get("prices")))
    prompts = prompts_of(inputs.get("prompts", []))
    scores = {"prm": inputs.get("scores", []), "orm": inputs.get("orm_scores", [])}
    sampled = set()
    half = pool_half(spec["difficulty_samples"], "evaluation")
    votes_too = not verdicts_only(inputs["samples"])
    of_pools = method
    if method.budgets is None:
        # The same for all questions, however many samples each has
        of_pools = replace(method, budgets=all_budgets(sample_counts(inputs["samples"], half).values()))
    for pool in sample_pools(inputs["samples"], scores, half=half):
        _require(pool.problem_id, known, "samples")
        sampled.add(pool.problem_id)
        evaluate_pool(prompted(pool, prompts), of_pools, outcomes, votes_too)
    print(f"  pools of {len(sampled)} problems done, {len(outcomes.rows):,} outcomes", flush=True)
    scores = {verifier: inputs.get(role, []) for verifier, role in CHAIN_SCORES.items()}
    for chains in revision_chains(inputs.get("chains", []), scores):
        _require(chains.problem_id, sampled, "chains")
        evaluate_chains(chains, method, outcomes)
    for chains in revision_chains(inputs.get("rest_chains", []), {}):
        _require(chains.problem_id, sampled, "rest_chains")
        evaluate_steps(chains, "rest_revision_step", "rest_reviser", outcomes)
    _add_searches(spec["searches"], inputs.get("searches", []), sampled, method, outcomes)
    _add_larger(spec, inputs, sampled, method, outcomes)
    frame = pl.DataFrame(outcomes.rows, schema=_schema(), orient="row")
    OUTCOMES.write(frame if outcomes.prices else frame.drop("money"), output)


def _schema() -> dict[str, pl.DataType]:
    return {column: OUTCOMES.columns[column].dtype for column in (*COLUMNS, "money")}


def _require(problem_id: str, known: set[str], where: str) -> None:
    if problem_id not in known:
        raise InputError(f"{where}: problem '{problem_id}' is not among the study's problems")


def _add_searches(
    names: list[str],
    directories: list[Path],
    sampled: set[str],
    method: Method,
    outcomes: Outcomes,
    larger: bool = False,
) -> None:
    """Weighted best-of-N over each search's candidates (paper §5.2), at the budget that the search was billed.

    Searches of one name, problem and budget are independent runs: their mean is the outcome.
    """
    role, family, policy = (
        ("larger_searches", "larger", "larger_policy") if larger else ("searches", "search", "policy")
    )
    if len(names) != len(directories):
        raise InputError(
            f"the spec names {len(names)} {role} and {len(directories)} were given with --{role}"
        )
    runs = Runs()
    for name, directory in zip(names, directories, strict=True):
        frame = search.CANDIDATES.read(directory / "candidates.parquet", CANDIDATES)
        # Verdicts without answers have nothing in common: each candidate stands for itself
        alone = not frame["answer"].count() and bool(frame["correct"].any())
        for (problem_id,), rows in frame.group_by("problem_id", maintain_order=True):
            _require(problem_id, sampled, str(directory))
            lists = rows["step_scores"]
            flat = lists.explode(empty_as_null=False, keep_nulls=False).to_numpy()
            scores = aggregate(flat, lists.list.len().to_numpy(), method.aggregation)
            groups = np.arange(len(rows)) if alone else encode(rows["answer"].to_list())
            correct = best_of_n_weighted(groups, rows["correct"].to_numpy(), scores)
            first = rows.row(0, named=True)
            spent = (first[each] for each in ("generated_tokens", "verifier_tokens", "prompt_tokens"))
            runs.add(problem_id, name, round(first["generations"]), correct, *spent)
    for run in runs.means():
        cost = outcomes.cost(policy, run.generated, Read("prm", run.read), run.prompted)
        selected = Selected(family, run.name, "best_of_n_weighted")
        outcomes.add(run.problem_id, selected, run.budget, run.correct, cost, run.error)


def _add_larger(spec: dict, inputs: Inputs, sampled: set[str], method: Method, outcomes: Outcomes) -> None:
    """The larger policy: its greedy solution, and its samples and searches where it has some."""
    prompts = prompts_of(inputs.get("larger_prompts", []))
    for pool in sample_pools(inputs.get("larger_greedy", []), {}):
        if pool.problem_id in sampled:
            read = prompted(pool, prompts).prompt
            cost = outcomes.cost("larger_policy", pool.tokens, prompted=read)
            selected = Selected("larger", "greedy", "none")
            outcomes.add(pool.problem_id, selected, 1, pool.correct.mean(), cost)
    for pool in sample_pools(inputs.get("larger_samples", []), {"prm": inputs.get("larger_scores", [])}):
        if pool.problem_id in sampled:
            evaluate_larger_pool(prompted(pool, prompts), method, outcomes)
    found = inputs.get("larger_searches", [])
    _add_searches(spec["larger_searches"], found, sampled, method, outcomes, larger=True)
