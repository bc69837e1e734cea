"""Keys of results: `key = sha256(stage, specification, behaviour, keys of the inputs)`, 16 hexadecimal digits.

A specification holds everything that can change what a stage writes, and nothing else.  The behaviour says what code
computes it: that of the stage, and that of each plug-in which the specification names (`ttc.store.code`).  Of each of
these units the key takes

* the behaviour that `stages.lock` records, as long as the code is the recorded code, and after it those distributions
  whose locked version is no longer the recorded one;
* a digest of the code itself, and the locked versions of the distributions that it imports, where somebody has edited
  the code since, or where there is no record.

So an edit never passes as an old result, and once `make stages-lock` has seen that edited code still writes the same,
its results have their old keys again.  Where results differ, the record takes the digest as the new behaviour, and
what was computed in between stays valid.

Not part of a key: where files lie, the size of batches, threads, devices, and the machinery that runs jobs (`ttc.run`,
`ttc.store`), which no stage imports.  Standard library only: the Snakefile imports this.
"""

from pathlib import Path

from ttc.store.code import PACKAGE, Closure, Sources, short_digest
from ttc.store.lock import Record


def artifact_key(stage: str, spec: object, behaviour: dict[str, str], inputs: dict[str, list[str]]) -> str:
    """The key of a result: from its specification, the behaviour of its units, and its inputs' keys by role."""
    return short_digest({"stage": stage, "spec": spec, "behaviour": behaviour, "inputs": inputs})


class Code:
    """Behaviours of the code of a package; every source file is read once.

    `package` is the folder of the package `ttc`, `pins` the locked versions of distributions, `records` what
    `stages.lock` says (`ttc.store.lock` reads both).
    """

    def __init__(
        self,
        package: Path = PACKAGE,
        pins: dict[str, str] | None = None,
        records: dict[str, Record] | None = None,
    ):
        self.sources = Sources(package)
        self.pins = pins or {}
        self.records = records or {}
        self._behaviours: dict[str, str] = {}

    def behaviour(self, stage: str, spec: object) -> dict[str, str]:
        """The behaviour of each unit that a job uses, by unit.  InputError for a stage or plug-in without a module."""
        return {unit: self._behaviour(unit) for unit in self.sources.units(stage, spec)}

    def _behaviour(self, unit: str) -> str:
        if unit not in self._behaviours:
            closure, record = self.sources.closure(unit), self.records.get(unit)
            if record is None or record.digest != closure.digest:
                self._behaviours[unit] = self.observed(closure).behaviour
            else:
                now = {name: self.pins.get(name) for name in record.libraries}
                changed = {name: now[name] for name in now if now[name] != record.libraries[name]}
                self._behaviours[unit] = (
                    short_digest({"behaviour": record.behaviour, "libraries": changed})
                    if changed
                    else record.behaviour
                )
        return self._behaviours[unit]

    def observed(self, closure: Closure) -> Record:
        """The record of code that nobody has compared with another: its behaviour is named after itself."""
        versions = {name: self.pins[name] for name in sorted(closure.distributions & self.pins.keys())}
        behaviour = short_digest({"code": closure.digest, "libraries": versions})
        return Record(behaviour, closure.digest, versions)
