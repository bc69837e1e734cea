"""The tables that stages exchange, each declared once: its columns (type, unit, allowed values) and its key."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Column:
    """One column: its type, what it means (with unit), and what values it may hold."""

    dtype: pl.DataType
    meaning: str
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """One table: its columns, in order, and the columns that identify a row."""

    key: tuple[str, ...]
    columns: dict[str, Column]
    meaning: str

    @property
    def dtypes(self) -> dict[str, pl.DataType]:
        return {name: column.dtype for name, column in self.columns.items()}


def _text(meaning, **options):
    return Column(pl.String(), meaning, **options)


def _count(meaning, **options):
    return Column(pl.Int32(), meaning, low=options.pop("low", 0), **options)


def _real(meaning, **options):
    return Column(pl.Float64(), meaning, **options)


def _share(meaning, **options):
    return Column(pl.Float64(), meaning, low=0.0, high=1.0, **options)


_PROBLEM = {"problem_id": _text("stable name of the problem")}
_SAMPLE = _PROBLEM | {"sample_index": _count("index of the independent sample, from 0")}
_CHAIN = _PROBLEM | {
    "chain": _count("index of the chain, from 0"),
    "step": _count("position in the chain, from 0; step 0 has no answer before it"),
}
_SOLUTION = {
    "text": _text("the solution as generated; steps are its lines"),
    "answer": _text("canonical final answer, null where none was found", nullable=True),
    "correct": Column(pl.Boolean(), "the answer equals the gold answer; no answer is wrong"),
}
_FINISH = _text(
    "`stop`: ended by itself; `length`: cut by the token limit; `unknown`: a pool that does not say",
    allowed=("stop", "length", "unknown"),
)
_STEP_SCORES = Column(
    pl.List(pl.Float32()), "verifier score in [0, 1] of each step; an ORM gives one", low=0.0, high=1.0
)
_BINS = _text("how difficulty was measured", allowed=("oracle", "predicted", "none"))
_BIN = _count("difficulty bin, 1 = easiest; 0 = all questions")
_BUDGET = _count("budget: generations per question", low=1)
_VERIFIER = _text("whose scores", allowed=("prm", "orm", "revision_orm"))
_LEVEL = _text(
    "what is scored: a `solution`, or a `step`, whose verdict is that of its sample",
    allowed=("solution", "step"),
)
_FAMILY = _text("what is compared", allowed=("search", "revisions", "baseline", "larger"))

SCHEMAS: dict[str, Schema] = {
    "problems": Schema(
        ("problem_id",),
        _PROBLEM
        | {
            "split": _text("train or test", allowed=("train", "test")),
            "level": _count("author's difficulty level, 1 = easiest; 0 = not given"),
            "question": _text("question text"),
            "answer": _text("gold answer"),
            "solution": _text("a correct step-by-step solution; empty where the source has none"),
        },
        "problems with known answers",
    ),
    "prompts": Schema(
        ("problem_id",),
        _PROBLEM
        | {
            "split": _text("train or test", allowed=("train", "test")),
            "tokens": _count("tokens of the prompt", low=1),
        },
        "prompts of a published policy, each with room for an answer behind it",
    ),
    "samples": Schema(
        ("problem_id", "sample_index"),
        _SAMPLE
        | _SOLUTION
        | {
            "tokens": _count("tokens generated; null = not recorded, never zero cost", nullable=True),
            "logprob": Column(
                pl.Float32(), "sum of log-probabilities of the tokens (nats), temperature 1", nullable=True
            ),
            "finish_reason": _FINISH,
        },
        "independent solutions of the policy",
    ),
    "scores": Schema(
        ("problem_id", "sample_index"),
        _SAMPLE
        | {
            "step_scores": _STEP_SCORES,
            "tokens": _count("tokens the verifier read: prompt and solution", nullable=True),
        },
        "verifier scores of samples",
    ),
    "preflight": Schema(
        ("example", "step"),
        {
            "example": _count("golden example, from 0"),
            "step": _count("step of its solution, from 0"),
            "verdict": Column(pl.Boolean(), "the step is right"),
            "score": _share("verifier score of the step"),
        },
        "a published verifier's scores of golden examples, by which it is told whether it is read as it should be",
    ),
    "step_values": Schema(
        ("problem_id", "sample_index", "step"),
        _SAMPLE
        | {
            "step": _count("step of the sample, from 0"),
            "value": Column(
                pl.Float32(), "share of rollouts after this step that end correct", low=0.0, high=1.0
            ),
            "rollouts": _count("Monte-Carlo rollouts", low=1),
            "tokens": _count("tokens generated by the rollouts"),
        },
        "Monte-Carlo values of solution prefixes (paper §3.1, appendix D)",
    ),
    "candidates": Schema(
        ("problem_id", "candidate"),
        _PROBLEM
        | {"candidate": _count("index of the candidate, from 0")}
        | _SOLUTION
        | {
            "step_scores": _STEP_SCORES,
            "finish_reason": _FINISH,
            "tokens": _count("tokens of this candidate"),
            "generated_tokens": _count(
                "tokens the search generated for the problem: kept, discarded and rolled out; shared prefixes once"
            ),
            "discarded_tokens": _count("of these, tokens of branches that were dropped"),
            "rollout_tokens": _count("of these, tokens of lookahead rollouts"),
            "verifier_tokens": _count(
                "tokens the verifier read for the problem: the prompt once and every generated token once, by a"
                " published verifier the problem and all steps so far at each step"
            ),
            "generations": _real("billed budget: N, or N(k+1) for lookahead (paper §3.2)", low=1.0),
        },
        "final candidates of a search, costs repeated on each row of a problem",
    ),
    "tree": Schema(
        ("problem_id", "node"),
        _PROBLEM
        | {
            "node": _count("index of the node, from 0"),
            "parent": _count("index of the parent node, -1 for a first step", low=-1),
            "round": _count("round of the search, from 0"),
            "text": _text("this step only"),
            "score": Column(pl.Float32(), "verifier score that decided about the node", low=0.0, high=1.0),
            "kept": Column(pl.Boolean(), "the node was kept for the next round or is finished"),
            "finish_reason": _text(
                "`step`: goes on; `stop`: solution ended; `length`: cut", allowed=("step", "stop", "length")
            ),
        },
        "every node a search expanded",
    ),
    "pairs": Schema(
        ("problem_id", "pair"),
        _PROBLEM
        | {
            "pair": _count("index of the trajectory, from 0"),
            "context": Column(
                pl.List(pl.String()),
                "incorrect solutions: of samples the nearest to the target last, of a chain in its order",
            ),
            "target": _text("the correct solution"),
            "distance": Column(
                pl.Int32(),
                "edit distance of the last of them to the target, characters; null without a context",
                nullable=True,
            ),
        },
        "revision trajectories (paper §6.1)",
    ),
    "chains": Schema(
        ("problem_id", "chain", "step"),
        _CHAIN
        | _SOLUTION
        | {
            "tokens": _count("tokens generated for this revision"),
            "context_tokens": _count("tokens read as context: prompt and earlier answers"),
            "logprob": Column(pl.Float32(), "sum of log-probabilities of the tokens (nats), temperature 1"),
            "finish_reason": _FINISH,
        },
        "sequential revisions",
    ),
    "chain_scores": Schema(
        ("problem_id", "chain", "step"),
        _CHAIN
        | {
            "score": Column(pl.Float32(), "verifier score of the revision", low=0.0, high=1.0),
            "tokens": _count("tokens the verifier read: prompt, answers before, and this one"),
        },
        "verifier scores of revisions",
    ),
    "difficulty": Schema(
        ("problem_id",),
        _PROBLEM
        | {
            "oracle": _share("pass rate over the pool"),
            "oracle_bin": _count("bin of the pass rate, 1 = easiest", low=1),
            "predicted": _share(
                "mean final-step verifier score over the pool; no gold answer used", nullable=True
            ),
            "predicted_bin": _count("bin of the predicted difficulty, 1 = easiest", low=1, nullable=True),
            "mean_logprob": _real("mean log-probability of a sample (nats)", nullable=True),
            "mean_tokens": _real("mean tokens of a sample", nullable=True),
            "answer_entropy": _real("entropy of the answers' distribution (nats)", low=0.0),
            "score_std": _real("standard deviation of the final-step score", low=0.0, nullable=True),
            "level": _count("author's level; 0 = not given"),
        },
        "difficulty of each question and features of it (paper §3.2)",
    ),
    "outcomes": Schema(
        ("family", "strategy", "selection", "budget", "problem_id"),
        {
            "family": _FAMILY,
            "strategy": _text("strategy, a call with its hyper-parameters"),
            "selection": _text("selection rule"),
            "budget": _BUDGET,
        }
        | _PROBLEM
        | {
            "correct": _share("expected correctness of the selected answer"),
            "mc_error": _real("Monte-Carlo standard error of `correct`; 0 = exact", low=0.0),
            "tokens": _real("tokens generated", nullable=True, low=0.0),
            "verifier_tokens": _real(
                "tokens the verifier read: of a sample or revision all of its context and itself, of a search as in"
                " `candidates`",
                nullable=True,
                low=0.0,
            ),
            "flops": _real("FLOPs of policy and verifier, 2 per parameter and token", nullable=True, low=0.0),
        },
        "one strategy on one problem at one budget",
    ),
    "curves": Schema(
        ("family", "strategy", "selection", "bins", "bin", "budget"),
        {
            "family": _FAMILY,
            "strategy": _text(
                "a strategy of `outcomes`, or `compute_optimal`, `in_sample_optimal`, `best_fixed`"
            ),
            "selection": _text("selection rule"),
            "bins": _BINS,
            "bin": _BIN,
            "budget": _BUDGET,
            "accuracy": _share("mean correctness"),
            "low": _share("lower end of the 95 % bootstrap interval over questions"),
            "high": _share("upper end of it"),
            "problems": _count("questions in the mean", low=1),
        },
        "accuracy against budget, whole and by difficulty",
    ),
    "allocation": Schema(
        ("family", "selection", "bins", "repeat", "fold", "bin", "budget"),
        {
            "family": _FAMILY,
            "bins": _BINS,
            "repeat": _count("which random split into folds"),
            "fold": _count("the fold held out; the choice was made on the others"),
            "bin": _BIN,
            "budget": _BUDGET,
            "strategy": _text("strategy chosen"),
            "selection": _text("selection rule chosen"),
            "accuracy": _share("mean correctness on the folds the choice was made on"),
        },
        "the strategy chosen for each bin and budget",
    ),
    "per_question": Schema(
        ("family", "strategy", "selection", "bins", "budget", "problem_id"),
        {
            "family": _FAMILY,
            "strategy": _text("`compute_optimal`, `in_sample_optimal` or `best_fixed`"),
            "selection": _text("selection rule"),
            "bins": _BINS,
        }
        | {"budget": _BUDGET}
        | _PROBLEM
        | {"correct": _share("cross-validated expected correctness")},
        "compute-optimal correctness of each question, averaged over fold splits",
    ),
    "exchange": Schema(
        ("family", "version", "ratio", "bins", "bin"),
        {
            "family": _FAMILY,
            "version": _text("formula", allowed=("v1", "camera_ready")),
            "ratio": _real("R = D_inference / D_pretraining", low=0.0),
            "bins": _BINS,
            "bin": _BIN,
            "multiplier": _real("factor on the small model's inference compute at equal FLOPs", low=0.0),
            "budget": _real("generations per question that the factor pays for", low=0.0),
            "small": _share("small policy's accuracy with that budget, compute-optimal"),
            "small_low": _share("lower end of its 95 % interval"),
            "small_high": _share("upper end of it"),
            "larger": _share("larger policy's accuracy, one greedy solution"),
            "larger_low": _share("lower end of its 95 % interval"),
            "larger_high": _share("upper end of it"),
            "difference": _real("small minus larger, paired"),
            "difference_low": _real("lower end of its 95 % interval"),
            "difference_high": _real("upper end of it"),
            "winner": _text(
                "`undecided` where the interval contains 0", allowed=("small", "larger", "undecided")
            ),
            "clipped": Column(pl.Boolean(), "the budget exceeds the largest measured; that one was used"),
        },
        "test-time compute against parameters at equal FLOPs (paper §7)",
    ),
    "calibration": Schema(
        ("verifier", "level", "bin"),
        {
            "verifier": _VERIFIER,
            "level": _LEVEL,
            "bin": _count(
                "bin of the score, ten of equal width from 0 to 1; bins without a score are absent",
                low=1,
                high=10,
            ),
            "score": _share("mean score"),
            "correct": _share("share of the scores' samples that ended correct"),
            "low": _share("lower end of its 95 % bootstrap interval over questions"),
            "high": _share("upper end of it"),
            "count": _count("scores in the bin", low=1),
        },
        "how often what a verifier scores so is correct",
    ),
    "verifier_quality": Schema(
        ("verifier", "level", "step", "measure"),
        {
            "verifier": _VERIFIER,
            "level": _LEVEL,
            "step": _count("number of the step, from 1; 0 = all steps, or whole solutions"),
            "measure": _text(
                "`auc`: chance that a correct one scores above an incorrect one, ties one half; `auc_within`: of two of"
                " one question; `brier`: mean squared error; `calibration_error`: expected, over ten bins",
                allowed=("auc", "auc_within", "brier", "calibration_error"),
            ),
            "value": _share("the measure; absent where it is not defined or of one question only"),
            "low": _share("lower end of its 95 % bootstrap interval over questions"),
            "high": _share("upper end of it"),
            "count": _count("scores it is made of", low=1),
        },
        "how well verifier scores rank and how far they can be believed",
    ),
    "transitions": Schema(
        ("reviser", "step"),
        {
            "reviser": _text("`rest`: the reviser of the ReST^EM ablation", allowed=("reviser", "rest")),
            "step": _count("number of the answer that is revised, from 1", low=1),
            "correct": _share("share correct of the answers of this step that are revised"),
            "correct_to_incorrect": _share(
                "share of the correct ones whose revision is incorrect", nullable=True
            ),
            "correct_to_incorrect_low": _share("lower end of its 95 % interval", nullable=True),
            "correct_to_incorrect_high": _share("upper end of it", nullable=True),
            "incorrect_to_correct": _share(
                "share of the incorrect ones whose revision is correct", nullable=True
            ),
            "incorrect_to_correct_low": _share("lower end of its 95 % interval", nullable=True),
            "incorrect_to_correct_high": _share("upper end of it", nullable=True),
            "correct_count": _count("correct answers that are revised"),
            "incorrect_count": _count("incorrect answers that are revised"),
        },
        "what revisions do to correct and to incorrect answers, step by step (paper §6.1)",
    ),
    "findings": Schema(
        ("claim",),
        {
            "claim": _text("short name of the row"),
            "number": _count("place of the row in the report", low=1),
            "topic": _text("what it is about, as the report is divided"),
            "text": _text("the claim, or what the number is"),
            "origin": _text("`ours`: a number that the paper does not have", allowed=("paper", "ours")),
            "paper": _text("what the paper says; of a row of ours, why it is here"),
            "value": _real("our number", nullable=True),
            "low": _real("lower end of its 95 % interval", nullable=True),
            "high": _real("upper end of it", nullable=True),
            "side": _text(
                "where the claim lies: `above` or `below` the threshold, `within` ± it; `none`: no claim",
                allowed=("above", "below", "within", "none"),
            ),
            "threshold": _real("value that decides", nullable=True),
            "verdict": _text(
                "computed from the numbers before it; `measured`: a number without a claim",
                allowed=("reproduced", "not reproduced", "undecided", "measured", "not measured"),
            ),
            "source": _text("table the number comes from"),
            "detail": _text("how the number was made"),
        },
        "the paper's claims beside our numbers",
    ),
}
