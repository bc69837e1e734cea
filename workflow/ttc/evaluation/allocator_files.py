"""Fitted allocators on disk, with skops: no pickle, and the same allocators give the same bytes.

A file names classes by `MODULES` and their kind, wherever they are: files do not change when modules move.  Nothing but
kinds of this package is read from one.
"""

import io
import re
import zipfile
from pathlib import Path

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from ttc import plugins
from ttc.errors import InputError
from ttc.evaluation import allocators
from ttc.evaluation.allocator import Rule

MODULES = "ttc.allocators."
_HERE = f"{allocators.__name__}."


def kinds() -> dict[str, type[Rule]]:
    """The classes of all kinds that can be used, and so stored, by name."""
    declared = plugins.declarations(allocators.__name__)
    return {
        name: plugins.load(allocators.__name__, name).ALLOCATOR
        for name, each in declared.items()
        if not each["outcomes"]
    }


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
    members = {"schema.json": _named(schema, _HERE, MODULES).encode()}
    for name in archive.namelist():
        if name.endswith(".npy"):
            members[f"{numbers[name.removesuffix('.npy')]}.npy"] = archive.read(name)
    with zipfile.ZipFile(path, "w") as stable:
        for name in sorted(members):
            stable.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name])


def load(path: Path) -> dict:
    """The dict of estimators that `dump` wrote: `family/selection/bins/kind` -> estimator.

    Raises InputError for a file that is not such a dict, or holds a class that is no kind of allocator.
    """
    try:
        archive = zipfile.ZipFile(path)
        members = {name: archive.read(name) for name in archive.namelist()}
        members["schema.json"] = _named(members["schema.json"].decode(), MODULES, _HERE).encode()
        here = io.BytesIO()
        with zipfile.ZipFile(here, "w") as written:
            for name, content in members.items():
                written.writestr(name, content)
        trusted = [f"{each.__module__}.{each.__qualname__}" for each in kinds().values()]
        found = skops.io.loads(here.getvalue(), trusted=trusted)
    except UntrustedTypesFoundException as error:
        raise InputError(
            f"{path}: it holds classes that are no allocators, and is not read ({error})"
        ) from error
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"{path}: not a readable file of fitted allocators ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(each, Rule) for each in found.values()):
        raise InputError(f"{path}: not a dict of allocators by name")
    return found


def _named(schema: str, old: str, new: str) -> str:
    """The schema with another name of the package that defines the classes."""
    return schema.replace(f'"__module__": "{old}', f'"__module__": "{new}')
