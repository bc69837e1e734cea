# Compute-optimal test-time compute: configuration -> plan -> jobs.  `make study` or `snakemake` runs the default study,
# `snakemake --configfile studies/NAME.yaml` another one, `snakemake sample` (or any stage's name) part of it.
# As a `module` of another workflow it takes that one's `config`, and a `prefix` if there is one (README.md).

import os
import shutil
import subprocess
import sys
import tempfile

from snakemake.utils import min_version

min_version("9.12")


# The folder of this project's files.  As a module it may be a commit in a repository that Snakemake has cloned without
# its files.  The package needs them all, so they are laid out beside Snakemake's own notes, once for a commit.
place = workflow.current_basedir
if isinstance(place, (str, os.PathLike)):
    ROOT = os.path.abspath(place)
elif hasattr(place, "hosted_repo") or hasattr(place, "repo_path"):
    hosted = getattr(place, "hosted_repo", None)
    git = ["git", "-C", str(hosted.repo_clone if hosted else place.repo_path)]
    asked = git + ["rev-parse", f"{place.ref}^{{commit}}"]
    commit = subprocess.check_output(asked, text=True).strip()
    ROOT = os.path.abspath(os.path.join(".snakemake", "ttc-source", commit))
    if not os.path.isdir(ROOT):
        os.makedirs(os.path.dirname(ROOT), exist_ok=True)
        made = tempfile.mkdtemp(dir=os.path.dirname(ROOT))
        archive = subprocess.check_output(git + ["archive", commit])
        subprocess.run(["tar", "-x", "-C", made], input=archive, check=True)
        try:
            os.rename(made, ROOT)
        except OSError:  # another Snakemake was faster
            shutil.rmtree(made)
    ROOT = os.path.join(ROOT, (place.path or "").strip("/"))
else:
    raise SystemExit(
        f"{place}: this workflow needs its whole folder; clone it, and name the Snakefile in the clone"
    )

# Jobs use this folder's package and this interpreter, whatever else is installed.
sys.path.insert(0, os.path.join(ROOT, "workflow"))

from ttc.errors import InputError
from ttc.study.build import plan_jobs, plan_study
from ttc.study.config import placed
from ttc.study.stages import STAGES


configfile: os.path.join(ROOT, "config.yaml")


include: os.path.join(ROOT, "workflow/rules/module.smk")


# To Snakemake the main workflow is a module as well, the first of all
is_module = workflow.modifier is not workflow.modifier_stack[0]

try:
    given = placed(config, Path.cwd()) if is_module else config
    plan = plan_study(given, Path(ROOT))
    jobs = plan_jobs(plan, module_folder(workflow.modifier), uses_conda(workflow))
except InputError as error:
    raise SystemExit(f"configuration: {error}")

if workflow.is_main_process:
    for sentence in plan.told:
        print(f"configuration: {sentence}", file=sys.stderr)


include: os.path.join(ROOT, "workflow/rules/common.smk")


rule all:
    """The whole study, laid out for people in results/<study>/."""
    default_target: True
    input:
        results("publish"),
    localrule: True


include: os.path.join(ROOT, "workflow/rules/jobs.smk")
include: os.path.join(ROOT, "workflow/rules/targets.smk")
