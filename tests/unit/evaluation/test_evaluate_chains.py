"""Outcomes of revisions by brute force: every group of chains, each selection rule written out in plain Python."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.specs import method
from ttc.evaluation.competitors import groups as competing_groups
from ttc.evaluation.outcomes import HIERARCHICAL, Outcomes, evaluate_chains, evaluate_steps
from ttc.evaluation.pool import Chains
from ttc.revision.ratios import grid
from ttc.stages.evaluate import CHAIN_SCORES, _schema

# More replicates than there are groups of a few chains: all of them are averaged
EXACT = method(replicates=10_000)


def chains_of(answers, scores=None, right=0):
    """The chains of one problem from lists of answer classes (-1 = none); class `right` is correct."""
    places = [(chain, step) for chain, each in enumerate(answers) for step in range(len(each))]
    groups = np.array([answers[chain][step] for chain, step in places])
    scores = {} if scores is None else {name: np.concatenate(given) for name, given in scores.items()}
    return Chains(
        problem_id="p",
        chain=np.array([chain for chain, _ in places]),
        step=np.array([step for _, step in places]),
        groups=groups,
        correct=((groups == right) & (groups >= 0)).astype(float),
        tokens=np.ones(len(places)),
        scores=scores,
        verifier_tokens={name: np.full(len(places), 2.0) for name in scores},
    )


def measured(chains, method=EXACT):
    """(strategy, selection, budget) -> expected correctness."""
    outcomes = Outcomes({})
    evaluate_chains(chains, method, outcomes)
    return {row[2:5]: row[5] for row in outcomes.rows if row[1] == "revisions"}


def winners(votes):
    """Answers with the largest sum of weights, of (answer, weight) pairs."""
    totals = {}
    for answer, weight in votes:
        if answer >= 0:
            totals[answer] = totals.get(answer, 0) + weight
    return [answer for answer, total in totals.items() if total == max(totals.values())]


def share_right(chosen, right=0):
    """Tied answers are equally likely."""
    return sum(answer == right for answer in chosen) / len(chosen) if chosen else 0.0


def flat_majority(answers):
    return share_right(winners([(answer, 1) for chain in answers for answer in chain]))


def hierarchical(answers, scores):
    """Weighted vote in each chain; its best-scored winner, the earliest of equals, votes across chains."""
    heads = []
    for chain, each in zip(answers, scores, strict=True):
        won = winners(list(zip(chain, each, strict=True)))
        carriers = [(-score, step) for step, score in enumerate(each) if chain[step] in won]
        if carriers:
            score, step = min(carriers)
            heads.append((chain[step], -score))
    return share_right(winners(heads))


@st.composite
def problems(draw):
    """Up to four chains of up to four revisions, scores from a coarse grid, so that ties are common."""
    lengths = sorted(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)), reverse=True)
    answers = [draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)) for n in lengths]
    grades = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    scores = [draw(st.lists(grades, min_size=n, max_size=n)) for n in lengths]
    return answers, scores


@given(problems())
def test_every_ratio_by_brute_force(problem):
    answers, scores = problem
    found = measured(chains_of(answers, {"revision_orm": scores}))
    expected = {}
    for sequential in (1, 2, 4):
        long = [chain for chain in range(len(answers)) if len(answers[chain]) >= sequential]
        for parallel in (1, 2, 4):
            picks = list(combinations(long, parallel))
            if not picks:
                continue
            cut = [
                ([answers[c][:sequential] for c in pick], [scores[c][:sequential] for c in pick])
                for pick in picks
            ]
            name = f"revisions(sequential={sequential}, parallel={parallel})"
            budget = sequential * parallel
            expected[name, "majority", budget] = np.mean([flat_majority(each) for each, _ in cut])
            expected[name, "hierarchical", budget] = np.mean([hierarchical(*each) for each in cut])
            for alias, one in (("sequential", parallel), ("parallel", sequential)):
                if one == 1:
                    for selection in ("majority", "hierarchical"):
                        expected[alias, selection, budget] = expected[name, selection, budget]
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected)


def test_majority_is_flat_and_the_verifier_speaks_once_a_chain():
    # answer 0 (right) fills one chain of three; answer 1 takes the two others with better scores
    answers = [[0, 0, 0, 0], [1, 0, 1, 2], [1, 2, 1, 2]]
    scores = [[0.3] * 4, [0.9, 0.1, 0.9, 0.1], [0.9, 0.1, 0.9, 0.1]]
    found = measured(chains_of([*answers, [2, 2, 2, 2]], {"revision_orm": [*scores, [0.0] * 4]}))
    # of all sixteen: four and one of answer 0, four of answer 1, seven of answer 2
    assert found["revisions(sequential=4, parallel=4)", "majority", 16] == 0.0
    assert found["revisions(sequential=1, parallel=4)", "majority", 4] == 0.0  # 0, 1, 1, 2
    assert found["revisions(sequential=4, parallel=1)", "hierarchical", 4] == 1 / 4
    # heads: 0 with .3, 1 with .9 twice, 2 with 0
    assert found["revisions(sequential=4, parallel=4)", "hierarchical", 16] == 0.0


def test_each_verifier_decides_its_own_selection():
    answers = [[0, 1], [1, 0]]
    for good in HIERARCHICAL.values():
        # one verifier knows that answer 0 is right, the others that it is wrong
        scores = {
            verifier: [[float((answer == 0) == (verifier == good)) for answer in each] for each in answers]
            for verifier in HIERARCHICAL.values()
        }
        found = measured(chains_of(answers, scores))
        for selection, verifier in HIERARCHICAL.items():
            assert found["revisions(sequential=2, parallel=2)", selection, 4] == float(verifier == good)
    assert set(HIERARCHICAL.values()) == set(CHAIN_SCORES)


def test_one_verifiers_numbers_do_not_depend_on_the_others():
    random = np.random.default_rng(0)
    answers = random.integers(-1, 4, (16, 2)).tolist()
    scores = {verifier: random.random((16, 2)).tolist() for verifier in HIERARCHICAL.values()}
    # Groups are drawn
    few = method(replicates=5)
    whole = measured(chains_of(answers, scores), few)
    for selection, verifier in HIERARCHICAL.items():
        alone = measured(chains_of(answers, {verifier: scores[verifier]}), few)
        assert {key: value for key, value in whole.items() if key[1] in (selection, "majority")} == alone


def test_only_ratios_of_the_grid_are_reported():
    answers = [[0] * 8] * 8
    listed = method(ratios=grid("all", 8), budgets=[1, 2, 8])
    pairs = {(name, budget) for name, _, budget in measured(chains_of(answers), listed) if "(" in name}
    wanted = [(s, p) for s, p in grid("all", 8) if s * p != 4]
    assert pairs == {(f"revisions(sequential={s}, parallel={p})", s * p) for s, p in wanted}
    assert len(measured(chains_of(answers), method(ratios=[(8, 8)]))) == 1


def test_the_ablations_verifiers_do_not_compete_in_the_allocation():
    outcomes = Outcomes({})
    scores = {verifier: [[0.5, 0.5], [0.5, 0.5]] for verifier in HIERARCHICAL.values()}
    evaluate_chains(chains_of([[0, 1], [1, 0]], scores), EXACT, outcomes)

    frame = pl.DataFrame(outcomes.rows, schema=_schema(), orient="row")
    assert set(frame.filter(family="revisions")["selection"]) == {"majority", *HIERARCHICAL}
    assert [group.label for group in competing_groups(frame, {}, [])] == ["hierarchical", "majority"]


def test_steps_are_means_over_the_chains_that_are_so_long():
    outcomes = Outcomes({"rest_reviser": 10})
    evaluate_steps(chains_of([[0, 1, 0], [0, 0], [1]]), "rest_revision_step", "rest_reviser", outcomes)
    assert [(row[1:5], row[5]) for row in outcomes.rows] == [
        (("baseline", "rest_revision_step", "none", 1), pytest.approx(2 / 3)),
        (("baseline", "rest_revision_step", "none", 2), 0.5),
        (("baseline", "rest_revision_step", "none", 3), 1.0),
    ]
    assert outcomes.rows[0][9] == 2 * 10 * 1.0  # FLOPs of one token by that model


def test_a_verifiers_reading_is_billed_to_its_selection():
    outcomes = Outcomes({"reviser": 10, "prm": 100, "revision_orm": 1000})
    scores = {"prm": [[0.5, 0.5]], "revision_orm": [[0.5, 0.5]]}
    evaluate_chains(chains_of([[0, 1]], scores), EXACT, outcomes)
    rows = {row[3]: row[7:10] for row in outcomes.rows if row[2] == "sequential" and row[4] == 2}
    assert rows == {
        "majority": (2.0, 0.0, 2 * 10 * 2),
        "hierarchical": (2.0, 4.0, 2 * 10 * 2 + 2 * 1000 * 4),
        "hierarchical_prm": (2.0, 4.0, 2 * 10 * 2 + 2 * 100 * 4),
    }
