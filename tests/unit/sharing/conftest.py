"""A finished study in miniature, shared once in each size."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.invented_results import finish
from ttc.commands import adopt, share
from ttc.sharing.layout import SIZES
from ttc.store import lock
from ttc.store.keys import Code
from ttc.study import build
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load

STUDY = ROOT / "tests/support/small_study.yaml"


@pytest.fixture(scope="session", autouse=True)
def sources():
    """Every plan asks the same `Code`, which has read the sources of the package once."""
    known = Code(ROOT / "workflow/ttc", lock.read_pins(ROOT / build.LOCK), lock.read_stages(ROOT / lock.NAME))
    with pytest.MonkeyPatch.context() as patch:
        for module in (build, adopt):
            patch.setattr(module, "Code", lambda *_: known)
        yield known


@pytest.fixture(scope="session")
def given(sources):
    return load(ROOT / "config.yaml", STUDY)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, given):
    """The folder of the study, with archives `tables.tar`, `pools.tar` and `models.tar` in it."""
    folder, before = tmp_path_factory.mktemp("finished"), Path.cwd()
    os.chdir(folder)
    try:
        finish(plan_study(given))
        for size in SIZES:
            share.main([str(STUDY), "--size", size, "--out", f"{size}.tar"])
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(scope="session")
def formats():
    """What a module of `tools.formats` says of a folder, run by the environment that has the formats' libraries."""
    python = ROOT / ".venv-formats/bin/python"
    if not python.exists():
        missing = "`make formats` creates .venv-formats, which has the libraries of the formats"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)

    def run(module: str, folder: Path) -> dict:
        command = [python, "-m", f"tools.formats.{module}", folder]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run
