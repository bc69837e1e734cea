"""Independent samples and the verifiers that score them."""

from typing import Annotated

from annotated_types import Le
from pydantic import Field

from ttc.errors import InputError
from ttc.study.sections.base import (
    Block,
    Count,
    Extended,
    Origin,
    Section,
    Share,
    Temperature,
    check_at_most,
    key,
)
from ttc.study.sections.models import VerifierCheckpoint
from ttc.study.sections.thinking import Thinking
from ttc.study.sections.training import FineTuning, VerifierModel, VerifierTraining

ShardsPerJob = Annotated[Count, Field(description="sample tables that one scoring job reads")]


def check_temperature(where: str, temperature: float, samples: int) -> None:
    """InputError for several greedy samples of a problem."""
    if temperature == 0 and samples > 1:
        raise InputError(
            f"{where}: 0 was given; allowed is more, because greedy samples of a problem are all equal"
        )


class Confidence(Section):
    """Confidence of test samples in windows of their tokens, by which stopping rules may weigh votes (DeepConf)."""

    top: Annotated[Count, Le(20)] = key(
        20, "most probable tokens whose log-probabilities are averaged, at most 20"
    )
    window: Count | None = key(
        None, "tokens of a window (2048 in the paper); a shorter solution is one window; null records nothing"
    )


class Sampling(Extended):
    """Independent samples."""

    LATER = ("thinking",)

    samples: Count = key(256, "samples of each test problem")
    train_problems: Count = key(3000, "training problems that are sampled")
    train_block_problems: Block = None
    train_samples: Count = key(16, "samples of each of them")
    larger_samples: Count = key(
        64, "samples of each test problem from the larger policy, for `ablations.larger_search`"
    )
    temperature: Temperature = 1.0
    max_tokens: Count = key(40, "longest solution in tokens")
    confidence: Confidence = Confidence()
    thinking: Annotated[Thinking | None, Origin("published")] = key(
        None, "samples at several budgets of thought, too (docs/thinking.md)"
    )
    block_problems: Block = 150
    block_samples: Count = key(256, "samples per job; with the blocks fixed, more samples only add jobs")

    def check(self) -> None:
        """InputError for samples that would all be equal."""
        check_temperature("sampling.temperature", self.temperature, max(self.samples, self.train_samples))
        if self.thinking is not None:
            self.thinking.check("sampling.thinking")


class Prm(Section):
    """Process reward model, trained on Monte-Carlo step values (paper, appendix D)."""

    use: bool = key(True, "whether the study has one; without it there are no searches")
    checkpoint: Annotated[VerifierCheckpoint | None, Origin("published")] = key(
        None, "a published process reward model (docs/models.md); null trains one"
    )
    preflight: Annotated[Share | None, Origin("published")] = key(
        0.75,
        "how often, at least, a published verifier must score a right step of the golden examples above a wrong one "
        "(AUC); null lets any pass",
    )
    model: Annotated[VerifierModel, Origin("generated")] = VerifierModel()
    samples: Count = key(8, "samples of each training problem whose steps are valued")
    rollouts: Count = key(1, "rollouts from each step")
    temperature: Temperature = 1.0
    block_problems: Block = 3000
    shards_per_job: ShardsPerJob = 2
    training: Annotated[VerifierTraining, Origin("generated")] = VerifierTraining(
        steps=1200, matrix_learning_rate=0.005
    )
    fine_tuning: Annotated[FineTuning, Origin("published")] = FineTuning()

    def check(self, sampling: Sampling) -> None:
        """InputError for more samples than are drawn."""
        if self.use and self.checkpoint is None:
            check_at_most("prm.samples", self.samples, "sampling.train_samples", sampling.train_samples)


class Orm(Section):
    """Outcome reward model, trained on whole solutions."""

    use: bool = key(True, "whether the study has one")
    model: Annotated[VerifierModel, Origin("generated")] = VerifierModel()
    samples: Count = key(16, "samples of each training problem it is trained on")
    shards_per_job: ShardsPerJob = 2
    training: Annotated[VerifierTraining, Origin("generated")] = VerifierTraining(steps=600)
    fine_tuning: Annotated[FineTuning, Origin("published")] = FineTuning()

    def check(self, sampling: Sampling) -> None:
        """InputError for more samples than are drawn."""
        if self.use:
            check_at_most("orm.samples", self.samples, "sampling.train_samples", sampling.train_samples)
