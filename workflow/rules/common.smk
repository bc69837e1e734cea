# What the rules share.  Results are named by their content, so the age of a file says nothing: inputs are `ancient`.

import functools
import json

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


# What `snakemake --report` shows besides figures, by stage
PAGES = {"report": "Report", "gallery": "Gallery"}


def shown(stage, path):
    """An output, marked as a folder and for `snakemake --report`."""
    if stage == "plot":
        suffix = sorted(plan.configuration.figures.formats)[-1]
        return report(
            directory(path),
            patterns=["{figure}." + suffix],
            caption="figure.rst",
            category="Figures",
            subcategory=lambda wildcards: (
                "The paper's main text"
                if drawn(path, wildcards)[wildcards.figure]["main"]
                else "Further"
            ),
            labels=lambda wildcards: {
                "figure": drawn(path, wildcards)[wildcards.figure]["title"],
                "of": wildcards.label,
            },
        )
    if stage in PAGES:
        return report(path, category="Pages", labels={"page": PAGES[stage]})
    return directory(path) if jobs.is_folder(stage) else path


def drawn(path, wildcards):
    """The figures of a folder by name, as its index has them; none before they are drawn."""
    place = Path(
        jobs.folder, path.format(label=wildcards.label, key=wildcards.key), "index.json"
    )
    if not place.is_file():
        return {}
    # What was adopted without its content has a stand-in there, which lists no figures
    listed = json.loads(place.read_text(encoding="utf-8"))
    return {each["name"]: each for each in listed} if isinstance(listed, list) else {}


def captions(stage):
    """Captions of figures by name, for `snakemake --report`.  Being a function of `threads`, they are in no record."""
    if stage != "plot":
        return ""
    path = jobs.outputs(stage)[0]
    return lambda wildcards, threads: {
        name: each["caption"] for name, each in drawn(path, wildcards).items()
    }
