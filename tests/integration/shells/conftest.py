"""Fixtures: each shell, and two environments in odd places."""

from pathlib import Path

import pytest

from tests.integration.shells.dialects import DIALECTS, Dialect, found
from tests.integration.shells.stage import build, missing


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
    made = []
    for name in ("one", "two"):
        project = tmp_path_factory.mktemp("it's a $é `project` ") / name
        made.append(build(project.resolve() / ".envctl/envs/abc123"))
        (project / ".venv").symlink_to(".envctl/envs/abc123")
    return made
