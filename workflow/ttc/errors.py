"""The user's mistakes: one clear sentence each, shown without a traceback."""

import difflib
import unicodedata
from collections.abc import Iterable

IN_NO_KEY = "an error stops a stage, and its text is in no result"


class InputError(Exception):
    """Bad input.  The message is one sentence: where, what was given, what is allowed, the nearest name.

    It is one line, too, whatever a user's file calls its columns: characters that a terminal would obey are escaped.
    """

    def __init__(self, message: object):
        super().__init__("".join(map(_seen, str(message))))


def _seen(character: str) -> str:
    """`character`, or its escape if it is a control, a break between lines, a mark of format or half a pair."""
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def nearest(given: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the allowed name nearest to `given`, or nothing if none is near."""
    close = difflib.get_close_matches(str(given), [str(name) for name in allowed], n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""
