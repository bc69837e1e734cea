"""What Snakemake says of a job that failed: a mistake once, and no specification around it."""

import logging

import pytest
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from ttc.run import messages

COMMAND = "python -m ttc.run sample --spec '" + 2000 * "x" + "'"


@pytest.fixture
def said():
    """A logger as Snakemake's, with what it has printed."""
    logger, lines = logging.Logger("test"), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(DefaultFormatter(show_failed_logs=True).format(record))
    logger.addHandler(handler)
    messages.keep_short(logger)
    messages.keep_short(logger)
    assert len(logger.filters) == 1
    return logger, lines


def failed(logger, log, command=COMMAND, **aux):
    about = {
        "rule_name": "sample_job",
        "rule_msg": None,
        "jobid": 3,
        "input": ["a"] * 3000,
        "output": ["made"],
    }
    about |= {"log": [str(log)], "conda_env": None, "shellcmd": command, "indent": False, "aux": aux}
    logger.error("Error in rule sample_job", extra=about | {"event": LogEvent.JOB_ERROR})


def test_a_job_that_failed_here_is_told_without_its_command_and_without_its_log_again(said, tmp_path):
    logger, lines = said
    (tmp_path / "log").write_text("sample: the mistake\n")
    failed(logger, tmp_path / "log")
    (text,) = lines
    assert "Error in rule sample_job" in text and "made" in text and str(tmp_path / "log") in text
    assert "the mistake" not in text and "xxx" not in text and "None" not in text and len(text) < 600


def test_the_log_of_a_job_on_a_cluster_is_printed(said, tmp_path):
    logger, lines = said
    (tmp_path / "log").write_text("sample: the mistake\n")
    failed(logger, tmp_path / "log", external_jobid="17")
    assert lines[0].count("sample: the mistake") == 1 and "xxx" not in lines[0] and "17" in lines[0]


def test_the_exception_of_the_same_job_is_left_out_and_others_are_not(said):
    logger, lines = said
    logger.error(
        f"RuleException:\nCalledProcessError in file \"jobs.smk\", line 29:\nCommand '{COMMAND}' returned 2"
    )
    assert lines == []
    for other in (
        "WorkflowError:\nAt least one job did not complete",
        "MissingOutputException in rule x",
        None,
    ):
        logger.error(other)
    assert len(lines) == 3


def test_jobs_of_another_workflow_are_told_as_ever(said, tmp_path):
    """This one may be a module of it."""
    logger, lines = said
    (tmp_path / "log").write_text("the mistake\n")
    failed(logger, tmp_path / "log", command="their command")
    logger.error(
        "RuleException:\nCalledProcessError in file \"x\", line 2:\nCommand 'their command' returned 2"
    )
    assert "their command" in lines[0] and "the mistake" in lines[0] and "their command" in lines[1]
