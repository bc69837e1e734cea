"""The analysis stages on a small invented study: from samples, searches and chains to the exchange table."""

import json

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from tests.support import specs
from ttc.errors import InputError
from ttc.evaluation import allocator_files, allocator_json
from ttc.evaluation.pool import revision_chains, sample_pools
from ttc.runtime import Runtime
from ttc.stages import evaluate, fit_allocator, match_flops, measure_difficulty, measure_verifiers
from ttc.tables.analysis import (
    ALLOCATOR_CALIBRATION,
    CURVES,
    DIFFICULTY,
    EXCHANGE,
    OUTCOMES,
    PER_QUESTION,
    RESAMPLED,
)
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.registry import SCHEMAS
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


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    inputs = invent(folder)
    return inputs, analyse(folder, inputs)


def value(outcomes, **where):
    rows = outcomes.filter(*[pl.col(key) == wanted for key, wanted in where.items()])
    assert len(rows) == 1, where
    return rows.row(0, named=True)


def test_outcomes_are_complete_and_at_their_budgets(study):
    _, made = study
    outcomes = OUTCOMES.read(made["outcomes"])
    budgets = {
        strategy: sorted(rows["budget"].unique())
        for (strategy,), rows in outcomes.filter(pl.col("family") == "search").group_by("strategy")
    }
    pool = [1, 2, 4, 8, 16]
    assert budgets == {"best_of_n": pool, "best_of_n_weighted": pool, "majority": pool, "beam(width=4)": [4]}
    ratios = outcomes.filter(
        pl.col("strategy").str.starts_with("revisions("), pl.col("selection") == "hierarchical"
    )
    expected = {(s, p) for s, chains in ((1, 8), (2, 4), (4, 3), (8, 1)) for p in (1, 2, 4, 8) if p <= chains}
    assert set(ratios["strategy"]) == {f"revisions(sequential={s}, parallel={p})" for s, p in expected}
    assert (outcomes.filter(pl.col("budget") == 16)["mc_error"] == 0).all()
    steps = outcomes.filter(pl.col("strategy") == "revision_step", pl.col("problem_id") == "p00")
    assert sorted(steps["budget"]) == list(range(1, 9))


def test_outcomes_agree_with_the_samples(study):
    inputs, made = study
    outcomes = OUTCOMES.read(made["outcomes"])
    for pool in sample_pools(inputs["samples"], {}):
        name = pool.problem_id
        rate = pool.correct.mean()
        for strategy in ("best_of_n", "best_of_n_weighted", "majority"):
            assert value(outcomes, problem_id=name, strategy=strategy, budget=1)["correct"] == pytest.approx(
                rate
            )
        assert value(outcomes, problem_id=name, strategy="pass_at_1")["correct"] == pytest.approx(rate)
        everything = value(outcomes, problem_id=name, strategy="pass_at_k", budget=16)["correct"]
        assert everything == float(rate > 0)
    for chains in revision_chains(inputs["chains"], {}):
        first = chains.correct[chains.step == 0].mean()
        row = value(
            outcomes, problem_id=chains.problem_id, strategy="parallel", selection="hierarchical", budget=1
        )
        assert row["correct"] == pytest.approx(first)


def test_costs(study):
    _, made = study
    outcomes = OUTCOMES.read(made["outcomes"])
    weighted = value(outcomes, problem_id="p03", strategy="best_of_n_weighted", budget=8)
    assert (weighted["tokens"], weighted["verifier_tokens"]) == (80, 160)
    assert weighted["flops"] == 2 * 100 * 80 + 2 * 110 * 160
    majority = value(outcomes, problem_id="p03", strategy="majority", selection="majority", budget=8)
    assert (majority["verifier_tokens"], majority["flops"]) == (0, 2 * 100 * 80)
    beam = value(outcomes, problem_id="p03", strategy="beam(width=4)")
    assert (beam["tokens"], beam["verifier_tokens"], beam["budget"]) == (44, 99, 4)
    name = "revisions(sequential=2, parallel=4)"
    revised = value(outcomes, problem_id="p03", strategy=name, selection="hierarchical")
    assert (revised["tokens"], revised["verifier_tokens"]) == (80, 56)
    assert revised["flops"] == 2 * 100 * 80 + 2 * 120 * 56
    assert value(outcomes, problem_id="p03", family="larger")["flops"] == 2 * 1400 * 10


def test_allocation_and_exchange(study):
    _, made = study
    curves = CURVES.read(made["allocation"] / "curves.parquet")
    found = curves.filter(pl.col("strategy") == "compute_optimal", pl.col("bin") == 0)
    wanted = {("search", "best_of_n_weighted"), ("revisions", "hierarchical"), ("revisions", "majority")}
    assert set(found.select("family", "selection").iter_rows()) == wanted
    assert set(found["bins"]) == {"oracle", "predicted"}
    per_question = PER_QUESTION.read(made["allocation"] / "per_question.parquet")
    mean = per_question.filter(
        pl.col("family") == "search",
        pl.col("strategy") == "compute_optimal",
        pl.col("bins") == "oracle",
        pl.col("budget") == 4,
    )["correct"].mean()
    assert value(found, family="search", bins="oracle", budget=4)["accuracy"] == pytest.approx(mean)
    exchange = EXCHANGE.read(made["exchange"])
    assert len(exchange) == 2 * 2 * 3 * 2 * 6  # families, versions, ratios, binnings, bins and all
    row = value(exchange, family="search", version="v1", ratio=0.16, bins="oracle", bin=0)
    assert row["multiplier"] == 257.75 and row["clipped"] and row["budget"] == 16
    assert row["difference"] == pytest.approx(row["small"] - row["larger"])
    again = RESAMPLED.read(made["allocation"] / "resampled.parquet")
    means = value(again, family="search", strategy="compute_optimal", bins="oracle", bin=0, budget=4)["means"]
    assert np.mean(means) == pytest.approx(mean) and len(set(means)) > 1


def test_moved_verifier_curves_are_read_at_half_the_generations(study, tmp_path):
    inputs, made = study
    known = {
        "outcomes": [made["outcomes"]],
        "difficulty": [made["difficulty"]],
        "allocation": [made["allocation"]],
    }
    known |= {role: inputs[role] for role in ("policy", "larger_policy")}
    ratios = {"v1": [22.0], "camera_ready": [11.0]}  # both pay for 15.77 generations
    spec = specs.of("match_flops", ratios=ratios, verifier_curves="moved_right", bootstrap=50, seed=3)
    match_flops.run(spec, known, tmp_path / "moved.parquet", None)
    moved = EXCHANGE.read(tmp_path / "moved.parquet").filter(family="search", bins="oracle", bin=0)
    budgets = dict(moved.select("version", "budget").iter_rows())
    assert budgets["v1"] == pytest.approx(15.77, abs=0.01)
    assert budgets["camera_ready"] == pytest.approx(15.77 / 2, abs=0.01)


def test_the_stored_allocators_can_be_used(study):
    _, made = study
    folder = made["allocation"]
    fitted = allocator_files.load(folder / "allocator.skops")
    groups = ("search/best_of_n_weighted", "revisions/hierarchical", "revisions/majority")
    told = (
        "none/best_fixed",
        *(f"{bins}/{kind}" for bins in ("oracle", "predicted") for kind in ("binned", "ridge")),
    )
    assert set(fitted) == {f"{group}/{each}" for group in groups for each in told}
    difficulty = DIFFICULTY.read(made["difficulty"]).sort("problem_id")
    per_question = PER_QUESTION.read(folder / "per_question.parquet")
    outcomes = OUTCOMES.read(made["outcomes"])
    for bins in ("oracle", "predicted"):
        for kind in ("binned", "ridge"):
            allocator = fitted[f"search/best_of_n_weighted/{bins}/{kind}"]
            assert allocator.feature_names_in_.tolist() == [bins]
            chosen = allocator.predict(difficulty.select(bins), budget=4)
            assert set(chosen) <= {"best_of_n_weighted", "beam(width=4)"}
        # What is stored is the in-sample choice: no difficulty is in two bins here
        binned = fitted[f"search/best_of_n_weighted/{bins}/binned"]
        rows = outcomes.filter(family="search", budget=4).pivot(
            on="strategy", index="problem_id", values="correct"
        )
        rows = rows.sort("problem_id")
        names = binned.predict(difficulty.select(bins), budget=4)
        mine = [rows[name][place] for place, name in enumerate(names)]
        kept = per_question.filter(family="search", strategy="in_sample_optimal", bins=bins, budget=4)
        if difficulty[bins].n_unique() == len(difficulty):
            assert kept.sort("problem_id")["correct"].to_list() == mine
    (folder.parent / "broken.skops").write_bytes(b"PK")
    with pytest.raises(InputError, match="not a readable file"):
        allocator_files.load(folder.parent / "broken.skops")


def test_every_kind_of_allocator_has_a_curve_a_calibration_and_a_place_in_the_card(study):
    _, made = study
    folder = made["allocation"]
    curves = CURVES.read(folder / "curves.parquet").filter(family="search", budget=4, bin=0)
    found = {(row["strategy"], row["bins"]): row["accuracy"] for row in curves.to_dicts()}
    assert found["oracle", "none"] >= max(found.values())
    outcomes = OUTCOMES.read(made["outcomes"]).filter(family="search", budget=4)
    competing = outcomes.filter(pl.col("strategy").is_in(["best_of_n_weighted", "beam(width=4)"]))
    best = competing.group_by("problem_id").agg(pl.col("correct").max())["correct"].mean()
    assert found["oracle", "none"] == pytest.approx(best)
    assert {("ridge", "oracle"), ("ridge", "predicted"), ("best_fixed", "none")} < set(found)
    table = ALLOCATOR_CALIBRATION.read(folder / "allocator_calibration.parquet")
    whole = table.filter(family="search", bin=0, of="chosen")
    # The mean outcome of what was chosen is that of the curve, over all budgets
    per_question = PER_QUESTION.read(folder / "per_question.parquet").filter(family="search")
    for row in whole.to_dicts():
        mean = per_question.filter(strategy=row["strategy"], bins=row["bins"])["correct"].mean()
        assert row["correct"] == pytest.approx(mean), row["strategy"]
        assert row["optimism"] == pytest.approx(row["predicted"] - row["correct"])
    assert set(whole["strategy"]) == {"compute_optimal", "ridge", "best_fixed"}
    rules = allocator_json.loads((folder / "allocator.json").read_text())
    stored = allocator_files.load(folder / "allocator.skops")
    assert set(rules) == {name for name in stored if not name.endswith("ridge")}
    card = (folder / "allocator.md").read_text()
    assert all(f"`{name}`" in card for name in stored)
    accuracy = found["compute_optimal", "oracle"]
    assert f"{100 * accuracy:.1f} [" in card


def test_same_bytes_whatever_the_order_of_shards(study, tmp_path):
    inputs, made = study
    again = analyse(tmp_path, inputs | {"samples": inputs["samples"][::-1]})
    for name in ("difficulty", "outcomes", "exchange"):
        assert again[name].read_bytes() == made[name].read_bytes()
    for file in sorted(path.name for path in made["allocation"].iterdir()):
        assert (again["allocation"] / file).read_bytes() == (made["allocation"] / file).read_bytes()


def test_a_pool_study_runs_through_the_same_stages(tmp_path):
    inputs = invent(tmp_path, pool=6)
    pool = {name: inputs[name] for name in ("problems", "samples", "scores")}
    made = analyse(tmp_path, pool, searches=[])
    assert not len(EXCHANGE.read(made["exchange"]))
    curves = CURVES.read(made["allocation"] / "curves.parquet")
    assert set(curves.filter(pl.col("strategy") == "compute_optimal")["selection"]) == {"mixed"}
    bare = analyse(tmp_path, pool | {"scores": []}, searches=[])
    found = DIFFICULTY.read(bare["difficulty"]).sort("problem_id")
    answers = pl.concat([SAMPLES.read(path) for path in pool["samples"]]).drop_nulls("answer")
    most = answers.group_by("problem_id", "answer").len().group_by("problem_id").agg(pl.col("len").max())
    assert found["predicted"].to_list() == pytest.approx((most.sort("problem_id")["len"] / 6).to_list())
    assert found["predicted_bin"].null_count() == 0 and found["score_std"].null_count() == 15
    assert set(OUTCOMES.read(bare["outcomes"])["strategy"]) == {
        "majority",
        "pass_at_1",
        "pass_at_k",
    }


def test_pools_of_different_sizes(tmp_path):
    inputs = invent(tmp_path, pool=6)
    samples = pl.concat([SAMPLES.read(path) for path in inputs["samples"]])
    kept = samples.filter(pl.col("sample_index") < 1 + pl.col("problem_id").str.slice(1).cast(pl.Int32) % 6)
    SAMPLES.write(kept, tmp_path / "uneven.parquet")
    pool = {
        "problems": inputs["problems"],
        "scores": inputs["scores"],
        "samples": [tmp_path / "uneven.parquet"],
    }
    made = analyse(tmp_path, pool, searches=[])
    curves = CURVES.read(made["allocation"] / "curves.parquet")
    sizes = (
        curves.filter(pl.col("strategy") == "majority", pl.col("bin") == 0)
        .sort("budget")["problems"]
        .to_list()
    )
    assert sizes == [15, 12, 6]


def test_disjoint_bins_and_outcomes_share_no_sample(tmp_path):
    """Samples of even index are all right and confident, those of odd index all wrong and doubted."""
    inputs = invent(tmp_path, pool=8)
    samples = pl.concat([SAMPLES.read(path) for path in inputs["samples"]])
    even = pl.col("sample_index") % 2 == 0
    samples = samples.with_columns(
        correct=even, answer=pl.when(even).then(pl.lit("7")).otherwise(pl.lit("8"))
    )
    scores = SCORES.read(inputs["scores"][0])
    scores = scores.with_columns(step_scores=pl.when(even).then([0.2, 0.9]).otherwise([0.2, 0.1]))
    SAMPLES.write(samples, tmp_path / "parity.parquet")
    SCORES.write(scores, tmp_path / "confident.parquet")
    pool = {name: [tmp_path / f"{name}.parquet"] for name in ("problems",)}
    pool |= {"samples": [tmp_path / "parity.parquet"], "scores": [tmp_path / "confident.parquet"]}

    def measured(samples):
        difficulty, outcomes = tmp_path / f"d-{samples}", tmp_path / f"o-{samples}"
        measure_difficulty.run(specs.of("measure_difficulty", samples=samples), pool, difficulty, None)
        spec = specs.of("evaluate", difficulty_samples=samples, replicates=10)
        evaluate.run(spec, pool, outcomes, None)
        return DIFFICULTY.read(difficulty), OUTCOMES.read(outcomes)

    difficulty, outcomes = measured("disjoint")
    assert set(difficulty["oracle"]) == {1.0} and difficulty["predicted"].to_list() == pytest.approx(
        [0.9] * 15
    )
    assert set(outcomes["correct"]) == {0.0} and set(outcomes["budget"]) == {1, 2, 4}
    difficulty, outcomes = measured("shared")
    assert set(difficulty["oracle"]) == {0.5} and difficulty["predicted"].to_list() == pytest.approx(
        [0.5] * 15
    )
    assert set(outcomes["budget"]) == {1, 2, 4, 8}
    assert set(outcomes.filter(strategy="best_of_n_weighted", budget=8)["correct"]) == {1.0}


def test_a_pool_of_one_has_no_halves(tmp_path):
    inputs = invent(tmp_path, pool=1)
    pool = {name: inputs[name] for name in ("problems", "samples", "scores")}
    with pytest.raises(InputError, match="problem 'p00' has none of odd index"):
        evaluate.run(specs.of("evaluate", difficulty_samples="disjoint"), pool, tmp_path / "o.parquet", None)


def test_missing_tokens_are_unknown_not_free(tmp_path):
    inputs = invent(tmp_path, pool=4)
    samples = pl.concat([SAMPLES.read(path) for path in inputs["samples"]])
    SAMPLES.write(samples.with_columns(tokens=pl.lit(None, pl.Int32)), tmp_path / "silent.parquet")
    silent = {
        "problems": inputs["problems"],
        "samples": [tmp_path / "silent.parquet"],
        "policy": inputs["policy"],
    }
    evaluate.run(SPEC | {"searches": []}, silent, tmp_path / "o.parquet", None)
    outcomes = OUTCOMES.read(tmp_path / "o.parquet")
    assert outcomes["tokens"].null_count() == outcomes["flops"].null_count() == len(outcomes)


def quality(folder, inputs, **spec):
    """Both tables of measure_verifiers."""
    spec = specs.of("measure_verifiers", seed=1, bootstrap=50, **spec)
    measure_verifiers.run(spec, inputs, folder / "verifiers", None)
    names = ("calibration", "verifier_quality")
    return [SCHEMAS[name].read(folder / "verifiers" / f"{name}.parquet") for name in names]


def test_verifiers_are_measured_over_all_and_step_by_step(study, tmp_path):
    inputs, _ = study
    curve, found = quality(tmp_path, inputs | {"orm_scores": inputs["scores"]})
    # two steps a solution: the first says nothing, the second is what `last` makes of a solution
    where = {"level": "step", "measure": "auc", "verifier": "prm"}
    assert value(found, **where, step=1)["value"] == 0.5
    solution = value(found, **where | {"level": "solution"})
    assert value(found, **where, step=2)["value"] == solution["value"]
    samples = pl.concat([SAMPLES.read(path) for path in inputs["samples"]])
    together = samples.join(SCORES.read(inputs["scores"][0]), on=["problem_id", "sample_index"])
    last = together["step_scores"].list.last()
    assert solution["value"] == pytest.approx(roc_auc_score(together["correct"], last))
    assert solution["count"] == len(together)
    all_steps = value(found, **where, step=0)
    scores = together["step_scores"].explode()
    verdicts = together["correct"].to_numpy().repeat(2)
    assert all_steps["value"] == pytest.approx(roc_auc_score(verdicts, scores))
    assert all_steps["count"] == 2 * len(together)
    # chains: one score a revision, whose verdict is its own
    revised = CHAINS.read(inputs["chains"][0])["correct"]
    read = CHAIN_SCORES.read(inputs["chain_scores"][0])["score"]
    row = value(found, verifier="revision_orm", measure="auc")
    assert row["value"] == pytest.approx(roc_auc_score(revised, read))
    assert set(found["measure"]) == {"auc", "auc_within", "brier", "calibration_error"}
    assert found.filter(verifier="orm")["level"].unique().to_list() == ["solution"]
    levels = set(curve.select("verifier", "level").iter_rows())
    assert levels == {("prm", "solution"), ("prm", "step"), ("orm", "solution"), ("revision_orm", "solution")}
    totals = dict(curve.filter(level="solution").group_by("verifier").agg(pl.col("count").sum()).iter_rows())
    assert totals == {"prm": len(together), "orm": len(together), "revision_orm": len(read)}


def test_a_step_that_hardly_any_question_reaches_is_not_measured_by_itself(study, tmp_path):
    inputs, _ = study
    scores = SCORES.read(inputs["scores"][0])
    for reaching, steps in ((["p03"], [0, 1, 2]), (["p03", "p04"], [0, 1, 2, 3])):  # of 15 questions
        longer = pl.col("problem_id").is_in(reaching)
        longer = pl.when(longer).then(pl.col("step_scores").list.concat(0.5)).otherwise(pl.col("step_scores"))
        SCORES.write(scores.with_columns(longer), tmp_path / "longer.parquet")
        found = quality(tmp_path, inputs | {"scores": [tmp_path / "longer.parquet"]})[1]
        rows = found.filter(verifier="prm", level="step", measure="brier").sort("step")
        assert rows["step"].to_list() == steps
        assert rows["count"][0] == 15 * 16 * 2 + 16 * len(reaching)  # all of them count among all steps


def test_the_tables_of_verifiers_do_not_depend_on_shards(study, tmp_path):
    inputs, _ = study
    first = quality(tmp_path / "a", inputs)
    again = quality(tmp_path / "b", inputs | {"samples": inputs["samples"][::-1]})
    assert all(one.equals(other) for one, other in zip(first, again, strict=True))
    whole = quality(tmp_path / "c", inputs, aggregation="min")[1]
    assert value(whole, verifier="prm", level="solution", measure="auc") != value(
        first[1], verifier="prm", level="solution", measure="auc"
    )


def test_a_pool_without_scores_has_empty_tables_of_verifiers(study, tmp_path):
    inputs, _ = study
    curve, found = quality(tmp_path, {"samples": inputs["samples"]})
    assert curve.is_empty() and found.is_empty()


def test_bad_input_is_one_sentence(tmp_path):
    inputs = invent(tmp_path, pool=4)
    scores = SCORES.read(inputs["scores"][0])
    SCORES.write(scores.head(-3), tmp_path / "few.parquet")
    with pytest.raises(InputError, match="3 of 60 are missing for problems 'p00' to 'p14'"):
        evaluate.run(SPEC, inputs | {"scores": [tmp_path / "few.parquet"]}, tmp_path / "o.parquet", None)
    with pytest.raises(InputError, match="120 rows of scores share their key"):
        evaluate.run(SPEC, inputs | {"scores": inputs["scores"] * 2}, tmp_path / "o.parquet", None)
    problems = PROBLEMS.read(inputs["problems"][0]).head(3)
    PROBLEMS.write(problems, tmp_path / "few_problems.parquet")
    few = inputs | {"problems": [tmp_path / "few_problems.parquet"]}
    for stage, spec in ((evaluate, SPEC), (measure_difficulty, specs.of("measure_difficulty"))):
        with pytest.raises(InputError, match="'p03' is not"):
            stage.run(spec, few, tmp_path / "o.parquet", None)
    with pytest.raises(InputError, match="names 0 searches and 1"):
        evaluate.run(SPEC | {"searches": []}, inputs, tmp_path / "o.parquet", None)
    with pytest.raises(InputError, match="did you mean 'last'"):
        evaluate.run(SPEC | {"aggregation": "lasst"}, inputs, tmp_path / "o.parquet", None)
    assert not (tmp_path / "o.parquet").exists()


def _scored(tmp_path, lengths):
    """Samples of 20 problems, 4 each, whose solutions have `lengths` steps in turn; right ones score higher."""
    samples, scores = [], []
    for problem in range(20):
        for index in range(4):
            correct = (problem + index) % 3 == 0
            steps = lengths[(4 * problem + index) % len(lengths)]
            name = f"p{problem:02}"
            samples.append((name, index, "text", "1" if correct else "2", correct, 10, None, "stop"))
            scores.append((name, index, [0.9 if correct else 0.2] * steps, None))
    tables = ((SCHEMAS["samples"], samples), (SCHEMAS["scores"], scores))
    for schema, rows in tables:
        frame = pl.DataFrame(rows, schema=list(schema.columns), orient="row")
        schema.write(frame.cast(dict(schema.dtypes)), tmp_path / f"{schema.name}.parquet")
    spec = {"seed": 0, "aggregation": "last", "bootstrap": 20}
    inputs = {name: [tmp_path / f"{name}.parquet"] for name in ("samples", "scores")}
    measure_verifiers.run(spec, inputs, tmp_path / "out", Runtime())
    return pl.read_parquet(tmp_path / "out/verifier_quality.parquet")


def test_one_score_a_solution_is_an_outcome_verifiers(tmp_path):
    found = _scored(tmp_path, [1])
    assert set(found["verifier"]) == {"orm"} and set(found["level"]) == {"solution"}
    assert found.filter(measure="auc")["value"].item() == 1.0


def test_steps_that_few_solutions_reach_are_measured_together(tmp_path):
    """Of 80 solutions 5 have ten steps: fewer than a tenth reach step 3, and a fifth of the questions do."""
    found = _scored(tmp_path, [2] * 15 + [10])
    steps = found.filter(measure="auc").sort("level", "step")
    assert steps.filter(level="step")["step"].to_list() == [0, 1, 2]
    later = steps.filter(level="later_steps").row(0, named=True)
    assert (later["step"], later["count"]) == (3, 5 * 8)
    assert steps.filter(level="step", step=0)["count"].item() == 75 * 2 + 5 * 10


def test_runs_of_a_search_are_one_outcome_with_its_error(tmp_path):
    """Four runs of a search: the mean of their selected answers and costs, and the standard error of that mean."""
    inputs = invent(tmp_path)
    beam = CANDIDATES.read(tmp_path / "beam" / "candidates.parquet")
    directories, kept = [], []
    random = np.random.default_rng(5)
    for run in range(4):
        # All four candidates of a question are right or wrong together: the run's outcome is 0 or 1
        right = {name: bool(random.random() < 0.5) for name in beam["problem_id"].unique()}
        verdict = pl.col("problem_id").replace_strict(right)
        answer = pl.when(verdict).then(pl.lit("7")).otherwise(pl.lit("8"))
        changed = beam.with_columns(
            correct=verdict, answer=answer, generated_tokens=pl.lit(10 * run, pl.Int32)
        )
        (tmp_path / f"run{run}").mkdir()
        CANDIDATES.write(changed, tmp_path / f"run{run}" / "candidates.parquet")
        directories.append(tmp_path / f"run{run}")
        kept.append(right)
    spec = SPEC | {"searches": ["beam(width=4)"] * 4}
    evaluate.run(spec, inputs | {"searches": directories}, tmp_path / "o.parquet", None)
    found = OUTCOMES.read(tmp_path / "o.parquet").filter(pl.col("strategy") == "beam(width=4)")
    assert found.height == len(kept[0]) and set(found["budget"]) == {4} and set(found["tokens"]) == {15.0}
    for row in found.iter_rows(named=True):
        values = np.array([right[row["problem_id"]] for right in kept], dtype=float)
        assert row["correct"] == values.mean()
        assert row["mc_error"] == pytest.approx(values.std(ddof=1) / 2)
