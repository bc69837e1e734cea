"""An archive of a finished study: everything that its files say of themselves, and everything that describes them."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

from ttc.sharing import crate, data_card, layout, licences
from ttc.sharing.contents import Contents, contents
from ttc.sharing.pack import Members
from ttc.study.plan import Plan

LOCKS = ("envs/cpu.lock.txt", "envs/vllm.lock.txt")
WRITTEN = {"ensure_ascii": False, "indent": 1, "sort_keys": True}
Progress = Callable[[int, int], None]


def members(plan: Plan, given: dict, size: str) -> tuple[Members, Contents]:
    """Everything of an archive but its checksums, and what is in it (`ttc.sharing.contents`).

    given: the configuration that the plan was made from.
    """
    found = contents(plan, size)
    manifest = json.loads(found.files[layout.MANIFEST].read_text(encoding="utf-8"))
    about = {
        "format": layout.FORMAT,
        "study": plan.study,
        "size": size,
        "code": commit(plan.root),
        "made_with": manifest["made_with"],
        "artifacts": found.artifacts,
        "externals": found.externals,
        "licences": licences.found(plan),
    }
    every: Members = dict(found.files)
    every[layout.STUDY] = yaml.safe_dump(
        configuration(plan, given), sort_keys=False, allow_unicode=True, width=120
    ).encode()
    for name in (layout.CITATION, layout.LICENCE, layout.LOCK, layout.WORKFLOW, *LOCKS):
        if (plan.root / name).is_file():
            every[name] = plan.root / name
    every[layout.ABOUT] = written(about)
    every[layout.CARD] = data_card.text(plan, about, every).encode()
    every[layout.CRATE] = written(crate.described(plan, about, every))
    return every, found


def written(content: dict) -> bytes:
    """JSON, the same for equal content."""
    return (json.dumps(content, **WRITTEN) + "\n").encode()


def configuration(plan: Plan, given: dict) -> dict:
    """The configuration that makes the same plan elsewhere: rows of local problems are not counted again there."""
    copied = json.loads(json.dumps(given))
    copied.pop("runtime", None)  # of whoever runs it
    for role in ("test", "train"):
        section = (copied.get("problems") or {}).get(role)
        if section and section.get("path") and section.get("rows") is None:
            section["rows"] = plan.configuration.problems.source(role).rows
    return copied


def commit(root: Path) -> dict:
    """The commit of the project, its day, and whether files of the project were changed since; null outside of git."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    said = git("log", "-1", "--format=%H %cs") or ""
    name, _, day = said.partition(" ")
    if not re.fullmatch(r"[0-9a-f]{40,64}", name):
        return {"commit": None, "day": None, "changed": None}
    changed = git(
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        "workflow",
        "envs",
        "config.yaml",
        "stages.lock",
    )
    return {"commit": name, "day": day, "changed": bool(changed)}
