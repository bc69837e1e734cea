"""Figures that stand for those of the paper's main text, and those before them."""

from ttc.figures.entry import (
    AGGREGATION,
    ALL,
    BY_BIN,
    CHAINS,
    FIRST,
    FIXED,
    FOLDS,
    ORACLE,
    PAIRED,
    QUESTIONS,
    RATIO_ROWS,
    RATIOS,
    SEARCH,
    SEED,
    STEPS,
    VOTES,
    Entry,
)

IN_SAMPLE = (
    "Thin line: the choice was made on the very questions that it is measured on, which is optimistic."
)
OPTIMAL = ("compute_optimal", "in_sample_optimal")


def exchange(family: str, version: str) -> Entry:
    """The curves of one family beside the larger policy, by one formula."""
    late = version == "camera_ready"
    selection = "hierarchical" if family == "revisions" else "best_of_n_weighted"
    return Entry(
        f"exchange_{family}" + ("_camera_ready" if late else ""),
        f"{family.capitalize()} against parameters" + (", camera-ready formula" if late else ""),
        (
            f"The small policy with compute-optimal {family} in each bin; stars mark one greedy solution of the larger "
            "policy where both cost the same FLOPs. A curve above its star wins.",
            RATIOS[version],
            FOLDS,
            PAIRED,
            SEED,
        ),
        {
            "curves": {"family": (family,), "strategy": ("compute_optimal",), "bins": ("oracle",)}
            | {"selection": (selection, "mixed")},
            "exchange": {"family": (family,), "version": (version,), "bins": ("oracle",)},
        },
        "" if late else "9",
        "8" if late else "",
        main=not late,
    )


def differences(version: str) -> Entry:
    """The chart of differences by one formula."""
    late = version == "camera_ready"
    return Entry(
        "exchange_differences" + ("_camera_ready" if late else ""),
        "Who wins at equal FLOPs" + (", camera-ready formula" if late else ""),
        (
            "Accuracy of the small minus the larger policy in points, by difficulty and R, with its interval; the mark "
            "says who is ahead.",
            RATIOS[version],
            PAIRED,
            ORACLE,
            SEED,
        ),
        {"exchange": {"version": (version,), "bins": ("oracle",)}, "difficulty": {}},
        "" if late else "9",
        "8" if late else "",
        main=not late,
    )


MAIN_TEXT = (
    Entry(
        "summary",
        "The study in one figure",
        (
            "Left: accuracy by generations per question. Right: the small policy with its compute-optimal strategy "
            "minus one greedy solution of the larger policy at equal FLOPs, by difficulty.",
            FOLDS,
            RATIOS["v1"],
            QUESTIONS,
            SEED,
        ),
        {
            "curves": {"strategy": ("compute_optimal", *FIXED, "parallel"), "bin": (0,)},
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
            ORACLE,
            "Pass rates over {sampling.samples} samples a question.",
            "{questions} test questions; bars are 95 % bootstrap intervals ({figures.bootstrap} resamples).",
            SEED,
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
            "lookahead is billed for its rollouts. Apart from them, where they were measured, strategies beyond the "
            "paper.",
            SEARCH,
            AGGREGATION,
            QUESTIONS,
            SEED,
        ),
        {
            "curves": VOTES | {"strategy": (*FIXED, "beam(*", "lookahead(*", "dvts(*", "rebase(*")},
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
            ORACLE,
            QUESTIONS.replace("bands", "bars"),
            SEED,
        ),
        {"curves": BY_BIN | {"family": ("search",), "bins": ("oracle", "none")}, "difficulty": {}},
        "3, right",
        main=True,
    ),
    Entry(
        "compute_optimal_search",
        "Compute-optimal search",
        (
            "The best strategy for each difficulty bin and budget against best-of-N weighted and majority vote.",
            FOLDS,
            IN_SAMPLE,
            AGGREGATION,
            QUESTIONS,
            SEED,
        ),
        {"curves": {"family": ("search",), "strategy": (*OPTIMAL, *FIXED), "bin": (0,)}},
        "4",
        main=True,
    ),
    Entry(
        "revision_steps",
        "Revisions",
        (
            "Pass@1 of each answer along a chain of revisions, and sequential against parallel answers at equal "
            "budgets, chosen by the revision verifier or by majority.",
            CHAINS,
            STEPS,
            FIRST,
            QUESTIONS,
            SEED,
        ),
        {
            "curves": {
                "family": ("baseline", "revisions"),
                "strategy": ("revision_step", "sequential", "parallel"),
            }
            | {"selection": ("none", "hierarchical", "majority")}
            | ALL
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
            CHAINS,
            ORACLE,
            QUESTIONS,
            SEED,
        ),
        {
            "curves": RATIO_ROWS | {"selection": ("hierarchical",), "bins": ("none", "oracle")},
            "difficulty": {},
        },
        "7",
        main=True,
    ),
    Entry(
        "compute_optimal_revisions",
        "Compute-optimal revisions",
        (
            "The best ratio for each difficulty bin and budget against parallel answers only.",
            FOLDS,
            IN_SAMPLE,
            CHAINS,
            QUESTIONS,
            SEED,
        ),
        {
            "curves": {"family": ("revisions",), "strategy": (*OPTIMAL, "parallel"), "bin": (0,)}
            | {"selection": ("hierarchical", "majority")}
        },
        "8",
        "6",
        main=True,
    ),
    exchange("search", "v1"),
    exchange("revisions", "v1"),
    differences("v1"),
)
