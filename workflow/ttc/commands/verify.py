"""Check an archive of a study: what is missing, altered, extra or unsafe, and whether its keys fit (docs/sharing.md).

ttc verify ARCHIVE.tar|FOLDER

One line for everything that is wrong; the exit status is 1 then.  Needs neither torch nor a network.
"""

import argparse
from pathlib import Path

from ttc.run.progress import Progress
from ttc.sharing.opened import open_archive
from ttc.sharing.verify import Verified, verify


def main(arguments: list[str]) -> int:
    """Print what is wrong, or what the archive is; 0 if nothing is wrong, 1 if something is."""
    parser = argparse.ArgumentParser(prog="ttc verify", description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="what `ttc share` has written: a tar file or a folder")
    given = parser.parse_args(arguments)
    opened = open_archive(given.archive)
    found = verify(opened, Progress("bytes checked"))
    for finding in found.findings:
        print(finding)
    if found.findings:
        print(f"{given.archive}: {len(found.findings)} things are wrong.")
        return 1
    print("\n".join(described(found, len(opened.sizes), sum(opened.sizes.values()))))
    return 0


def described(found: Verified, files: int, size: int) -> list[str]:
    """What a sound archive is, in sentences."""
    about = found.about
    code = about["code"]
    held = sum(bool(each["files"]) for each in about["artifacts"])
    commit = f"commit {code['commit']}{' with files changed since' if code['changed'] else ''}"
    return [
        f"Study {about['study']}, size {about['size']}: {files:,} files, {size:,} bytes, all as they are listed.",
        f"{len(about['artifacts'])} artifacts, whose keys fit; {held} with files, the others with their records alone.",
        f"Shared from {commit if code['commit'] else 'code outside of a repository'}.",
        "Made with "
        + ", ".join(f"{name} {version}" for name, version in sorted(about["made_with"].items()))
        + ".",
        *found.notes,
        f"Number of the archive: {found.number}",
        "Whoever changes a result and every record of it has an archive with another number, which only what its author"
        " says, or making it again, tells from this one.",
    ]
