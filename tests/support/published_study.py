"""A study of published models in miniature: small checkpoints of three architectures, problems as GSM8K has them.

`GIVEN` has a published verifier, `TRAINED` fine-tunes all of its own; both have the same policies and problems.
"""

import os
import subprocess
from pathlib import Path

import yaml

from tests.support import small_models
from tools import equality_matrix
from ttc.study.config import merge

ROOT = Path(__file__).resolve().parents[2]
TESTS, TRAINING = 16, 48
PLAIN = "template: '{problem}'\nextract: [hashes]\n"  # a prompt file
SOURCE = {"columns": {"question": "question", "solution": "answer"}, "extract": ["hashes"]}
QUICK = {
    "sampling": {
        "samples": 8,
        "block_problems": 8,
        "block_samples": 8,
        "larger_samples": 4,
        "max_tokens": 36,
        "train_problems": 32,
        "train_samples": 4,
    },
    "evaluation": {"budgets": [1, 2, 4, 8], "replicates": 10},
    "difficulty": {"bins": 2},
    "allocation": {"repeats": 2, "bootstrap": 20},
    "stopping": {"orders": 4, "folds": 3, "bootstrap": 20},
    "spending": {"probes": [1, 2], "budgets": [2, 4], "orders": 4, "bootstrap": 10, "hybrid_bootstrap": 10},
    "extrapolation": {"bootstrap": 20},
    "exchange": {"bootstrap": 20},
    "findings": {"bootstrap": 20},
    "figures": {"formats": ["svg"], "bootstrap": 20, "sweep_budgets": [4, 8], "ratio_budget": 4},
    "report": {"examples": 1},
}
# What a study of a pool has of these; its budgets follow from its samples
OF_A_POOL = {
    name: QUICK[name]
    for name in ("difficulty", "allocation", "stopping", "spending", "extrapolation", "findings", "report")
} | {
    "evaluation": {"budgets": None, "replicates": 10},
    "figures": QUICK["figures"] | {"sweep_budgets": [2, 4]},
}
# Three kernels take as long as many a study in miniature; one study of each kind has them
WITHOUT_NOTEBOOKS = {"notebooks": {"use": False}}
GIVEN = QUICK | {
    "study": {"name": "given"},
    "orm": {"use": False},
    "revision": {"use": False},
    "search": {
        "budgets": [4],
        "larger_budgets": [4],
        "strategies": [{"kind": "beam", "width": 2}, {"kind": "lookahead", "width": 2, "depth": 1}],
    },
}


def _tuning(steps: int, **more) -> dict:
    plain = {"batch": 8, "micro_batch": 4, "learning_rate": 0.001, "evaluations": 2, "dtype": "float32"}
    return {"fine_tuning": plain | {"steps": steps} | more}


TRAINED = (
    QUICK
    | WITHOUT_NOTEBOOKS
    | {
        "study": {"name": "trained"},
        "prm": {"samples": 4} | _tuning(8),
        "orm": {"samples": 4} | _tuning(4, lora={"rank": 4}),
        "revision": {
            "max_context": 2,
            "max_generations": 4,
            "ratios": "all",
            "pairs": {"train_problems": 32, "samples": 16, "per_problem": 4},
            "verifier": {"train_problems": 24, "chains": 2, "length": 2} | _tuning(4),
            "rest": {
                "train_problems": 40,
                "chains": 4,
                "length": 3,
                "test_chains": 2,
                "test_length": 3,
            }
            | _tuning(4),
        }
        | _tuning(4),
        "search": {"budgets": [4], "larger_budgets": [4], "strategies": [{"kind": "beam", "width": 2}]},
    }
)


def write(folder: Path, steps: int = 0) -> Path:
    """Problems, a prompt and checkpoints below `folder`; the policies are trained for some steps."""
    tests = small_models.write_problems(folder / "test.jsonl", TESTS, 1)
    asked = set(tests.read_text().splitlines())
    training = small_models.write_problems(folder / "train.jsonl", TESTS + TRAINING, 2)
    others = [line for line in training.read_text().splitlines() if line not in asked]
    training.write_text("".join(f"{line}\n" for line in others[:TRAINING]))
    (folder / "prompt.yaml").write_text(yaml.safe_dump(small_models.PROMPT))
    small_models.checkpoint(folder / "qwen3", "qwen3", steps)
    small_models.checkpoint(folder / "llama", "llama", steps, hidden_size=96, num_attention_heads=3)
    small_models.verifier(folder / "qwen2")
    return folder


def stand_in(folder: Path, prompt: str = PLAIN) -> Path:
    """What `write` makes, as far as a plan sees it: no model, and as many problems."""
    for name in ("qwen3", "llama", "qwen2"):
        (folder / name).mkdir()
        (folder / name / "model.safetensors").write_text(name)
    for name, count in (("test", TESTS), ("train", TRAINING)):
        (folder / f"{name}.jsonl").write_text('{"question": "1 + 1?", "answer": "#### 2"}\n' * count)
    (folder / "prompt.yaml").write_text(prompt)
    return folder


def configuration(folder: Path, study: dict = GIVEN, **sections) -> dict:
    """A study on what `write` has written to `folder`, with `sections` laid over it."""

    def model(name: str, **more) -> dict:
        return {"checkpoint": {"path": str(folder / name), "dtype": "float32"} | more}

    placed = {
        "problems": {
            "test": SOURCE | {"path": str(folder / "test.jsonl"), "rows": TESTS},
            "train": SOURCE | {"path": str(folder / "train.jsonl"), "rows": TRAINING},
            "prompt": str(folder / "prompt.yaml"),
            "equality": "text",
        },
        "policy": model("qwen3"),
        "larger_policy": model("llama"),
    }
    if study["study"]["name"] == "given":
        placed["prm"] = model("qwen2", kind="qwen_extra0") | {"preflight": 0.5}
    return merge(merge(placed, study), sections)


def snakemake(
    folder: Path, configured: dict, *arguments: str, environment: dict | None = None
) -> subprocess.CompletedProcess:
    """Run Snakemake on a configuration in `folder`; standard error goes with standard output."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{configured['study']['name']}.yaml"
    file.write_text(yaml.safe_dump(configured))
    return subprocess.run(
        [*equality_matrix.snakemake(folder), "--cores", "1", *arguments, "--configfile", str(file)],
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
