"""The worth of a verifier to a vote over independent samples: PRM, ORM, aggregation, selection, spoilt scores.

Paper figures 13 and 14; camera-ready 13, 14, 15 and 17.
"""

from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import FIXED, VOTES, Entry
from ttc.figures.sentences import AGGREGATION, FLIPPED, FLIPS, QUESTIONS, SAMPLES, SEED, SUBSETS
from ttc.tables.study import NotMeasured, Study

PRM, PLAIN = "best_of_n_weighted", "best_of_n"
ORM, ORM_PLAIN = "orm_best_of_n_weighted", "orm_best_of_n"
MAJORITY = {"majority": "majority vote"}
FLIPPED_SCORES, RANDOM_SCORES = f"{PRM}(verifier=flipped)", f"{PRM}(verifier=random)"
AGGREGATIONS = {"last": "last step", "min": "minimum", "prod": "product", "mean": "mean"}


def draw(study: Study, options: dict) -> Figure:
    """Votes weighted by the PRM and by the ORM, and the plain majority, over budgets."""
    if not study.has("search", ORM):
        only = study.verifier
        raise NotMeasured(f"only the {only} scored the samples" if only else "no verifier scored the samples")
    names = {PRM: "PRM, weighted", ORM: "ORM, weighted"} | MAJORITY
    return _draw(study, {"": names}, "PRM against ORM: best-of-N weighted by each", list(names))


def draw_selection(study: Study, options: dict) -> Figure:
    """The best-scored sample against the weighted vote, by the PRM and by the ORM."""
    if not study.has("search", PRM):
        raise NotMeasured("no verifier scored the samples")
    shown = {study.verifier: {PRM: "weighted vote", PLAIN: "best single score"} | MAJORITY}
    if study.has("search", ORM) and study.has("search", ORM_PLAIN):
        shown["ORM"] = {ORM: "weighted vote", ORM_PLAIN: "best single score"} | MAJORITY
    return _draw(study, shown, "Best-of-N against best-of-N weighted", [PRM, PLAIN, ORM, ORM_PLAIN])


def draw_aggregations(study: Study, options: dict) -> Figure:
    """How step scores become one score: for the weighted vote and for the best single score."""
    own = AGGREGATIONS.get(options["aggregation"], options["aggregation"])
    if study.verifier == "ORM":
        raise NotMeasured("the ORM gives one score to a solution, and there is nothing to aggregate")
    shown = {}
    for title, method in (("Weighted vote", PRM), ("Best single score", PLAIN)):
        others = {
            f"{method}(aggregation={name})": word
            for name, word in AGGREGATIONS.items()
            if study.has("search", f"{method}(aggregation={name})")
        }
        if others:
            shown[title] = {method: own} | others | MAJORITY
    if not shown:
        raise NotMeasured("one aggregation of step scores was measured only")
    return _draw(study, shown, "One score from the PRM's step scores", [PRM, PLAIN], {PLAIN: "prm"})


def draw_quality(study: Study, options: dict) -> Figure:
    """Votes weighted by the verifier, by the verifier with a share of its scores flipped, and by random scores."""
    for name in (FLIPPED_SCORES, RANDOM_SCORES):
        study.curve("search", name)  # or NotMeasured
    names = {
        PRM: f"{study.verifier}, its own scores",
        FLIPPED_SCORES: f"{study.verifier}, some scores flipped",
        RANDOM_SCORES: "random scores",
    }
    heading = "How good a verifier has to be: best-of-N weighted"
    return _draw(study, {"": names | MAJORITY}, heading, [PRM, FLIPPED_SCORES])


def _draw(study, shown, heading, banded, looks=None) -> Figure:
    """A panel for each of `shown` (title -> strategy -> label), with intervals on `banded`.

    `looks` gives strategies another's look.
    """
    looks = looks or {}
    drawn = style.figure(8.0 if len(shown) == 1 else 11.4, 4.6)
    axes = drawn.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for panel, (title, names) in zip(axes, shown.items(), strict=True):
        for name, label in names.items():
            if study.has("search", name):
                rows = study.curve("search", name)
                style.line(
                    panel, rows, style.look(looks.get(name, name), list(names)), label, band=name in banded
                )
        style.budget_axis(panel, [budget for line in panel.get_lines() for budget in line.get_xdata()])
        if title:
            panel.set_title(title, fontweight="normal")
    for panel in axes:  # the panels share an axis, which is final only now
        style.accuracy_axis(panel, style.ACCURACY if panel is axes[0] else "")
        style.end_labels(panel, panel.get_lines())
    style.heading(drawn, heading)
    labels = {label: None for names in shown.values() for name, label in names.items() if name in banded}
    bands = f"For legibility on these only: {'; '.join(labels)}."
    style.note(drawn, style.interval_note(study.curve("search", PRM), bands))
    return drawn


FIGURES = (
    Entry(
        name="aggregations",
        title="One score from step scores",
        place=180,
        caption=(
            "Ways to make one score from the PRM's step scores, in the weighted vote and for the best single score; "
            "elsewhere in this study it is {evaluation.aggregation}.",
            SAMPLES,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        reads={"curves": VOTES | {"strategy": ("best_of_n*", "majority")}},
        draw=draw_aggregations,
        v1="13",
        camera_ready="14",
    ),
    Entry(
        name="verifiers",
        title="PRM against ORM",
        place=190,
        caption=(
            "Votes weighted by the process and by the outcome reward model, and the plain majority.",
            SAMPLES,
            AGGREGATION,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        reads={"curves": VOTES | {"strategy": (*FIXED, "orm_best_of_n_weighted")}},
        draw=draw,
        v1="14",
        camera_ready="15",
        main=True,
    ),
    Entry(
        name="selection_rules",
        title="Best-of-N against best-of-N weighted",
        place=220,
        caption=(
            "The sample with the best score against the vote weighted by scores.",
            "At the left the {verifier}, at the right the {second_verifier}.",
            SAMPLES,
            AGGREGATION,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": VOTES | {"strategy": ("best_of_n", "orm_best_of_n", *FIXED, "orm_best_of_n_weighted")}
        },
        draw=draw_selection,
        camera_ready="13",
    ),
    Entry(
        name="verifier_quality",
        title="How good a verifier has to be",
        place=240,
        caption=(
            "Votes weighted by the scores of the {verifier}, by its scores with a share of them turned from p into "
            "1 − p, and by random scores, which is a majority vote with noise.",
            FLIPPED,
            FLIPS,
            SAMPLES,
            AGGREGATION,
            SUBSETS,
            QUESTIONS,
            SEED,
        ),
        reads={"curves": VOTES | {"strategy": (*FIXED, "best_of_n_weighted(verifier=*")}},
        draw=draw_quality,
        camera_ready="17",
    ),
)
