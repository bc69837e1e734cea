"""What the paper leaves open, what is done here instead, and the configuration that decides: a list in the report."""

from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class Choice:
    """One open question: `here` says what is done, `keys` are those of the configuration that decide; often "
    "none does."""

    topic: str
    here: str
    keys: tuple[str, ...] = ()


CHOICES: tuple[Choice, ...] = (
    # ---- sampling and training ----
    Choice(
        "Sampling temperatures",
        "one for each kind of sample; the samples that revisions are learnt from may have a higher one, "
        "as in the paper, which gives no number; rollouts of lookahead are greedy (stated)",
        (
            "sampling.temperature",
            "prm.temperature",
            "search.temperature",
            "revision.temperature",
            "revision.pairs.temperature",
        ),
    ),
    Choice(
        "Max tokens",
        "solutions, and steps of a search, are cut there; what is cut is never finished, and has no "
        "answer unless one was stated",
        ("sampling.max_tokens", "search.max_step_tokens"),
    ),
    Choice(
        "Rounds of a search",
        "at most 40 as in the paper; what is still open then is cut, not finished",
        ("search.max_rounds",),
    ),
    Choice(
        "Epochs and steps of training",
        "a fixed number of optimiser steps; of verifiers the weights of the lowest loss on held-out "
        "questions are kept",
        (
            "policy.training",
            "larger_policy.training",
            "prm.training",
            "orm.training",
            "revision.training",
            "revision.verifier.training",
            "prm.fine_tuning",
            "orm.fine_tuning",
            "revision.fine_tuning",
            "revision.verifier.fine_tuning",
        ),
    ),
    Choice(
        "Optimiser",
        "Muon for matrices, AdamW for the rest, at rates for small models trained from scratch; the paper "
        "fine-tunes a large one with AdamW at 3e-5 and 1e-5",
        (
            "prm.training.learning_rate",
            "prm.training.matrix_learning_rate",
            "revision.training.learning_rate",
        ),
    ),
    Choice(
        "ORM hyper-parameters",
        "those of the PRM but for the steps; every sample of the training questions is one example, "
        "labelled by its verdict",
        ("orm.model", "orm.training", "orm.fine_tuning", "orm.samples"),
    ),
    Choice(
        "Samples and rollouts that the PRM learns from",
        "the paper has 16 samples and 16 rollouts of each step; with fewer rollouts and more samples, equal "
        "prefixes share what they learnt",
        ("prm.samples", "prm.rollouts", "sampling.train_problems", "sampling.train_samples"),
    ),
    # ---- revisions ----
    Choice(
        "Trajectories of a question",
        "the paper makes one of every correct sample; here at most so many, of distinct texts, targets in turn",
        ("revision.pairs.samples", "revision.pairs.per_problem", "revision.pairs.train_problems"),
    ),
    Choice(
        "Fewer incorrect answers than the context wants",
        "the context has those there are; equal texts count once; of equally near ones the earlier sample is last",
        ("revision.max_context",),
    ),
    Choice(
        "Checkpoint of the reviser: how little is “a little after” the loss starts rising",
        "named in the configuration; the validation loss is off-policy and recorded in the model's card in any case",
        (
            "revision.training.checkpoint",
            "revision.training.evaluations_after_rise",
            "revision.fine_tuning.checkpoint",
            "revision.fine_tuning.evaluations_after_rise",
        ),
    ),
    Choice(
        "Who writes the first answer of a chain (the paper: the reviser)",
        "with `policy` the step from the first answer to the second holds the gain of fine-tuning, too; "
        "findings that this touches say so and stand beside one that it does not touch",
        ("revision.first_answer",),
    ),
    Choice(
        "Where the policy learned to read earlier answers (a large model: in its pretraining)",
        "in training texts in which several authors answer in turn and notice some mistakes of the one before; "
        "they join the single solutions when most of the steps are done",
        ("task.turns", "policy.solutions_first"),
    ),
    Choice(
        "How long the reviser is trained",
        "shortly and at a low rate: trained long on correct answers, it answers as well without earlier answers "
        "as with them, and what it gains is fine-tuning and not revision",
        ("revision.training",),
    ),
    Choice(
        "What the revision ORM learns from",
        "chains of the reviser on training questions, of the length given; labelled by the verdict of each answer",
        ("revision.verifier.train_problems", "revision.verifier.chains", "revision.verifier.length"),
    ),
    Choice(
        "Ratios of sequential to parallel",
        "the paper's table or all powers of two; chains are drawn whole, and a ratio is a mean over groups of chains",
        ("revision.ratios", "revision.max_generations"),
    ),
    Choice(
        "Details of ReST^EM",
        "one round; chains cut at their first correct answer, those without one dropped, lengths "
        "balanced; the policy is trained anew",
        ("revision.rest",),
    ),
    # ---- search ----
    Choice(
        "What a beam that ends early does to the width",
        "`shrink`: leaves as a candidate with its place in the budget; `keep`: competes on; `refill`: N "
        "others go on, and all that was run is billed",
        ("search.finished",),
    ),
    Choice(
        "De-duplication",
        "`keep`: each beam was sampled, so each competes and votes; `drop`: only one of equal beams goes "
        "on; all are billed, and none is padded with copies",
        ("search.duplicates",),
    ),
    Choice(
        "Whether lookahead stops paying when a rollout ends early",
        "no: it is billed in full, N·(k + 1), by generations; tokens are billed as generated",
        ("search.strategies",),
    ),
    Choice(
        "A budget that a search cannot use",
        "M has to divide N, and √N to be whole; a strategy does not compete at a budget it was not run "
        "at, unless it may spend less",
        ("search.budgets", "allocation.at_most"),
    ),
    Choice(
        "The larger policy's search",
        "scored by the small policy's PRM, by the small policy's difficulty bins; the paper has models of "
        "its own for each",
        ("ablations.larger_search", "search.larger_budgets"),
    ),
    # ---- selection and evaluation ----
    Choice(
        "Tie-breaking",
        "answers or scores that tie share the choice, in expectation; equal scores of beams go to the "
        "beam generated first; sums of scores closer than 1e-9 tie; strategies that tie go to the cheaper "
        "one",
    ),
    Choice("No answer", "wrong, and never wins a vote unless no candidate has an answer"),
    Choice(
        "How step scores make one score",
        "the last step's, as the paper found best; others are compared",
        ("evaluation.aggregation", "evaluation.aggregations_compared"),
    ),
    Choice(
        "Noise of the random and the flipped verifier",
        "drawn once for each question, sample and step; whether it acts on steps or on whole solutions is named",
        ("evaluation.noisy_verifiers",),
    ),
    Choice(
        "Accuracy with N generations",
        "the mean over all subsets of N of the pool, in closed form or from drawn subsets, not the first N",
        ("sampling.samples", "evaluation.budgets", "evaluation.replicates"),
    ),
    # ---- difficulty and allocation ----
    Choice(
        "Which samples make the bins",
        "those that are evaluated, as in the paper, which has 2,048 of each question, or others",
        ("sampling.samples", "difficulty.samples"),
    ),
    Choice(
        "Questions of equal difficulty at the border of two bins",
        "`split` by a hash of their name, so that bins are even; `together` gives the paper's uneven oracle bins",
        ("difficulty.ties", "difficulty.bins"),
    ),
    Choice(
        "Number of fold shuffles",
        "two folds inside each bin as in the paper, split at random several times and averaged",
        ("allocation.folds", "allocation.repeats"),
    ),
    Choice("How an odd bin is split", "the odd question goes to a random fold", ("allocation.folds",)),
    Choice("Cost of estimating difficulty", "not counted, as in the paper"),
    # ---- statistics and FLOPs ----
    Choice("Seeds", "one seed; every random number is a function of it and of where it is used", ("seed",)),
    Choice(
        "Repeats and error bars",
        "one training run; 95 % percentile bootstrap over questions, paired for differences",
        ("allocation.bootstrap", "findings.bootstrap", "figures.bootstrap", "exchange.bootstrap"),
    ),
    Choice(
        "What “as good as” means",
        "claims of equality and of “nearly as well” have a stated margin, and the whole interval has to "
        "lie inside it",
    ),
    Choice(
        "Verifier's FLOPs (camera-ready)",
        "the factor of the formula charges them; whether curves move right by a point besides, as the paper draws "
        "them, is named",
        ("exchange.verifier_curves",),
    ),
    Choice(
        "Fractional budgets at equal FLOPs",
        "accuracy is read linear in the logarithm of the budget; above the largest measured one it stays, "
        "and is marked",
        ("exchange.versions", "exchange.ratios"),
    ),
)

_ABSENT = object()


def choices(configuration: dict) -> list[dict]:
    """The list with the configuration that decides; keys that a study lacks stay out, and so does what only "
    "they decide."""
    rows = []
    for choice in CHOICES:
        values = [(key, _look_up(configuration, key)) for key in choice.keys]
        lines = [f"{key}: {_inline(value)}" for key, value in values if value is not _ABSENT]
        if lines or not choice.keys:
            rows.append({"topic": choice.topic, "here": choice.here, "lines": lines})
    return rows


def _look_up(configuration: dict, key: str) -> object:
    value: object = configuration
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _inline(value: object) -> str:
    return yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    ).split("\n")[0]
