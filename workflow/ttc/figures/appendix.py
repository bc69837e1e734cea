"""Figures that stand for those of the paper's appendices and of the camera-ready, and those beyond the paper."""

from ttc.figures.entry import (
    AGGREGATION,
    ALL,
    BY_BIN,
    CHAINS,
    FIRST,
    FIXED,
    FLIPPED,
    LARGER,
    ORACLE,
    PREDICTED,
    QUESTIONS,
    RATIO_ROWS,
    REST,
    SAMPLES,
    SEED,
    STEPS,
    SUBSETS,
    TRACED,
    VOTES,
    Entry,
)
from ttc.figures.main_text import differences, exchange

APPENDIX = (
    exchange("search", "camera_ready"),
    exchange("revisions", "camera_ready"),
    differences("camera_ready"),
    Entry(
        "revision_ratio_majority",
        "Sequential to parallel, by majority",
        (
            "Accuracy by the ratio of sequential to parallel revisions at several budgets, and by difficulty at "
            "{figures.ratio_budget} generations, or the most measured; rings mark the best ratio.",
            "Chosen by a flat majority over all answers of all chains.",
            CHAINS,
            ORACLE,
            QUESTIONS,
            SEED,
        ),
        {"curves": RATIO_ROWS | {"selection": ("majority",), "bins": ("none", "oracle")}, "difficulty": {}},
        "10",
    ),
    Entry(
        "predicted_revisions",
        "Revisions by predicted difficulty",
        (
            "Accuracy by the ratio of sequential to parallel revisions at {figures.ratio_budget} generations, or the "
            "most measured, chosen by the revision verifier (left) and by majority (right).",
            PREDICTED,
            CHAINS,
            QUESTIONS,
            SEED,
        ),
        {
            "curves": RATIO_ROWS | {"selection": ("hierarchical", "majority"), "bins": ("none", "predicted")},
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
            PREDICTED,
            QUESTIONS.replace("bands", "bars"),
            SEED,
        ),
        {"curves": BY_BIN | {"family": ("search",), "bins": ("predicted", "none")}, "difficulty": {}},
        "12",
    ),
    Entry(
        "aggregations",
        "One score from step scores",
        (
            "Ways to make one score from the PRM's step scores, in the weighted vote and for the best single score; "
            "elsewhere in this study it is {evaluation.aggregation}.",
            SAMPLES,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        {"curves": VOTES | {"strategy": ("best_of_n*", "majority")}},
        "13",
        "14",
    ),
    Entry(
        "verifiers",
        "PRM against ORM",
        (
            "Votes weighted by the process and by the outcome reward model, and the plain majority.",
            SAMPLES,
            AGGREGATION,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        {"curves": VOTES | {"strategy": (*FIXED, "orm_best_of_n_weighted")}},
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
            CHAINS,
            QUESTIONS,
            SEED,
        ),
        {"curves": {"family": ("revisions",), "strategy": ("sequential", "parallel")} | ALL},
        "15",
        "18",
    ),
    Entry(
        "rest_em",
        "A reviser made by ReST^EM",
        (
            "Pass@1 of each answer along a chain: the reviser, and the one fine-tuned on its own chains by ReST^EM.",
            CHAINS,
            STEPS,
            REST,
            FIRST,
            QUESTIONS,
            SEED,
        ),
        {"curves": {"family": ("baseline",), "strategy": ("revision_step", "rest_revision_step")} | ALL},
        "16",
        "19",
    ),
    Entry(
        "selection_rules",
        "Best-of-N against best-of-N weighted",
        (
            "The sample with the best score against the vote weighted by scores, by the PRM and by the ORM.",
            SAMPLES,
            AGGREGATION,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        {"curves": VOTES | {"strategy": ("best_of_n", "orm_best_of_n", *FIXED, "orm_best_of_n_weighted")}},
        "",
        "13",
    ),
    Entry(
        "larger_search_by_bin",
        "The larger policy searched",
        (
            "Best-of-N weighted and beam search of width 4 with the larger policy and the same PRM, at "
            "{figures.sweep_budgets} generations where measured, in the small policy's bins; dotted: majority vote.",
            LARGER,
            ORACLE,
            QUESTIONS.replace("bands", "bars"),
            SEED,
        ),
        {"curves": BY_BIN | {"family": ("larger",), "bins": ("oracle", "none")}, "difficulty": {}},
        "",
        "16",
    ),
    Entry(
        "verifier_quality",
        "How good a verifier has to be",
        (
            "Votes weighted by the PRM, by the PRM with a share of its scores p turned into 1 − p, and by random "
            "scores, which is a majority vote with noise.",
            FLIPPED,
            SAMPLES,
            AGGREGATION,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        {"curves": VOTES | {"strategy": (*FIXED, "best_of_n_weighted(verifier=*")}},
        "",
        "17",
    ),
    Entry(
        "transitions",
        "What a revision turns",
        (
            "Share of the correct answers of each step that the next revision turns incorrect, and of the incorrect "
            "ones that it turns correct.",
            CHAINS,
            REST,
            TRACED,
            SEED,
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
            TRACED.replace("bands", "bars"),
            SEED,
        ),
        {"calibration": {}},
    ),
    Entry(
        "step_quality",
        "Verifiers by step",
        (
            "AUC of the step scores by step, and AUC, Brier score and calibration error of every verifier.",
            TRACED.replace("bands", "bars"),
            SEED,
        ),
        {"verifier_quality": {}},
    ),
)
