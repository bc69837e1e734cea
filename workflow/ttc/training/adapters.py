"""LoRA: low-rank adapters beside the matrices of a model, which alone are trained, and are merged in at the end."""

import warnings

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import PreTrainedModel

from ttc.errors import InputError, nearest
from ttc.models.from_scratch import seed_torch

ALL = "all-linear"
HEAD = "score"  # of a verifier; it is new, and trained as a whole


def add_adapters(model: PreTrainedModel, lora: dict, seed: int) -> PeftModel:
    """The model with adapters; all else but a verifier's head is frozen.

    lora: rank, alpha (the adapters' product is scaled by alpha / rank), dropout, modules: `all-linear` (every matrix
    of the layers) or names such as `q_proj`.  InputError for a module that the model does not have.
    """
    linear = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    # Written out: what peft takes for all would have a new head trained by adapters beside random numbers
    allowed = sorted({name.rpartition(".")[2] for name in linear} - {HEAD, "lm_head"})
    modules = allowed if lora["modules"] == ALL else list(lora["modules"])
    for name in modules:
        if name not in allowed:
            raise InputError(
                f"lora.modules names '{name}', which the model does not have; allowed are {', '.join(allowed)}, "
                f"or '{ALL}' alone{nearest(name, allowed)}"
            )
    if not modules:
        raise InputError(f"lora.modules is empty; allowed are {', '.join(allowed)}, or '{ALL}'")
    seed_torch(seed, "adapters")
    config = LoraConfig(
        task_type=TaskType.TOKEN_CLS if hasattr(model, HEAD) else TaskType.CAUSAL_LM,
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        lora_dropout=lora["dropout"],
        target_modules=modules,
    )
    with warnings.catch_warnings():
        # peft asks for a name that transformers is about to drop
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)


def merged(model: torch.nn.Module) -> PreTrainedModel:
    """The model itself, with what its adapters add, if it has any, in its matrices."""
    return model.merge_and_unload() if isinstance(model, PeftModel) else model
