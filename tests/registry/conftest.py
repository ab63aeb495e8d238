"""Fixtures: one open registry for all tests of a process, and one with a login."""

import uuid
from collections.abc import Iterator

import pytest

from tests.integration.conftest import world
from tests.registry.images import Pusher
from tests.registry.server import RealRegistry, RegistryMissing

__all__ = ["closed_push", "closed_registry", "open_registry", "push", "world"]


@pytest.fixture(scope="session")
def open_registry() -> Iterator[RealRegistry]:
    yield from _started(RealRegistry())


@pytest.fixture(scope="session")
def closed_registry() -> Iterator[RealRegistry]:
    yield from _started(RealRegistry(htpasswd=True))


@pytest.fixture
def push(open_registry: RealRegistry) -> Pusher:
    """Give a repository of the test's own."""
    return Pusher(open_registry, repository=f"team/made-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def closed_push(closed_registry: RealRegistry) -> Pusher:
    """Give a repository of the test's own that asks for a login."""
    return Pusher(closed_registry, repository=f"team/made-{uuid.uuid4().hex[:8]}")


def _started(registry: RealRegistry) -> Iterator[RealRegistry]:
    try:
        with registry:
            yield registry
    except RegistryMissing as missing:
        pytest.skip(f"there is no registry to test with: {missing}")
