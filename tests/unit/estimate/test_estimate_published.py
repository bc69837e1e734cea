"""The estimate of studies of real problems and published models: closed forms, and where the numbers come from."""

import json
import struct
from dataclasses import replace

import polars as pl
import pytest

from ttc.errors import InputError
from ttc.estimate import published, rates
from ttc.estimate.counts import expected
from ttc.estimate.measured import assumed, measure
from ttc.estimate.sizes import flops, largest_model, parameters
from ttc.estimate.table import jobs, text
from ttc.problems import prompts
from ttc.study.build import plan_study
from ttc.study.plan import Plan

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL, LARGE, PRM = 1_000, 14_000, 5_000
STUDY = {
    "problems": {"test": {"preset": "math500"}},
    "policy": {"checkpoint": {"hub": "a/small", "revision": COMMIT, "parameters": SMALL}},
    "prm": {"checkpoint": {"kind": "chat_plus", "hub": "a/prm", "revision": COMMIT, "parameters": PRM}},
    "orm": {"use": False},
    "revision": {"use": False},
    "sampling": {"max_tokens": 2048, "block_problems": 100},
    "runtime": {"device": "cuda", "rates": {"gpu": "a100"}},
}
TRAINED = {
    "problems": {"test": {"preset": "gsm8k"}, "train": {"preset": "gsm8k_train"}, "prompt": "gsm8k_8shot"},
    "policy": STUDY["policy"],
    "larger_policy": {"checkpoint": {"hub": "a/large", "revision": COMMIT, "parameters": LARGE}},
    "sampling": {"max_tokens": 512, "train_problems": 1000, "block_problems": 100},
    "revision": {"pairs": {"train_problems": 1000}},
}
QUESTION, SOLUTION, LINES = 68, 540, 18  # MATH, chat


@pytest.fixture(scope="module")
def study():
    return plan_study(STUDY)


@pytest.fixture(scope="module")
def trained():
    return plan_study(TRAINED)


def of(plan, stage, label=""):
    return next(each for each in plan.of(stage) if each.label.startswith(label))


def work(plan, stage, label="", **known):
    return expected(of(plan, stage, label), replace(assumed(plan), **known))


class TestCounts:
    def test_questions_are_as_many_as_their_source_has(self, study, trained):
        assert work(study, "problems").rows == 500
        assert work(trained, "problems").rows == 1319 + 7473
        taken = plan_study(STUDY | {"problems": {"test": {"preset": "math500", "take": 40}}})
        assert work(taken, "problems").rows == 40
        assert sum(work(taken, "sample", each.label).generations for each in taken.of("sample")) == 40 * 256

    def test_samples(self, study):
        made = work(study, "sample", "test-")
        assert made.generations == 100 * 256
        assert made.decoded == pytest.approx(100 * 256 * SOLUTION)
        assert made.prompted == pytest.approx(100 * assumed(study).questions.prompt("test"))
        cut = work(study, "sample", "test-", stretch={of(study, "fetch_model", "policy").key: 10.0})
        assert cut.decoded == pytest.approx(100 * 256 * 2048)

    def test_prompts_are_as_long_as_the_file_and_the_question(self, study, trained):
        chat = next(each.spec["form"]["prompt"] for each in study.of("sample"))
        characters = len(chat["system"] + chat["template"])
        assert assumed(study).questions.prompt("test") == pytest.approx(
            QUESTION + characters / published.CHARACTERS + published.CHAT_TURNS
        )
        shown = next(each.spec["form"]["prompt"] for each in trained.of("sample"))
        examples = sum(len(question + solution) for question, solution in shown["examples"])
        assert assumed(trained).questions.prompt("train") > 68 + examples / published.CHARACTERS

    def test_a_verifier_reads_questions_and_solutions_in_a_frame_of_its_own(self, study):
        tables = len(of(study, "score").inputs["samples"])
        assert work(study, "score").verified == pytest.approx(tables * 100 * 256 * (QUESTION + SOLUTION))

    @pytest.mark.parametrize(("label", "depth"), [("beam-m4-n16", 0), ("lookahead-m4-k3-n16", 3)])
    def test_a_search_reads_the_question_and_each_step_once(self, study, label, depth):
        step = SOLUTION / LINES
        decoded = 0
        for number in range(1, LINES + 1):
            ahead = min(depth, LINES - number) * step
            decoded += step + ahead
        made = work(study, "search", label)
        assert made.decoded == pytest.approx(500 * 16 * decoded)
        assert made.verified == pytest.approx(500 * (QUESTION + 16 * decoded))
        assert made.generations == 500 * 16 * (depth + 1)

    def test_a_policy_that_is_asked_again_reads_its_answers_and_the_words_between(self):
        revised = {"by": "prompt", "max_generations": 4, "max_context": 2, "verifier": {"use": False}}
        asked = plan_study(STUDY | {"revision": revised | {"block_problems": 100}})
        made, words = work(asked, "revise"), prompts.load("math_chat").ask_again
        again = len(words) / published.CHARACTERS + published.AGAIN_TURNS
        # Chains of 4, 2, 1 and 1 answers, the longest with 0, 1, 2 and 2 before them
        assert made.generations == 100 * 8
        assert made.prompted == pytest.approx(
            100 * (8 * assumed(asked).questions.prompt("test") + (0 + 1 + 2 + 2 + 1) * (SOLUTION + again))
        )
        assert work(asked, "score_revisions").verified == pytest.approx(100 * 8 * (QUESTION + SOLUTION))
        assert largest_model(of(asked, "revise"), published.sizes(asked)) == SMALL

    def test_rollouts_begin_at_each_line_but_the_last(self, trained):
        spec, questions = of(trained, "roll_out").spec, assumed(trained).questions
        count = (spec["problems"][1] - spec["problems"][0]) * spec["samples"][1]
        step = 100 / 5  # GSM8K, as its own solutions are written
        made = work(trained, "roll_out")
        assert made.generations == pytest.approx(count * 4 * spec["rollouts"])
        assert made.decoded == pytest.approx(count * spec["rollouts"] * (4 + 3 + 2 + 1) * step)
        assert made.prompted == pytest.approx(count * (4 * questions.prompt("train") + 10 * step))

    def test_a_fine_tuning_learns_steps_times_batch_examples(self, trained):
        for stage, length in (("train_prm", 68 + 100), ("train_orm", 68 + 100)):
            settings = of(trained, stage).spec["fine_tuning"]
            assert work(trained, stage).trained == pytest.approx(
                settings["steps"] * settings["batch"] * length, rel=0.05
            )
        settings = of(trained, "train_reviser").spec["fine_tuning"]
        prompt = assumed(trained).questions.prompt("train")
        length = prompt + 100 + 2 * (100 + published.AGAIN)  # two of up to four answers
        assert work(trained, "train_reviser", "reviser").trained == pytest.approx(
            settings["steps"] * settings["batch"] * length, rel=0.05
        )


class TestSizes:
    def test_flops_are_those_of_the_models_that_take_part(self, trained):
        sizes = published.sizes(trained)
        for stage in ("train_prm", "train_orm", "train_reviser", "train_revision_orm"):
            assert parameters(of(trained, stage), sizes) == SMALL
        larger, sample = of(trained, "sample", "larger-"), of(trained, "sample", "test-")
        assert largest_model(larger, sizes) == LARGE and largest_model(sample, sizes) == SMALL
        done = work(trained, "sample", "test-")
        assert flops(sample, done, sizes) == {
            "decode": 2 * SMALL * done.decoded,
            "read": 2 * SMALL * done.prompted,
        }
        search = of(plan_study(STUDY), "search")
        done = work(plan_study(STUDY), "search")
        spent = flops(search, done, published.sizes(plan_study(STUDY)))
        assert spent["read"] == 2 * (SMALL * done.prompted + PRM * done.verified)

    def test_a_card_tells_before_the_configuration(self, study, tmp_path):
        prm = of(study, "fetch_model", "prm")
        place = tmp_path / prm.path
        place.mkdir(parents=True)
        (place / "card.json").write_text(json.dumps({"parameters": 7}))
        assert published.sizes(study, tmp_path)[prm.key] == 7
        (place / "card.json").write_text("no card")
        assert published.sizes(study, tmp_path)[prm.key] == PRM

    def test_a_folder_tells_by_its_weights(self, tmp_path):
        header = json.dumps(
            {
                "__metadata__": {"format": "pt"},
                "a": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]},
                "b": {"dtype": "F32", "shape": [], "data_offsets": [60, 64]},
            }
        ).encode()
        (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
        plan = plan_study(STUDY | {"policy": {"checkpoint": {"path": str(tmp_path)}}})
        assert published.sizes(plan)[of(plan, "fetch_model", "policy").key] == 16
        (tmp_path / "model.safetensors").unlink()
        with pytest.raises(InputError, match=r"policy\.checkpoint\.path: .* has no safetensors weights"):
            published.sizes(plan)

    def test_a_model_of_which_nothing_tells_is_refused(self):
        plan = plan_study(STUDY | {"policy": {"checkpoint": {"hub": "a/small", "revision": COMMIT}}})
        with pytest.raises(InputError, match=r"policy\.checkpoint\.parameters: .*a/small.*fetch_model"):
            jobs(plan, measuring=False)


class TestTimeAndDisk:
    def test_a_gpu_runs_at_a_share_of_its_peak_that_hangs_on_the_engine(self, study):
        assert rates.stated_rates(study)["decode"] == pytest.approx(0.02 * 312e12)
        assert rates.stated_rates(study, "vllm")["decode"] == pytest.approx(0.10 * 312e12)
        sample = of(study, "sample")
        (job,) = [each for each in jobs(study, measuring=False)[0] if each.artifact is sample]
        decode, read = 2 * SMALL * job.work.decoded, 2 * SMALL * job.work.prompted
        assert job.seconds == pytest.approx(60 + decode / 6.24e12 + read / 93.6e12)
        h100 = plan_study(STUDY | {"runtime": {"device": "cuda", "rates": {"gpu": "h100", "read": 1.0}}})
        assert rates.stated_rates(h100) == {
            "decode": 0.02 * 989e12,
            "read": 1.0,
            "train": 0.25 * 989e12,
            "start": 60,
        }
        on_cpu = plan_study(STUDY | {"runtime": {"rates": {"gpu": "h100"}}})
        assert rates.stated_rates(on_cpu) == rates.STATED["cpu"]

    def test_several_gpus_share_the_work_of_vllm_only(self):
        more = {"engine": {"sample": "vllm"}, "runtime": STUDY["runtime"] | {"gpus": 4}}
        plan = plan_study(STUDY | more)
        one = plan_study(STUDY | more | {"runtime": STUDY["runtime"]})
        seconds = [
            {each.artifact.stage: each.seconds for each in jobs(which, measuring=False)[0]}
            for which in (plan, one)
        ]
        assert seconds[0]["sample"] - 150 == pytest.approx((seconds[1]["sample"] - 150) / 4)
        assert seconds[0]["score"] == pytest.approx(seconds[1]["score"])
        assert "`stated rates` of vllm" in text(plan, measuring=False)

    def test_disk_holds_weights_and_texts(self, study, trained):
        made = {each.artifact: each.bytes for each in jobs(study, measuring=False)[0]}
        assert made[of(study, "fetch_model", "prm")] == 2 * PRM
        sample = of(study, "sample")
        assert made[sample] == pytest.approx(9 * 25600 + 25600 * SOLUTION)
        made = {each.artifact: each.bytes for each in jobs(trained, measuring=False)[0]}
        # Trained in float32, written as the policy is: in bfloat16
        assert made[of(trained, "train_prm")] == pytest.approx(2 * SMALL + rates.TOKENIZER_BYTES)


class TestMeasured:
    def test_tables_and_cards_replace_what_was_assumed(self, study, tmp_path):
        prompts, sample = of(study, "check_prompts"), of(study, "sample", "test-0to100")
        for artifact, frame in (
            (prompts, pl.DataFrame({"problem_id": ["a", "b"], "split": ["test"] * 2, "tokens": [100, 300]})),
            (
                sample,
                pl.DataFrame(
                    {"problem_id": ["a"] * 2, "tokens": [25600 * 270, 0], "answer": ["1", None]}
                ).with_columns(correct=False, finish_reason=pl.lit("stop")),
            ),
        ):
            (tmp_path / artifact.path).parent.mkdir(parents=True)
            frame.write_parquet(tmp_path / artifact.path)
        known, sentences = measure(study, tmp_path)
        assert known.questions.prompt("test") == 200
        other = of(study, "sample", "test-100to200")
        assert expected(other, known).decoded == pytest.approx(25600 * 270)
        assert expected(other, known).prompted == pytest.approx(100 * 200)
        assert sentences[0] == "tokens of prompts: from their table"
        assert sentences[1].startswith("tokens of solutions over those of the usual length: policy 0.50")
        shown = text(study, tmp_path)
        assert "Assumed: prompts" not in shown and "Assumed: solutions" not in shown
        assert "Assumed: prompts" in text(study, measuring=False)


def test_every_stage_of_such_a_study_has_a_line(trained):
    lines = text(trained, measuring=False).splitlines()
    assert [line.split()[0] for line in lines[1 : len(trained.stages) + 1]] == trained.stages
    assert isinstance(trained, Plan) and max(map(len, lines)) < 160
