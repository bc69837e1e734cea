"""Put the results of an archive where this clone's workflow finds them; what is there stays (docs/sharing.md).

ttc adopt ARCHIVE.tar|FOLDER

The archive is checked first (`ttc verify`), and nothing of one with which anything is wrong is put anywhere.
"""

import argparse
from pathlib import Path

from ttc.errors import InputError
from ttc.run.progress import Progress
from ttc.sharing import adopt, ahead
from ttc.sharing.layout import STUDY
from ttc.sharing.opened import open_archive
from ttc.sharing.verify import verify
from ttc.store import lock
from ttc.store.keys import Code
from ttc.study.build import LOCK, ROOT, plan_study
from ttc.study.config import load


def main(arguments: list[str]) -> int:
    """Check, say what differs here, adopt, say what is left to do; 1 if the archive is not sound."""
    parser = argparse.ArgumentParser(prog="ttc adopt", description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="what `ttc share` has written: a tar file or a folder")
    given = parser.parse_args(arguments)
    opened = open_archive(given.archive)
    print(f"{given.archive}: {len(opened.sizes):,} files, {sum(opened.sizes.values()):,} bytes", flush=True)
    adopt.check_space(opened)
    found = verify(opened, Progress("bytes checked"))
    for finding in found.findings:
        print(finding)
    if found.findings:
        print(f"{given.archive}: {len(found.findings)} things are wrong, and nothing is adopted.")
        return 1
    code = Code(ROOT / "workflow/ttc", lock.read_pins(ROOT / LOCK), lock.read_stages(ROOT / lock.NAME))
    unlike = list(adopt.differing(found, code.behaviour, opened))
    if unlike:
        print("Behaves otherwise here, so that these stages and what follows them have other keys:")
        print("\n".join(f"  {each}" for each in unlike))
    done = adopt.adopt(opened, found, Progress("artifacts"))
    print(
        "\n".join(
            [f"{done.placed} artifacts were put in place, {done.kept} were there.", *done.told, *found.notes]
        )
    )
    study = f"results/{found.study}/{STUDY}"
    try:
        plan = plan_study(load(ROOT / "config.yaml", study))
    except InputError as error:
        print(f"This clone cannot plan the study: {error}")
        return 0
    print("\n".join([f"snakemake --configfile {study}", *ahead.sentences(plan)]))
    return 0
