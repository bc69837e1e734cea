"""Analysis, from generations to the published study: the same stages for generated and for imported pools."""

from pathlib import Path

from ttc.figures.captions import specification
from ttc.flops import ROLES
from ttc.study.artifact import Artifact, Part
from ttc.study.graph.base import Add
from ttc.study.graph.further import plan_further
from ttc.study.graph.generations import Material
from ttc.study.graph.methods import declared
from ttc.study.graph.money import MEASURED as PRICED
from ttc.study.graph.money import plan_money, prices_of, prompts_of
from ttc.study.graph.notebooks import plan_notebooks
from ttc.study.graph.thinking import plan_thinking
from ttc.study.relevant import shown_configuration, without_sharding
from ttc.study.sections.configuration import Configuration
from ttc.study.sections.revision import PROMPT

# Tables of what to do with a budget
ADVISED = ("advice", "cheapest")
# Tables of budgets spread across questions
SPREAD = ("spending", "spent", "break_even")
# Tables of budgets shared out among samples, searches, revisions and the larger policy
SHARED = ("hybrid", "hybrid_choices", "hybrid_spent", "hybrid_break_even")
# Tables of the comparison of several pools
COMPARED = ("pool_accuracy", "pool_pairs", "pool_exchange")
# Tables of further measurements that the report speaks of
FURTHER = ("extrapolation", "best")
# Tables that the first screen of the report is made of
REPORTED = (
    *ADVISED,
    "stopping",
    "stopping_curves",
    "spending",
    "hybrid",
    "exchange",
    "thinking_curves",
    "thinking_choices",
)
# Tables that findings are measured on, beside the chains; a study may lack some.
FOUND = ("outcomes", "difficulty", "allocation", "exchange", "transitions", "verifier_quality")


def plan_analysis(configuration: Configuration, add: Add, material: Material) -> dict[str, list[Artifact]]:
    """Add difficulty, outcomes, allocation, exchange and findings of one policy; return them by role."""
    seed = {"seed": configuration.seed}
    evaluation, exchange = configuration.evaluation, configuration.exchange
    ablations = configuration.ablations
    models = {role: material.models.get(role, []) for role in ROLES}
    name = material.name
    difficulty = add(
        "measure_difficulty",
        name,
        configuration.difficulty.model_dump() | {"aggregation": evaluation.aggregation},
        problems=material.problems,
        samples=material.samples,
        scores=material.scores,
    )
    outcomes = add(
        "evaluate",
        name,
        seed
        | evaluation.model_dump(exclude={"noisy_verifiers"})
        | ({} if ablations.aggregations else {"aggregations_compared": []})
        | {"noisy_verifiers": evaluation.noisy_verifiers.model_dump() if ablations.verifier_quality else None}
        | {
            "searches": [strategy for strategy, _ in material.searches],
            "larger_searches": [strategy for strategy, _ in material.larger_searches],
            "parameters": material.parameters,
        }
        | {"difficulty_samples": configuration.difficulty.samples, "ratios": material.ratios}
        | prices_of(material),
        problems=material.problems,
        samples=material.samples,
        scores=material.scores,
        orm_scores=material.orm_scores,
        searches=[search for _, search in material.searches],
        chains=material.chains,
        chain_scores=material.chain_scores,
        chain_scores_no_history=material.chain_scores_no_history,
        chain_scores_prm=material.chain_scores_prm,
        rest_chains=material.rest_chains,
        larger_greedy=material.larger_greedy,
        larger_samples=material.larger_samples,
        larger_scores=material.larger_scores,
        larger_searches=[search for _, search in material.larger_searches],
        **models,
        **prompts_of(material),
    )
    measured = {"outcomes": [outcomes], "difficulty": [difficulty]}
    spec = seed | configuration.allocation.model_dump() | {"competing_methods": _competing(material)}
    measured["allocation"] = [add("fit_allocator", name, spec, problems=material.problems, **measured)]
    measured |= _advice(add, name, spec, material, outcomes, difficulty)
    by_money = {each: value for each, value in spec.items() if each != "at_most"}
    measured |= plan_money(
        configuration, add, material, by_money, outcomes=[outcomes], difficulty=[difficulty]
    )
    exchanges = []
    if material.larger_greedy and configuration.sized:
        spec = seed | {
            "versions": exchange.versions,
            "ratios": exchange.ratios.model_dump(include=set(exchange.versions)),
            "verifier_curves": exchange.verifier_curves,
            "bootstrap": exchange.bootstrap,
            "parameters": material.parameters,
        }
        compared = {role: models[role] for role in ("policy", "larger_policy")}
        exchanges = [add("match_flops", name, spec, **measured, **compared)]
    measured["exchange"] = exchanges
    measured |= _spending(configuration, add, material, difficulty, outcomes)
    chains = {"chains": material.chains, "chain_scores": material.chain_scores}
    scored = {"scores": material.scores, "orm_scores": material.orm_scores}
    # The PRM is measured on samples, for which it is made
    scored |= chains if material.chain_verifier == "revision_orm" else {role: [] for role in chains}
    measured |= _verifiers(configuration, add, name, samples=material.samples, **scored)
    measured |= _stopping(configuration, add, material)
    measured["transitions"] = []
    if material.chains:
        spec = seed | {"bootstrap": configuration.findings.bootstrap}
        measured["transitions"] = [
            add("trace_revisions", name, spec, chains=material.chains, rest_chains=material.rest_chains)
        ]
    revised = configuration.revision.model_dump(include={"first_answer", "max_context"})
    read = {role: measured.get(role, []) for role in FOUND} | chains | {"prm": models["prm"]}
    spec = seed | configuration.findings.model_dump()
    if configuration.revision.by == PROMPT:
        revised["max_context"] = None  # nobody was trained on so many
    spec |= revised if material.chains else dict.fromkeys(revised)
    if material.chain_verifier != "revision_orm":
        spec["chain_verifier"] = material.chain_verifier
    measured["findings"] = [add("find", name, spec, **read)]
    aggregated = {"aggregation": evaluation.aggregation}
    roles = {"problems": material.problems, "samples": material.samples, "scores": material.scores}
    measured["solutions"] = [add("pick_solutions", name, aggregated, **roles)]
    measured |= plan_further(configuration, add, material, measured)
    measured |= plan_thinking(configuration, add, material, difficulty)
    # For other studies; nothing here reads it
    add("list_questions", name, {}, problems=material.problems)
    return measured


def _competing(material: Material) -> list[str]:
    """The search methods that compete by default among those of a policy."""
    searched = [strategy for strategy, _ in material.searches]
    return [method for method, each in declared(searched, "competes").items() if each["competes"]]


def plan_comparison(
    configuration: Configuration,
    add: Add,
    materials: list[Material],
    measured: list[dict[str, list[Artifact]]],
) -> dict[str, list[Part]]:
    """Add the comparison of several policies with each other; its tables by name, empty lists where there is one."""
    if len(materials) < 2:
        return {name: [] for name in COMPARED}
    exchange = configuration.exchange
    spec = {
        "seed": configuration.seed,
        "pools": [
            {
                "name": each.name,
                "model": each.title,
                "parameters": (each.parameters or {}).get("policy"),
                "competing_methods": _competing(each),
            }
            for each in materials
        ],
        "allocation": configuration.allocation.model_dump(),
        "versions": exchange.versions,
        "ratios": exchange.ratios.model_dump(include=set(exchange.versions)),
        "verifier_curves": exchange.verifier_curves,
        "bootstrap": exchange.bootstrap,
    }
    roles = ("outcomes", "difficulty", "allocation")
    read = {role: [artifact for each in measured for artifact in each[role]] for role in roles}
    read["problems"] = [artifact for each in materials for artifact in each.problems]
    parts = tuple(f"{name}.parquet" for name in COMPARED)
    made = add("compare_pools", "pools", spec, parts=parts, **read)
    return {name: [made.part(f"{name}.parquet")] for name in COMPARED}


def plan_figures(
    configuration: Configuration, add: Add, material: Material, measured: dict[str, list[Artifact]]
) -> list[Artifact]:
    """Add the figures of one policy, from everything that was measured on it."""
    spec = specification(shown_configuration(configuration))
    spec["methods"] = declared([name for name, _ in material.searches], "legend", "beyond_paper")
    chains = {"chains": material.chains, "chain_scores": material.chain_scores}
    return [add("plot", material.name, spec, **measured, **chains, pool_checks=material.checks)]


def _advice(
    add: Add, name: str, spec: dict, material: Material, outcomes: Artifact, difficulty: Artifact
) -> dict[str, list]:
    """Add what to do with a budget, chosen as allocators choose; its tables by role."""
    made = add(
        "advise",
        name,
        spec,
        parts=tuple(f"{each}.parquet" for each in ADVISED),
        problems=material.problems,
        samples=material.samples,
        outcomes=[outcomes],
        difficulty=[difficulty],
    )
    return {each: [made.part(f"{each}.parquet")] for each in ADVISED}


def plan_solutions(
    configuration: Configuration,
    add: Add,
    material: Material,
    measured: dict[str, list[Artifact]],
    main: bool,
) -> None:
    """Add the pages of all solutions of one policy; those of the `main` one lie a folder nearer to the report."""
    spec = {
        "study": configuration.study.name,
        "title": material.title,
        "report": "../report.html" if main else "../../report.html",
        "aggregation": configuration.evaluation.aggregation,
    }
    add(
        "browse",
        material.name,
        spec,
        problems=material.problems,
        samples=material.samples,
        scores=material.scores,
        searches=material.shown_search,
        chains=material.chains,
        chain_scores=material.chain_scores,
        origin=material.origin,
        difficulty=measured["difficulty"],
        outcomes=measured["outcomes"],
    )


def _spending(
    configuration: Configuration, add: Add, material: Material, difficulty: Artifact, outcomes: Artifact
) -> dict[str, list]:
    """Add budgets spread across questions, and hybrids; tables by role, empty lists where the study leaves them out."""
    given = configuration.spending
    spec = {"seed": configuration.seed} | given.model_dump(
        exclude={"use", "hybrid", "hybrid_unit", "hybrid_bootstrap"}
    )
    spec |= configuration.allocation.model_dump(include={"folds", "clusters"})
    spec |= {
        "aggregation": configuration.evaluation.aggregation,
        "difficulty_samples": configuration.difficulty.samples,
        "parameters": material.parameters,
    }
    read = {
        "problems": material.problems,
        "samples": material.samples,
        "scores": material.scores,
        "difficulty": [difficulty],
    } | {role: material.models.get(role, []) for role in ("policy", "prm")}
    stages = {
        "evaluate_spending": (given.use, SPREAD, ("spending.json",), spec, read),
        "evaluate_hybrid": (
            given.use and given.hybrid,
            SHARED,
            (),
            spec | {"unit": given.hybrid_unit, "bootstrap": given.hybrid_bootstrap} | prices_of(material),
            read | {"outcomes": [outcomes]} | prompts_of(material),
        ),
    }
    found: dict[str, list] = {}
    for stage, (used, tables, others, own, inputs) in stages.items():
        found |= {each: [] for each in tables}
        if used:
            parts = (*(f"{each}.parquet" for each in tables), *others)
            made = add(stage, material.name, own, parts=parts, **inputs)
            found |= {each: [made.part(f"{each}.parquet")] for each in tables}
    return found


def _verifiers(configuration: Configuration, add: Add, name: str, **scored: list) -> dict[str, list]:
    """Add the measurement of all verifiers, if there are scores; its tables by role, empty lists without scores."""
    names = ("calibration", "verifier_quality")
    if not any(scored[role] for role in ("scores", "orm_scores", "chain_scores")):
        return {each: [] for each in names}
    spec = {
        "seed": configuration.seed,
        "aggregation": configuration.evaluation.aggregation,
        "bootstrap": configuration.findings.bootstrap,
    }
    made = add("measure_verifiers", name, spec, parts=tuple(f"{each}.parquet" for each in names), **scored)
    return {each: [made.part(f"{each}.parquet")] for each in names}


def _stopping(configuration: Configuration, add: Add, material: Material) -> dict[str, list]:
    """Add the measurement of stopping rules, if there are any; its tables by role, empty lists without rules."""
    names = ("stopping", "stopping_curves", "stopping_questions")
    if configuration.stopping.rules == []:
        return {each: [] for each in names}
    spec = {"seed": configuration.seed, "aggregation": configuration.evaluation.aggregation}
    spec |= configuration.stopping.model_dump() | {"parameters": material.parameters}
    made = add(
        "evaluate_stopping",
        material.name,
        spec,
        parts=(*(f"{each}.parquet" for each in names), "stopping.json"),
        samples=material.samples,
        scores=material.scores,
        **{role: material.models.get(role, []) for role in ("policy", "prm")},
    )
    return {each: [made.part(f"{each}.parquet")] for each in names}


def plan_publication(
    configuration: Configuration,
    add: Add,
    materials: list[Material],
    measured: list[dict[str, list[Artifact]]],
    further: dict[str, list],
    root: Path,
) -> None:
    """Add report, gallery and notebooks: of the first policy, with the figures of the others beside its own.

    `further`: inputs of the report by role, beside those that every study has.
    """
    material, others, measured = materials[0], measured[1:], measured[0]
    shown = without_sharding(shown_configuration(configuration))
    report = {"study": configuration.study.name, "configuration": shown}
    report |= configuration.report.model_dump()
    report["extract"] = material.extract
    report["pools"] = [each.title for each in materials]
    figures = [folder for each in (measured, *others) for folder in each["figures"]]
    add(
        "report",
        material.name,
        report,
        problems=material.problems,
        samples=material.samples,
        scores=material.scores,
        searches=material.shown_search,
        chains=material.chains,
        chain_scores=material.chain_scores,
        origin=material.origin,
        curves=measured["allocation"],
        pool_checks=material.checks,
        figures=figures,
        **{role: measured.get(role, []) for role in ("findings", *REPORTED, *COMPARED, *FURTHER)},
        **{role: measured[role] for role in PRICED if role in measured},
        **further,
        **{role: material.models.get(role, []) for role in ROLES},
    )
    examples = {"search": material.shown_search, "revisions": material.chains}
    parts = [part for part, found in examples.items() if found and configuration.report.examples]
    gallery = {"study": configuration.study.name, "parts": parts, "pools": report["pools"]}
    add("gallery", material.name, gallery, figures=figures)
    if configuration.notebooks.use:
        plan_notebooks(add, material, measured | further | {"pool_checks": material.checks}, root)
