"""Sizes of models, and the FLOPs of what is done with them.

fetched: parameters of the fetched models, by key (`ttc.estimate.published.sizes`); of all others the shape tells.
"""

from collections.abc import Mapping

from ttc.estimate.counts import STAGES, Work
from ttc.flops import FORWARD, forward, learning
from ttc.problems.task import load
from ttc.study.artifact import Artifact

Sizes = Mapping[str, int]
FROM_SCRATCH = ("train_policy", "train_larger_policy")
NONE: Sizes = {}


def parameters(model: Artifact, fetched: Sizes = NONE) -> int:
    """Parameters of a model, tied ones once, embeddings included; as its card counts them."""
    if model.stage == "fetch_model":
        return fetched[model.key]
    if model.stage == "train_reviser" or "fine_tuning" in model.spec:
        # Of a verifier the head takes the place of the output matrix: where that is not tied, this is a little high
        return parameters(base(model), fetched)
    shape = _shape(model)
    if model.stage in FROM_SCRATCH:
        return shape["vocabulary"] * shape["hidden"] + _layers(shape, shape["layers"]) + shape["hidden"]
    hidden, fresh = shape["hidden"], model.spec["model"]["fresh_layers"]
    joint = (2 * hidden + 2) * hidden + hidden
    # The fresh layers have a norm and one embedding, which is never read, of their own; the score has a bias.
    return parameters(base(model)) + joint + _layers(shape, fresh) + 2 * hidden + hidden + 1


def base(model: Artifact) -> Artifact:
    """The model that another was trained from."""
    return (model.inputs.get("reviser") or model.inputs["policy"])[0]


def _shape(model: Artifact) -> dict:
    """Shape of the policy at the root of a model, with the size of its vocabulary."""
    while model.stage not in FROM_SCRATCH:
        model = base(model)
    task = model.spec["task"]
    return model.spec["model"] | {"vocabulary": load(task).vocabulary_size(task)}


def _layers(shape: dict, count: int) -> int:
    hidden = shape["hidden"]
    keys = hidden // shape["heads"] * shape["kv_heads"]
    return count * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * shape["intermediate"] + 2 * hidden)


def flops(artifact: Artifact, work: Work, fetched: Sizes = NONE) -> dict[str, float]:
    """FLOPs by kind of work: 2 per parameter and token that is decoded or read, 6 per one that is learnt from."""
    if artifact.stage not in STAGES or artifact.stage == "pair_revisions":
        return {}
    if artifact.stage.startswith("train_"):
        own = parameters(artifact, fetched)
        return {"train": learning(own, work.trained), "read": forward(own, work.verified)}
    writers, verifiers = _models(artifact)
    writer, verifier = (parameters(each[0], fetched) if each else 0 for each in (writers, verifiers))
    return {
        "decode": forward(writer, work.decoded),
        "read": FORWARD * (writer * work.prompted + verifier * work.verified),
    }


def largest_model(artifact: Artifact, fetched: Sizes = NONE) -> int:
    """Parameters of the largest model that a job works with; 0 without one."""
    if artifact.stage.startswith("train_"):
        return parameters(artifact, fetched)
    return max((parameters(model, fetched) for models in _models(artifact) for model in models), default=0)


def _models(artifact: Artifact) -> tuple[list, list]:
    if artifact.stage not in STAGES or artifact.stage == "pair_revisions":
        return [], []
    inputs = artifact.inputs
    verifiers = inputs.get("verifier") or []
    # Where only a verifier works, it writes what is written: a judge's critiques
    return inputs.get("reviser") or inputs.get("policy") or verifiers, verifiers
