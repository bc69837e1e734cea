"""Tables of the analysis: how difficult questions are, how well each strategy does, what a verifier is worth."""

import polars as pl

from ttc.tables.columns import BIN, BINS, BUDGET, FAMILY, LEVEL, PROBLEM, VERIFIER
from ttc.tables.schema import Column, Schema, count, real, share, text

DIFFICULTY = Schema(
    "difficulty",
    ("problem_id",),
    PROBLEM
    | {
        "oracle": share(meaning="pass rate over the pool"),
        "oracle_bin": count(meaning="bin of the pass rate, 1 = easiest", low=1),
        "predicted": share(
            meaning="mean final-step verifier score over the pool, or without a verifier (`score_std` is empty) the "
            "share of the most frequent answer; no gold answer used",
            nullable=True,
        ),
        "predicted_bin": count(meaning="bin of the predicted difficulty, 1 = easiest", low=1, nullable=True),
        "mean_logprob": real(meaning="mean log-probability of a sample (nats)", nullable=True),
        "mean_tokens": real(meaning="mean tokens of a sample", nullable=True),
        "answer_entropy": real(
            meaning="entropy of the answers' distribution (nats); null = verdicts without answers",
            low=0.0,
            nullable=True,
        ),
        "score_std": real(meaning="standard deviation of the final-step score", low=0.0, nullable=True),
        "level": count(meaning="author's level; 0 = not given"),
    },
    meaning="difficulty of each question and features of it (paper §3.2)",
)
OUTCOMES = Schema(
    "outcomes",
    ("family", "strategy", "selection", "budget", "problem_id"),
    {
        "family": FAMILY,
        "strategy": text(meaning="strategy, a call with its hyper-parameters"),
        "selection": text(meaning="selection rule"),
        "budget": BUDGET,
    }
    | PROBLEM
    | {
        "correct": share(meaning="expected correctness of the selected answer"),
        "mc_error": real(
            meaning="Monte-Carlo standard error of `correct`, of subsets that were drawn or of searches that were "
            "repeated; 0 = exact, or one run of a search, which does not show its error",
            low=0.0,
        ),
        "tokens": real(meaning="tokens generated", nullable=True, low=0.0),
        "verifier_tokens": real(
            meaning="tokens the verifier read: of a sample or revision all of its context and itself, of a search as "
            "in `candidates`",
            nullable=True,
            low=0.0,
        ),
        "flops": real(
            meaning="FLOPs of policy and verifier, 2 per parameter and token", nullable=True, low=0.0
        ),
        "money": real(
            meaning="what the tokens cost that policy and verifier read and write, in the currency of the study's "
            "prices (docs/money.md); null = not known",
            nullable=True,
            low=0.0,
            optional=True,
        ),
    },
    meaning="one strategy on one problem at one budget",
)
CURVES = Schema(
    "curves",
    ("family", "strategy", "selection", "bins", "bin", "budget"),
    {
        "family": FAMILY,
        "strategy": text(
            meaning="a strategy of `outcomes`, or what was chosen: `compute_optimal`, `in_sample_optimal`, `ridge`, "
            "`best_fixed`, `oracle` (the best of each question, a ceiling)"
        ),
        "selection": text(meaning="selection rule"),
        "bins": BINS,
        "bin": BIN,
        "budget": BUDGET,
        "accuracy": share(meaning="mean correctness"),
        "low": share(
            meaning="lower end of the 95 % bootstrap interval over questions; bins are cut anew, and strategies chosen "
            "anew, in every resample"
        ),
        "high": share(meaning="upper end of it"),
        "problems": count(
            meaning="questions in the mean; the same at every budget of a curve, but for budgets that only some of "
            "them have samples for",
            low=1,
        ),
    },
    meaning="accuracy against budget, whole and by difficulty",
)
ALLOCATION = Schema(
    "allocation",
    ("family", "selection", "bins", "repeat", "fold", "bin", "budget"),
    {
        "family": FAMILY,
        "bins": BINS,
        "repeat": count(meaning="which random split into folds"),
        "fold": count(meaning="the fold held out; the choice was made on the others"),
        "bin": BIN,
        "budget": BUDGET,
        "strategy": text(meaning="strategy chosen"),
        "selection": text(meaning="selection rule chosen"),
        "accuracy": share(meaning="mean correctness on the folds the choice was made on"),
    },
    meaning="the strategy chosen for each bin and budget",
)
PER_QUESTION = Schema(
    "per_question",
    ("family", "strategy", "selection", "bins", "budget", "problem_id"),
    {
        "family": FAMILY,
        "strategy": text(
            meaning="`compute_optimal`, `in_sample_optimal`, `ridge`, `best_fixed` or `oracle`, the last not "
            "cross-validated"
        ),
        "selection": text(meaning="selection rule"),
        "bins": BINS,
    }
    | {"budget": BUDGET}
    | PROBLEM
    | {"correct": share(meaning="cross-validated expected correctness")},
    meaning="compute-optimal correctness of each question, averaged over fold splits",
)
RESAMPLED = Schema(
    "resampled",
    ("family", "strategy", "selection", "bins", "bin", "budget"),
    {
        "family": FAMILY,
        "strategy": text(meaning="`compute_optimal`, `in_sample_optimal` or `best_fixed`"),
        "selection": text(meaning="selection rule"),
        "bins": BINS,
        "bin": BIN,
        "budget": BUDGET,
        "means": Column(
            pl.List(pl.Float64()),
            meaning="mean correctness in each bootstrap resample of the questions, bins cut and strategies chosen anew "
            "in it; moved so that their mean is the estimate",
        ),
        "questions": count(meaning="questions that resamples are drawn from", low=1),
    },
    meaning="bootstrap of the whole procedure of allocation",
)
ALLOCATOR_CALIBRATION = Schema(
    "allocator_calibration",
    ("family", "strategy", "selection", "bins", "of", "bin"),
    {
        "family": FAMILY,
        "strategy": text(meaning="the allocator, by the name of its curve"),
        "selection": text(meaning="selection rule"),
        "bins": BINS,
        "of": text(meaning="predictions for the strategy `chosen`, or for `all`", allowed=("chosen", "all")),
        "bin": count(
            meaning="bin of the prediction, ten of equal width from 0 to 1; 0 = all of them; bins without a prediction "
            "are absent",
            high=10,
        ),
        "predicted": share(
            meaning="mean predicted correctness of questions held out, over budgets and fold splits"
        ),
        "correct": share(meaning="their mean correctness"),
        "low": share(meaning="lower end of its 95 % bootstrap interval over questions"),
        "high": share(meaning="upper end of it"),
        "optimism": real(meaning="predicted minus correct"),
        "optimism_low": real(meaning="lower end of its 95 % interval"),
        "optimism_high": real(meaning="upper end of it"),
        "questions": count(meaning="questions in the bin", low=1),
    },
    meaning="calibration of allocators: what they predict for questions held out, and what comes out",
)
EXCHANGE = Schema(
    "exchange",
    ("family", "version", "ratio", "bins", "bin"),
    {
        "family": FAMILY,
        "version": text(
            meaning="formula of the paper by which FLOPs are equal", allowed=("v1", "camera_ready")
        ),
        "ratio": real(meaning="R = D_inference / D_pretraining", low=0.0),
        "bins": BINS,
        "bin": BIN,
        "multiplier": real(meaning="factor on the small model's inference compute at equal FLOPs", low=0.0),
        "budget": real(meaning="generations per question that the factor pays for", low=0.0),
        "small": share(meaning="small policy's accuracy with that budget, compute-optimal"),
        "small_low": share(meaning="lower end of its 95 % interval"),
        "small_high": share(meaning="upper end of it"),
        "larger": share(meaning="larger policy's accuracy, one greedy solution"),
        "larger_low": share(meaning="lower end of its 95 % interval"),
        "larger_high": share(meaning="upper end of it"),
        "difference": real(meaning="small minus larger, paired"),
        "difference_low": real(meaning="lower end of its 95 % interval"),
        "difference_high": real(meaning="upper end of it"),
        "winner": text(
            meaning="`undecided` where the interval contains 0", allowed=("small", "larger", "undecided")
        ),
        "clipped": Column(pl.Boolean(), meaning="the budget exceeds the largest measured; that one was used"),
    },
    meaning="test-time compute against parameters at equal FLOPs (paper §7)",
)
CALIBRATION = Schema(
    "calibration",
    ("verifier", "level", "bin"),
    {
        "verifier": VERIFIER,
        "level": LEVEL,
        "bin": count(
            meaning="bin of the score, ten of equal width from 0 to 1; bins without a score are absent",
            low=1,
            high=10,
        ),
        "score": share(meaning="mean score"),
        "correct": share(meaning="share of the scores' samples that ended correct"),
        "low": share(meaning="lower end of its 95 % bootstrap interval over questions"),
        "high": share(meaning="upper end of it"),
        "count": count(meaning="scores in the bin", low=1),
    },
    meaning="calibration of verifier scores: the share of correct samples among those with scores of one bin",
)
VERIFIER_QUALITY = Schema(
    "verifier_quality",
    ("verifier", "level", "step", "measure"),
    {
        "verifier": VERIFIER,
        "level": LEVEL,
        "step": count(meaning="number of the step, from 1; 0 = all steps, or whole solutions"),
        "measure": text(
            meaning="`auc`: chance that a correct one scores above an incorrect one, ties counted half; `auc_within`: "
            "of two of one question; `brier`: mean squared error; `calibration_error`: expected, over ten bins",
            allowed=("auc", "auc_within", "brier", "calibration_error"),
        ),
        "value": share(meaning="the measure; absent where it is not defined or of one question only"),
        "low": share(meaning="lower end of its 95 % bootstrap interval over questions"),
        "high": share(meaning="upper end of it"),
        "count": count(meaning="scores it is made of", low=1),
    },
    meaning="quality of verifier scores: how well they rank, and how close they are to probabilities",
)
TRANSITIONS = Schema(
    "transitions",
    ("reviser", "step"),
    {
        "reviser": text(meaning="`rest`: the reviser of the ReST^EM ablation", allowed=("reviser", "rest")),
        "step": count(meaning="number of the answer that is revised, from 1", low=1),
        "correct": share(meaning="share correct of the answers of this step that are revised"),
        "correct_to_incorrect": share(
            meaning="share of the correct ones whose revision is incorrect", nullable=True
        ),
        "correct_to_incorrect_low": share(meaning="lower end of its 95 % interval", nullable=True),
        "correct_to_incorrect_high": share(meaning="upper end of it", nullable=True),
        "incorrect_to_correct": share(
            meaning="share of the incorrect ones whose revision is correct", nullable=True
        ),
        "incorrect_to_correct_low": share(meaning="lower end of its 95 % interval", nullable=True),
        "incorrect_to_correct_high": share(meaning="upper end of it", nullable=True),
        "correct_count": count(meaning="correct answers that are revised"),
        "incorrect_count": count(meaning="incorrect answers that are revised"),
    },
    meaning="transitions between correct and incorrect answers at each step of revision (paper §6.1)",
)
