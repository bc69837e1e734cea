"""Sources of real problems as the plan needs them: from which files, and what of them enters the key."""

from functools import cached_property
from pathlib import Path

from ttc.errors import InputError
from ttc.problems import sources
from ttc.study import stand_ins
from ttc.study.artifact import External, external
from ttc.study.sections.problems import ProblemSource


class Source:
    """The section `problems.test` or `problems.train`; InputError for what `ttc.problems.sources.resolve` refuses."""

    def __init__(self, section: ProblemSource, role: str, root: Path):
        self.where = f"problems.{role}"
        self._full = section.resolved(role)
        self.content = sources.content(self._full) | {"take": section.take}
        self._root = root

    @cached_property
    def files(self) -> list[External]:
        """The local files.  InputError for one that is not there."""
        paths = self._full["path"] or []
        for path in (paths := paths if isinstance(paths, list) else [paths]):
            if not (self._root / path).exists() and stand_ins.given_file(path) is None:
                raise InputError(
                    f"{self.where}.path: there is no file {path}, seen from the project's folder"
                )
        return [external(path, self._root) for path in paths]
