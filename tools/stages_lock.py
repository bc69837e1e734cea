"""`stages.lock`: which stages and plug-ins still do what they did, found out by running both codes.  See docs/keys.md.

python -m tools.stages_lock            compare what changed, and write the lock
python -m tools.stages_lock --check    one sentence, and exit status 1, if the lock is not that of the code

For every unit (`ttc.store.code`) whose code is not the recorded one, the golden jobs (`tools.golden`) that use it are
run with the code of the commit that the record belongs to, and again with the code as it is.  Where all write the same,
the unit keeps its behaviour; where one does not, the unit gets a new one, and its results get new keys.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.golden import verdicts
from ttc.errors import InputError
from ttc.run.threads import thread_variables
from ttc.store import lock, manifest
from ttc.store.code import Sources, short_digest
from ttc.store.keys import Code

ROOT = Path(__file__).resolve().parents[1]
PINS = "envs/cpu.lock.txt"
PACKAGE = "workflow/ttc"
CACHE = "results/cache/golden"
JOBS = "golden.json"


def observed(root: Path) -> dict[str, lock.Record]:
    """The records of the code as it is, by unit."""
    code = Code(root / PACKAGE, lock.read_pins(root / PINS))
    return {unit: code.observed(code.sources.closure(unit)) for unit in code.sources.all_units()}


def unlike(records: dict[str, lock.Record], now: dict[str, lock.Record]) -> list[str]:
    """The units whose code is not the recorded one, and those that are gone."""
    return sorted(
        unit
        for unit in records.keys() | now.keys()
        if unit not in records or unit not in now or records[unit].digest != now[unit].digest
    )


def check(root: Path) -> str:
    """A sentence if the lock is not that of the code; "" if it is."""
    units = unlike(lock.read_stages(root / lock.NAME), observed(root))
    if not units:
        return ""
    return (
        f"{lock.NAME}: not of this code are {', '.join(units)}; `make stages-lock` compares and records them"
    )


# ---- the code of the records


def commits(
    root: Path, records: dict[str, lock.Record], units: list[str], place: Path
) -> dict[Path, list[str]]:
    """The trees that the records of `units` belong to, extracted below `place`: {folder named as the commit: units}.

    The commit of a record is the newest that changed the lock, has this very record, and has the code that it is of.
    Units without one are missing.
    """
    found: dict[Path, list[str]] = {}
    left = set(units)
    for commit in _history(root):
        if not left:
            break
        known = _records_of(root, commit)
        same = {unit for unit in left if known.get(unit) == records[unit]}
        if same:
            tree = place / commit
            if not tree.exists():
                _extract(root, commit, tree)
            own = same - set(_program(tree, "tools.stages_lock", "--list").split())
            if own:
                found[tree] = sorted(own)
                left -= own
    return found


def _history(root: Path) -> list[str]:
    """The commits that changed the lock, newest first; none outside a repository."""
    try:
        return _git(root, "rev-list", "--full-history", "HEAD", "--", lock.NAME).decode().split()
    except (OSError, subprocess.CalledProcessError):
        return []


def _records_of(root: Path, commit: str) -> dict[str, lock.Record]:
    try:
        return lock.parse_stages(_git(root, "show", f"{commit}:{lock.NAME}").decode())
    except (InputError, OSError, subprocess.CalledProcessError):  # it has none, or one that is half merged
        return {}


def _extract(root: Path, commit: str, tree: Path) -> None:
    tree.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", str(tree)], input=_git(root, "archive", commit), check=True)


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True).stdout


def python(module: str) -> list[str]:
    """The words that start a module in the working directory."""
    return [sys.executable, "-m", module]


def _program(tree: Path, module: str, *arguments: str) -> str:
    """What a module of a tree prints, run with the code of that tree."""
    done = subprocess.run(
        [*python(module), *arguments],
        cwd=tree,
        env=os.environ | thread_variables(1) | {"PYTHONPATH": str(tree / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise InputError(f"python -m {module} {' '.join(arguments)}, in {tree}: failed ({last})")
    return done.stdout


# ---- golden jobs


def golden(tree: Path, cache: Path) -> Path:
    """The folder of the golden artifacts of a tree; those that were made before with the same libraries are kept."""
    name = f"{tree.name[:12]}-{short_digest(manifest.made_with())}"
    folder = (cache / name).resolve()
    if not (folder / JOBS).exists():  # it is written last
        print(f"golden jobs of commit {tree.name[:12]}, once; this takes minutes", flush=True)
        # Not elsewhere and then moved: a checkpoint that is not copied is an absolute link
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _program(tree, "tools.golden", str(folder))
    return folder


def replay(root: Path, folder: Path, jobs: list[dict], cores: int, place: Path) -> dict[str, str]:
    """Run golden jobs with the code in `root`, in `cores` processes: {name: how it differs, "" if not}."""
    shares: list[list[dict]] = [[] for _ in range(min(cores, len(jobs)))]
    for job in sorted(jobs, key=lambda job: -job["seconds"]):
        min(shares, key=lambda share: sum(each["seconds"] for each in share)).append(job)
    running = []
    for number, share in enumerate(shares):
        here = place / str(number)
        (here / "outputs").mkdir(parents=True)
        order = {"folder": str(folder), "jobs": share, "outputs": str(here / "outputs")}
        order |= {"results": str(here / "results.jsonl")}
        (here / "order.json").write_text(json.dumps(order), encoding="utf-8")
        with (here / "log.txt").open("w") as log:
            running.append(
                subprocess.Popen(
                    [*python("tools.golden.jobs"), str(here / "order.json")],
                    cwd=root,
                    env=os.environ | thread_variables(1) | {"PYTHONPATH": str(root / "workflow")},
                    stdout=log,
                    stderr=log,
                )
            )
    for process in running:
        process.wait()
    lines = [
        line
        for file in place.glob("*/results.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    found = {each["name"]: each["differs"] for each in map(json.loads, lines)}
    return {job["name"]: found.get(job["name"], "ended the process") for job in jobs}


# ---- the new lock


def renewed(
    records: dict[str, lock.Record], now: dict[str, lock.Record], other: dict[str, str]
) -> dict[str, lock.Record]:
    """The records of the code as it is; the units in `other` get new behaviours.

    Distributions that a unit did not import before are added with their present versions, those with which it was
    compared; of the others the recorded version stays, as it is the one that the behaviour belongs to.
    """
    found = {}
    for unit, record in now.items():
        old = records.get(unit)
        if old is None:
            found[unit] = record
        elif unit not in other:
            found[unit] = lock.Record(old.behaviour, record.digest, record.libraries | old.libraries)
        elif record.behaviour != old.behaviour:
            found[unit] = record
        else:  # its own code is the same: a plug-in that others name to it is not
            found[unit] = lock.Record(
                short_digest([old.behaviour, other[unit]]), record.digest, record.libraries
            )
    return found


def compared(
    root: Path, records: dict[str, lock.Record], changed: list[str], cores: int, cache: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """Of the changed units: (those that do something else and why, those that do the same and how that is known).

    Records that no commit has, because the lock was renewed since the last one, are put back to that commit's.
    """
    other, same = {}, {}
    with tempfile.TemporaryDirectory(prefix="ttc-stages-lock-") as temporary:
        place = Path(temporary)
        trees = commits(root, records, changed, place / "trees")
        missing = set(changed).difference(*trees.values())
        if committed := {unit: each for unit, each in _records_of(root, "HEAD").items() if unit in missing}:
            records |= committed
            for tree, units in commits(root, records, list(committed), place / "trees").items():
                trees[tree] = sorted({*trees.get(tree, []), *units})
        for number, (tree, units) in enumerate(trees.items()):
            folder = golden(tree, cache)
            jobs = json.loads((folder / JOBS).read_text(encoding="utf-8"))
            sources, before = Sources(root / PACKAGE), Sources(tree / PACKAGE)
            asked = verdicts.touched(jobs, units, sources)
            print(f"{len(asked)} of {len(jobs)} golden jobs are run with the new code", flush=True)
            differs = replay(root, folder, asked, cores, place / str(number))
            judged = verdicts.judge(asked, differs, units, sources, before)
            other |= judged.other
            same |= judged.same
    alone = "no commit has both this record and its code, so that there is nothing to compare with"
    other |= {unit: alone for unit in changed if unit not in other and unit not in same}
    return other, same


def renew(root: Path, vouched: list[str], denied: list[str], cores: int, cache: Path) -> None:
    """Compare and write the lock, and say for each changed unit what it does now."""
    records, now = lock.read_stages(root / lock.NAME), observed(root)
    for unit in [*vouched, *denied]:
        if unit not in now:
            raise InputError(f"{unit}: there is no such unit; there are {', '.join(now)}")
    changed = [unit for unit in unlike(records, now) if unit in records and unit in now]
    asked = [unit for unit in changed if unit not in vouched and unit not in denied]
    other, same = compared(root, records, asked, cores, cache) if asked else ({}, {})
    other = {unit: why for unit, why in other.items() if unit not in vouched}
    other |= dict.fromkeys(denied, "you say so")
    same |= dict.fromkeys([unit for unit in vouched if unit in changed], "you say so")
    for unit in unlike(records, now):
        if unit not in records:
            print(f"{unit}: new")
        elif unit not in now:
            print(f"{unit}: gone")
        elif unit not in other:
            print(f"{unit}: the same ({same[unit]})")
    for unit, why in sorted(other.items()):
        print(f"{unit}: a new behaviour ({why})")
    (root / lock.NAME).write_text(lock.stages_text(renewed(records, now, other)), encoding="utf-8")
    print(f"{lock.NAME}: {len(now)} units, {len(other)} with a new behaviour")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.stages_lock", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the lock is that of the code")
    parser.add_argument("--list", action="store_true", help="only list the units that --check names")
    parser.add_argument(
        "--same",
        nargs="+",
        default=[],
        metavar="UNIT",
        help="units that were compared elsewhere and do the same",
    )
    parser.add_argument(
        "--other",
        nargs="+",
        default=[],
        metavar="UNIT",
        help="units that do something else, whatever golden jobs say",
    )
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes of golden jobs")
    parser.add_argument("--cache", type=Path, default=ROOT / CACHE, help="where golden artifacts are kept")
    given = parser.parse_args()
    try:
        if given.list:
            print("\n".join(unlike(lock.read_stages(ROOT / lock.NAME), observed(ROOT))))
        elif given.check:
            if sentence := check(ROOT):
                sys.exit(sentence)
        else:
            renew(ROOT, given.same, given.other, given.cores, given.cache)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
