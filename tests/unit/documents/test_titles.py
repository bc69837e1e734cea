"""Titles of modules: the first line of a file is a noun phrase that says what the file is."""

import re

import pytest

from tools import architecture

# Words that begin a clause or a command; a command of `ttc` says what it does, in the imperative.
CLAUSES = r"(?:What|How|Which|Where|Whether|Who|When|Why|By which|From|After|Before|Are|Is|Does)\b"
MODULES = [
    file.relative_to(architecture.PACKAGE).as_posix() for file in sorted(architecture.PACKAGE.rglob("*.py"))
]


@pytest.mark.parametrize("module", MODULES)
def test_a_title_is_a_noun_phrase_that_fits_on_a_line(module):
    title = architecture.title(architecture.PACKAGE / module)
    assert title and not re.match(CLAUSES, title)
