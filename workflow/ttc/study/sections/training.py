"""Sections of training: from scratch, of verifiers and revisers, and of published models by fine-tuning."""

from typing import Annotated, Literal

from pydantic import Field

from ttc.study.sections.base import (
    Count,
    Natural,
    NotNegative,
    Positive,
    Section,
    Share,
    key,
    text_or_list,
)

MatrixRate = Annotated[Positive, Field(description="peak learning rate of Muon: the matrices of the layers")]
Rate = Annotated[Positive, Field(description="peak learning rate of AdamW: embeddings, norms and heads")]
Kept = Literal["last", "lowest", "after_rise"]


class _Training(Section):
    steps: Count
    batch: Count
    learning_rate: Rate
    matrix_learning_rate: MatrixRate
    weight_decay: NotNegative = key(0.0, "decoupled weight decay")
    warmup: Share = key(0.03, "share of the steps, at the start, in which the rate rises")
    decay: Share = key(0.4, "share of the steps, at the end, in which it falls to zero")
    evaluations: Count = key(10, "how often the loss is reported and validated")


class PolicyTraining(_Training):
    """Training from scratch on worked solutions."""

    steps: Count = key(2600, "optimiser steps")
    batch: Count = key(32, "sequences per step")
    learning_rate: Rate = 0.02
    matrix_learning_rate: MatrixRate = 0.01


class ReviserTraining(_Training):
    """Fine-tuning of the policy on trajectories."""

    steps: Count = key(100, "optimiser steps")
    batch: Count = key(32, "sequences per step")
    learning_rate: Rate = 0.0003
    matrix_learning_rate: MatrixRate = 0.0006
    checkpoint: Kept = key(
        "last",
        "whose weights are kept: of the `last` step, the `lowest` validation loss, or `after_rise`: some evaluations "
        'after that loss first rose (the paper\'s "a little after"); the last if it never rises',
    )
    evaluations_after_rise: Natural = key(1, "for `after_rise`; 0 is the evaluation that shows the rise")


class VerifierTraining(_Training):
    """Fine-tuning with binary cross entropy."""

    steps: Count = key(500, "optimiser steps at most")
    batch: Count = key(64, "sequences per step")
    learning_rate: Rate = 0.005
    matrix_learning_rate: MatrixRate = 0.01


class VerifierModel(Section):
    """Shape of the verifier, which starts from the policy."""

    fresh_layers: Count = key(1, "new layers on top of the policy's")


class Lora(Section):
    """Adapters of low rank."""

    rank: Count = key(16, "rank of the adapters")
    alpha: Positive = key(32.0, "their scale is alpha / rank")
    dropout: Share = key(0.05, "dropout before them (in the paper 0.05 for verifiers, 0 for revisers)")
    modules: text_or_list(Literal["all-linear"]) = key(
        "all-linear", "names of the matrices that get one, or `all-linear`"
    )


class FineTuning(Section):
    """The same for published policies, with the Trainer of `transformers`."""

    steps: Count = key(1000, "optimiser steps (the paper gives no number)")
    batch: Count = key(128, "sequences per step (128 in the paper, §6 and appendix D)")
    micro_batch: Count = key(
        8, "sequences computed at once; their gradients are accumulated until the batch is full"
    )
    learning_rate: Positive = key(
        3e-5,
        "peak learning rate of AdamW; in the paper 3e-5 for verifiers (appendix D), 1e-5 for revisers (§6)",
    )
    weight_decay: NotNegative = key(0.0, "decoupled weight decay")
    warmup: Share = key(0.03, "share of the steps, at the start, in which the rate rises")
    schedule: Literal["cosine", "linear", "constant"] = key(
        "cosine", "how the learning rate falls after it has risen"
    )
    evaluations: Count = key(10, "how often the loss is reported and validated")
    checkpoint: Kept = key(
        "lowest",
        "whose weights are kept: of the `last` step, the `lowest` validation loss, or `after_rise`: some evaluations "
        "after that loss first rose",
    )
    evaluations_after_rise: Natural = key(1, "for `after_rise`; 0 is the evaluation that shows the rise")
    gradient_checkpointing: bool = key(
        True, "compute activations again in the backward pass instead of keeping them"
    )
    dtype: Literal["float32", "bfloat16"] = key(
        "float32",
        "what the weights are kept in while they are trained; in bfloat16 small steps are rounded away. With float32 a "
        "GPU still computes in bfloat16, and the result is saved in the policy's `checkpoint.dtype`",
    )
    lora: Lora | None = key(None, "train adapters of low rank, merged at the end; null trains all weights")


REVISER_TUNING = FineTuning(checkpoint="after_rise", learning_rate=1e-5)
