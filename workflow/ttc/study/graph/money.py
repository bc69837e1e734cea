"""Accuracy by what a question may cost, of studies whose models have prices."""

from ttc.study.artifact import Artifact, Part
from ttc.study.graph.base import Add
from ttc.study.graph.generations import Material
from ttc.study.sections.configuration import Configuration

MEASURED = ("money_curves", "money_choices", "money_matched")


def prices_of(material: Material) -> dict:
    """What the specification of `evaluate` has besides where there are prices; as before without."""
    return {} if material.prices is None else {"prices": material.prices}


def prompts_of(material: Material) -> dict[str, list]:
    """Further inputs of `evaluate` there: how long prompts are, which are read, too."""
    if material.prices is None:
        return {}
    return {"prompts": material.prompts, "larger_prompts": material.larger_prompts}


def plan_money(
    configuration: Configuration, add: Add, material: Material, spec: dict, **measured: list[Artifact]
) -> dict[str, list[Part]]:
    """Add accuracy by money, chosen as allocators choose by `spec`; its tables by name, nothing without prices.

    measured: outcomes and difficulty.
    """
    if material.prices is None:
        return {}
    made = add(
        "evaluate_money",
        material.name,
        spec | {"currency": configuration.currency},
        parts=tuple(f"{each}.parquet" for each in MEASURED),
        problems=material.problems,
        **measured,
    )
    return {each: [made.part(f"{each}.parquet")] for each in MEASURED}
