# Where the sources of this workflow lie.  As a module it may be a commit in a repository that Snakemake has cloned
# without its files; the package needs them all, so they are laid out beside Snakemake's own notes, once for a commit.

import shutil
import subprocess
import tempfile


def source_folder(place):
    """The folder of this project's files, from where Snakemake has found its Snakefile."""
    if isinstance(place, (str, os.PathLike)):
        return os.path.abspath(place)
    hosted = getattr(place, "hosted_repo", None)
    repository = str(hosted.repo_clone) if hosted else getattr(place, "repo_path", None)
    if repository is None:
        raise WorkflowError(
            f"{place}: this workflow needs its whole folder; clone it, and name the Snakefile in the clone"
        )
    inside = (getattr(place, "path", "") or "").strip("/")
    git = ["git", "-C", repository]
    asked = ["rev-parse", f"{place.ref}^{{commit}}"]
    commit = subprocess.run(
        git + asked, check=True, capture_output=True, text=True
    ).stdout.strip()
    folder = os.path.abspath(os.path.join(".snakemake", "ttc-source", commit))
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        made = tempfile.mkdtemp(dir=os.path.dirname(folder))
        archive = subprocess.run(
            git + ["archive", commit], check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", made], input=archive.stdout, check=True)
        try:
            os.rename(made, folder)
        except OSError:  # another Snakemake was faster
            shutil.rmtree(made)
    return os.path.join(folder, inside) if inside else folder


def module_folder(modifier):
    """The folder in which a module's results lie, because of its `prefix`; `` where it has none."""
    inside = "results/store/x"
    path = str(modifier.path_modifier.modify(inside, property="output"))
    if not path.endswith(inside):
        raise WorkflowError(
            "module: `replace_prefix` cannot move the results of this workflow; `prefix` can"
        )
    return path.removesuffix(inside)


def uses_conda(workflow):
    """Whether each job gets the environment that its rule names, and with it that environment's interpreter."""
    methods = getattr(workflow.deployment_settings, "deployment_method", None) or ()
    return any(str(method).lower().endswith("conda") for method in methods)
