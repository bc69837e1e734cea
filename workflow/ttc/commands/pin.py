"""Commits in place of branches: a study with the commits that its branches of the hub name today.

ttc pin STUDY.yaml [...]

Each `hub` of a checkpoint or of problems whose `revision` is a branch, or missing, gets the commit that this branch (or
main) is at; a commit stays as it is.  All else of the file, comments included, is left alone.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import yaml

from ttc.errors import InputError
from ttc.problems.hub_errors import GATED, NO_REPOSITORY, NO_REVISION, UNREACHABLE, reason
from ttc.study.sections.models import is_commit

MAIN = "main"
# Where a study may name something of the hub, and what it is there
PLACES = {
    ("policy", "checkpoint"): "model",
    ("larger_policy", "checkpoint"): "model",
    ("prm", "checkpoint"): "model",
    ("problems", "test"): "dataset",
    ("problems", "train"): "dataset",
}
SENTENCES = {
    GATED: "it is gated; accept its conditions on its page, log in (`hf auth login`) and run this again",
    NO_REPOSITORY: "there is no such {kind} on the hub, or it is private; ids are OWNER/NAME",
    NO_REVISION: "it has no branch '{branch}'; most have `main`",
    UNREACHABLE: "the hub cannot be reached; run the same command where there is a connection",
}


class Branch(NamedTuple):
    """A branch of the hub, and where its commit goes: the text between two places becomes `template` with it."""

    where: str
    kind: str
    hub: str
    name: str
    start: int
    stop: int
    template: str


def pin(file: Path) -> list[str]:
    """Write the commits into a study's file; return a line about each.  An InputError changes nothing."""
    try:
        content = file.read_text(encoding="utf-8")
        found = branches(content)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror.lower()})") from error
    except yaml.YAMLError as error:
        raise InputError(f"{file}: not valid YAML ({' '.join(str(error).split())})") from error
    commits = [commit_of(each) for each in found]
    for each, commit in reversed(
        list(zip(found, commits, strict=True))
    ):  # what comes later first: places stay
        content = content[: each.start] + each.template.format(commit) + content[each.stop :]
    if found:
        file.write_text(content, encoding="utf-8")
    return [
        f"{each.where}: {each.name} of {each.hub} is {commit}"
        for each, commit in zip(found, commits, strict=True)
    ]


def branches(content: str) -> list[Branch]:
    """What a study's text has of the hub without a commit, in the order of the text."""
    root = yaml.compose(content, Loader=yaml.SafeLoader)
    found = [_branch(_section(root, path), path) for path in PLACES]
    return sorted((each for each in found if each is not None), key=lambda each: each.start)


def commit_of(branch: Branch) -> str:
    """The commit that a branch is at.  InputError, one sentence, where the hub does not tell."""
    from huggingface_hub import HfApi

    try:
        return HfApi().repo_info(branch.hub, revision=branch.name, repo_type=branch.kind, timeout=30).sha
    except Exception as error:  # of several libraries
        raise InputError(
            f"{branch.where}: {branch.kind} '{branch.hub}': {_sentence(error, branch)}"
        ) from error


def _section(node: yaml.Node | None, path: tuple[str, ...]) -> yaml.MappingNode | None:
    """The section of a path, if the file has it."""
    for name in path:
        node = _entries(node).get(name, (None, None))[1]
    return node if isinstance(node, yaml.MappingNode) else None


def _entries(node: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Key and value of each entry that says something."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: (key, value) for key, value in node.value if not value.tag.endswith(":null")}


def _branch(section: yaml.MappingNode | None, path: tuple[str, ...]) -> Branch | None:
    entries = _entries(section)
    if "hub" not in entries:
        return None
    key, hub = entries["hub"]
    about = ".".join(path), PLACES[path], hub.value
    for name, revision in section.value:
        if name.value == "revision":
            branch = revision.value if "revision" in entries else MAIN
            if is_commit(branch):
                return None
            return Branch(*about, branch, revision.start_mark.index, revision.end_mark.index, '"{}"')
    gap = ", " if section.flow_style else "\n" + " " * key.start_mark.column
    return Branch(*about, MAIN, hub.end_mark.index, hub.end_mark.index, gap + 'revision: "{}"')


def _sentence(error: Exception, branch: Branch) -> str:
    """What is wrong, in words."""
    sentence = SENTENCES.get(reason(error), " ".join((str(error).strip() or type(error).__name__).split()))
    return sentence.format(kind=branch.kind, branch=branch.name) if reason(error) else sentence


def main(arguments: list[str]) -> None:
    """Pin the revisions of the studies whose files are named."""
    parser = argparse.ArgumentParser(prog="ttc pin", description=__doc__.splitlines()[0])
    parser.add_argument("studies", nargs="+", type=Path, metavar="STUDY.yaml", help="files that are changed")
    for file in parser.parse_args(arguments).studies:
        print("\n".join(pin(file) or [f"{file}: every revision is a commit"]))
