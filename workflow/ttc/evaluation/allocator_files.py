"""Fitted allocators on disk, with skops: no pickle, and the same allocators give the same bytes.

A file names the allocator's class by `CLASS`, wherever the class is: files do not change when a module moves.
"""

import io
import re
import zipfile
from pathlib import Path

import skops.io

from ttc.errors import InputError
from ttc.evaluation.allocators.binned import BinnedAllocator

CLASS = "ttc.allocation.estimator"
_HERE = BinnedAllocator.__module__
TRUSTED = [f"{_HERE}.{BinnedAllocator.__qualname__}"]


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
    members = {"schema.json": _named(schema, _HERE, CLASS).encode()}
    for name in archive.namelist():
        if name.endswith(".npy"):
            members[f"{numbers[name.removesuffix('.npy')]}.npy"] = archive.read(name)
    with zipfile.ZipFile(path, "w") as stable:
        for name in sorted(members):
            stable.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name])


def load(path: Path) -> dict:
    """The dict of estimators that `dump` wrote: `family/selection/bins` -> BinnedAllocator.

    Raises InputError for a file that is not such a dict.
    """
    try:
        archive = zipfile.ZipFile(path)
        members = {name: archive.read(name) for name in archive.namelist()}
        members["schema.json"] = _named(members["schema.json"].decode(), CLASS, _HERE).encode()
        here = io.BytesIO()
        with zipfile.ZipFile(here, "w") as written:
            for name, content in members.items():
                written.writestr(name, content)
        return skops.io.loads(here.getvalue(), trusted=TRUSTED)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"{path}: not a readable file of fitted allocators ({error})") from error


def _named(schema: str, old: str, new: str) -> str:
    """The schema with another name of the module that defines the class."""
    return schema.replace(f'"__module__": "{old}"', f'"__module__": "{new}"')
