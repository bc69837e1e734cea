"""Sources of real problems as the plan needs them: how many problems, from which files, what of it enters the key."""

from functools import cached_property
from pathlib import Path

from ttc.errors import InputError
from ttc.problems import sources
from ttc.study.artifact import External, external


class Source:
    """A section `problems.test` or `problems.train`; InputError for what `ttc.problems.sources.resolve` refuses."""

    def __init__(self, section: dict, role: str, root: Path):
        self.where = f"problems.{role}"
        self.take = section["take"]
        # A null is a key that was left out: without a number of problems there is no plan, so `rows` lifts no preset's
        given = {name: value for name, value in section.items() if name != "take" and value is not None}
        self.full = sources.resolve(given | {"role": role}, self.where)
        self.content = sources.content(self.full) | {"take": self.take}
        self._root = root

    @cached_property
    def files(self) -> list[External]:
        """The local files.  InputError for one that is not there."""
        paths = self.full["path"] or []
        for path in (paths := paths if isinstance(paths, list) else [paths]):
            if not (self._root / path).exists():
                raise InputError(
                    f"{self.where}.path: there is no file {path}, seen from the project's folder"
                )
        return [external(path, self._root) for path in paths]

    @property
    def count(self) -> int:
        """How many problems the study uses of it.  InputError where nothing tells."""
        rows = self.full["rows"]
        if rows is None:
            raise InputError(
                f"{self.where}.rows: work is cut into jobs by the number of problems, which only presets know; give it"
            )
        if self.take is not None and self.take > rows:
            raise InputError(f"{self.where}.take: {self.take} was given, and there are {rows} problems")
        return self.take or rows
