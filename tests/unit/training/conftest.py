"""Policies that several modules fine-tune."""

import pytest

from tests.support import finetuned
from tests.support.finetuned import policy

ARCHITECTURES = list(finetuned.ARCHITECTURES)


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """A policy of each architecture; nobody changes them."""
    folder = tmp_path_factory.mktemp("policies")
    return {name: policy(folder / name, name) for name in ARCHITECTURES}


@pytest.fixture
def llama(policies):
    return policies["llama"]
