"""Revisions: pass@1 along chains, sequential against parallel, their ratio, verifiers of revisions, ReST^EM (paper §6).

With `revision.first_answer: policy`, a stated deviation, the first answer of a chain is the policy's and all others
the reviser's.  What compares first answers with later ones then holds the gain of fine-tuning, too; such rows say so
and stand beside one that compares answers of the reviser alone.
"""

from collections.abc import Sequence
from functools import partial

from ttc.paper.chain_measures import reviser_alone, turned
from ttc.paper.claim import Claim, Line, Measure, Settings, ours
from ttc.paper.measures import at_reference, contrast
from ttc.paper.ratio_measures import interior, ratio_shift
from ttc.tables.study import NotMeasured, Study

FIGURE_7 = 128  # generations of the figure by difficulty
NEXT = "the next row has answers of the reviser alone"
SIZEABLE = 0.1  # correct answers lost, from which on choosing along a chain is needed; set here
# Of the ratio, in log2: what a claim about ratios must show at least
DOUBLING = 1.0
STEPS, REST_STEPS = "revision_step", "rest_revision_step"


def rise(study: Study, settings: Settings, strategy: str = STEPS, start: int | None = 1) -> Measure:
    """Pass@1 of the last half of a chain's answers minus that of answer number `start`, paired.

    `start` None: the last answer of the length the reviser was trained on, its context and one more.
    """
    line = Line("baseline", strategy, "none")
    if start is None:
        if settings.max_context is None:
            raise NotMeasured("the study trained no reviser")
        start = settings.max_context + 1
    known = study.budgets(*line[:3])
    longest = known[-1] if known else 0
    late = [step for step in known if step > max(longest // 2, start)]
    if not late or start not in known:
        raise NotMeasured(f"no chains of more than {start} {strategy.replace('_', ' ')}s were sampled")
    detail = f"mean pass@1 of answers {late[0]} to {longest} minus answer {start}, paired"
    return contrast(study, settings, [(1, line, late), (-1, line, [start])], detail)


def rest_against_reviser(study: Study, settings: Settings) -> Measure:
    """Pass@1 of the ReST^EM reviser's chains minus that of the reviser's, last half of the steps both have, paired."""
    first, second = Line("baseline", REST_STEPS, "none"), Line("baseline", STEPS, "none")
    both = sorted(set(study.budgets(*first[:3])) & set(study.budgets(*second[:3])))
    if len(both) < 2:
        raise NotMeasured("ReST^EM revisions were not sampled")
    late = [step for step in both if step > both[-1] // 2]
    detail = f"pass@1 of answers {late[0]} to {late[-1]}, ReST^EM reviser minus reviser, paired"
    return contrast(study, settings, [(1, first, late), (-1, second, late)], detail)


def sequential(
    study: Study, settings: Settings, selection: str, bins: Sequence[int] | None = None, kind: str = "oracle"
) -> Measure:
    """Purely sequential minus purely parallel at the largest budget that both have, up to the reference budget."""
    first, second = (Line("revisions", name, selection) for name in ("sequential", "parallel"))
    return at_reference(study, settings, first, second, bins=bins, kind=kind)


def selections(study: Study, settings: Settings, first: str, second: str) -> Measure:
    """Sequential revisions, chosen by one selection rule minus chosen by another, at equal budgets."""
    lines = [Line("revisions", "sequential", selection) for selection in (first, second)]
    return at_reference(study, settings, *lines)


def lost_by_rest(study: Study, settings: Settings) -> Measure:
    """Share of the ReST^EM reviser's correct answers that its next revision makes incorrect, all steps together."""
    rows = study.table("transitions").filter(reviser="rest").drop_nulls("correct_to_incorrect")
    if rows.is_empty():
        raise NotMeasured("no chain of the ReST^EM reviser had a correct answer to revise")
    lost = (rows["correct_to_incorrect"] * rows["correct_count"]).sum()
    detail = f"of {rows['correct_count'].sum():,} correct answers; without interval"
    return Measure(float(lost / rows["correct_count"].sum()), None, None, detail)


TOPIC = "5 Revisions"
CLAIMS = (
    Claim(
        "revisions_rise",
        "Pass@1 rises along a chain of revisions",
        "pass@1 from ≈ 18 % to ≈ 24–25 % over 64 steps (fig. 6 [figure reading])",
        rise,
        "outcomes",
        confounded=NEXT,
    ),
    Claim(
        "revisions_rise_reviser",
        "Pass@1 rises along a chain from the reviser's first revision (the second answer) on",
        "the same claim, among answers of the reviser",
        partial(rise, start=2),
        "outcomes",
    ),
    Claim(
        "revisions_rise_beyond",
        "Pass@1 goes on rising beyond the length that the reviser was trained on",
        "pass@1 goes on improving in chains of 64, trained on at most 4 earlier answers (§6.1, fig. 6)",
        partial(rise, start=None),
        "outcomes",
    ),
    Claim(
        "sequential_verifier",
        "Sequential revisions beat parallel samples at the same budget, chosen by the verifier",
        "sequential ≈ 40 % against parallel ≈ 37 % at 2^6 (fig. 6 [figure reading])",
        partial(sequential, selection="hierarchical"),
        "outcomes",
        confounded=NEXT,
        primary=True,
    ),
    Claim(
        "sequential_verifier_reviser",
        "Sequential revisions beat parallel revisions of the reviser itself, chosen by the verifier",
        "the same claim, among answers of the reviser",
        partial(reviser_alone, selection="hierarchical"),
        "chains, chain_scores",
    ),
    Claim(
        "sequential_majority",
        "Sequential revisions beat parallel samples at the same budget, chosen by majority",
        "sequential narrowly outperforms parallel with majority as well (fig. 6)",
        partial(sequential, selection="majority"),
        "outcomes",
        confounded=NEXT,
    ),
    Claim(
        "sequential_majority_reviser",
        "Sequential revisions beat parallel revisions of the reviser itself, chosen by majority",
        "the same claim, among answers of the reviser",
        partial(reviser_alone, selection="majority"),
        "chains",
    ),
    Claim(
        "ratio_ideal",
        "At a given budget a ratio between the two extremes is best",
        "there is an ideal ratio of sequential to parallel (§6.2, fig. 7 left)",
        partial(interior, selection="hierarchical", up_to=FIGURE_7),
        "outcomes",
        confounded="",
        primary=True,
    ),
    Claim(
        "sequential_easy",
        "Easy questions do best with many sequential revisions",
        "easier questions do best with purely sequential revisions (§6.2, fig. 7 right)",
        partial(sequential, selection="hierarchical", bins=[1, 2]),
        "outcomes, difficulty",
        confounded=NEXT,
    ),
    Claim(
        "sequential_easy_reviser",
        "Easy questions do better with sequential than with parallel revisions of the reviser itself",
        "the same claim, among answers of the reviser",
        partial(reviser_alone, selection="hierarchical", bins=[1, 2]),
        "chains, chain_scores, difficulty",
    ),
    Claim(
        "sequential_easy_predicted",
        "By predicted difficulty too, easy questions do best with many sequential revisions",
        "predicted bins show the trends of oracle bins (fig. 11)",
        partial(sequential, selection="hierarchical", bins=[1, 2], kind="predicted"),
        "outcomes, difficulty",
        confounded="",
    ),
    Claim(
        "ratio_hard",
        "On harder questions (bins 4, 5) a ratio between the two extremes is best",
        "harder questions have an ideal ratio between sequential and parallel (§6.2, fig. 7 right)",
        partial(interior, selection="hierarchical", up_to=FIGURE_7, bins=[4, 5]),
        "outcomes, difficulty",
        confounded="",
    ),
    Claim(
        "ratio_depends",
        "The best share of sequential revisions is larger for easy than for hard questions",
        "the ideal ratio depends on difficulty, more sequential where easier (§6.2, fig. 7 right)",
        partial(ratio_shift, selection="hierarchical", up_to=FIGURE_7),
        "outcomes, difficulty",
        least=DOUBLING,
    ),
    Claim(
        "sequential_easy_majority",
        "By majority too, easy questions do best with many sequential revisions",
        "the ratio sweep by majority shows the same trends (fig. 10)",
        partial(sequential, selection="majority", bins=[1, 2]),
        "outcomes, difficulty",
        confounded="",
    ),
    Claim(
        "ratio_depends_majority",
        "By majority too, the best share of sequential revisions is larger for easy questions",
        "the ratio sweep by majority shows the same trends (fig. 10)",
        partial(ratio_shift, selection="majority", up_to=FIGURE_7),
        "outcomes, difficulty",
        least=DOUBLING,
    ),
    Claim(
        "correct_to_incorrect",
        "A sizeable share of correct answers turns incorrect at the next revision",
        "about 38 % of correct answers turn incorrect (§6.1); set here: at least 10 %, so that choosing along a "
        "chain is needed",
        partial(turned, correct=True),
        "chains",
        threshold=SIZEABLE,
    ),
    ours(
        "incorrect_to_correct",
        "Share of incorrect answers that the next revision makes correct",
        "the other side of the 38 %",
        partial(turned, correct=False),
        "chains",
    ),
    Claim(
        "history_helps",
        "A revision ORM that sees the earlier answers selects better than one that does not",
        "history helps the revision ORM a little (fig. 15)",
        partial(selections, first="hierarchical", second="hierarchical_no_history"),
        "outcomes",
    ),
    Claim(
        "revision_orm_over_prm",
        "The revision ORM selects revisions better than the base PRM",
        "base PRM worse: ≈ 40 % against ≈ 38 % at 2^6 (fig. 15 [figure reading])",
        partial(selections, first="hierarchical", second="hierarchical_prm"),
        "outcomes",
    ),
    Claim(
        "rest_falls",
        "Trained with ReST^EM, the reviser gets worse with more revisions",
        "the result gets worse with more revisions (fig. 16)",
        partial(rise, strategy=REST_STEPS),
        "outcomes",
        "below",
        confounded=NEXT,
    ),
    Claim(
        "rest_falls_reviser",
        "Trained with ReST^EM, the reviser gets worse from its first revision (the second answer) on",
        "the same claim, among answers of the reviser",
        partial(rise, strategy=REST_STEPS, start=2),
        "outcomes",
        "below",
    ),
    ours(
        "rest_against_reviser",
        "Late answers of the ReST^EM reviser minus those of the reviser",
        "the paper shows the one's curve in a figure of its own",
        rest_against_reviser,
        "outcomes",
    ),
    ours(
        "rest_correct_to_incorrect",
        "Share of the ReST^EM reviser's correct answers that turn incorrect",
        "why its chains fall or rise",
        lost_by_rest,
        "transitions",
    ),
)
