"""`ttc solve` on a study in miniature: bytes that depend on nothing but the questions, and what it refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from tests.support import finished_study
from ttc import noise
from ttc.__main__ import main
from ttc.commands import solve
from ttc.errors import InputError
from ttc.run.files import work_folder
from ttc.tables.live import SOLVED

LEADER = ("--rule", "leader", "--threshold", "0.6", "--budget", "6")


def arguments(miniature, questions, output, *rule):
    return [str(questions), "--study", str(miniature), "--output", str(output), "--device", "cpu", *rule]


def run(miniature, folder, *rule, count=5, name="made.parquet", **asked):
    questions = finished_study.questions(folder / "questions.parquet", count, **asked)
    solve.main(arguments(miniature, questions, folder / name, *rule))
    return folder / name


def test_the_batch_changes_no_byte_and_nor_do_other_questions(miniature, tmp_path):
    whole = run(miniature, tmp_path / "a", *LEADER, "--batch-rows", "64")
    single = run(miniature, tmp_path / "b", *LEADER, "--batch-rows", "1")
    assert whole.read_bytes() == single.read_bytes()
    fewer = pl.read_parquet(run(miniature, tmp_path / "c", *LEADER, count=2))
    assert pl.read_parquet(whole).filter(pl.col("problem_id").is_in(fewer["problem_id"])).equals(fewer)


def test_the_table_says_what_was_spent_and_what_is_right(miniature, tmp_path):
    table = SOLVED.check(pl.read_parquet(run(miniature, tmp_path, *LEADER)), "here")
    assert set(table["vote"]) == {"best_of_n_weighted"} and set(table["rule"]) == {
        "leader(threshold=0.6, budget=6)"
    }
    rule = table.filter(stopped_by="rule")
    assert (rule["value"] >= 0.6).all() and (table.filter(stopped_by="budget")["samples"] == 6).all()
    assert len(rule) and (table["tokens"] >= 3 * table["samples"]).all()
    assert (table["verifier_tokens"] > table["tokens"]).all()  # it reads prompts, too
    golds = {f"n{place}": str((place + 1) % 13) for place in range(5)}
    right = [golds[name] == answer for name, answer in table.select("problem_id", "answer").iter_rows()]
    assert table["correct"].to_list() == right


def test_without_gold_answers_there_are_no_verdicts_and_the_same_answers(miniature, tmp_path):
    told = pl.read_parquet(run(miniature, tmp_path / "a", *LEADER))
    untold = pl.read_parquet(run(miniature, tmp_path / "b", *LEADER, answers=False))
    assert untold["correct"].null_count() == 5
    assert untold.drop("correct").equals(told.drop("correct"))


@pytest.mark.parametrize(
    ("rule", "vote", "reads"),
    [
        (("--rule", "majority", "--budget", "3"), "majority", False),
        (("--rule", "price", "--budget", "4"), "best_of_n_weighted", True),
        (
            ("--rule", "price_by_steps", "--price", "0.01", "--vote", "majority", "--probe", "2"),
            "majority",
            False,
        ),
    ],
)
def test_other_rules_run_as_well_and_ask_a_verifier_only_where_they_read_one(
    miniature, tmp_path, rule, vote, reads
):
    table = pl.read_parquet(run(miniature, tmp_path, *rule))
    assert set(table["vote"]) == {vote}
    assert (table["verifier_tokens"] > 0).all() if reads else (table["verifier_tokens"] == 0).all()


def test_a_plan_gives_each_question_its_vote_and_budget(miniature, tmp_path):
    plan = tmp_path / "plan.csv"
    rows = {"problem_id": ["n1", "n0"], "strategy": ["majority", "best_of_n"], "budget": [2, 5]}
    pl.DataFrame(rows).write_csv(plan)
    table = pl.read_parquet(run(miniature, tmp_path, "--plan", str(plan), count=2))
    assert table.select("problem_id", "vote", "samples").rows() == [
        ("n0", "best_of_n", 5),
        ("n1", "majority", 2),
    ]
    pl.DataFrame(rows | {"strategy": ["majority", "beam(width=4)"]}).write_csv(plan)
    with pytest.raises(
        InputError, match=r"the search 'beam\(width=4\)' is not run live; live are run stopping rules"
    ):
        run(miniature, tmp_path, "--plan", str(plan), count=2, name="other.parquet")
    with pytest.raises(InputError, match=r"no row for 1 of the questions, first 'n2'"):
        run(miniature, tmp_path, "--plan", str(plan), count=3, name="other.parquet")


def test_live_samples_are_none_of_the_study_s(miniature, tmp_path):
    """A question of the study asked again gets other samples: with as many it would be wonderfully alike else."""
    samples = next((miniature.parent / "store/sample").glob("*.parquet"))
    drawn = pl.read_parquet(samples)["problem_id"].unique().sort().to_list()
    mine = [int(noise.stream(0, "solve", name)) for name in drawn]
    theirs = [int(noise.stream(0, "sample", name)) for name in drawn]
    assert not set(mine) & set(theirs)


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_and_ends_with_the_same_bytes(miniature, tmp_path):
    whole = run(miniature, tmp_path / "a", *LEADER)
    questions = finished_study.questions(tmp_path / "b/questions.parquet")
    output = tmp_path / "b/made.parquet"
    command = [sys.executable, "-m", "ttc", "solve", *arguments(miniature, questions, output, *LEADER)]
    command += ["--batch-rows", "1"]
    kills = 0
    while not output.exists() and kills < 2:
        process = subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL)
        held = len(list(work_folder(output).glob("block-*")))
        while process.poll() is None and len(list(work_folder(output).glob("block-*"))) < held + 2:
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills == 2
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert output.read_bytes() == whole.read_bytes() and not work_folder(output).exists()


def test_a_second_run_finds_the_output_and_other_settings_are_refused(miniature, tmp_path, capsys):
    made = run(miniature, tmp_path, *LEADER)
    before = made.read_bytes(), made.stat().st_mtime_ns
    run(miniature, tmp_path, *LEADER)
    assert "it is there already" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"was made with other settings \(rules: .*0\.6.*0\.7"):
        run(miniature, tmp_path, "--rule", "leader", "--threshold", "0.7", "--budget", "6")
    assert (made.read_bytes(), made.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (("--rule", "leadr"), r"--rule: there is no 'leadr'; live are run .* did you mean 'leader'"),
        (("--rule", "beam(width=4)"), "searches and revisions are not"),
        (
            ("--rule", "leader", "--threshold", "1.5"),
            "a threshold of 1.5 is outside of what leader was measured at",
        ),
        (("--rule", "leader", "--target", "best"), "targets are equal, within, guaranteed"),
        (
            ("--rule", "leader", "--budget", "99"),
            "--budget: 99 is above 8, the largest that leader was measured at",
        ),
        (("--rule", "leader", "--price", "0.1"), "--price: leader has no such option"),
        (("--rule", "price", "--budget", "99"), "99 is above all of them; --price takes any price"),
        (("--rule", "price"), "--budget or --price: price needs one of them"),
        (("--rule", "price", "--price", "0"), "a price is above 0"),
        (("--rule", "majority"), "--budget: majority needs a number of samples"),
        (("--rule", "majority", "--budget", "0"), "--budget: 0 was given; at least one sample"),
        ((), "--rule or --plan: one of them"),
    ],
)
def test_a_rule_that_cannot_be_run_is_one_sentence(miniature, tmp_path, rule, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        run(miniature, tmp_path, *rule)
    assert "\n" not in str(error.value) and not (tmp_path / "made.parquet").exists()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"problem_id": "a", "text": "x"}], "question"),
        ([{"problem_id": "a", "question": "x"}, {"problem_id": "a", "question": "y"}], "ids must be unique"),
        ([{"problem_id": "a", "question": None}], "column 'question' is empty"),
    ],
)
def test_questions_that_lack_something_are_refused(miniature, tmp_path, rows, sentence):
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=sentence):
        solve.main(arguments(miniature, file, tmp_path / "made.csv", *LEADER))


def test_a_study_that_is_not_finished_or_was_fitted_on_another_model_is_refused(miniature, tmp_path, capsys):
    with pytest.raises(
        InputError, match=r"holds manifest\.json, and this one does not; run the study to its end"
    ):
        run(tmp_path / "results/none", tmp_path, *LEADER)
    folder = shutil.copytree(miniature.parent, tmp_path / "results") / "mini"
    (folder / "tables/spending.json").unlink()
    with pytest.raises(InputError, match=r"spending\.json: no such file; the study did not write it"):
        run(folder, tmp_path, "--rule", "price", "--budget", "4")
    file = folder / "tables/stopping.json"
    file.write_text(file.read_text().replace('"policy": "', '"policy": "0'))
    with pytest.raises(InputError, match="was fitted with another policy than the study's"):
        run(folder, tmp_path, *LEADER)
    shutil.rmtree(tmp_path / f"results/store/train_policy/policy-{finished_study.KEY}")
    with pytest.raises(InputError, match="the study's model is not there"):
        run(folder, tmp_path, *LEADER)
    assert (
        main(["solve", "nothing.csv", "--study", str(folder), "--rule", "leader", "--output", "x.csv"]) == 2
    )
    assert capsys.readouterr().err == "ttc solve: nothing.csv: no such file\n"


def test_a_rule_that_reads_scores_needs_a_verifier(tmp_path):
    made = finished_study.artifacts(tmp_path / "made")
    folder = finished_study.write(tmp_path / "study", made, verifier=False)
    with pytest.raises(InputError, match=r"reads scores of a verifier, and the study .* has none"):
        run(folder, tmp_path, "--rule", "best_of_n", "--budget", "3")
    with pytest.raises(InputError, match="the study has no stopping rule 'leader'; it has beta"):
        run(folder, tmp_path, *LEADER)
    table = pl.read_parquet(run(folder, tmp_path, "--rule", "beta", "--threshold", "0.7", "--budget", "4"))
    assert (table["verifier_tokens"] == 0).all() and table["score"].null_count() == len(table)
