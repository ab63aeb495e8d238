"""Which engine is asked for an image: the one that is named, and no other in its place."""

import gc
import warnings
from pathlib import Path

import pytest

from envctl.adapters import containers
from envctl.errors import ContainerError, NoEngineError


def test_a_context_that_is_not_there_leads_to_no_other_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`image verify` would prove another engine's image of that name."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "zz-none")
    for ask in (containers.contents, containers.inspect):
        with pytest.raises(ContainerError, match="no docker context `zz-none`"):
            ask("team/demo:1")
    assert containers.registry_digest("team/demo:1") is None
    assert containers.mirrors() == ()


def test_an_engine_that_does_not_answer_is_told_from_one_that_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where none answers a registry may know enough; see ``usecases.image_verify``."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such.sock")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # the SDK leaves the socket to the collector
        for ask in (containers.contents, containers.inspect):
            with pytest.raises(NoEngineError) as caught:
                ask("team/demo:1")
            assert caught.value.where == "unix:///no/such.sock"
            assert "systemctl start docker" in (caught.value.hint or "")
            del caught
            gc.collect()
