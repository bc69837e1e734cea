"""Fine-tuning of published models: a policy becomes a reviser, or the body of a verifier (PRM, ORM).

settings: steps; batch (sequences a step) and micro_batch (of them at once: the rest by accumulation); learning_rate,
weight_decay, warmup (share of the steps), schedule (cosine, linear, constant); evaluations (how often the held-out loss
is taken), checkpoint and evaluations_after_rise (`ttc.training.checkpoints.kept_evaluation`: whose weights are kept);
gradient_checkpointing; dtype of the weights while they are trained (float32, bfloat16); lora: null, or rank, alpha,
dropout and modules (`ttc.training.adapters`).  AdamW has the paper's betas, and gradients are clipped to norm 1.

Where several GPUs are visible, each has a process and a share of every batch.  So it is under `accelerate launch` and
`torchrun`, too; what is learned differs by rounding only, and by what dropout leaves out.

Weights that are trained in float32 are written in the policy's dtype: what reads them needs no more, and would take
twice the memory and many times the time.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from ttc.errors import InputError
from ttc.models.checkpoint import DTYPES, Source, load_network
from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.from_scratch import seed_torch
from ttc.models.tokenizers import TokenizerFiles
from ttc.models.weights import weights_of
from ttc.runtime import Runtime, silent
from ttc.statistics.ranking import auc
from ttc.training.adapters import HEAD, add_adapters, merged
from ttc.training.batches import Examples, merge_equal
from ttc.training.checkpoints import TrainingLog
from ttc.training.losses import (
    Losses,
    causal_losses,
    classifier_logits,
    classifier_losses,
    mean_loss,
    predict,
)
from ttc.training.processes import is_first, own_device, spread, wanted
from ttc.training.trainer import fit

VERIFIERS = ("prm", "orm")
DROPOUT = 0.05  # before a verifier's head; paper, appendix D.  A reviser has none (§6)


@dataclass(frozen=True)
class FineTuning:
    """What a policy (a model directory) is to learn, and how."""

    policy: Path
    training: Examples
    validation: Examples
    settings: dict
    seed: int


def fine_tune_policy(given: FineTuning, output: Path, runtime: Runtime) -> None:
    """Train a policy on examples of `language_examples` and write a model directory of kind `reviser`.

    `output` gets the policy's tokenizer and generation settings.  `loss` in the card's metrics is the held-out cross
    entropy (nats a token).  InputError for a policy that cannot be loaded, examples without loss, with unknown tokens
    or longer than the model's window, and unknown modules.
    """
    _spread(_tune_policy, given, output, runtime)


def fine_tune_verifier(given: FineTuning, output: Path, runtime: Runtime, kind: str, reads: str) -> None:
    """Train a policy with a new head on examples of `value_examples` and write a model directory of this kind.

    kind: prm or orm.  The directory is a token classifier with two labels; its card names `reads`, the format in
    which the examples were read (`ttc.verifiers.kinds`).  The card's metrics are of the held-out examples: `loss`
    (binary cross entropy a value), `auc` of the scores against values of at least .5 (null where all are on one side),
    and how many `values` there are.  InputError as `fine_tune_policy`, for another kind, and for values outside [0, 1].
    """
    if kind not in VERIFIERS:
        raise InputError(f"a verifier of kind '{kind}' is unknown; allowed are {', '.join(VERIFIERS)}")
    for examples in (given.training, given.validation):
        values = examples.targets[examples.mask]
        if not ((values >= 0) & (values <= 1)).all():
            raise InputError(
                f"a verifier learns values from {values.min():g} to {values.max():g}; allowed is 0 to 1"
            )
    _spread(_tune_verifier, given, output, runtime, kind, reads)


def _spread(function: Callable, given: FineTuning, output: Path, runtime: Runtime, *more) -> None:
    """Call `function` in a process for each GPU."""
    number = wanted(resolve_device(runtime.device))
    if number > 1:
        # Other processes get what can be sent to them
        runtime = replace(runtime, progress=silent, records=None)
    spread(function, (given, output, runtime, *more), number)


def _tune_policy(given: FineTuning, output: Path, runtime: Runtime) -> None:
    model, folder = _load(given, AutoModelForCausalLM, "reviser", runtime)
    log, model = _fit(model, given, causal_losses, output, runtime)
    if not is_first():
        return
    dtype = _written_in(model, given)
    metrics = {"loss": _held_out_loss(model, given, causal_losses)}
    _save(output, model, folder, dtype, kind="reviser", training=log.as_card(), metrics=metrics)
    print(f"held-out loss {metrics['loss']:.4f}", flush=True)


def _tune_verifier(given: FineTuning, output: Path, runtime: Runtime, kind: str, reads: str) -> None:
    model, folder = _load(
        given, AutoModelForTokenClassification, reads, runtime, fresh=(f"{HEAD}.",), num_labels=2
    )
    model.dropout.p = DROPOUT
    log, model = _fit(model, given, classifier_losses, output, runtime)
    if not is_first():
        return
    dtype = _written_in(model, given)
    validation = given.validation
    scores = np.concatenate(predict(model, validation, classifier_logits, given.settings["micro_batch"]))
    values = validation.targets[validation.mask]
    metrics = {
        "loss": _held_out_loss(model, given, classifier_losses),
        "auc": auc(scores, values >= 0.5),
        "values": len(values),
    }
    _save(output, model, folder, dtype, kind=kind, format=reads, training=log.as_card(), metrics=metrics)
    shown = "not defined (one class only)" if metrics["auc"] is None else f"{metrics['auc']:.3f}"
    print(f"held-out loss {metrics['loss']:.4f}, AUC {shown}", flush=True)


def _load(
    given: FineTuning, network_class: type, kind: str, runtime: Runtime, **changes
) -> tuple[PreTrainedModel, Path]:
    """A policy's network, and the folder in which its weights and its tokenizer are."""
    weights = weights_of(given.policy)
    source = Source(
        kind,
        str(weights.folder),
        None,
        given.settings["dtype"],
        own_device(resolve_device(runtime.device)),
        weights.attention,
        weights.trust_remote_code,
        True,
    )
    disable_progress_bar()  # of loading and saving; a log has lines
    seed_torch(given.seed, "head")
    return load_network(source, network_class, **changes), weights.folder


def _fit(
    model: PreTrainedModel, given: FineTuning, losses: Losses, output: Path, runtime: Runtime
) -> tuple[TrainingLog, PreTrainedModel]:
    """Train the model, or adapters that are then merged into it."""
    for examples, name in ((given.training, "training"), (given.validation, "held-out")):
        _check(examples, name, model)
    if given.settings["lora"] is not None:
        model = add_adapters(model, given.settings["lora"], given.seed)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if is_first():
        print(
            f"{count_parameters(model):,} parameters, of which {trained:,} are trained, on "
            f"{len(given.training):,} examples",
            flush=True,
        )
    # What the trainer writes before it is moved: in the work folder, or else beside the output
    staging = (runtime.work.folder or output.parent) / f".{output.name}.trainer"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        log = fit(
            model, given.training, given.validation, losses, given.settings, given.seed, staging, runtime
        )
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return log, merged(model).eval()


def _check(examples: Examples, name: str, model: PreTrainedModel) -> None:
    """InputError for examples that carry no loss, or that the model cannot read."""
    if not examples.mask.any():
        raise InputError(f"the {name} examples have nothing to learn; at least one token must carry loss")
    config = model.config.get_text_config()
    longest = int(examples.lengths.argmax())
    if examples.lengths[longest] > config.max_position_embeddings:
        raise InputError(
            f"{name} example {longest} has {examples.lengths[longest]} tokens and the model's window is "
            f"{config.max_position_embeddings}; it is never cut silently: use shorter solutions or a model with a "
            "longer window"
        )
    known = model.get_input_embeddings().num_embeddings
    if examples.tokens.max() >= known:
        raise InputError(
            f"the {name} examples have tokens up to {examples.tokens.max()} and the model knows {known}; they were "
            "made with the tokenizer of another model"
        )


def _held_out_loss(model: PreTrainedModel, given: FineTuning, losses: Losses) -> float:
    rows = 4 * -(-given.settings["micro_batch"] // 4)
    return mean_loss(model, *merge_equal(given.validation), losses, rows)


def _written_in(model: PreTrainedModel, given: FineTuning) -> str:
    """Turn the weights into what they are written in, so that metrics are of what is written; its name.

    Parameters only: a network keeps its rotary frequencies, which are no weights, in float32.
    """
    dtype = given.settings["dtype"]
    dtype = weights_of(given.policy).dtype if dtype == "float32" else dtype
    for parameter in model.parameters():
        parameter.data = parameter.data.to(DTYPES[dtype])
    return dtype


def _save(output: Path, model: PreTrainedModel, folder: Path, dtype: str, **card) -> None:
    save_model(output, model, TokenizerFiles(folder), dtype=dtype, **card)
