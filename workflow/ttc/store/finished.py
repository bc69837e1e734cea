"""A finished study as later work finds it: its tables, its models, and how its samples were drawn and scored."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ttc.errors import InputError
from ttc.store import sidecars

# Of the specification of a job that samples, what says which samples and not how
WHICH = ("split", "problems", "samples")


@dataclass(frozen=True)
class Finished:
    """The folder of a study for people, results/NAME/, and what its manifest says of the store beside it."""

    folder: Path
    artifacts: list[dict]

    @classmethod
    def read(cls, folder: Path) -> "Finished":
        """The study in a folder; InputError where it is not finished, or is none."""
        file = folder / "manifest.json"
        try:
            return cls(folder, json.loads(file.read_text(encoding="utf-8"))["artifacts"])
        except FileNotFoundError:
            raise InputError(
                f"{folder}: the folder of a finished study holds manifest.json, and this one does not; "
                "run the study to its end first"
            ) from None
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{file}: not the manifest of a study ({error!r})") from error

    def table(self, name: str) -> Path:
        """A file of the study's folder `tables`; InputError where the study did not write it."""
        file = self.folder / "tables" / name
        if not file.is_file():
            raise InputError(
                f"{file}: no such file; the study did not write it, or was made before it was written"
            )
        return file

    @cached_property
    def root(self) -> Path:
        """The folder in which `results/` lies."""
        return self.folder.resolve().parents[1]

    def inputs(self, role: str) -> list[Path]:
        """What the study's evaluation read in a role, such as `samples`; [] where there is none."""
        return [self.named(name) for name in self._evaluated.get(role, [])]

    def model(self, role: str) -> Path | None:
        """The directory of a model that the study used: `policy` or `prm`; None where it has none.

        InputError where it is not in the store any more.
        """
        folders = self.inputs(role)
        if not folders:
            return None
        folder = folders[0]
        if not folder.is_dir():
            raise InputError(
                f"{folder}: the study's model is not there; live answers need the store beside the study's folder"
            )
        return folder

    def drawing(self) -> dict:
        """How the study drew its samples: the specification of a job that did, without which samples these were.

        InputError for a study of samples that somebody else drew.
        """
        record = self._record(self._evaluated["samples"][0])
        if record.get("stage") != "sample":
            raise InputError(
                f"{self.folder}: the study's samples were drawn by somebody else, and no model is known that could "
                "draw more"
            )
        return {name: value for name, value in record["spec"].items() if name not in WHICH}

    def scoring(self) -> dict:
        """How the study's verifier reads: the specification of a job that scored samples; {} without a verifier."""
        names = self._evaluated.get("scores", [])
        return self._record(names[0])["spec"] if names else {}

    @property
    def aggregation(self) -> str:
        """How step scores become one."""
        return self._evaluation["spec"]["aggregation"]

    @cached_property
    def _evaluation(self) -> dict:
        """The record of the evaluation of the policy that the study's report is about."""
        main = next(each["label"] for each in self.artifacts if each["stage"] == "report")
        found = [each for each in self.artifacts if (each["stage"], each["label"]) == ("evaluate", main)]
        record = sidecars.read(self.root / found[0]["path"])
        if record is None:
            raise InputError(
                f"{self.root / found[0]['path']}: the record of the study's evaluation is not there; live answers need "
                "the store beside the study's folder"
            )
        return record

    @property
    def _evaluated(self) -> dict[str, list[str]]:
        return self._evaluation["inputs"]

    def named(self, name: str) -> Path:
        """Where the artifact of a name lies; the name holds its key."""
        paths = (Path(each["path"]) for each in self.artifacts)
        return self.root / next(
            (path for path in paths if path.name == name or path.parent.name == name),
            Path("results/store", name),
        )

    def _record(self, name: str) -> dict:
        return sidecars.read(self.named(name)) or {}
