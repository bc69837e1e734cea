"""Tiny random checkpoints of every kind of published verifier, and a tokenizer for them whose ids are easy to tell.

The tokenizer splits texts into words, digits, marks and line ends and leaves white space out.  `ids` makes the same
ids from a written-out list of tokens, without the tokenizer.
"""

import json

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForTokenClassification,
)

from ttc import plugins

torch.set_num_threads(1)

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
WORDS = (
    *[
        "ки",
        "\n",
        "\n\n",
        *"+-*/=().,:?{}\\0123456789",
        "Step",
        "Please",
        "reason",
        "step",
        "by",
        "and",
        "put",
        "your",
    ],
    *["final", "answer", "within", "boxed", "What", "is", "Then", "add", "so", "the", "result"],
)
# Those that are asked as they were trained; tests of judges make models of their own
KINDS = [name for name, each in plugins.declarations("ttc.verifiers.kinds").items() if each["words"] is None]
VOCABULARY = [*SPECIAL, *WORDS, "<extra_0>"]
PATTERN = r"ки|\n\n|\n|\d|[^\W\d]+|[^\w\s]"
CHAT = (
    "{{ bos_token }}{% for turn in messages %}<|{{ turn['role'] }}|>\n\n{{ turn['content'] | trim }}<|end|>"
    "{% endfor %}"
)
# The problem and solutions of all tests: texts, and the same as tokens
PROBLEM = "What is 2 + 3 * 4?"
STEPS = ["3 * 4 = 12.", "2 + 12 = 14.", "the answer is 14"]
SOLUTIONS = [
    STEPS,
    STEPS[:1],
    ["2 + 3 = 5", "5 * 4 = 20, so", "Then - + 20", "add 1", "result 21"],
    STEPS[1:],
]
PROBLEM_TOKENS = ["What", "is", "2", "+", "3", "*", "4", "?"]
STEP_TOKENS = [[*"3*4=12."], [*"2+12=14."], ["the", "answer", "is", "1", "4"]]
WINDOW = 256


def ids(tokens):
    """Ids of written-out tokens."""
    return [VOCABULARY.index(token) for token in tokens]


def tokenizer(without=(), special_mark=True, pattern=PATTERN, **changes):
    """The tokenizer; `without` some tokens of the vocabulary, which become unknown."""
    vocabulary = {token: place for place, token in enumerate(VOCABULARY) if token not in without}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=made,
        **{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"} | changes,
    )
    wrapped.add_special_tokens({"additional_special_tokens": SPECIAL[4:]})
    if "<extra_0>" not in without:
        wrapped.add_tokens(["<extra_0>"], special_tokens=special_mark)
    wrapped.chat_template = CHAT
    return wrapped


def config(config_class, **changes):
    settings = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "intermediate_size": 48,
        "max_position_embeddings": WINDOW,
        "initializer_range": 0.3,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    return config_class(**settings | changes)


def checkpoint(folder, kind, words=None, **changes):
    """A checkpoint directory of `kind`, as its publishers make them."""
    torch.manual_seed(7)
    width = changes.get("hidden_size", 32)
    if kind == "ki_tag":
        network = MistralForCausalLM(config(MistralConfig, **changes))
    elif kind == "chat_plus":
        network = LlamaForCausalLM(config(LlamaConfig, **changes))
    elif kind == "trl_tokencls":
        network = Qwen2ForTokenClassification(config(Qwen2Config, **changes))
    else:
        network = Qwen2ForCausalLM(config(Qwen2Config, **changes))
    network.save_pretrained(folder)
    (words or tokenizer()).save_pretrained(folder)
    if kind == "qwen_extra0":
        edit_weights(
            folder,
            add={
                "score.0.weight": torch.randn(width, width) * 0.3,
                "score.0.bias": torch.randn(width) * 0.3,
                "score.2.weight": torch.randn(2, width) * 0.3,
                "score.2.bias": torch.randn(2) * 0.3,
            },
        )
        # As published: classes that are code beside the weights, which nobody may run
        edit_config(
            folder,
            architectures=["Qwen2ForProcessRewardModel"],
            auto_map={
                "AutoConfig": "configuration_qwen2_rm.Qwen2RMConfig",
                "AutoModel": "modeling_qwen2_rm.Qwen2ForProcessRewardModel",
            },
        )
        for name in ("configuration_qwen2_rm", "modeling_qwen2_rm"):
            (folder / f"{name}.py").write_text("raise SystemExit('code of a checkpoint was run')\n")
    if kind == "skywork_value":
        edit_weights(
            folder,
            add={"v_head.summary.weight": torch.randn(1, width) * 0.2, "v_head.summary.bias": torch.randn(1)},
        )
    return folder


def edit_weights(folder, add=(), drop=()):
    """Add weights to a checkpoint, and drop those whose names begin with `drop`."""
    weights = load_file(folder / "model.safetensors")
    weights = {name: each for name, each in weights.items() if not name.startswith(tuple(drop))}
    save_file(weights | dict(add), folder / "model.safetensors", metadata={"format": "pt"})


def edit_config(folder, **changes):
    """Change entries of a checkpoint's config.json."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
