"""A finished study in miniature, which several commands read; nobody changes it."""

import pytest


@pytest.fixture(scope="session")
def miniature(tmp_path_factory):
    """The folder results/mini of `tests.support.finished_study`."""
    from tests.support import finished_study

    folder = tmp_path_factory.mktemp("finished")
    return finished_study.write(folder / "study", finished_study.artifacts(folder / "made"))
