"""What the tests of plans share: a project to plan for."""

import pytest

from tests.support.workflow_project import Project


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A copy of the project with stages in miniature: the plan needs every stage's module."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.add_pool()
    return project.folder
