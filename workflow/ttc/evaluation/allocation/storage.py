"""Fitted allocators on disk, with skops: no pickle, and the same estimators give the same bytes."""

import io
import re
import zipfile
from pathlib import Path

import skops.io

from ttc.errors import InputError

TRUSTED = ["ttc.evaluation.allocation.estimator.ComputeOptimalAllocator"]


def dump(fitted: dict, path: Path) -> None:
    """Write a dict of estimators to `path`.

    skops names its members by memory addresses and stamps them with the time; both are replaced, addresses by
    numbers in order of appearance.
    """
    archive = zipfile.ZipFile(io.BytesIO(skops.io.dumps(fitted)))
    schema = archive.read("schema.json").decode()
    addresses = dict.fromkeys(re.findall(r'"__id__": (\d+)', schema))
    numbers = {address: str(number) for number, address in enumerate(addresses)}
    schema = re.sub(r'"__id__": (\d+)', lambda found: f'"__id__": {numbers[found[1]]}', schema)
    schema = re.sub(r'"file": "(\d+)\.npy"', lambda found: f'"file": "{numbers[found[1]]}.npy"', schema)
    members = {"schema.json": schema.encode()}
    for name in archive.namelist():
        if name.endswith(".npy"):
            members[f"{numbers[name.removesuffix('.npy')]}.npy"] = archive.read(name)
    with zipfile.ZipFile(path, "w") as stable:
        for name in sorted(members):
            stable.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name])


def load(path: Path) -> dict:
    """The dict of estimators that `dump` wrote: `family/selection/bins` -> ComputeOptimalAllocator."""
    try:
        return skops.io.load(path, trusted=TRUSTED)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"{path}: not a readable file of fitted allocators ({error})") from error
