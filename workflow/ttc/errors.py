"""The user's mistakes: one clear sentence each, shown without a traceback."""

import difflib
from collections.abc import Iterable

IN_NO_KEY = "an error stops a stage, and its text is in no result"


class InputError(Exception):
    """Bad input.  The message is one sentence: where, what was given, what is allowed, the nearest name."""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the allowed name nearest to `given`, or nothing if none is near."""
    close = difflib.get_close_matches(str(given), [str(name) for name in allowed], n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""
