"""Notes on source files, kept beside their bytecode: to read a syntax tree takes much longer.

Standard library only: the Snakefile imports this.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path


def kept(file: Path, source: bytes, name: str, version: str, find: Callable[[], object]) -> object:
    """`find()`, which is JSON and depends on `source` and `version` alone.

    A note of this `name` in the file's `__pycache__` holds it, with the digest of what it was found in; one that is of
    something else, or is damaged, is written anew; where nothing can be written there are no notes.
    """
    note = Path(cache_from_source(str(file))).with_suffix(f".{name}.json")
    of = hashlib.sha256(version.encode() + b"\0" + source).hexdigest()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_bytes())
        if known["of"] == of:
            return known["found"]
    found = find()
    with contextlib.suppress(OSError):
        note.parent.mkdir(exist_ok=True)
        temporary = note.with_name(f"{note.name}.{os.getpid()}")
        temporary.write_text(json.dumps({"of": of, "found": found}), encoding="utf-8")
        os.replace(temporary, note)
    return found
