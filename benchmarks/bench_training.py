"""Training the default study's policy and larger policy: ours against a plain loop over `transformers`.

The baseline is what training scripts for small models do: examples in a list, each batch padded in the order in which
shuffling gives it, the causal language model called with an attention mask, its logits taken at every token and the
loss at the labelled ones, torch's Muon for the layers' matrices and its AdamW for the rest.  `earlier` is our own loop
before it was made faster: the same, but with length-sorted batches and logits at the labelled tokens only.  All take
the same number of examples a step from the same generated texts, in float32 on one thread, and the first loss and its
gradients are compared on one batch.

The roofline is nothing but the matrix products of one step, each in its shape: for every matrix one forward and two
for its gradients over the tokens that need them (in the last layer's feed-forward those that carry loss), and those of
Muon's iteration.  What ours needs beyond them is the time that is lost.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks.frame import Bench
from benchmarks.materials import configuration
from ttc.models.from_scratch import build_policy
from ttc.models.tokenizers import build_tokenizer
from ttc.problems import text
from ttc.problems.tasks import clock
from ttc.training.batches import batches, collate, language_examples
from ttc.training.flops import matrix_rate
from ttc.training.loop import learn, make_optimizers
from ttc.training.losses import policy_losses

TITLE = "training"
GOAL = "no time lost beside the matrix products: say which share of their measured rate is reached"

SIZES = {"policy": "policy", "larger policy": "larger_policy"}
LENGTHS = (16, 32, 64, 128)  # tokens of every example
CPU = torch.device("cpu")
ON_GRAM = 17  # products of Gram matrices in `ttc.training.muon.orthogonalise`, for each matrix
BATCHES = (8, 16, 32, 64, 128)  # examples in a step


def measure(bench: Bench) -> None:
    """Tokens per second of whole steps: data, forward, backward and optimizers."""
    torch.set_num_threads(1)
    study = configuration()
    task = study["task"] | {"train_problems": 300 if bench.quick else 4000, "test_problems": 20}
    texts = Texts(task, study["seed"])
    for case, section in SIZES.items():
        settings = study[section]
        if bench.quick:
            settings = settings | {"model": settings["model"] | {"hidden": 16, "intermediate": 32}}
        compare(bench, case, texts, settings)
    grow(bench, texts, study["policy"], quick=bench.quick)


class Texts:
    """Prompts and solutions of generated training problems, as token ids."""

    def __init__(self, task: dict, seed: int):
        problems = clock.make_problems(task, seed).filter(split="train")
        self.tokenizer = build_tokenizer(clock.vocabulary(task, seed), clock.TOKEN_PATTERN)
        self.prompts = text.encode_prompts(
            self.tokenizer, [text.prompt_text(each) for each in problems["question"]]
        )
        self.solutions = text.encode_solutions(
            self.tokenizer, problems["solution"].to_list(), [True] * len(problems)
        )

    def model(self, shape: dict):
        """A policy of this shape with random weights, the same ones each time."""
        return build_policy(shape, len(self.tokenizer), self.tokenizer, seed=0)


class Loop:
    """A loop that is advanced step by step; a step returns the tokens it learned from, padding not counted."""

    def __init__(self, step: Callable[[], int]):
        self.step = step
        self.seconds, self.tokens = 0.0, 0

    def round(self, steps: int) -> None:
        """Take steps on the clock."""
        started = time.perf_counter()
        self.tokens += sum(self.step() for _ in range(steps))
        self.seconds += time.perf_counter() - started


def ours(model, prompts, solutions, training: dict) -> Loop:
    """The package's own step."""
    examples, optimizers = language_examples(prompts, solutions), make_optimizers(model, training)
    order = batches(examples.lengths, training["batch"], 0)

    def step() -> int:
        chosen = next(order)
        learn(model, collate(examples, chosen, CPU), policy_losses, optimizers)
        return int(examples.lengths[chosen].sum())

    return Loop(step)


def plain(model, prompts, solutions, training: dict, sort: bool) -> Loop:
    """The baseline; with `sort` our earlier loop."""
    examples = [
        (np.array(prompt + solution), len(prompt))
        for prompt, solution in zip(prompts, solutions, strict=True)
    ]
    optimizers = torch_optimizers(model, training)
    order = (
        sorted_batches(examples, training["batch"]) if sort else shuffled(len(examples), training["batch"])
    )

    def step() -> int:
        tokens, mask, labels = padded([examples[index] for index in next(order)])
        labelled = labels[:, 1:] != -100
        if sort:
            hidden = model.model(input_ids=tokens).last_hidden_state[:, :-1]
            logits = model.lm_head(hidden[labelled])
        else:
            logits = model(input_ids=tokens, attention_mask=mask).logits[:, :-1][labelled]
        loss = torch.nn.functional.cross_entropy(logits, labels[:, 1:][labelled])
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        float(loss.detach())
        return int(mask.sum())

    return Loop(step)


def torch_optimizers(model, training: dict) -> list[torch.optim.Optimizer]:
    """torch's Muon for the layers' matrices, its AdamW for the rest."""
    named = list(model.named_parameters())
    inside = [each for name, each in named if ".layers." in name and each.ndim == 2]
    outside = [each for name, each in named if not (".layers." in name and each.ndim == 2)]
    return [
        torch.optim.Muon(inside, lr=training["matrix_learning_rate"], weight_decay=0.0),
        torch.optim.AdamW(outside, lr=training["learning_rate"], betas=(0.9, 0.95), weight_decay=0.0),
    ]


def shuffled(count: int, size: int) -> Iterator[np.ndarray]:
    """Endless batches in random order; what is left of an epoch is dropped."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(count)
        yield from (order[start : start + size] for start in range(0, count - size + 1, size))


def sorted_batches(examples: list, size: int) -> Iterator[np.ndarray]:
    """The batches that ours takes."""
    return batches(np.array([len(tokens) for tokens, _ in examples]), size, 0)


def padded(examples: list[tuple[np.ndarray, int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, attention mask and labels [rows, longest]; -100 labels nothing."""
    width = max(len(tokens) for tokens, _ in examples)
    tokens = np.zeros((len(examples), width), dtype=np.int64)
    mask, labels = np.zeros_like(tokens), np.full_like(tokens, -100)
    for row, (sequence, start) in enumerate(examples):
        tokens[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
        labels[row, start : len(sequence)] = sequence[start:]
    return torch.as_tensor(tokens), torch.as_tensor(mask), torch.as_tensor(labels)


def compare(bench: Bench, case: str, texts: Texts, settings: dict) -> None:
    """Equality on one batch, then rounds in turn, so that all meet the same state of the machine."""
    check_first_step(bench, case, texts, settings["model"])
    batch = settings["training"]["batch"]
    alone = Products(texts, texts.model(settings["model"]), batch)
    variants = {
        "ours": ours(*_started(texts, settings)),
        "baseline": plain(*_started(texts, settings), sort=False),
        "earlier": plain(*_started(texts, settings), sort=True),
        "roofline": Loop(alone.step),
    }
    race(variants, rounds=1 if bench.quick else 5, steps=2 if bench.quick else 10)
    square = matrix_rate(CPU, (64, 64, 64) if bench.quick else (1024, 1024, 1024))
    notes = {name: f"{padding(texts, batch, name != 'baseline'):.1%} padding" for name in variants}
    roofline = variants["roofline"]
    rate = alone.flops * roofline.tokens / alone.tokens / roofline.seconds
    notes["roofline"] = f"{rate / 1e9:.0f} GFLOP/s; a product of 1,024 squared: {square / 1e9:.0f}"
    for name, loop in variants.items():
        bench.record(name, loop.seconds, loop.tokens, "tokens", case=case, note=notes[name])
    bench.goal(f"{case}: share of its matrix products' own rate", bench.ratio(case, "ours", "roofline"))


def grow(bench: Bench, texts: Texts, settings: dict, quick: bool) -> None:
    """Time of a step of the policy over the examples' length and their number."""
    rounds, steps = (1, 1) if quick else (4, 4)
    rng = np.random.default_rng(1)
    series = [("length", each, settings["training"]["batch"]) for each in (LENGTHS[:2] if quick else LENGTHS)]
    series += [("batch", None, each) for each in (BATCHES[:2] if quick else BATCHES)]
    for axis, length, batch in series:
        prompts, solutions = texts.prompts, texts.solutions
        if axis == "length":
            drawn = rng.integers(5, len(texts.tokenizer), (256, length)).tolist()
            prompts, solutions = (
                [each[: length // 3] for each in drawn],
                [each[length // 3 :] for each in drawn],
            )
        given = (prompts, solutions, settings["training"] | {"batch": batch})
        variants = {
            "ours": ours(texts.model(settings["model"]), *given),
            "baseline": plain(texts.model(settings["model"]), *given, sort=False),
        }
        race(variants, rounds, steps)
        for name, loop in variants.items():
            taken = rounds * steps
            bench.record(name, loop.seconds / taken, loop.tokens / taken, "tokens", axis, length or batch)


def check_first_step(bench: Bench, case: str, texts: Texts, shape: dict) -> None:
    """The loss of one batch, and its gradient, from the same weights."""
    count = 32
    model = texts.model(shape)
    examples = language_examples(texts.prompts[:count], texts.solutions[:count])
    loss = policy_losses(model, collate(examples, np.arange(count), CPU)).mean()
    loss.backward()
    gradient = torch.cat([each.grad.flatten() for each in model.parameters()])
    model.zero_grad()
    pairs = zip(texts.prompts[:count], texts.solutions[:count], strict=True)
    tokens, mask, labels = padded([(np.array(prompt + solution), len(prompt)) for prompt, solution in pairs])
    theirs = model(input_ids=tokens, attention_mask=mask, labels=labels).loss
    theirs.backward()
    expected = torch.cat([each.grad.flatten() for each in model.parameters()])
    bench.same(f"first loss of the {case}", loss.item(), theirs.item(), 1e-5)
    bench.same(f"gradient of the first loss of the {case}", gradient.numpy(), expected.numpy(), 1e-5)


def race(variants: dict[str, Loop], rounds: int, steps: int) -> None:
    """Rounds of the loops in turn, after one that warms up."""
    for loop in variants.values():
        loop.step()
    for _ in range(rounds):
        for loop in variants.values():
            loop.round(steps)


def padding(texts: Texts, size: int, sort: bool) -> float:
    """Share of padding in the batches of one epoch."""
    lengths = np.array([len(p) + len(s) for p, s in zip(texts.prompts, texts.solutions, strict=True)])
    order = batches(lengths, size, 0) if sort else shuffled(len(lengths), size)
    epoch = [lengths[next(order)] for _ in range(len(lengths) // size)]
    return 1 - sum(each.sum() for each in epoch) / sum(len(each) * each.max() for each in epoch)


class Products:
    """The matrix products of one step of ours at the mean number of tokens, on random numbers."""

    def __init__(self, texts: Texts, model, batch: int):
        mean = np.mean([len(each) for each in texts.solutions])
        self.carrying = round(batch * mean)  # tokens that carry loss
        self.tokens = round(batch * (mean + np.mean([len(each) for each in texts.prompts])))
        last = f".layers.{model.config.num_hidden_layers - 1}."
        self.matrices = [
            (each.detach(), self._rows(name, last), ".layers." in name)
            for name, each in model.named_parameters()
            if each.ndim == 2
        ]
        self.operands: dict[tuple[int, int], torch.Tensor] = {}
        self.flops = 0.0
        for matrix, rows, optimized in self.matrices:
            for width in matrix.shape:
                self.operands[rows, width] = torch.randn(rows, width)
            small, large = sorted(matrix.shape)
            self.operands[small, small] = torch.randn(small, small)
            self.flops += 6.0 * rows * small * large
            self.flops += optimized * (4.0 * small * small * large + 2.0 * ON_GRAM * small**3)

    def _rows(self, name: str, last: str) -> int:
        """Tokens that a matrix is multiplied with."""
        everywhere = ".layers." in name and not (last in name and ("mlp" in name or "o_proj" in name))
        return self.tokens if everywhere else self.carrying

    def step(self) -> int:
        """All products once."""
        for matrix, rows, optimized in self.matrices:
            outputs, inputs = (self.operands[rows, width] for width in matrix.shape)
            torch.mm(inputs, matrix.T)
            torch.mm(outputs, matrix)
            torch.mm(outputs.T, inputs)
            if optimized:
                wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
                square = self.operands[len(wide), len(wide)]
                torch.mm(wide, wide.T)
                for _ in range(ON_GRAM):
                    torch.mm(square, square)
                torch.mm(square, wide)
        return self.tokens


def _started(texts: Texts, settings: dict) -> tuple:
    return texts.model(settings["model"]), texts.prompts, texts.solutions, settings["training"]
