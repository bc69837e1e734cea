"""A Slurm that does not answer: the plugin of Snakemake keeps its jobs and asks again."""

import asyncio
import logging
import sys
from types import SimpleNamespace

import pytest

from ttc.run import slurm_patch

LOGGER = logging.getLogger("slurm")


def ask(command):
    return asyncio.run(sys.modules[slurm_patch.PLUGIN].query_job_status(command, LOGGER))


@pytest.fixture
def plugin(monkeypatch):
    """The real plugin, as it was before and after."""
    module = pytest.importorskip(slurm_patch.PLUGIN)
    monkeypatch.setattr(module, "query_job_status", module.query_job_status)
    return module


def test_the_plugin_forgets_jobs_without_patience(plugin):
    """Should this fail, the plugin has learnt it: `ttc.run.slurm_patch` may go."""
    assert ask("false") == (None, None)


def test_no_answer_is_one_in_which_no_job_occurs(plugin):
    assert slurm_patch.keep_asking()
    assert ask("false") == ({}, 0.0)
    assert ask("no-such-command") == ({}, 0.0)


def test_an_answer_is_left_as_it_is(plugin):
    slurm_patch.keep_asking()
    states, seconds = ask("printf '17|RUNNING\\n18|COMPLETED\\n'")
    assert states == {"17": "RUNNING", "18": "COMPLETED"} and seconds >= 0


def test_asking_twice_for_patience_wraps_once(plugin):
    slurm_patch.keep_asking()
    once = plugin.query_job_status
    slurm_patch.keep_asking()
    assert plugin.query_job_status is once


def test_without_the_plugin_nothing_happens(monkeypatch):
    monkeypatch.delitem(sys.modules, slurm_patch.PLUGIN, raising=False)
    assert not slurm_patch.keep_asking()
    monkeypatch.setitem(sys.modules, slurm_patch.PLUGIN, SimpleNamespace())
    assert not slurm_patch.keep_asking()
