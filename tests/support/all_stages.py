"""Every stage that makes or uses a model, as specs and inputs by name, on a minute task; the test modules run them."""

import importlib

from ttc.run import job

TASK = {
    "modulus": 7,
    "steps": [1, 2],
    "train_problems": 300,
    "test_problems": 8,
    "groups": [
        {
            "operations": 5,
            "error_rate": 0.3,
            "misconception": 0.5,
        }
    ],
    "topics": [{"train_share": 1.0, "test_share": 1.0, "weights": [1]}],
    "turns": {"share": 0.5, "attempts": 2, "notice": 0.5},
}
MODEL = {"layers": 1, "hidden": 16, "heads": 2, "kv_heads": 1, "intermediate": 32, "window": 112}
LARGER = {"layers": 1, "hidden": 24, "heads": 2, "kv_heads": 2, "intermediate": 32, "window": 112}
TRAINING = {
    "steps": 100,
    "batch": 16,
    "learning_rate": 0.02,
    "matrix_learning_rate": 0.02,
    "weight_decay": 0.0,
    "warmup": 0.05,
    "decay": 0.4,
    "evaluations": 4,
}
SHORT = TRAINING | {"steps": 12}
REVISER = SHORT | {"checkpoint": "after_rise", "evaluations_after_rise": 1}
VERIFIER = {"model": {"fresh_layers": 1}, "training": SHORT}
DRAW = {"temperature": 1.0, "max_tokens": 14}
# name: stage, spec without the seed, inputs by role
STAGES = {
    "problems": ("problems", {"task": TASK}, {}),
    "policy": (
        "train_policy",
        {"task": TASK, "model": MODEL, "training": TRAINING, "first_group": 0.1, "solutions_first": 0.6},
        {"problems": ["problems"]},
    ),
    "larger": (
        "train_larger_policy",
        {"task": TASK, "model": LARGER, "training": SHORT, "first_group": 0.1, "solutions_first": 0.6},
        {"problems": ["problems"]},
    ),
    "train_a": ("sample", DRAW | {"split": "train", "problems": [0, 20], "samples": [0, 5]}, "policy"),
    "train_b": ("sample", DRAW | {"split": "train", "problems": [20, 40], "samples": [0, 5]}, "policy"),
    "test": ("sample", DRAW | {"split": "test", "problems": [0, 8], "samples": [0, 6]}, "policy"),
    "greedy": (
        "sample",
        DRAW | {"split": "test", "problems": [0, 8], "samples": [0, 1], "temperature": 0.0},
        {"problems": ["problems"], "policy": ["larger"]},
    ),
    "values": (
        "roll_out",
        DRAW | {"split": "train", "problems": [5, 40], "samples": [0, 3], "rollouts": 2},
        {"problems": ["problems"], "policy": ["policy"], "samples": ["train_a", "train_b"]},
    ),
    "prm": (
        "train_prm",
        VERIFIER | {"samples": [0, 3], "task": TASK},
        {
            "problems": ["problems"],
            "policy": ["policy"],
            "samples": ["train_a", "train_b"],
            "step_values": ["values"],
        },
    ),
    "orm": (
        "train_orm",
        VERIFIER | {"samples": [0, 5]},
        {"problems": ["problems"], "policy": ["policy"], "samples": ["train_a", "train_b"]},
    ),
    "prm_scores": (
        "score",
        {"kind": "prm"},
        {"problems": ["problems"], "verifier": ["prm"], "samples": ["test"]},
    ),
    "orm_scores": (
        "score",
        {"kind": "orm"},
        {"problems": ["problems"], "verifier": ["orm"], "samples": ["test"]},
    ),
    "search": (
        "search",
        DRAW
        | {
            "split": "test",
            "problems": [0, 8],
            "strategy": {"kind": "lookahead", "width": 2, "depth": 1},
            "budget": 4,
            "max_step_tokens": None,
            "max_rounds": 6,
            "finished": "shrink",
            "duplicates": "keep",
        },
        {"problems": ["problems"], "policy": ["policy"], "verifier": ["prm"]},
    ),
    "pairs": (
        "pair_revisions",
        {"max_context": 2, "per_problem": 2},
        {"problems": ["problems"], "samples": ["train_a", "train_b"]},
    ),
    "reviser": (
        "train_reviser",
        {"max_context": 2, "training": REVISER},
        {"problems": ["problems"], "policy": ["policy"], "pairs": ["pairs"]},
    ),
    "train_chains": (
        "revise",
        DRAW
        | {
            "split": "train",
            "problems": [0, 30],
            "lengths": [3, 3],
            "max_context": 2,
            "first_answer": "policy",
        },
        {"problems": ["problems"], "reviser": ["reviser"], "policy": ["policy"]},
    ),
    "test_chains": (
        "revise",
        DRAW
        | {
            "split": "test",
            "problems": [0, 8],
            "lengths": [4, 2, 1],
            "max_context": 2,
            "first_answer": "reviser",
        },
        {"problems": ["problems"], "reviser": ["reviser"]},
    ),
    "revision_orm": (
        "train_revision_orm",
        VERIFIER | {"max_context": 2},
        {"problems": ["problems"], "reviser": ["reviser"], "chains": ["train_chains"]},
    ),
    "chain_scores": (
        "score_revisions",
        {"max_context": 2},
        {"problems": ["problems"], "verifier": ["revision_orm"], "chains": ["test_chains"]},
    ),
    "orm_alone": (
        "train_revision_orm",
        VERIFIER | {"max_context": 0},
        {"problems": ["problems"], "reviser": ["reviser"], "chains": ["train_chains"]},
    ),
    "scores_alone": (
        "score_revisions",
        {"max_context": 0},
        {"problems": ["problems"], "verifier": ["orm_alone"], "chains": ["test_chains"]},
    ),
    "prm_scores_alone": (
        "score_revisions",
        {"max_context": 0},
        {"problems": ["problems"], "verifier": ["prm"], "chains": ["test_chains"]},
    ),
    "cut_chains": (
        "revise",
        DRAW
        | {
            "split": "train",
            "problems": [0, 40],
            "lengths": [3] * 6,
            "max_context": 2,
            "first_answer": "reviser",
            "until_correct": True,
        },
        {"problems": ["problems"], "reviser": ["reviser"]},
    ),
    "rest_pairs": ("pair_revisions", {}, {"problems": ["problems"], "chains": ["cut_chains"]}),
    "rest_reviser": (
        "train_reviser",
        {"max_context": 2, "training": REVISER | {"checkpoint": "last"}},
        {"problems": ["problems"], "policy": ["policy"], "pairs": ["rest_pairs"]},
    ),
    "transitions": (
        "trace_revisions",
        {"bootstrap": 20},
        {"chains": ["train_chains"], "rest_chains": ["test_chains"]},
    ),
}
MODELS = {
    "policy": "policy",
    "larger": "policy",
    "prm": "prm",
    "orm": "orm",
    "reviser": "reviser",
    "revision_orm": "orm",
    "orm_alone": "orm",
    "rest_reviser": "reviser",
}


def run_stage(name, made, place, runtime):
    """Run one stage into `place`; `made`: the path of each artifact by name."""
    stage, spec, inputs = STAGES[name]
    if inputs == "policy":
        inputs = {"problems": ["problems"], "policy": ["policy"]}
    paths = {role: [made[each] for each in names] for role, names in inputs.items()}
    run = importlib.import_module(f"ttc.stages.{stage}").run
    run(spec if stage == "score" else {"seed": 1, **spec}, paths, place, runtime)


def place_of(name, folder):
    """Where an artifact lies in a folder: models and searches are folders themselves."""
    return folder / (name if name in MODELS or name == "search" else f"{name}.parquet")


def run_all(folder, batch_rows):
    """Run every stage; the path of each artifact by name."""
    made = {}
    for name in STAGES:
        made[name] = place_of(name, folder)
        run_stage(name, made, made[name], job.Runtime(batch_rows=batch_rows, device="cpu"))
    return made
