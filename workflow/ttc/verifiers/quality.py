"""How well a verifier ranks: areas under the ROC curve on held-out problems, with intervals over problems."""

import numpy as np
import polars as pl
import torch
from sklearn.metrics import roc_auc_score

from ttc import noise
from ttc.models.batches import Examples
from ttc.models.training import predict_values
from ttc.tasks import clock

RESAMPLES = 500  # bootstrap resamples of the problems


def step_quality(
    model: torch.nn.Module,
    examples: Examples,
    rows: pl.DataFrame,
    problems: pl.DataFrame,
    modulus: int,
    seed: int,
) -> dict:
    """AUC of a PRM's step scores on held-out problems.

    `step_auc`: against whether every line so far is exactly right, which a generated task can check (with a 95 %
    bootstrap interval over problems).  `rollout_auc`: against whether at least half of the rollouts succeeded.
    `error_auc`: only steps whose predecessors are all right, against whether the step itself is.
    """
    scores, values = predict_values(model, examples)
    questions = dict(problems.select("problem_id", "question").iter_rows())
    right, fresh, owner = [], [], []
    for index, (name, solution) in enumerate(rows.select("problem_id", "text").iter_rows()):
        wrong_at = clock.first_wrong_step(questions[name], solution, modulus)
        steps = np.arange(len(scores[index]))
        right.append(steps < wrong_at if wrong_at is not None else np.ones(len(steps), dtype=bool))
        fresh.append(steps <= wrong_at if wrong_at is not None else np.ones(len(steps), dtype=bool))
        owner.append(np.full(len(steps), name, dtype=object))
    score, value = np.concatenate(scores), np.concatenate(values)
    right, fresh, owner = np.concatenate(right), np.concatenate(fresh), np.concatenate(owner)
    low, high = _interval(right, score, owner, seed)
    return {
        "step_auc": _auc(right, score),
        "step_auc_low": low,
        "step_auc_high": high,
        "rollout_auc": _auc(value >= 0.5, score),
        "error_auc": _auc(right[fresh], score[fresh]),
        "steps": len(score),
        "problems": len(set(owner)),
    }


def outcome_quality(model: torch.nn.Module, examples: Examples) -> dict:
    """AUC of an ORM's scores against the verdicts."""
    scores, values = predict_values(model, examples)
    return {"auc": _auc(np.concatenate(values) >= 0.5, np.concatenate(scores)), "solutions": len(examples)}


def shown(auc: float | None) -> str:
    """An AUC for people."""
    return "not defined (one class only)" if auc is None else f"{auc:.3f}"


def _auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """None where all labels are equal: there is nothing to rank."""
    return float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else None


def _interval(labels: np.ndarray, scores: np.ndarray, owner: np.ndarray, seed: int) -> tuple:
    """95 % percentile bootstrap interval of the AUC, problems resampled."""
    groups = [np.flatnonzero(owner == name) for name in sorted(set(owner))]
    rng = noise.generator(seed, "step_auc")
    values = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([groups[index] for index in rng.integers(0, len(groups), len(groups))])
        values.append(_auc(labels[drawn], scores[drawn]))
    values = [value for value in values if value is not None]
    return tuple(float(each) for each in np.quantile(values, [0.025, 0.975])) if values else (None, None)
