"""The home folder and the caches in it, which libraries write to: one sentence where they cannot be.

On compute nodes and in containers it may be missing, or not the user's.  Standard library only.
"""

import errno
import os
from pathlib import Path

REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR}
# What moves the caches of libraries elsewhere
VARIABLES = ("HF_HOME", "XDG_CACHE_HOME")


def unwritable(error: BaseException) -> str | None:
    """The sentence for an error of the system about a file in a home folder that cannot be written to; else None."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in REFUSED and seen.filename is not None:
            for variable, folder in _places():
                if Path(os.fsdecode(seen.filename)).is_relative_to(folder) and not _writable(folder):
                    return (
                        f"{os.fsdecode(seen.filename)}: {variable} is {folder}, which cannot be written to; set "
                        f"{variable} to a folder that can"
                        + (
                            ""
                            if variable != "HOME"
                            else f", or {' and '.join(VARIABLES)} for the caches in it"
                        )
                    )
        seen = seen.__cause__ or seen.__context__
    return None


def _places() -> list[tuple[str, Path]]:
    """Folders that libraries write to, by the variable that names them, the narrowest first."""
    named = [(name, Path(os.environ[name])) for name in VARIABLES if os.environ.get(name)]
    return [*named, ("HOME", Path(os.path.expanduser("~")))]


def _writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)
