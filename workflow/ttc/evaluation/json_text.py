"""JSON for people to read and programs to compare: one entry a line, lists of numbers on one line, NaN refused."""

import json
import re
from collections.abc import Callable
from typing import Any

from ttc.errors import InputError


def readable(content: dict) -> str:
    """The text of `content`; equal content gives equal text, and numbers come back as they were."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # Innermost lists on one line: no string holds a line break
    return re.sub(r"\[\n[^\[\]{}]*\]", lambda found: re.sub(r"\n\s*", " ", found[0]), text) + "\n"


def built(text: str, schema: str, version: int, what: str, build: Callable[[dict], Any]) -> Any:
    """What `build` makes of a file that says its `schema` and `version`; `what` it is a file of, in the plural.

    InputError where the text is not such JSON, or of a version that is not known here.
    """
    try:
        given = json.loads(text)
        if given["schema"] != schema:
            raise InputError(f"a file of {what} has the schema {schema}, and this one {given['schema']}")
        if given["version"] != version:
            raise InputError(f"{what} of version {given['version']} are not known here; {version} is")
        return build(given)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"not JSON of {what} ({error!r})") from error
