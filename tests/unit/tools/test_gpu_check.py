"""The check of GPUs, tried on a CPU: its rows, a check that fails or hangs, and the page that it writes."""

import sys

import pytest

from tools.gpu_check import __main__ as gpu_check
from tools.gpu_check import models, vllm
from tools.gpu_check.frame import Given, Row


@pytest.fixture
def given(tmp_path):
    return {"device": "cpu", "folder": str(tmp_path), "small": True, "vllm": None}


def test_every_check_is_a_module_and_has_its_row_in_the_page():
    folder = gpu_check.ROOT / "tools/gpu_check"
    helpers = {"__init__", "__main__", "frame", "models"}
    assert {each.stem for each in folder.glob("*.py")} == {*gpu_check.CHECKS, *helpers}
    page = (gpu_check.ROOT / "docs/gpu.md").read_text()
    assert [name for name in gpu_check.CHECKS if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("name", ["engines", "speed"])
def test_a_check_gives_rows_that_are_as_wanted_where_there_is_no_gpu(given, name):
    rows = gpu_check.run(name, given, 3600)
    assert len(rows) > 1 and [row for row in rows if row.good is False] == []


def test_both_engines_are_opened_and_asked_in_one_way(given, tmp_path):
    """Here with `transformers`; vLLM has an environment of its own."""
    folder = models.policy(tmp_path, "tiny")
    made = vllm.run(Given(**given | {"folder": tmp_path}), "transformers", sys.executable, folder)
    assert len(made["tokens"]) == 4 and all(0 < len(each) <= 8 for each in made["tokens"])


def test_a_check_that_fails_says_so_in_a_row(given, capsys):
    [row] = gpu_check.run("engines", given | {"folder": "/dev/null"}, 3600)
    assert row.good is False and row.seen.startswith("failed: ") and "Traceback" in capsys.readouterr().err


def test_a_check_that_outlasts_the_time_says_so_in_a_row(given):
    [row] = gpu_check.run("study", given, 0)
    assert row == Row("the check", "stopped after 0 s, when the time was over", "to end", False)


def test_the_page_gets_the_table_in_place_of_the_old_one(monkeypatch, tmp_path, capsys):
    page = tmp_path / "gpu.md"
    page.write_text(f"Before.\n\n{gpu_check.BEGIN}\nold\n{gpu_check.BEGIN}\n\nAfter.\n")
    found = [Row("tokens", "3 of 4", "all", False), Row("a\nb", "1")]
    monkeypatch.setattr(gpu_check, "run", lambda name, given, seconds: list(found))
    monkeypatch.setattr(sys, "argv", ["", "--device", "cpu", "--only", "speed", "--write", str(page)])
    assert gpu_check.main() == 1
    text = page.read_text()
    assert text.startswith("Before.") and text.endswith("After.\n") and "old" not in text
    assert "| speed | tokens | 3 of 4 | all | **not as wanted** |\n| speed | a b | 1 |  |  |\n" in text
    found.pop(0)
    assert gpu_check.main() == 0
