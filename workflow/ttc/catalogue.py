"""What each figure of a study shows: title, caption, figure of the paper, and the rows of the tables it is drawn from.

Captions are templates: `{sampling.samples}` stands for that key of the configuration, `{questions}` for a number that
the tables give (`ttc.captions`).  Standard library only: the plan asks here which keys the captions restate.
"""

from dataclasses import dataclass, field

Rows = dict[str, tuple]  # column -> values of it; names of strategies may end in *


@dataclass(frozen=True)
class Entry:
    """One figure: `name` is its file's; `v1` and `camera_ready` number the paper's figure in its two versions.

    A caption is a tuple of sentences; one whose numbers a study does not have is left out.  `reads` names the tables
    and the rows of them that the figure needs.  `main` figures are shown in the report, all in the gallery.
    """

    name: str
    title: str
    caption: tuple[str, ...]
    reads: dict[str, Rows]
    v1: str = ""
    camera_ready: str = ""
    beside: str = "beyond the paper"
    main: bool = field(default=False, kw_only=True)

    @property
    def paper(self) -> str:
        """The paper's figure in words, such as "figure 8 (camera-ready: 6)"."""
        if self.v1:
            return f"figure {self.v1}" + (f" (camera-ready: {self.camera_ready})" if self.camera_ready else "")
        return f"camera-ready figure {self.camera_ready}" if self.camera_ready else self.beside


_QUESTIONS = "{questions} test questions; bands are 95 % bootstrap intervals over them ({allocation.bootstrap} resamples)."
_SAMPLES = "Subsets of {sampling.samples} samples a question, drawn at temperature {sampling.temperature}."
_SUBSETS = "Where a vote has no closed form, accuracy is the mean over {evaluation.replicates} subsets of each size."
_AGGREGATION = "Step scores make one score by their {evaluation.aggregation}."
_SEARCH = "N = {search.budgets} beams, at most {search.max_rounds} rounds, temperature {search.temperature}."
_BINS = "{difficulty.bins} bins of equal size by {kind}; questions of equal difficulty at a border: {difficulty.ties}."
_ORACLE = _BINS.replace("{kind}", "oracle difficulty, the pass rate over the pool")
_PREDICTED = _BINS.replace("{kind}", "predicted difficulty, the mean verifier score, which needs no gold answer")
_FOLDS = "Chosen and measured on different questions: {allocation.folds} folds inside each of {difficulty.bins} bins, averaged over {allocation.repeats} random splits."
_CHAINS = "Chains of up to {revision.max_generations} answers, each seeing the last {revision.max_context}, at temperature {revision.temperature}."
_FULL = "Pass@1 from {revision.full_chains} chains of full length a question."
_RATIOS = "R = {exchange.ratios.v1} inference tokens to a pretraining token; the formula of version 1."
_RATIOS_CAMERA_READY = "R = {exchange.ratios.camera_ready} inference tokens to a pretraining token; the camera-ready's formula, which bills the verifier."
_PAIRED = "{questions} test questions; paired 95 % bootstrap intervals ({exchange.bootstrap} resamples)."
_SEED = "Seed {seed}."

_ALL = {"bins": ("none",)}
_VOTES = {"family": ("search",)} | _ALL
_FIXED = ("best_of_n_weighted", "majority")
_OPTIMAL = ("compute_optimal", "in_sample_optimal")
_RATIO_ROWS = {"family": ("revisions",), "strategy": ("revisions(*",)}
_BY_BIN = {"strategy": ("best_of_n_weighted", "beam(width=4)", "majority")}
_WHOSE = "The small policy with compute-optimal {family} in each bin; stars mark one greedy solution of the larger policy where both cost the same FLOPs. A curve above its star wins."


def _exchange(family: str, version: str) -> Entry:
    late = version == "camera_ready"
    selection = "hierarchical" if family == "revisions" else "best_of_n_weighted"
    return Entry(
        f"exchange_{family}" + ("_camera_ready" if late else ""),
        f"{family.capitalize()} against parameters" + (", camera-ready formula" if late else ""),
        (_WHOSE.replace("{family}", family), _RATIOS_CAMERA_READY if late else _RATIOS, _FOLDS, _PAIRED, _SEED),
        {
            "curves": {"family": (family,), "strategy": ("compute_optimal",), "bins": ("oracle",)}
            | {"selection": (selection, "mixed")},
            "exchange": {"family": (family,), "version": (version,), "bins": ("oracle",)},
        },
        "" if late else "9",
        "8" if late else "",
        main=not late,
    )


def _differences(version: str) -> Entry:
    late = version == "camera_ready"
    return Entry(
        "exchange_differences" + ("_camera_ready" if late else ""),
        "Who wins at equal FLOPs" + (", camera-ready formula" if late else ""),
        (
            "Accuracy of the small minus the larger policy in points, by difficulty and R, with its interval; the mark "
            "says who is ahead.",
            _RATIOS_CAMERA_READY if late else _RATIOS,
            _PAIRED,
            _ORACLE,
            _SEED,
        ),
        {"exchange": {"version": (version,), "bins": ("oracle",)}, "difficulty": {}},
        "" if late else "9",
        "8" if late else "",
        main=not late,
    )


ENTRIES = (
    Entry(
        "summary",
        "The study in one figure",
        (
            "Left: accuracy by generations per question. Right: the small policy with its compute-optimal strategy "
            "minus one greedy solution of the larger policy at equal FLOPs, by difficulty.",
            _FOLDS,
            _RATIOS,
            _QUESTIONS,
            _SEED,
        ),
        {
            "curves": {"strategy": ("compute_optimal", *_FIXED, "parallel"), "bin": (0,)},
            "exchange": {"version": ("v1",), "bins": ("oracle",)},
        },
        "1",
        main=True,
    ),
    Entry(
        "difficulty",
        "Difficulty",
        (
            "How often one solution of the policy is correct in each difficulty bin, by oracle and by predicted "
            "difficulty; right, one against the other.",
            _ORACLE,
            "Pass rates over {sampling.samples} samples a question.",
            "{questions} test questions; bars are 95 % bootstrap intervals ({figures.bootstrap} resamples).",
            _SEED,
        ),
        {"difficulty": {}},
        beside="section 3.2",
        main=True,
    ),
    Entry(
        "search_sweep",
        "Search strategies",
        (
            "Accuracy by generations per question for each search strategy, beside votes over independent samples; a "
            "lookahead is billed for its rollouts. Right: strategies that the paper does not have.",
            _SEARCH,
            _AGGREGATION,
            _QUESTIONS,
            _SEED,
        ),
        {
            "curves": _VOTES | {"strategy": (*_FIXED, "beam(*", "lookahead(*", "dvts(*", "rebase(*")},
        },
        "3, left",
        main=True,
    ),
    Entry(
        "search_by_bin",
        "Beam search by difficulty",
        (
            "Best-of-N weighted and beam search of width 4 in each difficulty bin at {figures.sweep_budgets} "
            "generations; dotted: majority vote.",
            _ORACLE,
            _QUESTIONS.replace("bands", "bars"),
            _SEED,
        ),
        {"curves": _BY_BIN | {"family": ("search",), "bins": ("oracle", "none")}, "difficulty": {}},
        "3, right",
        main=True,
    ),
    Entry(
        "compute_optimal_search",
        "Compute-optimal search",
        (
            "The best strategy for each difficulty bin and budget against best-of-N weighted and majority vote. Thin "
            "line: chosen and measured on the same questions, which is optimistic.",
            _FOLDS,
            _AGGREGATION,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": {"family": ("search",), "strategy": (*_OPTIMAL, *_FIXED), "bin": (0,)}},
        "4",
        main=True,
    ),
    Entry(
        "revision_steps",
        "Revisions",
        (
            "Pass@1 of each answer along a chain of revisions, and sequential against parallel answers at equal "
            "budgets, chosen by the revision verifier or by majority.",
            _CHAINS,
            _FULL,
            _QUESTIONS,
            _SEED,
        ),
        {
            "curves": {"family": ("baseline", "revisions"), "strategy": ("revision_step", "sequential", "parallel")}
            | {"selection": ("none", "hierarchical", "majority")}
            | _ALL
        },
        "6",
        "9",
        main=True,
    ),
    Entry(
        "revision_ratio",
        "Sequential to parallel",
        (
            "Accuracy by the ratio of sequential to parallel revisions at several budgets, and by difficulty at "
            "{figures.ratio_budget} generations, or the most measured; rings mark the best ratio.",
            "Chosen by the revision verifier, in each chain and then across chains.",
            _CHAINS,
            _ORACLE,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": _RATIO_ROWS | {"selection": ("hierarchical",), "bins": ("none", "oracle")}, "difficulty": {}},
        "7",
        main=True,
    ),
    Entry(
        "compute_optimal_revisions",
        "Compute-optimal revisions",
        (
            "The best ratio for each difficulty bin and budget against parallel answers only. Thin line: chosen and "
            "measured on the same questions, which is optimistic.",
            _FOLDS,
            _CHAINS,
            _QUESTIONS,
            _SEED,
        ),
        {
            "curves": {"family": ("revisions",), "strategy": (*_OPTIMAL, "parallel"), "bin": (0,)}
            | {"selection": ("hierarchical", "majority")}
        },
        "8",
        "6",
        main=True,
    ),
    _exchange("search", "v1"),
    _exchange("revisions", "v1"),
    _differences("v1"),
    _exchange("search", "camera_ready"),
    _exchange("revisions", "camera_ready"),
    _differences("camera_ready"),
    Entry(
        "revision_ratio_majority",
        "Sequential to parallel, by majority",
        (
            "As the figure before, with the answer chosen by a flat majority over all answers of all chains, at "
            "{figures.ratio_budget} generations, or the most measured, at the right.",
            _CHAINS,
            _ORACLE,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": _RATIO_ROWS | {"selection": ("majority",), "bins": ("none", "oracle")}, "difficulty": {}},
        "10",
    ),
    Entry(
        "predicted_revisions",
        "Revisions by predicted difficulty",
        (
            "Accuracy by the ratio of sequential to parallel revisions at {figures.ratio_budget} generations, or the "
            "most measured, chosen by the revision verifier (left) and by majority (right).",
            _PREDICTED,
            _CHAINS,
            _QUESTIONS,
            _SEED,
        ),
        {
            "curves": _RATIO_ROWS
            | {"selection": ("hierarchical", "majority"), "bins": ("none", "predicted")},
            "difficulty": {},
        },
        "11",
    ),
    Entry(
        "search_by_predicted_bin",
        "Beam search by predicted difficulty",
        (
            "Best-of-N weighted and beam search of width 4 at {figures.sweep_budgets} generations in bins that need no "
            "gold answer; dotted: majority vote.",
            _PREDICTED,
            _QUESTIONS.replace("bands", "bars"),
            _SEED,
        ),
        {"curves": _BY_BIN | {"family": ("search",), "bins": ("predicted", "none")}, "difficulty": {}},
        "12",
    ),
    Entry(
        "aggregations",
        "One score from step scores",
        (
            "The PRM's step scores made one score by their {evaluation.aggregation} or otherwise, in the weighted vote "
            "and for the best single score.",
            _SAMPLES,
            _SUBSETS,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": _VOTES | {"strategy": ("best_of_n*", "majority")}},
        "13",
        "14",
    ),
    Entry(
        "verifiers",
        "PRM against ORM",
        (
            "Votes weighted by the process and by the outcome reward model, and the plain majority.",
            _SAMPLES,
            _AGGREGATION,
            _SUBSETS,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": _VOTES | {"strategy": (*_FIXED, "orm_best_of_n_weighted")}},
        "14",
        "15",
        main=True,
    ),
    Entry(
        "revision_verifiers",
        "The verifier that chooses among revisions",
        (
            "Sequential (left) and parallel (right) answers chosen by the revision verifier with and without the "
            "answers before in its context, by the PRM, and by majority.",
            _CHAINS,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": {"family": ("revisions",), "strategy": ("sequential", "parallel")} | _ALL},
        "15",
        "18",
    ),
    Entry(
        "rest_em",
        "A reviser made by ReST^EM",
        (
            "Pass@1 of each answer along a chain: the reviser, and the one fine-tuned on its own chains by ReST^EM.",
            _CHAINS,
            _FULL,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": {"family": ("baseline",), "strategy": ("revision_step", "rest_revision_step")} | _ALL},
        "16",
        "19",
    ),
    Entry(
        "selection_rules",
        "Best-of-N against best-of-N weighted",
        (
            "The sample with the best score against the vote weighted by scores, by the PRM and by the ORM.",
            _SAMPLES,
            _AGGREGATION,
            _SUBSETS,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": _VOTES | {"strategy": ("best_of_n", "orm_best_of_n", *_FIXED, "orm_best_of_n_weighted")}},
        "",
        "13",
    ),
    Entry(
        "larger_search_by_bin",
        "The larger policy searched",
        (
            "Best-of-N weighted and beam search of width 4 with the larger policy and the same PRM, at "
            "{figures.sweep_budgets} generations, in the small policy's bins; dotted: majority vote.",
            _ORACLE,
            _QUESTIONS.replace("bands", "bars"),
            _SEED,
        ),
        {"curves": _BY_BIN | {"family": ("larger",), "bins": ("oracle", "none")}, "difficulty": {}},
        "",
        "16",
    ),
    Entry(
        "verifier_quality",
        "How good a verifier has to be",
        (
            "Votes weighted by the PRM, by the PRM with a share of its scores p turned into 1 − p, and by random "
            "scores, which is a majority vote with noise.",
            _SAMPLES,
            _AGGREGATION,
            _SUBSETS,
            _QUESTIONS,
            _SEED,
        ),
        {"curves": _VOTES | {"strategy": (*_FIXED, "best_of_n_weighted(verifier=*")}},
        "",
        "17",
    ),
    Entry(
        "transitions",
        "What a revision turns",
        (
            "Share of the correct answers of each step that the next revision turns incorrect, and of the incorrect "
            "ones that it turns correct.",
            _CHAINS,
            "{questions} test questions; bands are 95 % bootstrap intervals over them.",
            _SEED,
        ),
        {"transitions": {}},
        beside="section 6.1",
    ),
    Entry(
        "calibration",
        "Calibration of the verifiers",
        (
            "Share of samples that end correct, by the score they got: whole solutions and single steps; below, how "
            "the scores are spread.",
            "{questions} test questions; bars are 95 % bootstrap intervals over them.",
            _SEED,
        ),
        {"calibration": {}},
    ),
    Entry(
        "step_quality",
        "Verifiers by step",
        (
            "AUC of the step scores by step, and AUC, Brier score and calibration error of every verifier.",
            "{questions} test questions; bars are 95 % bootstrap intervals over them.",
            _SEED,
        ),
        {"verifier_quality": {}},
    ),
)
