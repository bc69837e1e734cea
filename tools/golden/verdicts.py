"""What golden jobs say of the units that changed: which of them do something else, and which do the same."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ttc.errors import InputError
from ttc.store.code import Sources


@dataclass
class Judged:
    """Units that do something else, and units that do the same, each with the reason in a few words."""

    other: dict[str, str] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)


def units_of(job: dict, sources: Sources) -> list[str]:
    """The units that a golden job uses; none if the code no longer knows its stage or a plug-in that it names."""
    try:
        return sources.units(job["stage"], job["spec"])
    except InputError:
        return []


def touched(jobs: list[dict], changed: Iterable[str], sources: Sources) -> list[dict]:
    """The jobs that a change of the units `changed` may change.

    Those that use one of them; and those whose stage knows the plug-ins of a changed one's kind and reads what it
    made, as a figure reads the searches whose names it writes into a legend.
    """
    changed = set(changed)
    return [
        job
        for job in jobs
        if changed & set(units_of(job, sources)) or changed & _declared_to(job, jobs, sources)
    ]


def _declared_to(job: dict, jobs: list[dict], sources: Sources) -> set[str]:
    """The plug-ins whose declarations a job may read although its specification names none of them."""
    used = units_of(job, sources)
    packages = [each for unit in used for each in sources.closure(unit).plug_ins]
    silent = {each.package.removeprefix("ttc.") for each in packages if each.named(job["spec"]) is None}
    if not silent:
        return set()
    before = {unit for each in _ancestors(job, jobs) for unit in units_of(each, sources)}
    return {unit for unit in before if unit.rpartition(".")[0] in silent}


def _ancestors(job: dict, jobs: list[dict]) -> list[dict]:
    """The jobs that made what a job reads, directly or not."""
    makers = {each["output"]: each for each in jobs}
    found: dict[str, dict] = {}
    waiting = [job]
    while waiting:
        for path in (path for paths in waiting.pop()["inputs"].values() for path in paths):
            maker = makers.get(path) or makers.get(path.rpartition("/")[0])
            if maker is not None and maker["output"] not in found:
                found[maker["output"]] = maker
                waiting.append(maker)
    return list(found.values())


def judge(
    jobs: list[dict], differs: dict[str, str], changed: Iterable[str], sources: Sources, before: Sources
) -> Judged:
    """From how each of the `touched` jobs differs ("" if not) to what the changed units do.

    `sources` is the code as it is, `before` the code that made the golden artifacts.
    """
    judged = Judged()
    changed = list(changed)
    stages = {}
    for job in jobs:
        stages.setdefault(job["stage"], []).append(
            (set(units_of(job, sources)), differs[job["name"]], job["name"])
        )
    for stage, ran in stages.items():
        for unit, why in _at_fault(f"stages.{stage}", ran, set(changed)).items():
            judged.other.setdefault(unit, why)
    for unit in changed:
        used = sum(unit in units for ran in stages.values() for units, _, _ in ran)
        if unit in judged.other:
            continue
        if used:
            judged.same[unit] = f"{used} golden job{'s write' if used > 1 else ' writes'} the same"
            continue
        fault = _unseen(unit, judged.other, sources, before)
        (judged.other if fault else judged.same)[unit] = (
            fault or "only code that it shares with its stages changed"
        )
    return judged


def _at_fault(stage: str, ran: list[tuple[set[str], str, str]], changed: set[str]) -> dict[str, str]:
    """The units that get a new behaviour because of the jobs of one stage.

    If only jobs with certain plug-ins differ, it is these: the others' results stay.  If jobs differ that have nothing
    to do with a changed unit of their own, their stage has read a declaration, and it is the stage.
    """
    wrong = [(units, f"{name} {how}") for units, how, name in ran if how]
    if not wrong:
        return {}
    right = set().union(*(units for units, how, _ in ran if not how))
    suspects = [(units & changed - right - {stage}, why) for units, why in wrong]
    if right and all(plug_ins for plug_ins, _ in suspects):
        return {unit: why for plug_ins, why in suspects for unit in plug_ins}
    if stage in changed or any(not units & changed for units, _ in wrong):
        return {stage: wrong[0][1]}
    return {unit: why for units, why in wrong for unit in units & changed}


def _unseen(unit: str, other: dict[str, str], sources: Sources, before: Sources) -> str:
    """Why a unit without golden jobs gets a new behaviour; "" if its stages vouch for all that changed in it.

    That is so for a plug-in that cannot be run here, such as an engine that is not installed: code that it shares with
    the stages that use it was seen with other plug-ins.  What it has for itself nobody has seen.
    """
    package = f"ttc.{unit.rpartition('.')[0]}"
    users = [
        each
        for each in sources.all_units()
        if each.rpartition(".")[0] != package.removeprefix("ttc.")
        and any(known.package == package for known in sources.closure(each).plug_ins)
    ]
    if not users:
        return "no golden job runs it"
    if any(each in other for each in users):
        return "no golden job runs it, and a stage that uses it does something else"
    shared = {name for each in users for name in sources.closure(each).modules}
    own = [name for name in _changed_modules(unit, sources, before) if name not in shared]
    return f"no golden job runs it, and {own[0]} changed" if own else ""


def _changed_modules(unit: str, sources: Sources, before: Sources) -> list[str]:
    now, then = (each.digests(unit) for each in (sources, before))
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
