"""Stage `train_larger_policy`: the larger policy, trained as the policy is, on the same texts."""

from ttc.stages.train_policy import run

DECLARATION = {
    "group": "models",
    "purpose": "train the larger policy",
    "suffix": "",
    "gpu": True,
    "memory": 4000,
    "minutes": 480,
    "priority": 96,
}

__all__ = ["run"]
