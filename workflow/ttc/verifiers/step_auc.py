"""Areas under the ROC curve of a verifier's scores on held-out problems, with intervals over problems."""

import numpy as np
import polars as pl
import torch

from ttc import noise
from ttc.problems.task import load
from ttc.statistics.ranking import auc, condense, join, measures
from ttc.training.batches import Examples
from ttc.training.losses import predict, verifier_logits

RESAMPLES = 2000  # bootstrap resamples of the problems
ROWS = 256  # examples in one batch


def step_quality(
    model: torch.nn.Module,
    examples: Examples,
    rows: pl.DataFrame,
    problems: pl.DataFrame,
    task: dict,
    seed: int,
) -> dict:
    """AUC of a PRM's step scores on held-out problems.

    `step_auc`: against whether every line so far is exactly right, which the generated `task` can check (with a 95 %
    bootstrap interval over problems).  `rollout_auc`: against whether at least half of the rollouts succeeded.
    `error_auc`: only steps whose predecessors are all right, against whether the step itself is.
    """
    scores, values = predict(model, examples, verifier_logits, ROWS), examples.masked_targets()
    questions = dict(problems.select("problem_id", "question").iter_rows())
    right, fresh, owner = [], [], []
    exact = load(task).first_wrong_step
    for index, (name, solution) in enumerate(rows.select("problem_id", "text").iter_rows()):
        wrong_at = exact(task, questions[name], solution)
        steps = np.arange(len(scores[index]))
        right.append(steps < wrong_at if wrong_at is not None else np.ones(len(steps), dtype=bool))
        fresh.append(steps <= wrong_at if wrong_at is not None else np.ones(len(steps), dtype=bool))
        owner.append(np.full(len(steps), name, dtype=object))
    score, value = np.concatenate(scores), np.concatenate(values)
    right, fresh, owner = np.concatenate(right), np.concatenate(fresh), np.concatenate(owner)
    low, high = _interval(right, score, owner, seed)
    return {
        "step_auc": auc(score, right),
        "step_auc_low": low,
        "step_auc_high": high,
        "rollout_auc": auc(score, value >= 0.5),
        "error_auc": auc(score[fresh], right[fresh]),
        "steps": len(score),
        "problems": len(set(owner)),
    }


def outcome_quality(model: torch.nn.Module, examples: Examples, rows: pl.DataFrame) -> dict:
    """AUC of an ORM's scores of examples, which come from `rows`, against the verdicts."""
    scores, values = predict(model, examples, verifier_logits, ROWS), examples.masked_targets()
    return {"auc": auc(np.concatenate(scores), np.concatenate(values) >= 0.5), "solutions": len(examples)}


def _interval(labels: np.ndarray, scores: np.ndarray, owner: np.ndarray, seed: int) -> tuple:
    """95 % percentile bootstrap interval of the AUC, problems resampled; None where there is nothing to rank."""
    groups = [np.flatnonzero(owner == name) for name in sorted(set(owner))]
    judged = join([condense(scores[group], labels[group]) for group in groups])
    found = measures(judged, RESAMPLES, noise.generator(seed, "step_auc")).get("auc")
    return (None, None) if found is None else (found.low, found.high)
