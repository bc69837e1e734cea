# Compute-optimal test-time compute: configuration -> plan -> jobs.  `make study` or `snakemake` runs the default study,
# `snakemake --configfile studies/NAME.yaml` another one, `snakemake sample` (or any stage's name) part of it.
# As a `module` of another workflow it takes that one's `config`, and a `prefix` if there is one (README.md).

import os
import sys

from snakemake.utils import min_version

min_version("9.12")


include: "workflow/rules/source.smk"


# Jobs use this folder's package and this interpreter, whatever else is installed.
ROOT = source_folder(workflow.current_basedir)
sys.path.insert(0, os.path.join(ROOT, "workflow"))

from ttc.errors import InputError
from ttc.study.build import plan_jobs, plan_study
from ttc.study.config import placed
from ttc.study.stages import STAGES


configfile: os.path.join(ROOT, "config.yaml")


try:
    given = placed(config, Path.cwd()) if workflow.modifier.is_module else config
    plan = plan_study(given, Path(ROOT))
    jobs = plan_jobs(plan, module_folder(workflow.modifier), uses_conda(workflow))
except InputError as error:
    raise SystemExit(f"configuration: {error}")

if workflow.is_main_process:
    for sentence in plan.told:
        print(f"configuration: {sentence}", file=sys.stderr)


include: "workflow/rules/common.smk"


rule all:
    """The whole study, laid out for people in results/<study>/."""
    default_target: True
    input:
        results("publish"),
    localrule: True


include: "workflow/rules/jobs.smk"
include: "workflow/rules/targets.smk"
