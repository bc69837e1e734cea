"""Finished studies as their folders for people: manifest, configuration and published tables, and nothing else."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from ttc.digests import file_digest
from ttc.errors import InputError, nearest
from ttc.store.compare import read
from ttc.tables.schema import Schema

MAIN = "policy"


@dataclass(frozen=True)
class Published:
    """A study, or one of its pools: what it is called, its folder, and the pool's name (`` = the first)."""

    name: str
    folder: Path
    pool: str
    manifest: dict
    configuration: dict

    @property
    def pools(self) -> list[str]:
        """The pools that the study imported, the first of them first; none where it sampled itself."""
        given = (self.configuration.get("source") or {}).get("pools", {})
        return sorted(given, key=lambda name: (name != MAIN, name))

    def has(self, table: Schema) -> bool:
        """Whether the study publishes a table."""
        return self._place(table) in self._listed

    def table(self, table: Schema) -> pl.DataFrame:
        """A published table.  InputError where it is missing, or is not what the manifest lists."""
        place = self._place(table)
        if place not in self._listed:
            raise InputError(
                f"{self.folder}: it has no {place}; a study that an earlier version has made gets it when `snakemake` "
                "is run on it again"
            )
        file = self.folder / place
        if not file.is_file() or file_digest(file) != self._listed[place]:
            raise InputError(
                f"{file}: it is not the file that the manifest lists: the study is unfinished, or was changed by hand; "
                "`snakemake` writes it anew"
            )
        return table.read(file)

    def solutions(self, stages: tuple[str, ...]) -> list[str]:
        """Paths of the artifacts of some stages, which hold the solutions, seen from the project's folder."""
        return [each["path"] for each in self.manifest["artifacts"] if each["stage"] in stages]

    @property
    def browser(self) -> Path | None:
        """The page that lists its solutions, of its own pool; None where the folder holds none."""
        page = self.folder / "solutions" / self.pool / "index.html"
        return page if page.is_file() else None

    def _place(self, table: Schema) -> str:
        deeper = f"{self.pool}/" if self.pool else ""
        return f"tables/{deeper}{table.name}.parquet"

    @property
    def _listed(self) -> dict[str, str]:
        return {each["path"]: each["sha256"] for each in self.manifest["files"]}


def open_published(given: str) -> Published:
    """The study in the folder `given`, or by `FOLDER:POOL` one of its pools.

    InputError for a folder without a manifest, which the last job of a study writes, and for a pool that it lacks.
    """
    folder, _, pool = given.partition(":") if not Path(given).exists() else (given, "", "")
    path = Path(folder)
    path = path.parent if path.name == "manifest.json" else path
    for name in ("manifest.json", "config.resolved.yaml"):
        if not (path / name).is_file():
            there = (
                "is no folder"
                if not path.is_dir()
                else f"holds no {name}: the study is unfinished, or is none"
            )
            raise InputError(f"{path}: a finished study is compared, and this {there}")
    manifest = read(path)
    configuration = yaml.safe_load((path / "config.resolved.yaml").read_text(encoding="utf-8"))
    found = Published(given, path, "" if pool == MAIN else pool, manifest, configuration)
    if pool and pool not in found.pools:
        known = ", ".join(found.pools) or "none"
        raise InputError(
            f"{given}: the study has no pool '{pool}'; its pools are {known}{nearest(pool, found.pools)}"
        )
    return found


def grading(configuration: dict) -> str:
    """How a study decides whether an answer is right, in words; studies with other words cannot be compared."""
    if source := configuration.get("source"):
        given = source["grading"]
        return "recorded verdicts" if given["verdicts"] == "recorded" else f"equality: {given['equality']}"
    if problems := configuration.get("problems"):
        return f"equality: {problems['equality']}"
    return "the answer of a generated task"


def changed(first: dict, second: dict) -> list[tuple[str, str, str]]:
    """Keys of two configurations whose values differ, with both values; – where one has no such key."""
    a, b = _flat(first), _flat(second)
    return [
        (name, a.get(name, "–"), b.get(name, "–"))
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name) and name != "study.name"
    ]


def _flat(section: dict, prefix: str = "") -> dict[str, str]:
    found = {}
    for name, value in section.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = (
                yaml.safe_dump(value, default_flow_style=True, width=10**6).split("\n...")[0].strip()
            )
    return found
