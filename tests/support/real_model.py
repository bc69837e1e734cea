"""What the tests in tests/real share: the stages of a study of SmolLM2-135M-Instruct, run one by one.

Only `make test-real` runs them: the model is 93 MB, and minutes of work.
"""

import importlib
import os
from pathlib import Path

import pytest
import torch

from ttc.runtime import Runtime
from ttc.study.artifact import Artifact, Part
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load, merge
from ttc.study.plan import Plan
from ttc.study.stages import STAGES

QUESTIONS, SAMPLES = 12, 8
BUDGETS = [1, 2, 4, 8]
SMALL = {
    "problems": {"test": {"take": QUESTIONS}},
    "sampling": {"samples": SAMPLES, "block_problems": QUESTIONS, "block_samples": SAMPLES},
    "difficulty": {"bins": 2},
    "evaluation": {"budgets": BUDGETS, "replicates": 10},
    "figures": {"sweep_budgets": BUDGETS[1:]},
}
GAP = 1e-4  # between two logits that another order of additions may put in another order


def only_if_asked_for() -> None:
    """Skip a module unless `make test-real` runs it."""
    if "TTC_REAL" not in os.environ:
        pytest.skip("`make test-real` runs it, on a model of 93 MB", allow_module_level=True)


class Study:
    """studies/laptop.yaml in miniature on the model `gguf`, with `sections` laid over it; results lie in `folder`."""

    def __init__(self, gguf: Path, folder: Path, **sections):
        given = merge(load(ROOT / "config.yaml", ROOT / "studies/laptop.yaml"), SMALL)
        model = {"policy": {"checkpoint": {"path": str(gguf)}}}
        self.plan: Plan = plan_study(merge(merge(given, model), sections), ROOT)
        self.folder = folder

    def made(self, stage: str) -> list[Path]:
        """The results of a stage, made with all that they need."""
        return [self._made(artifact) for artifact in self.plan.of(stage)]

    def _made(self, given) -> Path:
        if isinstance(given, Part):
            return self._made(given.artifact) / given.name
        if not isinstance(given, Artifact):
            return ROOT / given.given
        output = self.folder / given.stage / f"{given.name}{STAGES[given.stage].suffix}"
        if not output.exists():
            inputs = {role: [self._made(each) for each in several] for role, several in given.inputs.items()}
            output.parent.mkdir(parents=True, exist_ok=True)
            importlib.import_module(f"ttc.stages.{given.stage}").run(
                given.spec, inputs, output, Runtime(device="cpu")
            )
        return output


@torch.inference_mode()
def check_same(network, prompt: list[int], made: list[int], expected: list[int]) -> bool:
    """Whether two greedy continuations are the same; AssertionError if they part where no rounding explains it.

    They may part at one token only where the two best logits after what they share differ by less than `GAP`.
    """
    shared = next(
        (place for place, pair in enumerate(zip(made, expected, strict=False)) if pair[0] != pair[1]),
        min(len(made), len(expected)),
    )
    if shared == len(made) == len(expected):
        return True
    logits = network(torch.tensor([prompt + made[:shared]])).logits[0, -1]
    first, second = logits.topk(2).values.tolist()
    assert first - second < GAP, (shared, made, expected, first - second)
    return False
