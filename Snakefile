# Compute-optimal test-time compute: configuration -> plan -> jobs.  `make study` or `snakemake` runs the default study,
# `snakemake --configfile studies/NAME.yaml` another one, `snakemake sample` (or any stage's name) part of it.

import os
import sys

from snakemake.utils import min_version

min_version("9.12")

# Jobs use this folder's package and this interpreter, whatever else is installed, and start with their threads.
PACKAGE = os.path.join(workflow.basedir, "workflow")
sys.path.insert(0, PACKAGE)

from ttc.errors import InputError
from ttc.run.threads import thread_variables
from ttc.study.build import plan_jobs, plan_study
from ttc.study.stages import STAGES


configfile: os.path.join(workflow.basedir, "config.yaml")


try:
    plan = plan_study(config, Path(workflow.basedir))
    jobs = plan_jobs(plan)
except InputError as error:
    raise SystemExit(f"configuration: {error}")

if workflow.is_main_process:
    for sentence in plan.told:
        print(f"configuration: {sentence}", file=sys.stderr)

shell.prefix(jobs.site.shell_prefix)
os.environ.update(
    PYTHONPATH=PACKAGE,
    PATH=os.pathsep.join([os.path.dirname(sys.executable), *os.get_exec_path()]),
    **thread_variables(jobs.threads),
)


wildcard_constraints:
    label=r"[A-Za-z0-9_.-]+",
    key=r"[0-9a-f]{16}",


localrules:
    all,


include: "workflow/rules/common.smk"


rule all:
    """The whole study, laid out for people in results/<study>/."""
    default_target: True
    input:
        results("publish"),


include: "workflow/rules/jobs.smk"
include: "workflow/rules/targets.smk"
