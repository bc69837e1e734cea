"""The lock file: what it pins can be installed by the oldest Python that pyproject.toml names."""

import re
import tomllib
from importlib.metadata import distribution

from packaging.specifiers import SpecifierSet

from tools.architecture import ROOT


def test_every_pinned_release_takes_the_oldest_python():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "requires-python"
    ]
    oldest = f"{re.fullmatch(r'>=([0-9.]+)', needed)[1]}.0"
    pins = re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "envs/cpu.lock.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(pins) > 100
    unfit = []
    for name, version in pins:
        found = distribution(name)
        if found.version.split("+")[0] != version:
            unfit.append(f"{name} {found.version} is installed, {version} is pinned")
        elif not SpecifierSet(found.metadata["Requires-Python"] or "").contains(oldest):
            unfit.append(f"{name} {version} needs Python {found.metadata['Requires-Python']}")
    assert unfit == []
