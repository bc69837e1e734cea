"""Stage `train_larger_policy`: the larger policy, trained as the policy is, on the same texts."""

from ttc.stages import command
from ttc.stages.train_policy import run

__all__ = ["run"]

if __name__ == "__main__":
    command.main("train_larger_policy")
