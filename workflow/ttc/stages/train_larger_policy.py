"""Stage `train_larger_policy`: the larger policy, trained as the policy is, on the same texts."""

from ttc.stages.train_policy import run

__all__ = ["run"]
