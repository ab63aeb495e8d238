"""Engines' words as they were printed, and what a person is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.readers.engine_failure import explain, explain_build

SOCKET = "unix:///run/user/1000/docker.sock"


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "the container engine refuses you",
            "usermod -aG docker",
        ),
        (
            "('Connection aborted.', PermissionError(13, 'Permission denied'))",
            "the container engine refuses you",
            "usermod -aG docker",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///nope.sock. Is the docker daemon running?",
            "no container engine answers",
            "systemctl start docker",
        ),
        (
            "('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))",
            "no container engine answers",
            "DOCKER_HOST",
        ),
        (
            'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
            "the engine has no GPU runtime",
            "nvidia-ctk runtime configure",
        ),
        (
            "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all",
            "the engine does not know the GPU nvidia.com/gpu=all",
            "nvidia-ctk cdi generate",
        ),
        (
            "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.0, please update your driver",
            "the driver is too old for this image: it asks for cuda>=12.0",
            "newer driver",
        ),
        (
            "failed to copy files: copy file range failed: no space left on device",
            "the disk is full",
            "docker builder prune",
        ),
        (
            "ERROR: BuildKit is enabled but the buildx component is missing or broken.",
            "this docker command cannot build with BuildKit: its plug-in buildx is missing",
            "docker-buildx",
        ),
        (
            "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/",
            "this builder knows no mounts, and the Dockerfile has some",
            "hermetic",
        ),
        (
            "docker.io/library/python:3.11@sha256:" + "0" * 64 + ": not found",
            "the base image cannot be had from its registry",
            "--upgrade-base",
        ),
        (
            "failed to create LLB definition: localhost:5000/library/pyton:3.11: not found",
            "the base image cannot be had from its registry",
            "tool.envctl.image.base",
        ),
        (
            "Bind for 127.0.0.1:8000 failed: port is already allocated.",
            "the port is taken",
            "-p 8001:8000",
        ),
    ],
)
def test_what_is_said_and_what_to_do(said: str, message: str, hint: str) -> None:
    found = explain(f"some line\n{said}\nSee 'docker run --help'.", where=SOCKET)
    assert found is not None
    assert found.message == message
    assert hint in found.hint
    assert found.where


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "error: invalid peer certificate: UnknownIssuer",
            "does not trust the index's certificate",
        ),
        (
            "HTTP status client error (401 Unauthorized)",
            "wants a login that the build was not given",
        ),
        (
            "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 502'))",
            "cannot reach the network",
        ),
        ("dns error: failed to lookup address information", "cannot reach the network"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("envctl preflight: error: numpy; need: 2.0", "does not hold what the lock says: numpy"),
        ("something of its own\nexit code: 3", "a step of the build failed with exit code 3"),
    ],
)
def test_what_a_step_said_counts_before_what_the_engine_says_of_it(said: str, message: str) -> None:
    text = f"{said}\nERROR: failed to solve: executor failed running [/bin/sh -c x]: exit code: 3"
    found = explain_build(text, "[light 1/1] RUN x")
    assert found is not None
    assert message in found.message


@given(st.text())
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    found = explain(text)
    assert found is None or found.message


def test_the_unknown_has_no_explanation() -> None:
    assert explain("docker: Error response from daemon: something new.") is None
    assert explain_build("something new", None) is None
