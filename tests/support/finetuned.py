"""Tiny published policies, rules for them to learn, and runs that may be killed.

python -m tests.support.finetuned FOLDER  # trains FOLDER/policy to the verifier FOLDER/model
"""

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.support import published
from ttc.run.work import KeptWork
from ttc.runtime import Runtime, Work
from ttc.training.batches import language_examples, value_examples
from ttc.training.fine_tune import FineTuning, fine_tune_policy, fine_tune_verifier

ARCHITECTURES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}
BOS, EOS = 1, 2
FIRST, LAST = 9, 50  # tokens of texts
LIMIT = 30  # smaller tokens are right
SETTINGS = {
    "steps": 28,
    "batch": 16,
    "micro_batch": 8,
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "warmup": 0.1,
    "schedule": "cosine",
    "evaluations": 4,
    "checkpoint": "lowest",
    "evaluations_after_rise": 0,
    "gradient_checkpointing": False,
    "lora": None,
    "dtype": "float32",
}
LORA = {"rank": 4, "alpha": 16, "dropout": 0.1, "modules": "all-linear"}
SHORT = SETTINGS | {"steps": 6, "batch": 6, "micro_batch": 4, "evaluations": 3}


def policy(folder, architecture="llama", **changes):
    """A checkpoint directory of a policy, with settings for generation of its own."""
    torch.manual_seed(1)
    config_class, network_class = ARCHITECTURES[architecture]
    network = network_class(published.config(config_class, **{"initializer_range": 0.1} | changes))
    network.generation_config = GenerationConfig(do_sample=True, temperature=0.6, eos_token_id=[2, 7])
    network.save_pretrained(folder)
    published.tokenizer().save_pretrained(folder)
    return folder


def texts(number, seed=0):
    """Random solutions, of different lengths so that padding matters."""
    rng = np.random.default_rng(seed)
    return [rng.integers(FIRST, LAST, size=rng.integers(3, 9)).tolist() for _ in range(number)]


def values(number, seed=0):
    """A token is right (1) or wrong (0) by itself; asked at the second and at the last token."""
    solutions = texts(number, seed)
    places = [np.array([1, len(each) - 1]) for each in solutions]
    targets = [
        np.array([float(each[place] < LIMIT) for place in at])
        for each, at in zip(solutions, places, strict=True)
    ]
    return value_examples([[BOS, 5]] * number, solutions, places, targets)


def languages(number, seed=0):
    """A solution says its problem's second token again, twice."""
    rng = np.random.default_rng(seed)
    said = rng.integers(FIRST, LAST, size=number).tolist()
    return language_examples([[BOS, each] for each in said], [[each, each, EOS] for each in said])


def runtime(work=None):
    """A checkpoint after each step, where there is a work folder."""
    return Runtime(device="cpu", work=work or Work(), checkpoint_seconds=0)


def verifier(folder, output, settings=SETTINGS, seed=0, work=None, kind="prm"):
    """A verifier of the rule of `values`, trained from the policy in `folder`."""
    given = FineTuning(folder, values(160), values(40, seed=1), settings, seed)
    fine_tune_verifier(given, output, runtime(work), kind, "trl_tokencls")
    return output


def reviser(folder, output, settings=SETTINGS, seed=0, work=None):
    """A reviser that has learnt the rule of `languages`."""
    given = FineTuning(folder, languages(160), languages(40, seed=1), settings, seed)
    fine_tune_policy(given, output, runtime(work))
    return output


def in_work(folder, make, settings=SHORT):
    """Make `folder`/model in a work folder beside it, which holds what an earlier run has finished."""
    work = KeptWork(folder / ".model.work", {"job": "fine-tuning"}).open()
    made = make(folder / "policy", work.staged("model"), settings, work=work)
    made.rename(folder / "model")
    work.close()
    return folder / "model"


if __name__ == "__main__":
    in_work(Path(sys.argv[1]), verifier)
