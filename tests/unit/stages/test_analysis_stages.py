"""The analysis stages on a small invented study: from samples, searches and chains to the exchange table."""

import numpy as np
import polars as pl
import pytest

from tests.support import specs
from tests.support.invented_study import SPEC, analyse, invent, value
from ttc.errors import InputError
from ttc.evaluation import allocator_files, allocator_json
from ttc.evaluation.pool import revision_chains, sample_pools
from ttc.stages import evaluate, match_flops, measure_difficulty
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
from ttc.tables.search import CANDIDATES


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    inputs = invent(folder)
    return inputs, analyse(folder, inputs)


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
