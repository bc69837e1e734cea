"""Slurm that does not answer for a while, as when its controller starts anew: Snakemake goes on asking.

The Slurm plugin (2.8) forgets jobs whose states it could not ask for: when all attempts at a query fail, it neither
reports them nor keeps them, and Snakemake waits forever for them.  A failed query is therefore reported as an
empty answer, so that the plugin keeps its jobs and asks for them again at the next look.

The hang is described in snakemake/snakemake-executor-plugin-slurm, issue 207 (open); its pull request 232 made the
plugin repeat a query, but not survive when all attempts fail.  `tests/unit/run/test_patience.py` says when this module
may go.

Standard library only: the Snakefile imports this.
"""

import sys

PLUGIN = "snakemake_executor_plugin_slurm"


def keep_asking() -> bool:
    """Make the Slurm plugin of this process patient; whether it is one that can be."""
    plugin = sys.modules.get(PLUGIN)
    ask = getattr(plugin, "query_job_status", None)
    if ask is None:
        return False
    if not getattr(ask, "patient", False):
        plugin.query_job_status = patient(ask)
    return True


def patient(ask):
    """`query_job_status` of the plugin, which gives ({job: state}, seconds), or (None, None) where nobody answers."""

    async def asked(command, logger):
        states, seconds = await ask(command, logger)
        if states is None:
            logger.info("Slurm does not answer; its jobs are kept, and asked for again.")
            return {}, 0.0
        return states, seconds

    asked.patient = True
    return asked
