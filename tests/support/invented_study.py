"""A small invented study for the analysis stages: its generation tables, and what the stages make of them."""

import json

import numpy as np
import polars as pl

from tests.support import specs
from ttc.stages import evaluate, fit_allocator, match_flops, measure_difficulty
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.tables.search import CANDIDATES

# What is asked of all stages; each takes what it knows
ASKED = {
    "seed": 3,
    "replicates": 20,
    "bootstrap": 50,
    "repeats": 2,
    "folds": 2,
    "at_most": False,
    "competing_methods": ["beam"],
    "searches": ["beam(width=4)"],
}
SPEC = specs.shared("evaluate", ASKED)


def answers(random, count, ability):
    """(answers, verdicts): the gold answer is "7"; some have none."""
    right = random.random(count) < ability
    given = np.where(right, "7", random.integers(10, 20, count).astype(str)).tolist()
    return [
        None if random.random() < 0.05 and not ok else a for a, ok in zip(given, right, strict=True)
    ], right.tolist()


def solution(count, given, right):
    return {"text": ["t"] * count, "answer": given, "correct": right, "finish_reason": ["stop"] * count}


def invent(folder, problems=15, pool=16, seed=0, shuffle=False):
    """Write a whole study's generation tables to `folder`; returns the inputs of `evaluate`."""
    random = np.random.default_rng(seed)
    names = [f"p{index:02d}" for index in range(problems)]
    samples, scores, chains, chain_scores, searched, greedy = [], [], [], [], [], []
    for name, ability in zip(names, np.linspace(0.95, 0.02, problems), strict=True):
        given, right = answers(random, pool, ability)
        index = {"problem_id": [name] * pool, "sample_index": list(range(pool))}
        logprob = {"logprob": [-1.0] * pool}
        samples.append(pl.DataFrame(index | solution(pool, given, right) | {"tokens": [10] * pool} | logprob))
        steps = [[0.5, float(np.clip(random.normal(0.3 + 0.4 * ok, 0.2), 0, 1))] for ok in right]
        scores.append(pl.DataFrame(index | {"step_scores": steps, "tokens": [20] * pool}))
        lengths = [8, 4, 4, 2] + [1] * 4
        place = [(chain, step) for chain, length in enumerate(lengths) for step in range(length)]
        given, right = answers(random, len(place), ability)
        index = {
            "problem_id": [name] * len(place),
            "chain": [c for c, _ in place],
            "step": [s for _, s in place],
        }
        tokens = {
            "tokens": [10] * len(place),
            "context_tokens": [5] * len(place),
            "logprob": [-1.0] * len(place),
        }
        chains.append(pl.DataFrame(index | solution(len(place), given, right) | tokens))
        chain_scores.append(
            pl.DataFrame(index | {"score": random.random(len(place)), "tokens": [7] * len(place)})
        )
        given, right = answers(random, 4, min(1, ability * 1.2))
        costs = {"generated_tokens": 44, "discarded_tokens": 4, "rollout_tokens": 0, "verifier_tokens": 99}
        rows = {
            "problem_id": [name] * 4,
            "candidate": list(range(4)),
            "step_scores": [[0.5]] * 4,
            "tokens": [10] * 4,
        }
        rows |= (
            solution(4, given, right)
            | {key: [value] * 4 for key, value in costs.items()}
            | {"generations": [4.0] * 4}
        )
        searched.append(pl.DataFrame(rows))
        given, right = answers(random, 1, (1 + ability) / 2)
        one = {"problem_id": [name], "sample_index": [0], "tokens": [10], "logprob": [-1.0]}
        greedy.append(pl.DataFrame(one | solution(1, given, right)))
    question = {"split": "test", "level": 1, "question": "?", "answer": "7", "solution": ""}
    rows = {"problem_id": names} | {key: [value] * problems for key, value in question.items()}
    PROBLEMS.write(pl.DataFrame(rows), folder / "problems.parquet")
    half = problems // 2
    for part, frames in (("0", samples[:half]), ("1", samples[half:])):
        frame = pl.concat(frames)
        SAMPLES.write(
            frame.sample(fraction=1, shuffle=True, seed=1) if shuffle else frame,
            folder / f"samples{part}",
        )
    SCORES.write(pl.concat(scores), folder / "scores.parquet")
    CHAINS.write(pl.concat(chains), folder / "chains.parquet")
    CHAIN_SCORES.write(pl.concat(chain_scores), folder / "chain_scores.parquet")
    (folder / "beam").mkdir()
    CANDIDATES.write(pl.concat(searched), folder / "beam" / "candidates.parquet")
    SAMPLES.write(pl.concat(greedy), folder / "greedy.parquet")
    models = {"policy": 100, "reviser": 100, "prm": 110, "revision_orm": 120, "larger_policy": 1400}
    for role, parameters in models.items():
        (folder / role).mkdir()
        (folder / role / "card.json").write_text(json.dumps({"kind": role, "parameters": parameters}))
    inputs = {name: [folder / f"{name}.parquet"] for name in ("problems", "scores", "chains", "chain_scores")}
    inputs |= {"samples": [folder / "samples0", folder / "samples1"], "searches": [folder / "beam"]}
    return (
        inputs | {"larger_greedy": [folder / "greedy.parquet"]} | {role: [folder / role] for role in models}
    )


def analyse(folder, inputs, **changes):
    """Run the four stages; returns their outputs by name."""
    made = {name: folder / f"{name}.parquet" for name in ("difficulty", "outcomes", "exchange")}
    made["allocation"] = folder / "allocation"
    asked = ASKED | changes
    measure_difficulty.run(specs.shared("measure_difficulty", asked), inputs, made["difficulty"], None)
    evaluate.run(specs.shared("evaluate", asked), inputs, made["outcomes"], None)
    known = {"outcomes": [made["outcomes"]], "difficulty": [made["difficulty"]]}
    known["problems"] = inputs["problems"]
    fit_allocator.run(specs.shared("fit_allocator", asked), known, made["allocation"], None)
    known |= {"allocation": [made["allocation"]]} | {
        role: inputs.get(role, []) for role in ("policy", "larger_policy")
    }
    match_flops.run(specs.shared("match_flops", asked), known, made["exchange"], None)
    return made


def value(outcomes, **where):
    rows = outcomes.filter(*[pl.col(key) == wanted for key, wanted in where.items()])
    assert len(rows) == 1, where
    return rows.row(0, named=True)
