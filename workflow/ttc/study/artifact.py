"""Artifacts, and the files that they come from.

An artifact's path holds its key, so a path that exists is up to date by definition.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ttc.digests import canonical, file_digest
from ttc.store.folders import folder_digest, large_file_digest
from ttc.store.keys import Code, artifact_key
from ttc.study import stand_ins
from ttc.study.stages import STAGES

STORE = "results/store"


@dataclass(frozen=True)
class External:
    """A file that no stage writes; `given` is its path as seen from the project's folder `root`.

    Where there is none, an adopted study may have brought a copy, or its digest (`ttc.study.stand_ins`).
    """

    given: str
    root: Path

    @property
    def path(self) -> str:
        """Path for a command; as it was given where the project's folder is the working directory."""
        if self._adopted and self._adopted["place"]:
            return self._adopted["place"]
        return self.given if Path.cwd() == self.root else str(self.root / self.given)

    @property
    def outputs(self) -> list[str]:
        """The file itself."""
        return [self.path]

    @cached_property
    def key(self) -> str:
        """SHA-256 of the content: the file may move without anything being computed again."""
        return self._adopted["sha256"] if self._adopted else self._digest()

    @cached_property
    def _adopted(self) -> dict | None:
        return None if (self.root / self.given).exists() else stand_ins.given_file(self.given)

    def _digest(self) -> str:
        return file_digest(self.root / self.given)


@dataclass(frozen=True)
class Folder(External):
    """A folder that no stage writes, such as a checkpoint of many gigabytes: files are read again once they change."""

    def _digest(self) -> str:
        """SHA-256 of the names and contents of its files."""
        return folder_digest(self.root / self.given)


@dataclass(frozen=True)
class LargeFile(External):
    """A file that no stage writes, such as a model in one file: it is read again once it changes."""

    def _digest(self) -> str:
        """SHA-256 of the content."""
        return large_file_digest(self.root / self.given)


def external(path: str, root: Path) -> External:
    """A file or a folder that no stage writes."""
    return Folder(path, root) if (root / path).is_dir() else External(path, root)


@dataclass(frozen=True)
class Part:
    """One file inside the directory of an artifact."""

    artifact: "Artifact"
    name: str

    @property
    def path(self) -> str:
        """Path relative to the working directory."""
        return f"{self.artifact.path}/{self.name}"

    @property
    def outputs(self) -> list[str]:
        """The file itself."""
        return [self.path]

    @property
    def key(self) -> str:
        """The directory's key and the file's name."""
        return f"{self.artifact.key}/{self.name}"


@dataclass(frozen=True, eq=False)
class Artifact:
    """A result of one stage: `spec` is everything that can change it besides its code and its inputs by role.

    `parts` names the files of a directory that other stages read one by one.
    """

    stage: str
    label: str
    spec: dict
    inputs: dict[str, list]
    code: Code = field(repr=False)
    parts: tuple[str, ...] = ()
    rank: int = 0

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits."""
        inputs = {role: [each.key for each in given] for role, given in self.inputs.items()}
        return artifact_key(self.stage, self.spec, self.code.behaviour(self.stage, self.spec), inputs)

    @property
    def same_as(self) -> tuple:
        """Equal for artifacts of one plan that are the same: known before any key is, which needs all modules."""
        inputs = tuple((role, tuple(map(_identity, given))) for role, given in sorted(self.inputs.items()))
        return self.stage, self.label, canonical(self.spec), inputs

    @property
    def name(self) -> str:
        """What stands in file names: a label for people and the key."""
        return f"{self.label}-{self.key}"

    @property
    def path(self) -> str:
        """Path relative to the working directory."""
        if self.stage == "publish":
            return f"results/{self.label}/.complete-{self.key}"
        return f"{STORE}/{self.stage}/{self.name}{STAGES[self.stage].suffix}"

    @property
    def outputs(self) -> list[str]:
        """The files that make the artifact: those in its directory where they are named, else itself."""
        return [f"{self.path}/{part}" for part in self.parts] or [self.path]

    def part(self, name: str) -> Part:
        """One file of this directory, as an input of another stage."""
        assert name in self.parts, f"{self.stage} has no part {name}"
        return Part(self, name)


def _identity(given: "Artifact | Part | External") -> tuple:
    """What tells an input from the others of a plan."""
    if isinstance(given, Part):
        return id(given.artifact), given.name
    return (id(given),) if isinstance(given, Artifact) else ("", given.given)
