# What the rules share.  Results are named by their content, so the age of a file says nothing: inputs are `ancient`.

import functools

from snakemake.logging import logger

from ttc.run import gpus, messages, recovery, slurm_patch
from ttc.run.threads import thread_variables

messages.keep_short(logger)


@functools.cache
def begin_run():
    """Deal with what a crash has left, once Snakemake knows what it is to do and before it asks for its locks."""
    if (
        workflow.is_main_process
        and workflow.executor_plugin is not None
        and not workflow.dryrun
    ):
        try:
            recovery.begin()
        except InputError as error:
            raise SystemExit(str(error))
        slurm_patch.keep_asking()


def command(stage):
    """The command of a job; a dry run writes no file for it."""
    made = jobs.command(stage)
    return lambda wildcards: made(wildcards, by_file=not workflow.dryrun)


# Of the jobs that run here, where Snakemake itself runs inside an allocation
HERE = gpus.shared(os.environ) if workflow.is_main_process else {}


def before(wildcards, threads):
    """What stands before a job's command.  Snakemake keeps parameters that depend on `threads` out of its record."""
    return jobs.before(thread_variables(threads) | HERE)


def describe(name, purpose):
    """Say what a rule is for; whoever uses this workflow as a module may call it otherwise, or leave it out."""
    name = workflow.modifier.modify_rulename(name)
    if workflow.is_rule(name):
        workflow.get_rule(name).docstring = purpose


def print_estimate(log):
    """What the study will cost, for people and for its log."""
    from ttc.estimate.table import text

    estimate = text(plan, Path(jobs.folder))
    log.write_text(f"{estimate}\n", encoding="utf-8")
    print(estimate)


def results(stage):
    """For a target: all that a stage of the study writes."""
    paths = jobs.paths(stage)
    return lambda wildcards: begin_run() or paths(wildcards)


def inputs(stage):
    """The inputs of a job by role, as the plan gives them."""
    by_role = jobs.inputs(stage)

    def ancient_by_role(wildcards):
        begin_run()
        try:
            found = by_role(wildcards)
        except (
            InputError
        ) as error:  # Snakemake would add a traceback to any other exception
            raise SystemExit(f"configuration: {error}")
        return {
            role: [ancient(path) for path in paths] for role, paths in found.items()
        }

    return ancient_by_role
