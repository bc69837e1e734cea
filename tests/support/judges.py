"""Judges for tests: a small language model with words of its own, and what plain transformers says when it is asked."""

import json

import torch
import yaml
from transformers import AutoModelForCausalLM

from tests.support import small_models
from ttc.verifiers import judging

PROBLEM = "Tom buys 3 apples, then 4. How many?"
STEPS = ["3 + 4 = 7.", "so it is 7", "#### 7"]
SOLUTIONS = [STEPS, STEPS[:1], ["3 + 4 = 8.", "#### 8"], STEPS[:2], ["3 + 4 = 7.", "7"]]
# Spellings that the small tokenizer has tokens for
WORDS = {
    "system": "You grade.",
    "solution": "{problem}\n{solution}\nOk?",
    "steps": "{problem}\n{solution}\nSo far?",
    "yes": ["Y", "y"],
    "no": ["N", "n"],
}


def weights(folder, seed=0, **sizes):
    """A random language model with a chat template, in which the golden examples have room."""
    settings = {"initializer_range": 0.3, "max_position_embeddings": 512}
    return small_models.checkpoint(folder, "qwen2", seed=seed, **settings | sizes)


def model_directory(folder, kind="judge", seed=0):
    """What stage `fetch_model` writes of such a model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").symlink_to(weights(folder.with_name(f"{folder.name}-weights"), seed))
    plain = {"dtype": "float32", "attention": "sdpa", "trust_remote_code": False, "separator": None}
    (folder / "card.json").write_text(json.dumps({"kind": "prm", "format": kind, "checkpoint": plain}))
    return folder


def words_file(folder, changes=None):
    """A file of a judge's words with changes; None leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    words = {name: each for name, each in (WORDS | (changes or {})).items() if each is not None}
    file = folder / "judge.yaml"
    file.write_text(yaml.safe_dump(words), encoding="utf-8")
    return file


def asking(folder, asks, critique=None, **changes):
    """How a judge is asked in these words, as a specification has it."""
    return judging.load(words_file(folder, changes), asks, critique).content


class ByHand:
    """P(yes) among yes and no after a conversation that is written out here, by one pass of the whole network."""

    def __init__(self, folder, yes=("Y", "y"), no=("N", "n")):
        self.network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = small_models.tokenizer()
        self.yes, self.no = (
            [self.tokenizer.convert_tokens_to_ids(each.replace(" ", "Ġ")) for each in spellings]
            for spellings in (yes, no)
        )

    def conversation(self, question, problem, steps):
        """The text of a conversation up to the verdict."""
        asked = question.replace("{problem}", problem).replace("{solution}", "\n".join(steps))
        return (
            f"<|im_start|>system\n{WORDS['system']}<|im_end|>\n<|im_start|>user\n{asked}<|im_end|>\n"
            "<|im_start|>assistant\n"
        )

    def tokens(self, text):
        """The tokens of a text."""
        return self.tokenizer.encode(text, add_special_tokens=False)

    @torch.inference_mode()
    def score(self, text):
        """P(yes) among yes and no behind a text."""
        logits = self.network(torch.tensor([self.tokens(text)])).logits[0, -1].double()
        chances = logits.softmax(-1)
        yes, no = chances[self.yes].sum(), chances[self.no].sum()
        return (yes / (yes + no)).item()

    def solution(self, problem, steps):
        """The score of a whole solution."""
        return self.score(self.conversation(WORDS["solution"], problem, steps))

    def steps(self, problem, steps):
        """The scores of the beginnings that end with each step."""
        ends = range(1, len(steps) + 1)
        return [self.score(self.conversation(WORDS["steps"], problem, steps[:end])) for end in ends]
