"""Budgets of thought: the probes that show whether they bite, the samples at each, and what verifiers say of these."""

from ttc.study.artifact import Artifact, Part
from ttc.study.blocks import blocks, span
from ttc.study.graph.base import Add
from ttc.study.graph.generations import Material
from ttc.study.sections.configuration import Configuration

MEASURED = ("thinking", "thinking_curves", "thinking_choices")


def add_thoughts(study, material: Material) -> None:
    """Add samples of the test problems at every budget, by budget; `study`: `ttc.study.graph.sampling.Study`.

    They wait for a few probes, unless the study has none.
    """
    sampling = study.configuration.sampling
    thinking = sampling.thinking
    common = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "thinking": thinking.drawn,
        **study.base.generating("sample"),
    }
    made_from = {"problems": [study.problems], "policy": [study.policy]}
    checked = study.base.checked(study.policy).get("checked", [])
    if thinking.probes is not None:
        spec = study.seed | {"probes": min(thinking.probes, study.tests)} | common
        checked = [*checked, study.add("check_thoughts", "policy", spec, **made_from, checked=checked)]
    parts = tuple(f"{budget}.parquet" for budget in thinking.budgets)
    for problems in blocks(study.tests, sampling.block_problems):
        for samples in blocks(thinking.samples or sampling.samples, sampling.block_samples):
            drawn = {"split": "test", "problems": list(problems), "samples": list(samples)}
            label = f"test-{span(problems)}-{span(samples)}"
            spec = study.seed | drawn | common
            made = study.add("think", label, spec, parts=parts, **made_from, checked=checked)
            for budget in thinking.budgets:
                material.thoughts.setdefault(budget, []).append(made.part(f"{budget}.parquet"))


def score_thoughts(study, material: Material) -> None:
    """Add the process verifier's scores of samples at every budget, where the study has one."""
    if "prm" not in material.models:
        return
    for budget, samples in material.thoughts.items():
        material.thought_scores[budget] = study.score("prm", material, samples, f"thought-{budget}")


def plan_thinking(
    configuration: Configuration, add: Add, material: Material, difficulty: Artifact
) -> dict[str, list[Part]]:
    """Add the surface of accuracy over samples and tokens of thought, and the choice on it; their tables by name."""
    if not material.thoughts:
        return {}
    thinking, allocation = configuration.sampling.thinking, configuration.allocation
    spec = {
        "seed": configuration.seed,
        "budgets": list(material.thoughts),
        "token_budgets": thinking.token_budgets,
        "orders": thinking.orders,
        "aggregation": configuration.evaluation.aggregation,
        "replicates": configuration.evaluation.replicates,
        **allocation.model_dump(include={"folds", "repeats", "clusters", "bootstrap"}),
    }
    roles = {f"thoughts_{budget}": samples for budget, samples in material.thoughts.items()}
    roles |= {f"scores_{budget}": scores for budget, scores in material.thought_scores.items()}
    made = add(
        "evaluate_thinking",
        material.name,
        spec,
        parts=tuple(f"{each}.parquet" for each in MEASURED),
        problems=material.problems,
        difficulty=[difficulty],
        **roles,
    )
    return {each: [made.part(f"{each}.parquet")] for each in MEASURED}
