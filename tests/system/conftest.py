"""Fixtures of the tests that use the real Docker engine.

Under `CI=true` a missing engine fails the tests that need it; on anyone's own machine it skips
them. Either way the reason names what is missing and the command that provides it.
"""

import uuid
from collections.abc import Iterator

import pytest

from tests.system import engine


def _unavailable(missing: engine.EngineMissing) -> None:
    """Fail under CI, where everything must run; skip elsewhere."""
    if engine.UNDER_CI:
        pytest.fail(f"Docker tests cannot run: {missing}", pytrace=False)
    pytest.skip(f"Docker tests cannot run: {missing}")


@pytest.fixture(scope="session")
def docker_engine() -> engine.Engine:
    """A responding engine, with `engine.build` and `engine.run` ready to use."""
    try:
        return engine.ensure_engine()
    except engine.EngineMissing as missing:
        _unavailable(missing)
        raise


@pytest.fixture(scope="session")
def python_base(docker_engine: engine.Engine) -> engine.BaseImage:
    """The `python:…` image that `FROM docker.io/library/python:…@sha256:…` resolves to."""
    try:
        return engine.ensure_base()
    except engine.EngineMissing as missing:
        _unavailable(missing)
        raise


@pytest.fixture
def image_tag(docker_engine: engine.Engine) -> Iterator[str]:
    """A tag of this test's own; the image is removed afterwards, the build cache stays."""
    tag = f"envctl-test-{uuid.uuid4().hex[:12]}"
    yield tag
    engine.remove_image(tag)
