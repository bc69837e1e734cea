"""A study's configuration: defaults filled in, every mistake reported in one sentence before anything runs."""

import copy
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from ttc.errors import InputError
from ttc.study import fitting, sentences
from ttc.study.sections import base
from ttc.study.sections.configuration import Configuration

PATHS = ("path", "prompt", "larger_prompt")  # keys that may name a file or a folder of the user's
T = TypeVar("T", bound=base.Section)


def parse(given: dict, root: Path = Path()) -> Configuration:
    """The full configuration: `given` checked, defaults filled in, numbers in one form (1 and 1.0 alike).

    Local files of problems, seen from `root`, are counted, and defaults give way to a smaller study.  Raises
    InputError, one sentence: where, what was given, what is allowed, the nearest known key.
    """
    return parse_and_tell(given, root)[0]


def parse_and_tell(given: dict, root: Path = Path()) -> tuple[Configuration, list[str]]:
    """As `parse`; and one sentence for each default that gave way (`ttc.study.fitting`)."""
    configuration = read(given, Configuration, "the configuration")
    configuration, said = fitting.fitted(fitting.counted(configuration, root))
    configuration.check()
    return configuration, said


def resolve(given: dict, root: Path = Path()) -> dict:
    """The full configuration as a dictionary (`parse`)."""
    return parse(given, root).model_dump()


def read(given: dict, section: type[T], whole: str) -> T:
    """`given` as a section, each key checked by itself; `whole`: what the keys are called together."""
    try:
        return section.model_validate(given)
    except ValidationError as error:
        raise sentences.told(error, section, whole) from None


def load(*paths: Path) -> dict:
    """YAML files, each laid over the one before as `snakemake --configfile` does: sections merge, lists do not."""
    merged: dict = {}
    for path in paths:
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror.lower()})") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text at byte {error.start}") from error
        except yaml.YAMLError as error:
            raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
        if not isinstance(content or {}, dict):
            raise InputError(
                f"{path}: a configuration is a mapping of sections, and this is {sentences.shown(content)}"
            )
        merged = merge(merged, content or {})
    return merged


def placed(given: dict, folder: Path) -> dict:
    """A configuration whose relative paths of things that lie in `folder` are absolute; the others stay as they are.

    For a workflow that uses this one as a module: its files lie where it runs, and not in this project.
    """
    if isinstance(given, dict):
        return {
            name: _placed(value, folder) if name in PATHS else placed(value, folder)
            for name, value in given.items()
        }
    return given


def _placed(value, folder: Path):
    if isinstance(value, list):
        return [_placed(each, folder) for each in value]
    there = isinstance(value, str) and value and (folder / value).exists()
    return str(folder / value) if there else value


def merge(under: dict, over: dict) -> dict:
    """`over` laid over `under`; sections merge, everything else is replaced.  Shares nothing with either."""
    return copy.deepcopy(base.merge(under, over))
