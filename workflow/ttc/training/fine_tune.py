"""Fine-tuning of published models: a policy becomes a reviser, or the body of a verifier (PRM, ORM).

settings: steps; batch (sequences a step) and micro_batch (of them at once: the rest by accumulation); learning_rate,
weight_decay, warmup (share of the steps), schedule (cosine, linear, constant); evaluations (how often the held-out loss
is taken), checkpoint and evaluations_after_rise (`ttc.training.loop.kept_evaluation`: whose weights are kept);
gradient_checkpointing; dtype of the weights while they are trained (float32, bfloat16); lora: null, or rank, alpha,
dropout and modules (`ttc.training.adapters`).  AdamW has the paper's betas, and gradients are clipped to norm 1.

Weights that are trained in float32 are written in the policy's dtype: what reads them needs no more, and would take
twice the memory and many times the time.
"""

import shutil
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from ttc.errors import InputError
from ttc.evaluation.verifier_quality import auc
from ttc.models.checkpoint import DTYPES, Source, load_network
from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.from_scratch import seed_torch
from ttc.models.tokenizer_files import TokenizerFiles
from ttc.models.weights import weights_of
from ttc.runtime import Runtime
from ttc.training.adapters import HEAD, add_adapters, merged
from ttc.training.batches import Batch, Examples, by_length, collate, merge_equal
from ttc.training.checkpoints import TrainingLog
from ttc.training.fine_tune_loop import Losses, fit
from ttc.training.loop import evaluate

VERIFIERS = ("prm", "orm")
DROPOUT = 0.05  # before a verifier's head; paper, appendix D.  A reviser has none (§6)


def fine_tune_policy(
    policy: Path,
    training: Examples,
    validation: Examples,
    settings: dict,
    seed: int,
    output: Path,
    runtime: Runtime,
) -> None:
    """Train a policy on examples of `language_examples` and write a model directory of kind `reviser`.

    policy: a model directory; `output` gets its tokenizer and generation settings.  `loss` in the card's metrics is
    the held-out cross entropy (nats a token).  InputError for a policy that cannot be loaded, examples without loss,
    with unknown tokens or longer than the model's window, and unknown modules.
    """
    model, folder = _load(policy, AutoModelForCausalLM, "reviser", settings, seed, runtime)
    log, model = _fit(model, training, validation, language_losses, settings, seed, output, runtime)
    dtype = _written_in(model, policy, settings)
    metrics = {"loss": _held_out_loss(model, validation, language_losses, settings)}
    _save(output, model, folder, dtype, kind="reviser", training=log.as_card(), metrics=metrics)
    print(f"held-out loss {metrics['loss']:.4f}", flush=True)


def fine_tune_verifier(
    policy: Path,
    training: Examples,
    validation: Examples,
    settings: dict,
    seed: int,
    output: Path,
    runtime: Runtime,
    kind: str,
    reads: str,
) -> None:
    """Train a policy with a new head on examples of `value_examples` and write a model directory of this kind.

    kind: prm or orm.  The directory is a token classifier with two labels; its card names `reads`, the format in
    which the examples were read (`ttc.verifiers.kinds`).  The card's metrics are of the held-out examples: `loss`
    (binary cross entropy a value), `auc` of the scores against values of at least .5 (null where all are on one side),
    and how many `values` there are.
    InputError as `fine_tune_policy`, for another kind, and for values outside [0, 1].
    """
    if kind not in VERIFIERS:
        raise InputError(f"a verifier of kind '{kind}' is unknown; allowed are {', '.join(VERIFIERS)}")
    for examples in (training, validation):
        values = examples.targets[examples.mask]
        if not ((values >= 0) & (values <= 1)).all():
            raise InputError(
                f"a verifier learns values from {values.min():g} to {values.max():g}; allowed is 0 to 1"
            )
    model, folder = _load(
        policy,
        AutoModelForTokenClassification,
        reads,
        settings,
        seed,
        runtime,
        fresh=(f"{HEAD}.",),
        num_labels=2,
    )
    model.dropout.p = DROPOUT
    log, model = _fit(model, training, validation, value_losses, settings, seed, output, runtime)
    dtype = _written_in(model, policy, settings)
    scores = predict(model, validation, settings["micro_batch"])
    values = validation.targets[validation.mask]
    metrics = {
        "loss": _held_out_loss(model, validation, value_losses, settings),
        "auc": auc(scores, values >= 0.5),
        "values": len(values),
    }
    _save(output, model, folder, dtype, kind=kind, format=reads, training=log.as_card(), metrics=metrics)
    shown = "not defined (one class only)" if metrics["auc"] is None else f"{metrics['auc']:.3f}"
    print(f"held-out loss {metrics['loss']:.4f}, AUC {shown}", flush=True)


def language_losses(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Cross entropy (nats) at each of the batch's places."""
    row, column = _split(batch)
    columns, column = column.unique(return_inverse=True)
    # Logits of a large vocabulary take more memory than all else: of places without loss they are not made
    logits = model(input_ids=batch.tokens, use_cache=False, logits_to_keep=columns).logits
    return cross_entropy(logits[row, column].float(), batch.targets, reduction="none")


def value_losses(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Binary cross entropy with soft targets (paper appendix D) at each of the batch's places."""
    return binary_cross_entropy_with_logits(value_logits(model, batch), batch.targets, reduction="none")


def value_logits(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """The log-odds of the second of two labels, of which the sigmoid is the softmax's second probability."""
    logits = model(input_ids=batch.tokens, use_cache=False).logits[_split(batch)].float()
    return logits[:, 1] - logits[:, 0]


@torch.inference_mode()
def predict(model: torch.nn.Module, examples: Examples, rows: int) -> np.ndarray:
    """A verifier's scores in [0, 1] at the masked places, in the examples' order."""
    device = next(model.parameters()).device
    scores = np.zeros(len(examples.tokens))
    for chosen in by_length(examples.lengths, rows):
        batch = collate(examples, chosen, device)
        row, column = (each.cpu().numpy() for each in _split(batch))
        values = torch.sigmoid(value_logits(model, batch).double())
        scores[examples.bounds[chosen][row] + column] = values.cpu().numpy()
    return scores[examples.mask]


def _split(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of each of the batch's places."""
    width = batch.tokens.shape[1]
    return batch.places // width, batch.places % width


def _load(
    policy: Path, network_class: type, kind: str, settings: dict, seed: int, runtime: Runtime, **changes
) -> tuple[PreTrainedModel, Path]:
    """A policy's network, and the folder in which its weights and its tokenizer are."""
    weights = weights_of(policy)
    source = Source(
        kind,
        str(weights.folder),
        None,
        settings["dtype"],
        resolve_device(runtime.device),
        weights.attention,
        weights.trust_remote_code,
        True,
    )
    disable_progress_bar()  # of loading and saving; a log has lines
    seed_torch(seed, "head")
    return load_network(source, network_class, **changes), weights.folder


def _fit(
    model: PreTrainedModel,
    training: Examples,
    validation: Examples,
    losses: Losses,
    settings: dict,
    seed: int,
    output: Path,
    runtime: Runtime,
) -> tuple[TrainingLog, PreTrainedModel]:
    """Train the model, or adapters that are then merged into it."""
    for examples, name in ((training, "training"), (validation, "held-out")):
        _check(examples, name, model)
    if settings["lora"] is not None:
        model = add_adapters(model, settings["lora"], seed)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    print(
        f"{count_parameters(model):,} parameters, of which {trained:,} are trained, on {len(training):,} examples",
        flush=True,
    )
    # What the trainer writes before it is moved: in the work folder, or else beside the output
    staging = (runtime.work.folder or output.parent) / f".{output.name}.trainer"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        log = fit(model, training, validation, losses, settings, seed, staging, runtime)
    finally:
        shutil.rmtree(staging)
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


def _held_out_loss(model: PreTrainedModel, validation: Examples, losses: Losses, settings: dict) -> float:
    return evaluate(model, *merge_equal(validation), losses, -(-settings["micro_batch"] // 4))


def _written_in(model: PreTrainedModel, policy: Path, settings: dict) -> str:
    """Turn the weights into what they are written in, so that metrics are of what is written; its name.

    Parameters only: a network keeps its rotary frequencies, which are no weights, in float32.
    """
    dtype = weights_of(policy).dtype if settings["dtype"] == "float32" else settings["dtype"]
    for parameter in model.parameters():
        parameter.data = parameter.data.to(DTYPES[dtype])
    return dtype


def _save(output: Path, model: PreTrainedModel, folder: Path, dtype: str, **card) -> None:
    save_model(output, model, TokenizerFiles(folder), dtype=dtype, **card)
