"""Put a finished study into one archive, which others can verify and adopt (docs/sharing.md).

ttc share                                              the default study, its tables and figures, to default.tar
ttc share studies/quick.yaml --size pools --out FILE.tar
ttc share studies/quick.yaml --size models --folder DIR     the same as a plain folder
ttc share studies/quick.yaml --folder DIR --to-hub OWNER/NAME   and uploaded as a private data set of the hub
ttc share studies/quick.yaml --eval-ever DIR            no archive: every sample in the form of Every Eval Ever
"""

import argparse
from pathlib import Path

from ttc.errors import InputError
from ttc.run.progress import Progress
from ttc.sharing import export, pack, share
from ttc.sharing.contents import contents
from ttc.sharing.layout import SIZES
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load


def main(arguments: list[str]) -> None:
    """Say how large each size would be, and write one."""
    parser = argparse.ArgumentParser(prog="ttc share", description=__doc__.splitlines()[0])
    parser.add_argument(
        "studies", nargs="*", metavar="STUDY.yaml", help="files laid over config.yaml, in order"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--out", type=Path, metavar="FILE.tar", help="default: <study>.tar")
    place.add_argument("--folder", type=Path, metavar="DIR", help="a folder instead, for what is large")
    place.add_argument(
        "--eval-ever",
        type=Path,
        metavar="DIR",
        help="instead, every sample in the form of Every Eval Ever 0.3",
    )
    parser.add_argument(
        "--eval-results",
        metavar="TASK",
        help="with --eval-ever, also .eval_results for the models' repositories, by the data set's name of the task",
    )
    parser.add_argument("--size", choices=SIZES, default=SIZES[0], help="default: %(default)s")
    parser.add_argument("--to-hub", metavar="OWNER/NAME", help="upload the folder as a private data set, too")
    given = parser.parse_args(arguments)
    if given.to_hub and not given.folder:
        raise InputError("--to-hub: it uploads a folder, and none was given; give `--folder DIR`, too")
    if given.eval_results and not given.eval_ever:
        raise InputError("--eval-results: it is written beside samples; give `--eval-ever DIR`, too")
    configuration = load(ROOT / "config.yaml", *given.studies)
    plan = plan_study(configuration)
    if given.eval_ever:
        print("\n".join(export.write(plan, given.eval_ever, given.eval_results)))
        return
    for size in SIZES:
        print(_announced(plan, size, size == given.size))
    members, found = share.members(plan, configuration, given.size)
    for sentence in found.told:
        print(sentence)
    sums = pack.sums(members, found.recorded, Progress("bytes hashed"))
    members, number = pack.with_sums(members, sums)
    out = given.folder or given.out or Path(f"{plan.study}.tar")
    if given.folder:
        written = pack.write_folder(members, out, Progress("bytes written"))
    else:
        written = pack.write_tar(members, out, plan.study, Progress("bytes written"))
    print(
        f"{out}: {len(members):,} files, {written:,} bytes.  Number of the archive, to be told beside it:\n{number}"
    )
    if given.to_hub:
        from ttc.sharing import hub

        print(hub.upload(out, given.to_hub, number))


def _announced(plan, size: str, chosen: bool) -> str:
    mark = "->" if chosen else "  "
    try:
        found = contents(plan, size)
    except InputError as error:
        if chosen:
            raise
        return f"{mark} {size:<8}{error}"
    return f"{mark} {size:<8}{len(found.files):>7,} files {found.bytes:>16,} bytes"
