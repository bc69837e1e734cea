"""Samples of finished studies in the form of Every Eval Ever: by hand, by its validator, twice, and what is refused."""

import hashlib
import json
import os
from pathlib import Path

import polars as pl
import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from tests.support.finished_evaluations import SAMPLE, finish_published, import_and_finish
from tests.unit.sharing.conftest import STUDY
from ttc.commands import adopt, share
from ttc.errors import InputError
from ttc.sharing import eval_ever
from ttc.sharing.evaluations import portable
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load

COMMIT = "0123456789abcdef0123456789abcdef01234567"
QUESTIONS = {"b": ("What is 6 times 7?", "42"), "a": ("What is 2 plus\u2028 3?", "5")}
TEXTS = {"b": ("It is \\boxed{42}", "I do not know"), "a": ("So \\boxed{5}\n", "\\boxed{6} \x85 \U0001f600")}


def lines(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return str(path)


def study(folder: Path, **sections) -> str:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(sections), encoding="utf-8")
    return str(path)


def exported(out: Path) -> list[tuple[dict, list[dict]]]:
    """Every aggregate with its records, by the model's name."""
    found = []
    for path in sorted(out.glob("data/*/*/*/*.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        content = (out / about["detailed_evaluation_results"]["file_path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["detailed_evaluation_results"]["checksum"]
        found.append((about, [json.loads(line) for line in content.decode().split("\n")[:-1]]))
    return sorted(found, key=lambda each: each[0]["evaluation_id"])


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def is_valid(found: dict, files: int) -> None:
    assert len(found) == 2 * files
    assert {name: each for name, each in found.items() if not each["valid"] or each["warnings"]} == {}


@pytest.fixture
def clone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pool(folder: Path, rows: list[dict], columns: dict, grading="ours", questions=True, model=None) -> str:
    """The file of a finished study of a pool."""
    asked = [{"id": name, "asked": asked, "gold": gold} for name, (asked, gold) in QUESTIONS.items()]
    source = {
        "pools": {"policy": {"path": lines(folder / "pool.jsonl", rows), "columns": columns, "model": model}}
    }
    source["grading"] = grading if grading == "recorded" else {"extract": ["boxed"], "equality": "text"}
    if questions:
        mapped = {"problem_id": "id", "question": "asked", "answer": "gold"}
        source["problems"] = {"path": lines(folder / "problems.jsonl", asked), "columns": mapped}
    path = study(folder, study={"name": "mine"}, source=source)
    import_and_finish(plan_study(load(ROOT / "config.yaml", path)))
    return path


@pytest.fixture
def with_texts(clone):
    rows = [
        {"id": name, "said": text, "n_tokens": 7 + place, "scores": [(0.1, 0.25)[place]]}
        for name, texts in TEXTS.items()
        for place, text in enumerate(texts)
    ]
    columns = {"problem_id": "id", "text": "said", "tokens": "n_tokens", "step_scores": "scores"}
    return pool(clone, rows, columns, model="Somebody/Some-7B")


def test_records_of_a_pool_are_those_by_hand(with_texts, clone, capsys):
    share.main([with_texts, "--eval-ever", "out"])
    ((about, records),) = exported(clone / "out")
    assert [(each["sample_id"], each["metadata"]["sample_index"]) for each in records] == [
        ("a", "0"),
        ("a", "1"),
        ("b", "0"),
        ("b", "1"),
    ]
    assert [each["evaluation"] for each in records] == [
        {"score": float(right), "is_correct": right} for right in (True, False, True, False)
    ]
    assert [each["output"]["raw"] for each in records] == [[text] for name in "ab" for text in TEXTS[name]]
    assert records[0] == {
        "schema_version": "0.3.0",
        "evaluation_id": about["evaluation_id"],
        "model_id": "Somebody/Some-7B",
        "evaluation_name": "the pools' problems of the study mine",
        "evaluation_result_id": "pass_at_1",
        "sample_id": "a",
        "sample_hash": hashlib.sha256("What is 2 plus\u2028 3?5".encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": "What is 2 plus\u2028 3?", "reference": ["5"]},
        "output": {"raw": ["So \\boxed{5}\n"]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": "5",
                "extraction_method": "boxed",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": 1.0, "is_correct": True},
        # How many tokens the model read is not known, so that its own are no `token_usage`
        "metadata": {
            "sample_index": "0",
            "finish_reason": "unknown",
            "prm_steps": "[0.1]",
            "output_tokens": "7",
        },
    }
    assert records[3]["answer_attribution"] == [] and "answer" not in records[3]["metadata"]
    said = capsys.readouterr().out
    assert "4 samples of 2 questions, pass@1 0.5000" in said
    assert about["detailed_evaluation_results"]["file_path"] in said


def test_results_are_the_mean_over_questions_and_the_curves(with_texts, clone):
    share.main([with_texts, "--eval-ever", "out"])
    ((about, _),) = exported(clone / "out")
    one, curve = about["evaluation_results"]
    assert one["score_details"]["score"] == 0.5
    assert one["score_details"]["uncertainty"]["standard_error"]["value"] == 0.0
    assert curve["evaluation_result_id"] == "search/majority/majority/none/2"
    assert curve["score_details"]["score"] == 0.75
    interval = curve["score_details"]["uncertainty"]["confidence_interval"]
    assert (interval["lower"], interval["upper"], interval["confidence_level"]) == (0.5, 1.0, 0.95)
    assert about["model_info"]["additional_details"] == {
        "deployment_type": "unknown",
        "model_availability": "unknown",
    }


def test_an_export_is_the_same_bytes_again_in_blocks_of_any_size(with_texts, clone, monkeypatch):
    share.main([with_texts, "--eval-ever", "one"])
    monkeypatch.setattr(eval_ever, "ROWS", 1)
    share.main([with_texts, "--eval-ever", "two"])
    assert everything(clone / "one") == everything(clone / "two")
    assert len(everything(clone / "one")) == 2


def test_the_formats_own_validator_finds_nothing(with_texts, clone, formats):
    share.main([with_texts, "--eval-ever", "out"])
    is_valid(formats("eval_ever", clone / "out"), 1)


def test_the_validator_finds_a_broken_export(with_texts, clone, formats):
    share.main([with_texts, "--eval-ever", "out"])
    (path,) = (clone / "out").glob("data/*/*/*/*_samples.jsonl")
    path.write_text(path.read_text(encoding="utf-8").partition("\n")[0] + "\n", encoding="utf-8")
    errors = [said for each in formats("eval_ever", clone / "out").values() for said in each["errors"]]
    assert any("total_rows does not match" in said for said in errors)


def test_a_pool_reads_its_own_export(with_texts, clone, monkeypatch):
    """docs/pools.md has the same recipe; tokens are among the texts of the metadata."""
    share.main([with_texts, "--eval-ever", "out"])
    (path,) = (clone / "out").glob("data/*/*/*/*_samples.jsonl")
    again = clone / "again"
    again.mkdir()
    monkeypatch.chdir(again)
    columns = {"problem_id": "sample_id", "question": "input.raw", "answer": "input.reference"}
    own = {"problem_id": "sample_id", "text": "output.raw", "correct": "evaluation.is_correct"}
    source = {
        "problems": {"path": str(path), "columns": columns},
        "pools": {"policy": {"path": str(path), "columns": own}},
        "grading": {"extract": ["boxed"], "equality": "text"},
    }
    plan = plan_study(load(ROOT / "config.yaml", study(again, study={"name": "mine"}, source=source)))
    import_and_finish(plan)
    read = ["problem_id", "sample_index", "text", "answer", "correct"]
    tables = [
        pl.read_parquet(next(folder.glob("results/store/import_pool/*/policy.samples.parquet")), columns=read)
        for folder in (clone, again)
    ]
    assert tables[0].equals(tables[1])


def test_a_pool_without_texts_has_answers_and_no_output(clone, formats):
    rows = [{"id": name, "found": [gold, "9"]} for name, (_, gold) in QUESTIONS.items()]
    rows = [{"id": row["id"], "said": each} for row in rows for each in row["found"]]
    path = pool(clone, rows, {"problem_id": "id", "text": None, "answer": "said"})
    share.main([path, "--eval-ever", "out"])
    ((about, records),) = exported(clone / "out")
    assert about["model_info"]["id"] == "pool/policy"
    assert [each["metadata"]["answer"] for each in records] == ["5", "9", "42", "9"]
    assert {json.dumps([each["output"], each["answer_attribution"]]) for each in records} == {
        '[{"raw": []}, []]'
    }
    assert not any("token_usage" in each or "output_tokens" in each["metadata"] for each in records)
    is_valid(formats("eval_ever", clone / "out"), 1)


def test_a_pool_of_counts_has_a_verdict_a_sample(clone, formats):
    rows = [{"id": "a", "drawn": 3, "right": 2}, {"id": "b", "drawn": 3, "right": 0}]
    path = pool(
        clone, rows, {"problem_id": "id", "n": "drawn", "correct": "right"}, "recorded", questions=False
    )
    share.main([path, "--eval-ever", "out"])
    ((about, records),) = exported(clone / "out")
    assert sorted((each["sample_id"], each["evaluation"]["score"]) for each in records) == [
        ("a", 0.0),
        ("a", 1.0),
        ("a", 1.0),
        *[("b", 0.0)] * 3,
    ]
    assert {json.dumps(each["input"]) for each in records} == {'{"raw": "", "reference": []}'}
    (one, *_) = about["evaluation_results"]
    assert one["score_details"]["score"] == pytest.approx(1 / 3)
    # Of the shares 2/3 and 0: deviation √2/3, error 1/3
    assert one["score_details"]["uncertainty"]["standard_error"]["value"] == pytest.approx(1 / 3)
    is_valid(formats("eval_ever", clone / "out"), 1)


PUBLISHED = {
    "study": {"name": "published"},
    "problems": {"test": {"preset": "math500", "take": 2}, "prompt": "math_chat"},
    "policy": {"checkpoint": {"hub": "Owner/Small-1B", "revision": COMMIT}},
    "larger_policy": {"checkpoint": {"hub": "Owner/Large-8B", "revision": COMMIT}},
    "prm": {"checkpoint": {"kind": "chat_plus", "hub": "Owner/Prm", "revision": COMMIT}},
    "orm": {"use": False},
    "revision": {"use": False},
    "sampling": {"samples": 2, "temperature": 0.8, "max_tokens": 64},
    "search": {"strategies": [{"kind": "beam", "width": 2}], "budgets": [2]},
    "ablations": {"larger_search": False},
    "evaluation": {"budgets": [1, 2]},
}


def published(folder: Path, **changed) -> str:
    """The file of a finished study of two published models on two problems of MATH-500."""
    path = study(folder, **(PUBLISHED | changed))
    asked = [
        {
            "problem_id": name,
            "split": "test",
            "level": 3,
            "question": question,
            "answer": gold,
            "solution": "",
        }
        for name, (question, gold) in sorted(QUESTIONS.items())
    ]
    rows = [
        SAMPLE
        | {
            "problem_id": name,
            "sample_index": place,
            "text": text,
            "tokens": 5 + place,
            "correct": place == 0,
        }
        for name, texts in sorted(TEXTS.items())
        for place, text in enumerate(texts)
    ]
    scores = [
        {
            "problem_id": row["problem_id"],
            "sample_index": row["sample_index"],
            "step_scores": [0.1],
            "tokens": 9,
        }
        for row in rows
    ]
    prompts = [{"problem_id": name, "split": "test", "tokens": 30} for name in "ab"]
    greedy = [row | {"correct": True} for row in rows if row["sample_index"] == 0]
    finish_published(plan_study(load(ROOT / "config.yaml", path)), asked, rows, greedy, scores, prompts)
    return path


def test_a_study_of_published_models_has_both_with_their_tokens(clone, formats):
    share.main([published(clone), "--eval-ever", "out"])
    (larger, greedy), (small, sampled) = exported(clone / "out")
    assert (larger["model_info"]["id"], small["model_info"]["id"]) == ("Owner/Large-8B", "Owner/Small-1B")
    assert len(greedy) == 2 and len(sampled) == 4
    assert [each["token_usage"] for each in sampled[:2]] == [
        {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35},
        {"input_tokens": 30, "output_tokens": 6, "total_tokens": 36},
    ]
    assert sampled[0]["metadata"]["level"] == "3" and sampled[0]["metadata"]["prm_steps"] == "[0.1]"
    for about, heat, results in ((larger, 0.0, 1.0), (small, 0.8, 0.5)):
        one = about["evaluation_results"][0]
        assert one["generation_config"]["generation_args"] == {"temperature": heat, "max_tokens": 64}
        assert one["score_details"]["score"] == results
        assert one["source_data"]["hf_repo"] == "HuggingFaceH4/MATH-500"
        assert about["model_info"]["additional_details"]["revision"] == COMMIT
        assert about["model_info"]["additional_details"]["model_availability"] == "open_weights"
    named = [
        [each["evaluation_result_id"] for each in about["evaluation_results"]] for about in (larger, small)
    ]
    assert named == [
        ["pass_at_1", "larger/greedy/none/none/1"],
        ["pass_at_1", "search/majority/majority/none/2"],
    ]
    is_valid(formats("eval_ever", clone / "out"), 2)


def test_results_for_repositories_are_read_back(clone):
    share.main([published(clone), "--eval-ever", "out", "--eval-results", "math_500"])
    found = {}
    for path in sorted((clone / "out/models").rglob("*.yaml")):
        (found[path.relative_to(clone / "out").as_posix()],) = parse_eval_result_entries(
            yaml.safe_load(path.read_text(encoding="utf-8"))
        )
    folder = "models/Owner/{}/.eval_results/HuggingFaceH4_MATH-500{}.yaml"
    names = [folder.format("Large-8B", "_greedy"), folder.format("Small-1B", "")]
    assert list(found) == names
    assert [found[name].value for name in names] == [100.0, 50.0]
    small = found[names[1]]
    assert (small.dataset_id, small.task_id) == ("HuggingFaceH4/MATH-500", "math_500")
    assert small.dataset_revision == "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be"
    assert "over 2 of 500 questions and 4 samples, temperature 0.8" in small.notes


def refused(*arguments: str) -> str:
    with pytest.raises(InputError) as error:
        share.main(list(arguments))
    assert not any(Path().glob(".out*")) and not Path("out").exists()
    return str(error.value)


def test_problems_that_are_no_data_set_of_the_hub_are_refused(with_texts):
    said = refused(with_texts, "--eval-ever", "out", "--eval-results", "math")
    assert "the pools' problems of the study mine are no data set of the Hugging Face hub" in said


def test_a_policy_that_is_no_model_of_the_hub_is_refused(clone):
    (clone / "weights/mine").mkdir(parents=True)
    (clone / "weights/mine/config.json").write_text("{}", encoding="utf-8")
    path = published(clone, policy={"checkpoint": {"path": str(clone / "weights/mine")}})
    assert "local/mine is no model of the Hugging Face hub" in refused(
        path, "--eval-ever", "out", "--eval-results", "math"
    )


def test_results_for_repositories_alone_are_refused(with_texts):
    assert "give `--eval-ever DIR`, too" in refused(with_texts, "--eval-results", "math")


def test_a_study_that_is_not_finished_is_refused(clone):
    assert "not finished" in refused(str(STUDY), "--eval-ever", "out")


def test_a_study_that_was_adopted_without_samples_is_refused(finished, clone):
    adopt.main([str(finished / "tables.tar")])
    assert "adopted without its samples" in refused(str(STUDY), "--eval-ever", "out")


def test_samples_that_were_changed_are_refused(with_texts, clone):
    (path,) = clone.glob("results/store/import_pool/*/policy.samples.parquet")
    frame = pl.read_parquet(path)
    frame.with_columns(correct=pl.lit(True)).write_parquet(path)
    assert "damaged or changed" in refused(with_texts, "--eval-ever", "out")


def test_a_folder_that_holds_something_is_refused(with_texts, clone):
    os.makedirs(clone / "taken/more")
    with pytest.raises(InputError, match="there is something already"):
        share.main([with_texts, "--eval-ever", "taken"])


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Qwen 2.5 / 7B", "Qwen-2.5-7B"),
        ("data", "model-data"),
        ("CON.x", "model-CON.x"),
        ("é", "model"),
        ("a.", "a"),
    ],
)
def test_names_of_folders_are_portable(name, folder):
    assert portable(name) == folder
