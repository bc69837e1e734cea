"""Small published-looking models for tests: Llama, Qwen2 and Qwen3 checkpoints that can add, and GSM8K-like problems.

Everything has the layout of what is published: `save_pretrained` directories with safetensors, a byte-level BPE
tokenizer that merges line ends with what stands before them, a chat template, a second end token in the generation
settings; problems as JSONL with `question` and `answer`, which ends in `#### 7`.
"""

import json
import random
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ttc.training.muon import Muon

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>", "<extra_0>"]
CHAT = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{{ turn['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PROMPT = {"format": "chat", "template": "{problem}", "extract": ["hashes"], "again": "Again."}
ARCHITECTURES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}
WINDOW = 256


def problem(draw: random.Random) -> dict:
    """A problem of two or three small numbers to add, step by step, as GSM8K has them."""
    numbers = [draw.randint(1, 5) for _ in range(draw.choice((2, 3, 3)))]
    total, lines = numbers[0], []
    for number in numbers[1:]:
        lines.append(f"{total} + {number} = {total + number}.")
        total += number
    question = f"Tom buys {numbers[0]} apples" + "".join(f", then {number}" for number in numbers[1:])
    return {"question": f"{question}. How many?", "answer": "\n".join([*lines, f"#### {total}"])}


def write_problems(path: Path, count: int, seed: int) -> Path:
    """A JSONL file of different problems."""
    draw, found = random.Random(seed), {}
    while len(found) < count:
        each = problem(draw)
        found[each["question"]] = each
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in found.values()), encoding="utf-8")
    return path


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, digits apart, as Qwen's and Llama 3's are."""
    draw = random.Random(0)
    texts = [text for _ in range(400) for text in problem(draw).values()]
    made = Tokenizer(models.BPE())
    pattern = r"\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|pad|>", clean_up_tokenization_spaces=False
    )
    wrapped.add_special_tokens({"additional_special_tokens": SPECIAL[:2] + SPECIAL[4:]})
    wrapped.chat_template = CHAT
    return wrapped


def checkpoint(folder: Path, kind: str, steps: int = 0, seed: int = 0, **sizes) -> Path:
    """A checkpoint of an architecture, trained for some steps on the problems."""
    words = tokenizer()
    config_class, model_class = ARCHITECTURES[kind]
    torch.manual_seed(seed)
    settings = {
        "vocab_size": len(words),
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "intermediate_size": 128,
        "max_position_embeddings": WINDOW,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": words.convert_tokens_to_ids("<|endoftext|>"),
        "pad_token_id": words.pad_token_id,
    }
    model = model_class(config_class(**settings | sizes))
    train(model, words, steps, seed)
    model.generation_config = GenerationConfig(
        eos_token_id=[words.eos_token_id, words.convert_tokens_to_ids("<|endoftext|>")],
        pad_token_id=words.pad_token_id,
    )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def train(model, words, steps: int, seed: int, batch: int = 16) -> None:
    """Teach the model the solutions of problems; after 150 steps, five seconds, it solves a third of them."""
    if not steps:
        return
    draw = random.Random(seed)
    inner = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    rest = [weight for weight in model.parameters() if not any(weight is each for each in inner)]
    optimizers = [Muon(inner, lr=0.02), torch.optim.AdamW(rest, lr=4e-3)]
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(each, lambda step: min(1, (step + 1) / 10) * (1 - step / steps))
        for each in optimizers
    ]
    model.train()
    for _ in range(steps):
        rows = []
        for _ in range(batch):
            each = problem(draw)
            asked = words.apply_chat_template(
                [{"role": "user", "content": each["question"]}], tokenize=False, add_generation_prompt=True
            )
            rows.append(
                tuple(
                    words.encode(text, add_special_tokens=False)
                    for text in (asked, each["answer"] + "<|im_end|>")
                )
            )
        width = max(len(prompt) + len(answer) for prompt, answer in rows)
        tokens = torch.full((batch, width), words.pad_token_id)
        labels = torch.full((batch, width), -100)
        for row, (prompt, answer) in enumerate(rows):
            whole = torch.tensor(prompt + answer)
            tokens[row, : len(whole)] = whole
            labels[row, len(prompt) : len(whole)] = whole[len(prompt) :]
        loss = model(input_ids=tokens, labels=labels).loss
        loss.backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    model.eval()


def verifier(folder: Path, seed: int = 0, flipped: bool = False) -> Path:
    """A checkpoint with the layout of Qwen2.5-Math-PRM; its scores tell little, a `flipped` one's the contrary."""
    longer = {"max_position_embeddings": 2 * WINDOW}  # the golden examples are longer than the problems
    checkpoint(folder, "qwen2", seed=seed, tie_word_embeddings=False, initializer_range=0.3, **longer)
    weights = load_file(folder / "model.safetensors")
    torch.manual_seed(seed)
    head = {
        f"score.{name}": torch.randn(shape) * 0.3
        for name, shape in (("0.weight", (64, 64)), ("0.bias", 64), ("2.weight", (2, 64)), ("2.bias", 2))
    }
    if flipped:
        head |= {name: head[name].flip(0) for name in ("score.2.weight", "score.2.bias")}
    save_file(weights | head, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["Qwen2ForProcessRewardModel"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder
