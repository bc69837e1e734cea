"""Messages of Snakemake about a job that failed, without what the user has read already.

A job says in one sentence what is wrong, on the terminal and in its log.  Snakemake adds its command twice, which holds
the whole specification, and prints the log again.  Of a job on a cluster the log is printed, because nothing of it
was seen.

Standard library only: the Snakefile imports this.
"""

import logging
import re

FAILED = re.compile(r"(?:RuleException:\s+)?CalledProcessError in file .*", re.DOTALL)
OURS = "-m ttc.run "  # in the commands of our jobs; those of a workflow around this one are left as they are
COMMAND = "shown by `snakemake --dry-run --printshellcmds`"


def keep_short(logger: logging.Logger) -> None:
    """Make the messages of Snakemake's logger short, once."""
    if shortened not in logger.filters:
        logger.addFilter(shortened)


def shortened(record: logging.LogRecord) -> bool:
    """Whether Snakemake's logger is to print a record, from which the command of a failed job is taken out."""
    if _kind(record) == "job_error":
        if OURS in str(record.shellcmd):
            _shorten(record)
        return True
    # The same failure as an exception, with the command in it; the record of the job follows
    text = str(record.msg)
    return not (FAILED.fullmatch(text) and OURS in text)


def _kind(record: logging.LogRecord) -> str:
    event = getattr(record, "event", None)
    return str(getattr(event, "value", event) or "").lower()


def _shorten(record: logging.LogRecord) -> None:
    about = dict(record.aux or {})
    record.input = []  # of a report there are thousands
    record.shellcmd = None
    about["command"] = COMMAND
    if "external_jobid" not in about:
        record.msg = ""  # Snakemake prints `message: None` otherwise
        if record.log:
            about["log"] = f"{', '.join(map(str, record.log))} (what it says stands above)"
            record.log = []
    record.aux = about
