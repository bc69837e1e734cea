"""Bugs of other systems' searches that could be ours: each test names the system and what it does.

The systems are search-and-learn (Hugging Face), compute-optimal-tts (Liu et al.), REBASE (Wu et al.), its_hub and
ThinkBooster; their bugs that other files test: a step scored instead of the end of its rollout, unfinished siblings
handed on by DVTS (test_search_exhaustive.py, test_search_beyond.py), bills (test_search_bills.py), a cut solution
taken for a finished one and a score that is missing taken for zero (test_search.py).
"""

import pytest

from tests.support.toy import (
    STREAM,
    ToyEngine,
    ToyStepVerifier,
    found,
    random_policy,
    random_score,
    run,
    scripted,
    solution,
    string,
)
from ttc import noise
from ttc.search.options import Options
from ttc.search.strategy import Strategy

METHODS = [
    Strategy("beam", 4),
    Strategy("beam", "sqrt"),
    Strategy("lookahead", 4, 2),
    Strategy("dvts", 4),
    Strategy("rebase", temperature=0.2),
]
every_method = pytest.mark.parametrize("strategy", METHODS, ids=[method.name for method in METHODS])
SEEDS = range(8)


def searched(strategy, seed=0, budget=16, verifier=ToyStepVerifier, **changes):
    engine, verifier = ToyEngine(random_policy(seed)), verifier(random_score(seed))
    [result] = run(engine, verifier, budget, strategy, **changes)
    return engine, verifier, result


@every_method
def test_the_first_round_has_as_many_candidates_as_the_budget(strategy):
    """its_hub starts with N / width of them."""
    engine, _, result = searched(strategy)
    assert sum(rows for rows, *_ in engine.takes[0]) == sum(node.round == 0 for node in result.nodes) == 16


@every_method
def test_problems_that_keep_pace_share_their_calls(strategy):
    """compute-optimal-tts and search-and-learn generate and score one node or one problem at a time."""
    names = ["p", "q", "r"]
    engine, verifier = ToyEngine(random_policy(1)), ToyStepVerifier(random_score(1))
    streams = [noise.stream(1, name) for name in names]
    results = run(engine, verifier, 16, strategy, names, streams, max_step_tokens=3)
    rounds = [1 + max(node.round for node in result.nodes) for result in results]
    drawn = [any(temperature > 0 for _, temperature, _ in groups) for groups in engine.takes]
    for calls in (len(verifier.calls), sum(drawn)):
        assert 2 < max(rounds) <= calls < sum(rounds)
        # Rollouts are longer for one problem than for another
        assert calls == max(rounds) or strategy.steps_ahead


@every_method
def test_the_limit_of_a_solution_binds(strategy):
    """search-and-learn's DVTS ignores max_tokens; in REBASE the tokens counted against it never add up."""
    cut = 0
    for seed in SEEDS:
        _, _, result = searched(strategy, seed, max_tokens=5, max_step_tokens=3)
        for node in result.nodes:
            length = len(solution(result, node))
            assert length < 5 or (length == 5 and node.finish != "step")
            cut += length == 5 and node.finish == "length"
    assert cut


@every_method
def test_the_limit_of_rounds_binds(strategy):
    """its_hub has no limit of its own."""
    assert max(node.round for seed in SEEDS for node in searched(strategy, seed)[2].nodes) > 2
    for seed in SEEDS:
        _, _, result = searched(strategy, seed, max_rounds=3)
        assert max(node.round for node in result.nodes) <= 2
        assert all(candidate.finish != "step" for candidate in result.candidates)


@every_method
def test_only_an_end_token_finishes_a_solution(strategy):
    """search-and-learn takes the missing stop reason of a solution cut by a limit for its end."""
    seen = set()
    for seed in SEEDS:
        _, _, result = searched(strategy, seed, max_tokens=6, max_step_tokens=2, max_rounds=4)
        for node in result.nodes:
            assert (node.finish == "stop") == solution(result, node).endswith("$")
        seen |= {candidate.finish for candidate in result.candidates}
    assert seen == {"stop", "length"}


@every_method
def test_no_candidate_is_a_copy_or_an_open_step(strategy):
    """search-and-learn pads missing candidates with copies, its DVTS hands on open steps; its_hub copies what ended."""
    for seed in SEEDS:
        _, _, result = searched(strategy, seed)
        assert len({candidate.node for candidate in result.candidates}) == len(result.candidates) == 16
        parents = {node.parent for node in result.nodes}
        for candidate in result.candidates:
            assert candidate.node not in parents and result.nodes[candidate.node].finish != "step"


@every_method
def test_tokens_are_counted_and_a_rollout_is_part_of_no_candidate(strategy):
    """search-and-learn counts 0 tokens in beam search and -1 in DVTS; a fork of it counts rollouts among the beam's."""
    for seed in SEEDS:
        engine, _, result = searched(strategy, seed)
        steps = sum(len(node.tokens) for node in result.nodes)
        assert 0 < steps == engine.tokens_generated - result.bill.rollout_tokens
        for candidate in result.candidates:
            assert string(candidate.tokens) == solution(result, result.nodes[candidate.node])


@every_method
def test_every_step_has_one_score_also_where_the_text_ends_in_a_separator(strategy):
    """search-and-learn's adapters make a step of the empty text behind the last separator, and read its score."""
    open_ = 0
    for seed in SEEDS:
        _, verifier, result = searched(strategy, seed, max_rounds=2)
        for candidate in result.candidates:
            written = string(candidate.tokens)
            open_ += written.endswith(".")
            ends = [place + 1 for place, character in enumerate(written) if character in ".$"]
            assert candidate.step_scores == [verifier.table(written[:end]) for end in ends]
    assert open_


@every_method
def test_the_whole_tree_is_there(strategy):
    """search-and-learn does not store the trees of DVTS: here every step made is a node, with parent and scores."""
    _, _, result = searched(strategy, seed=3)
    assert [node.index for node in result.nodes] == list(range(len(result.nodes)))
    for node in result.nodes:
        assert node.parent < node.index
        if node.parent >= 0:
            before = result.nodes[node.parent]
            assert before.finish == "step" and before.kept and before.round == node.round - 1
    assert {node.index for node in result.nodes if node.round == 0} == {
        node.index for node in result.nodes if node.parent == -1
    }


@every_method
def test_finish_and_scores_stay_with_their_step_where_duplicates_are_dropped(strategy):
    """compute-optimal-tts drops equal texts from one list and not from the list of finish reasons beside it."""
    equal = 0
    for seed in SEEDS:
        changes = {"options": Options(duplicates="drop"), "max_tokens": 7, "max_step_tokens": 3}
        engine, verifier, result = searched(strategy, seed, **changes)
        texts = [solution(result, node) for node in result.nodes]
        equal += len(texts) - len(set(texts))
        for node, written in zip(result.nodes, texts, strict=True):
            assert (node.finish == "stop") == written.endswith("$")
            assert node.step_score == verifier.table(written)
        assert result.bill.generated_tokens == engine.tokens_generated  # what was dropped is billed, too
    assert equal


def test_extra_places_go_to_the_best_step_and_not_to_the_first():
    """search-and-learn refills by list order: the first survivors get the extra copies.

    N = 6, M = 2.  Round 1 draws a, b, c, d, e, e: both `e$` end, and 4 places are left, for the best ceil(4/2) = 2 open
    steps: `d.` (.9) and `b.` (.8), 2 places each.  Round 2 makes d.x., d.e$, b.x., b.e$; 2 places are left, for the
    best ceil(2/2) = 1: `b.x.` (.7), which is behind `d.x.` (.6) in the list.
    """

    def policy(prompt_and_text):
        written = prompt_and_text[1:]
        if not written:
            return dict.fromkeys("abcde", 0.2)
        if written[-1] == ".":
            return {"e": 0.5, "x": 0.5}
        return {"$": 1.0} if written[-1] == "e" else {".": 1.0}

    draws = {(0, 0): 0.1, (0, 1): 0.3, (0, 2): 0.5, (0, 3): 0.7, (0, 4): 0.9, (0, 5): 0.9}
    draws |= {(1, 0): 0.9, (1, 1): 0.1, (1, 2): 0.9, (1, 3): 0.1, (2, 0): 0.1, (2, 1): 0.1}
    scores = {"a.": 0.1, "b.": 0.8, "c.": 0.2, "d.": 0.9, "d.x.": 0.6, "b.x.": 0.7}
    engine, verifier = ToyEngine(policy, scripted(STREAM, draws)), ToyStepVerifier(scores)
    [result] = run(engine, verifier, 6, Strategy("beam", 2))
    assert found(result) == ["e$", "e$", "d.e$", "b.e$", "b.x.e$", "b.x.e$"]
    # 6 steps, 4 steps, 2 steps of 2 tokens each; a., c. and d.x. are part of no candidate
    bill = result.bill
    assert (bill.generated_tokens, bill.discarded_tokens, bill.verifier_tokens, bill.generations) == (
        24,
        6,
        25,
        6,
    )


def test_refill_takes_the_best_that_ended_and_not_the_first():
    """search-and-learn cuts its list of solutions to the first N that ended, which favours short ones.

    N = 2, M = 1.  Round 1: `l.` goes on, `s$` (.1) ends.  Two beams go on below `l.`, and both end with .9.
    """

    def policy(prompt_and_text):
        written = prompt_and_text[1:]
        if not written:
            return {"l": 0.5, "s": 0.5}
        return {"x": 1.0} if written[-1] == "." else {"." if written[-1] == "l" else "$": 1.0}

    engine = ToyEngine(policy, scripted(STREAM, {(0, 0): 0.1, (0, 1): 0.9, (1, 0): 0.5, (1, 1): 0.5}))
    verifier = ToyStepVerifier({"s$": 0.1, "l.": 0.5, "l.x$": 0.9})
    [result] = run(engine, verifier, 2, Strategy("beam", 1), options=Options(finished="refill"))
    assert found(result) == ["l.x$", "l.x$"]
    assert result.bill.generations == 3  # one ended, two more ran


@every_method
def test_problems_with_the_same_question_stay_apart(strategy):
    """search-and-learn groups results by the text of the problem."""
    engine, verifier = ToyEngine(random_policy(2)), ToyStepVerifier(random_score(2))
    streams = [noise.stream(1, name) for name in ("first", "second")]
    first, second = run(engine, verifier, 16, strategy, ["p", "p"], streams)
    assert len(first.candidates) == len(second.candidates) == 16
    assert found(first) != found(second)
