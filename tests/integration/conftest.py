"""Fixtures: a project beside a local index, once bare and once locked and synced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index.server import LocalIndex
from tests.integration.world import STOCK, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a project with a manifest, and the index that has what it asks for."""
    root = tmp_path / "pro ject"
    root.mkdir()
    with LocalIndex(mode="html") as index:
        index.add(*STOCK)
        made = World(
            root=root,
            index=index,
            environ={
                "UV_CACHE_DIR": str(tmp_path / "uv cache"),
                "UV_HTTP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1",
                "HOME": str(tmp_path / "home"),
            },
        )
        made.write("pyproject.toml", made.manifest())
        yield made


@pytest.fixture
def synced(world: World) -> World:
    """Give the project after `envctl lock` and `envctl sync`."""
    world.envctl("lock")
    world.envctl("sync")
    return world
