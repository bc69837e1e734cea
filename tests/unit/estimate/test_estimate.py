"""The estimate of a study's cost: its counting against brute force, and against what a study in miniature used."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.support import all_stages, toy
from tools import estimate_check
from ttc.estimate import counts, lengths, rates
from ttc.estimate.counts import Assumptions, expected
from ttc.estimate.measured import assumed, measure, used
from ttc.estimate.sizes import flops, parameters
from ttc.estimate.table import jobs, longest_chain, short, text
from ttc.models.card import read_card
from ttc.models.directory import count_parameters
from ttc.models.from_scratch import build_policy
from ttc.models.tokenizers import build_tokenizer
from ttc.problems import text as texts
from ttc.problems.tasks import clock
from ttc.search.options import Draw, Options
from ttc.search.strategy import Strategy
from ttc.store.code import Sources
from ttc.store.keys import Code
from ttc.study.artifact import Artifact
from ttc.study.build import plan_study
from ttc.study.config import resolve
from ttc.study.plan import Plan
from ttc.study.sections.configuration import Configuration
from ttc.study.stages import STAGES
from ttc.tables.generation import SAMPLES, SCORES, STEP_VALUES
from ttc.tables.revisions import CHAINS
from ttc.tables.search import CANDIDATES
from ttc.training.batches import batches, in_phases

TASK = resolve({})["task"] | {"train_problems": 3000, "test_problems": 20}
ONE_LEVEL = {"task": {"steps": [3, 3]}}  # every question has three steps: nothing is left to averages
FORM = 3 * 4 + 3  # tokens of their solutions


@pytest.fixture(scope="module")
def problems():
    return clock.make_problems(TASK, 0)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(clock.vocabulary(TASK, 0), clock.TOKEN_PATTERN)


@pytest.fixture(scope="module")
def study():
    return plan_study(ONE_LEVEL)


def of(plan, stage, label=""):
    """The first artifact of a stage whose label starts like this."""
    return next(each for each in plan.of(stage) if each.label.startswith(label))


def work(plan, stage, label="", **known):
    return expected(of(plan, stage, label), replace(assumed(plan), **known))


class TestLengths:
    def test_are_those_of_the_tasks_texts(self, problems, tokenizer):
        known = lengths.Questions({})
        for level, question, solution in (
            problems.select("level", "question", "solution").head(300).iter_rows()
        ):
            (asked,) = texts.encode_prompts(tokenizer, [texts.prompt_text(question)])
            (again,) = texts.encode_prompts(tokenizer, [texts.prompt_text(question, [solution] * 3)])
            (written,) = texts.encode_solutions(tokenizer, [solution], [True])
            assert len(asked) == known.prompt(level)
            assert len(written) == known.solution(level)
            assert len(again) - len(asked) == 3 * (known.solution(level) + known.again)

    def test_levels_are_equally_frequent_until_they_are_known(self, problems):
        guessed = lengths.Questions({"steps": [2, 8]}).levels("test", 5, 19)
        assert guessed == dict.fromkeys(range(2, 9), 2.0)
        known = lengths.Questions({"steps": [2, 8]}, {"test": [2, 3, 3, 8]})
        assert known.levels("test", 1, 4) == {3: 2, 8: 1}

    @pytest.mark.parametrize("depth", [0, 1, 3])
    @pytest.mark.parametrize("limits", [(40, 40, 40), (2, 40, 40), (40, 3, 40), (40, 40, 10), (3, 40, 11)])
    def test_a_beam_costs_what_the_loop_of_searches_bills(self, depth, limits):
        def write(prefix):  # three steps of four tokens, then an answer of three
            steps = prefix.split(".")
            whole = "abc." if len(steps) < 4 else "xy$"
            return {whole[len(steps[-1]) - (len(steps) == 1)]: 1.0}

        max_rounds, max_step_tokens, max_tokens = limits
        strategy = Strategy("lookahead", 2, depth) if depth else Strategy("beam", 2)
        engine, verifier = toy.ToyEngine(write), toy.ToyStepVerifier({})
        (found,) = toy.search(
            engine,
            verifier,
            [toy.text("?")],
            np.array([toy.STREAM]),
            strategy,
            4,
            Draw(1.0, max_step_tokens, max_tokens, max_rounds),
            Options(),
        )
        steps = lengths.Questions({"steps": [3, 3]}).steps(3)
        made = list(lengths.rounds(steps, depth, max_rounds, max_step_tokens, max_tokens))
        assert 4 * sum(each.step + each.ahead for each in made) == found.bill.generated_tokens
        assert verifier.tokens_scored == found.bill.verifier_tokens == 1 + found.bill.generated_tokens


class TestCounts:
    """Of a study whose questions all have three steps."""

    def test_samples(self, study):
        artifact = of(study, "sample", "test-")
        first, last = artifact.spec["samples"]
        start, stop = artifact.spec["problems"]
        decoded = sum(FORM for _ in range(start, stop) for _ in range(first, last))
        made = work(study, "sample", "test-")
        assert made.decoded == pytest.approx(decoded)
        assert made.prompted == pytest.approx(9 * (stop - start))
        assert made.generations == made.rows == (stop - start) * (last - first)
        stretched = work(study, "sample", "test-", stretch={of(study, "train_policy").key: 2.0})
        assert stretched.decoded == pytest.approx(2 * decoded)
        cut = work(study, "sample", "test-", stretch={of(study, "train_policy").key: 10.0})
        assert cut.decoded == pytest.approx(40 * made.rows)

    def test_rollouts(self, study):
        spec = of(study, "roll_out").spec
        decoded = read = count = 0
        for _ in range(*spec["problems"]):
            for _ in range(*spec["samples"]):
                for step in range(1, 4):
                    for _ in range(spec["rollouts"]):
                        decoded += FORM - 4 * step
                        count += 1
                    read += 9 + 4 * step
        made = work(study, "roll_out")
        assert (made.generations, made.decoded, made.prompted) == pytest.approx((count, decoded, read))
        half = work(study, "roll_out", usable=0.5)
        assert half.decoded == pytest.approx(decoded / 2)

    def test_searches_bill_their_prompts_once(self, study):
        for label, rollouts in (("beam-m4-n16", 0), ("lookahead-m4-k3-n16", (4 + 4 + 3) + (4 + 3) + 3)):
            artifact = of(study, "search", label)
            start, stop = artifact.spec["problems"]
            made = work(study, "search", label)
            assert made.decoded == pytest.approx((stop - start) * 16 * (FORM + rollouts))
            assert made.verified == pytest.approx(made.decoded + 9 * (stop - start))
            assert made.generations == pytest.approx((stop - start) * 16 * (4 if rollouts else 1))

    @pytest.mark.parametrize("label", ["test-", "train-"])
    def test_chains(self, study, label):
        artifact = of(study, "revise", label)
        decoded = read = count = 0
        for _ in range(*artifact.spec["problems"]):
            for length in artifact.spec["lengths"]:
                for place in range(length):
                    count += 1
                    decoded += FORM
                    read += 9 + min(place, 4) * (FORM - 1 + 3)
        made = work(study, "revise", label)
        assert (made.generations, made.decoded, made.prompted) == pytest.approx((count, decoded, read))

    def test_chains_end_with_their_first_correct_answer(self, study):
        spec = of(study, "revise", "rest-train").spec
        questions = spec["problems"][1] * len(spec["lengths"])
        certain = work(study, "revise", "rest-train", pass_rates=(1.0, 0.0))
        assert certain.generations == pytest.approx(questions * (1 + 5) / 2)
        grid = tuple((np.arange(20000) + 0.5) / 20000)
        guessed = work(study, "revise", "rest-train")
        known = work(study, "revise", "rest-train", pass_rates=grid)
        assert guessed.generations == pytest.approx(known.generations, rel=1e-3)
        assert guessed.prompted == pytest.approx(known.prompted, rel=1e-3)

    def test_scores_read_what_was_written(self, study):
        samples = of(study, "score", "prm-test")
        rows = sum(work(study, "sample", each.label).rows for each in samples.inputs["samples"])
        assert work(study, "score", "prm-test").verified == pytest.approx(rows * (9 + FORM))
        chains = of(study, "score_revisions", "test")
        whole = [expected(each, assumed(study)) for each in chains.inputs["chains"]]
        assert work(study, "score_revisions", "test").verified == pytest.approx(
            sum(each.decoded + each.prompted for each in whole)
        )
        alone = of(study, "score_revisions", "no_history")
        rows = sum(expected(each, assumed(study)).rows for each in alone.inputs["chains"])
        assert work(study, "score_revisions", "no_history").verified == pytest.approx(rows * (9 + FORM))

    def test_verifiers_learn_from_nine_tenths_and_validate_on_the_rest(self, study):
        spec = of(study, "train_orm").spec
        made = work(study, "train_orm")
        assert made.trained == pytest.approx(spec["training"]["steps"] * 64 * (9 + FORM), rel=0.01)
        assert made.verified == pytest.approx(10 * 300 * 16 * (9 + FORM))

    def test_a_reviser_reads_two_of_four_answers_on_average(self, study):
        made = work(study, "train_reviser", "reviser")
        assert made.trained == pytest.approx(100 * 32 * (9 + FORM + 2 * (FORM + 2)), rel=0.01)
        known = {of(study, "pair_revisions", "train").key: {0: 10, 4: 30}}
        made = work(study, "train_reviser", "reviser", trajectories=known)
        size = 36 / 2  # nine tenths of 40 in two batches
        assert made.trained == pytest.approx(100 * size * (9 + FORM + 3 * (FORM + 2)))

    def test_correct_samples_are_counted_up_to_the_most_that_are_taken(self):
        guessed = Assumptions(lengths.Questions({"steps": [2, 8]}))
        assert guessed.successes(3, 2) == (0 + 1 + 2 + 2) / 4
        assert replace(guessed, pass_rates=(0.0, 0.5)).successes(8, 3) == 1.5

    @pytest.mark.parametrize("steps", [200, 1000])
    def test_a_policy_learns_from_what_its_phases_bring(self, problems, tokenizer, steps):
        training = {"steps": steps, "batch": 32}
        train = problems.filter(split="train")
        turns = list(clock.training_turns(TASK, 0, train))
        read = [texts.prompt_text(each) for each in train["question"]]
        in_turn = [
            texts.prompt_text(question, attempts[:-1])
            for question, attempts in zip(train["question"], turns, strict=True)
        ]
        ends = texts.encode_solutions(tokenizer, [each[-1] for each in turns], [True] * len(turns))
        alone, mixed = (
            np.array(
                [len(p) + len(s) for p, s in zip(texts.encode_prompts(tokenizer, given), ends, strict=True)]
            )
            for given in (read, in_turn)
        )
        easy = np.flatnonzero(clock.easy(TASK, 0, train["question"]))
        everything, stops = np.arange(len(train)), [round(0.07 * steps), round(0.65 * steps)]
        phases = [(easy, stops[0]), (everything, stops[1] - stops[0])]
        learnt = sum(alone[each].sum() for each in in_phases(alone, phases, 32, 0))
        learnt += sum(mixed[each].sum() for each in islice(batches(mixed, 32, 0), steps - stops[1]))
        given = {"task": TASK, "policy": {"training": training}, "larger_policy": {"training": training}}
        given |= {"sampling": {"train_problems": 300}}
        given |= {"revision": {"pairs": {"train_problems": 300}, "rest": {"train_problems": 300}}}
        given |= {"revision": given["revision"] | {"verifier": {"train_problems": 300}}}
        assert work(plan_study(given), "train_policy").trained == pytest.approx(learnt, rel=0.05)

    @pytest.mark.parametrize(("examples", "size"), [(100, 16), (96, 16), (5, 16), (1, 1)])
    def test_batches_are_as_large_as_an_epoch_makes_them(self, examples, size):
        epoch = -(-examples // size)
        drawn = islice(batches(np.ones(examples, dtype=int), size, 0), epoch)
        assert counts.mean_batch(examples, size) == np.mean([len(each) for each in drawn])


class TestModels:
    def test_parameters_are_those_of_the_default_models(self, tokenizer):
        plan = plan_study({})
        for artifact in plan.of("train_policy") + plan.of("train_larger_policy"):
            model = build_policy(artifact.spec["model"], len(tokenizer), tokenizer, 0)
            assert parameters(artifact) == count_parameters(model)

    def test_parameters_are_those_of_the_cards(self, made):
        for name, artifact in hand_made().items():
            if name in all_stages.MODELS:
                assert parameters(artifact) == read_card(made[name])["parameters"]

    def test_flops_are_two_a_token_and_six_a_token_learnt_from(self, study):
        search = of(study, "search", "beam")
        small, prm = (parameters(search.inputs[role][0]) for role in ("policy", "verifier"))
        done = counts.Work(decoded=10, prompted=3, verified=7)
        assert flops(search, done) == {"decode": 20 * small, "read": 6 * small + 14 * prm}
        training = of(study, "train_prm")
        assert flops(training, counts.Work(verified=5, trained=3)) == {"train": 18 * prm, "read": 10 * prm}
        assert flops(of(study, "plot"), counts.Work()) == {}


def hand_made():
    """The artifacts of `all_stages` as a plan would have them, by name."""
    artifacts = {}
    code = Code()
    for name, (stage, spec, inputs) in all_stages.STAGES.items():
        roles = {"problems": ["problems"], "policy": ["policy"]} if inputs == "policy" else inputs
        given = {role: [artifacts[each] for each in names] for role, names in roles.items()}
        if stage == "pair_revisions":
            given = {"samples": [], "chains": []} | given
        artifacts[name] = Artifact(stage, name, {"seed": 1} | spec, given, code)
    return artifacts


@pytest.fixture(scope="module")
def finished(made, tmp_path_factory):
    """The study in miniature as a plan, and the folder in which all of it is made."""
    root, artifacts = tmp_path_factory.mktemp("finished"), hand_made()
    for name, artifact in artifacts.items():
        place = root / artifact.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(made[name])
    configuration = Configuration.model_validate({"task": all_stages.TASK})
    return Plan(configuration, list(artifacts.values())), root


class TestMeasured:
    def test_the_estimate_is_near_what_a_study_in_miniature_used(self, finished):
        """Its models have hardly learnt the task's form; of the default study see docs/plan.md."""
        rows = estimate_check.compare(*finished)
        stages = {row.stage for row in rows}
        assert stages >= {"train_policy", "sample", "roll_out", "search", "revise", "score_revisions"}
        far = {(row.stage, row.unit): row.difference for row in rows if abs(row.difference) > 0.6}
        assert far == {}
        whole = {row.unit: row.difference for row in rows if row.stage == "all"}
        assert {unit: each for unit, each in whole.items() if abs(each) > 0.3} == {}

    def test_with_its_samples_known_the_rest_is_nearer(self, finished):
        plan, root = finished
        before, known = assumed(plan), measure(plan, root)[0]
        assert known.questions.known["test"] and known.trajectories and 0 < known.usable <= 1

        def error(assumptions):
            made = [(expected(each, assumptions), used(each, known, root)) for each in plan.artifacts]
            return sum(
                abs(
                    guess.decoded
                    + guess.verified
                    + guess.trained
                    - real.decoded
                    - real.verified
                    - real.trained
                )
                for guess, real in made
                if real is not None
            )

        assert error(known) < error(before)

    def test_what_is_there_is_counted_as_its_tables_say(self, finished, made):
        plan, root = finished
        real = {each.label: used(each, assumed(plan), root) for each in plan.artifacts}
        samples = SAMPLES.read(made["test"])
        assert (real["test"].decoded, real["test"].generations) == (samples["tokens"].sum(), len(samples))
        chains = CHAINS.read(made["cut_chains"])
        assert real["cut_chains"].prompted == chains["context_tokens"].sum()
        scores = SCORES.read(made["prm_scores"])
        assert real["prm_scores"].verified == scores["tokens"].sum()
        candidates = CANDIDATES.read(made["search"] / "candidates.parquet")
        bills = candidates.group_by("problem_id").agg(pl.col("generated_tokens", "verifier_tokens").first())
        assert real["search"].decoded == bills["generated_tokens"].sum()
        assert real["search"].verified == bills["verifier_tokens"].sum()
        assert real["prm"].trained == read_card(made["prm"])["training"]["tokens"]
        # Each beginning of samples was rolled out as often as it occurs, and all its rows show all of that.
        values = STEP_VALUES.read(made["values"]).join(
            pl.concat([SAMPLES.read(made[name]) for name in ("train_a", "train_b")]),
            on=["problem_id", "sample_index"],
        )
        beginnings = {}
        for name, step, whole, tokens in values.select("problem_id", "step", "text", "tokens").iter_rows():
            beginnings[name, tuple(whole.split("\n")[: step + 1]), tokens] = tokens
        assert real["values"].decoded == pytest.approx(sum(beginnings.values()))

    def test_a_table_that_cannot_be_read_is_taken_as_expected(self, study, tmp_path):
        for artifact in (of(study, "problems"), of(study, "sample", "test-"), of(study, "train_policy")):
            place = tmp_path / artifact.outputs[0]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("no table")
        every, _, sentences = jobs(study, tmp_path)
        assert sum(job.made for job in every) == 3 and sentences == []
        assert sum(job.work.decoded for job in every) == sum(
            job.work.decoded for job in jobs(study, tmp_path, measuring=False)[0]
        )


class TestTime:
    def test_finished_jobs_of_a_stage_tell_how_long_the_others_take(self, study, tmp_path):
        one, other = [each for each in study.of("sample") if each.label.startswith("test-")][:2]
        made = {each.artifact: each for each in jobs(study, tmp_path)[0]}
        assert not made[other].timed
        place = tmp_path / one.path
        place.parent.mkdir(parents=True)
        place.write_text("no table")
        file = tmp_path / "results/benchmarks/sample" / f"{one.name}.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"s": 1000.0}) + "\n")
        after = {each.artifact: each for each in jobs(study, tmp_path)[0]}
        assert after[one].made and after[one].seconds == 1000
        assert after[other].timed and after[other].seconds == pytest.approx(1000)
        larger = of(study, "sample", "larger-greedy")  # of another size: nothing is known of it
        assert after[larger].seconds == made[larger].seconds and not after[larger].timed

    def test_stated_rates_come_from_the_configuration(self, study, tmp_path):
        plan = plan_study(ONE_LEVEL | {"runtime": {"rates": {"decode": 1000.0, "read": 500.0, "start": 3.0}}})
        sample = of(plan, "sample", "test-")
        job = next(each for each in jobs(plan, tmp_path)[0] if each.artifact is sample)
        arithmetic = flops(sample, job.work)
        assert job.seconds == pytest.approx(3 + arithmetic["decode"] / 1000 + arithmetic["read"] / 500)
        assert {each.key for each in plan.artifacts} == {each.key for each in study.artifacts}
        cuda = plan_study({"runtime": {"device": "cuda"}})
        assert rates.stated_rates(cuda) == rates.STATED["cuda"]

    def test_the_longest_chain_leaves_out_what_is_there(self, study, tmp_path):
        every = jobs(study, tmp_path)[0]
        ends = {}
        for job in every:
            before = [
                getattr(each, "artifact", each) for given in job.artifact.inputs.values() for each in given
            ]
            ends[job.artifact] = job.seconds + max((ends.get(each, 0) for each in before), default=0)
        assert longest_chain(every) == pytest.approx(max(ends.values()))
        assert longest_chain([replace(job, made=True) for job in every]) == 0


class TestText:
    def test_says_what_was_assumed_and_adds_up(self, study, tmp_path):
        lines = text(study, tmp_path).splitlines()
        assert [line.split()[0] for line in lines[1 : len(study.stages) + 1]] == study.stages
        assert {line.split()[0] for line in lines if line.startswith(("all", "there", "to run"))} == {
            "all",
            "there",
            "to",
        }
        assert any(line.startswith("Assumed: solutions have the task's form") for line in lines)
        assert not any(line.startswith("Measured") for line in lines)
        assert max(map(len, lines)) < 150

    def test_hours_of_gpus_are_apart(self, tmp_path):
        plan = plan_study({"runtime": {"device": "cuda"}})
        head, *rows = text(plan, tmp_path).splitlines()
        assert "GPU-h" in head
        assert "GPU-h" not in text(plan_study({}), tmp_path)
        place = head.index("GPU-h")
        sample = next(row for row in rows if row.startswith("sample"))
        assert float(sample[place - 2 : place + 5]) > 0

    @pytest.mark.parametrize(
        ("number", "shown"), [(0, "-"), (7, "7"), (999.4, "999"), (999.6, "1k"), (1.234e10, "12.3G")]
    )
    def test_numbers_have_three_digits(self, number, shown):
        assert short(number) == shown


def test_no_stage_reads_this_code():
    sources = Sources()
    for stage in STAGES:
        assert not [
            name for name in sources.closure(f"stages.{stage}").modules if name.startswith("ttc.estimate")
        ]


def test_an_estimate_imports_nothing_heavy(tmp_path):
    program = (
        "import sys; from ttc.estimate.table import text; from ttc.study.build import plan_study;"
        "text(plan_study({})); print(*sorted({name.split('.')[0] for name in sys.modules} & {'polars',"
        " 'torch', 'pandas', 'sklearn', 'transformers', 'matplotlib', 'pyarrow'}))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(counts.__file__).parents[2])}
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert result.stdout.strip() == ""
