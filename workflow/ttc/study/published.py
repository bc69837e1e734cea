"""Keys of a study of published models that have to fit each other; what can be known before anything is fetched."""

import re

from ttc import plugins
from ttc.errors import InputError

_HUB, _COMMIT = re.compile(r"[\w.-]+/[\w.-]+"), re.compile(r"[0-9a-f]{40}")
KINDS = "ttc.verifiers.kinds"


def check_published(configuration: dict) -> None:
    """Raise InputError, one sentence, for the first key that does not fit."""
    if configuration["policy"]["checkpoint"] is None:
        raise InputError(
            "policy.checkpoint: none was given; with `problems` the policy is a published model (`hub` or `path`)"
        )
    for name in ("policy", "larger_policy", "prm"):
        if configuration[name]["checkpoint"] is not None:
            _check_checkpoint(f"{name}.checkpoint", configuration[name]["checkpoint"])
    _check_training(configuration)
    _check_amounts(configuration)
    prm = configuration["prm"]["checkpoint"]
    able = [name for name, each in plugins.declarations(KINDS).items() if each["vllm"]]
    if configuration["engine"]["score"] == "vllm" and prm is not None and prm["kind"] not in able:
        raise InputError(
            f"engine.score: vllm was given, and it does not read verifiers of kind {prm['kind']}; it reads "
            f"{' and '.join(able)}"
        )


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a commit, which stays what it is, and not a branch."""
    return bool(_COMMIT.fullmatch(revision or ""))


def check_pinned(configuration: dict) -> None:
    """InputError, one sentence, for a model of the hub that no commit names: such a study is planned, and not run."""
    for name in ("policy", "larger_policy", "prm"):
        checkpoint = configuration[name]["checkpoint"] or {"hub": None}
        if checkpoint["hub"] is not None and not is_commit(checkpoint["revision"]):
            given = f"{checkpoint['revision']} was given" if checkpoint["revision"] else "none was given"
            raise InputError(
                f"{name}.checkpoint.revision: {given}, and branches move; `ttc pin STUDY.yaml` writes the commit "
                " that it is at today, where there is a connection"
            )


def _check_checkpoint(where: str, checkpoint: dict) -> None:
    hub, path, revision = (checkpoint[name] for name in ("hub", "path", "revision"))
    if (hub is None) == (path is None):
        both = "neither was given" if hub is None else "both were given"
        raise InputError(f"{where}: one of `hub` and `path` says where the model is, and {both}")
    if path is not None and revision is not None:
        raise InputError(f"{where}.revision: {revision} was given; a directory has none, leave it out")
    if hub is not None and not _HUB.fullmatch(hub):
        raise InputError(
            f"{where}.hub: '{hub}' was given; a model of the hub is OWNER/NAME, a directory is a `path`"
        )
    if (
        checkpoint.get("separator") is not None
        and not plugins.declaration(KINDS, checkpoint["kind"])["separator"]
    ):
        raise InputError(
            f"{where}.separator: kind {checkpoint['kind']} has a separator of its own; leave it out"
        )


def _check_training(configuration: dict) -> None:
    """Whatever is trained needs training problems."""
    if configuration["problems"]["train"] is not None:
        return
    needs = {
        "prm.checkpoint: none was given, so the process reward model is trained": (
            configuration["prm"]["checkpoint"] is None
        ),
        "orm.use: the outcome reward model is trained": configuration["orm"]["use"],
        "revision.use: the reviser is trained": configuration["revision"]["use"],
    }
    for what, needed in needs.items():
        if needed:
            off = "give one of the two" if what.startswith("prm") else "give it, or set it to false"
            raise InputError(f"{what}, and problems.train is missing: {off}")


def _check_amounts(configuration: dict) -> None:
    from pathlib import Path

    from ttc.study.graph.problems import Source

    limits = [("difficulty.bins", configuration["difficulty"]["bins"], "test")]
    sampling, revision = configuration["sampling"], configuration["revision"]
    if configuration["prm"]["checkpoint"] is None or configuration["orm"]["use"]:
        limits.append(("sampling.train_problems", sampling["train_problems"], "train"))
    if revision["use"]:
        parts = ("pairs", "verifier", *(["rest"] if configuration["ablations"]["rest_em"] else []))
        limits += [
            (f"revision.{name}.train_problems", revision[name]["train_problems"], "train") for name in parts
        ]
    for name, value, role in limits:
        section = configuration["problems"][role]
        count = Source(section, role, Path()).count
        if value > count:
            raise InputError(f"{name}: {value} was given, and problems.{role} has {count} problems")
