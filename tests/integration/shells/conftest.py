"""Fixtures: each shell, and two environments in odd places."""

from pathlib import Path

import pytest

from tests.integration.shells.dialects import DIALECTS, found
from tests.integration.shells.stage import build, missing
from tests.integration.shells.steps import Dialect


@pytest.fixture(params=list(DIALECTS))
def shell(request: pytest.FixtureRequest) -> Dialect:
    """Give each shell in turn."""
    dialect = DIALECTS[request.param]
    if not found(dialect):
        missing(dialect)
    return dialect


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two environments, as they lie in a project: at the real path, with a link that leads there."""
    return _two(tmp_path_factory, "it's a $é `project` ")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same where no shell has anything to expand."""
    return _two(tmp_path_factory, "it's é ")


def _two(factory: pytest.TempPathFactory, name: str) -> list[Path]:
    made = []
    for each in ("one", "two"):
        project = factory.mktemp(name) / each
        made.append(build(project.resolve() / ".envctl/envs/abc123"))
        (project / ".venv").symlink_to(".envctl/envs/abc123")
    return made
