"""The engine's classic builder, through the SDK: no mounts, no secrets, so for the hermetic flavour only.

Needs no docker command, and works with everything that speaks the engine's API, Podman's service among them.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envctl.adapters import docker_host
from envctl.adapters.build_failure import failed
from envctl.adapters.docker_history import layers
from envctl.domain.image.order import Assembled, Listener, Order
from envctl.errors import ContainerError
from envctl.ports import Runner
from envctl.readers.build_log import OneByOne

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["FLAVOURS", "NAME", "build", "layers"]

NAME = "docker-api"
FLAVOURS = ("hermetic",)
_PATIENCE = 20
_TAIL = 400


def build(order: Order, *, run: Runner, heard: Listener, workspace: Path) -> Assembled:  # noqa: ARG001  # one shape
    """Build; raises ``ContainerError``."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    log, tail = OneByOne(), deque[str](maxlen=_TAIL)
    where = docker_host.address()
    try:
        with docker_host.connect(_PATIENCE) as client:
            identity = _built(client, order, log, tail, heard)
            for event in log.end(failed=not identity):
                heard(event)
            if not identity:
                raise failed("\n".join(tail), log.failed, where=where)
            for tag in order.tags[1:]:
                client.api.tag(identity, *_name_and_tag(tag))
    except (DockerException, RequestException) as error:
        raise failed(str(error), log.failed, where=where) from error
    return Assembled(identity=identity)


def _built(
    client: "DockerClient", order: Order, log: OneByOne, tail: deque[str], heard: Listener
) -> str:
    """Return the id of the image, nothing when the engine says that it could not be built."""
    identity = ""
    for chunk in client.api.build(**_arguments(order), timeout=None):
        identity = str((chunk.get("aux") or {}).get("ID") or identity)
        for line in _lines(chunk):
            tail.append(line)
            for event in log.read(line):
                heard(event)
        if "error" in chunk:
            return ""
    return identity


def _arguments(order: Order) -> dict[str, Any]:
    if order.secrets:
        names = ", ".join(secret.name for secret in order.secrets)
        raise ContainerError(
            f"this builder takes no secrets ({names})",
            where="--engine",
            hint="use `--engine docker`, or leave `--secret` out",
        )
    return {
        "path": str(order.context),
        "dockerfile": order.dockerfile,
        "tag": order.tags[0] if order.tags else None,
        "nocache": order.fresh,
        "rm": True,
        "forcerm": True,
        "decode": True,
        "buildargs": {name: os.environ.get(name, "") for name in order.proxies},
        "network_mode": order.network,
        "platform": order.target,
    }


def _lines(chunk: Mapping[str, Any]) -> Iterator[str]:
    text = str(chunk.get("stream") or chunk.get("error") or "")
    yield from text.splitlines()


def _name_and_tag(reference: str) -> tuple[str, str]:
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
