"""Text files are UTF-8, whatever the locale says: no source opens one by the locale."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted(
    path for folder in ("workflow/ttc", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)


def by_locale(source: str) -> list[int]:
    """Lines that read or write a text file and name no encoding."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ("read_text", "write_text")
        and not any(each.arg in ("encoding", None) for each in call.keywords)
        and len(call.args) <= (call.func.attr == "write_text")
    ]


def test_the_check_sees_what_it_looks_for():
    assert by_locale("a.read_text()\nb.write_text(c)\nd.read_text(encoding='utf-8')") == [1, 2]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_text_is_read_and_written_with_an_encoding(path):
    assert by_locale(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("locale", ["C", "en_US.ISO-8859-1"])
def test_a_configuration_with_symbols_is_planned_in_any_locale(tmp_path, locale):
    study = tmp_path / "étude.yaml"
    study.write_text("# ∞ × σ\nstudy: {name: symbols}\nrevision: {use: false}\n", encoding="utf-8")
    environment = os.environ | {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    environment["PYTHONPATH"] = str(ROOT / "workflow")
    told = subprocess.run(
        [sys.executable, "-m", "ttc", "plan", str(study)], env=environment, cwd=ROOT, capture_output=True
    )
    assert told.returncode == 0, told.stderr.decode()
    assert "sample" in told.stdout.decode("utf-8")
