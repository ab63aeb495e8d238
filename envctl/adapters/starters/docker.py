"""Containers through the ``docker`` command, in whatever engine the context names."""

import os
from collections.abc import Mapping
from shutil import which
from typing import Any

from envctl.adapters import docker_host
from envctl.domain.image.starting import HostFacts, ImageFacts, Start
from envctl.emitters import container
from envctl.errors import ToolMissingError
from envctl.ports import Runner

NAME = "docker"
_PATIENCE = 20


def answers() -> None:
    """Ask the engine whether it is there; raises ``ContainerError``."""
    with docker_host.connect(_PATIENCE):
        pass


def facts(run: Runner) -> HostFacts:  # noqa: ARG001  # the SDK needs no program
    """Return what the engine's way with users and paths is."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        with docker_host.connect(_PATIENCE) as client:
            said = [str(each) for each in (client.info() or {}).get("SecurityOptions") or ()]
    except (DockerException, RequestException) as error:
        raise docker_host.refused("the engine does not describe itself", error) from error
    return HostFacts(
        local=docker_host.is_local(),
        rootless=any(each.startswith("name=rootless") for each in said),
        remapped=any(each.startswith("name=userns") for each in said),
        init=True,
    )


def inspect(reference: str, run: Runner) -> ImageFacts | None:  # noqa: ARG001  # the SDK needs no program
    """Return what an image brings, ``None`` when the engine has none of that name."""
    from docker.errors import DockerException, ImageNotFound
    from requests.exceptions import RequestException

    try:
        with docker_host.connect(_PATIENCE) as client:
            api: Any = client.api  # its methods carry no types
            configuration = api.inspect_image(reference).get("Config") or {}
    except ImageNotFound:
        return None
    except (DockerException, RequestException) as error:
        raise docker_host.refused(f"the engine cannot look at `{reference}`", error) from error
    return ImageFacts(
        env=dict(pair.split("=", 1) for pair in configuration.get("Env") or () if "=" in pair),
        ports=tuple(configuration.get("ExposedPorts") or ()),
        labels=dict(configuration.get("Labels") or {}),
    )


def command(start: Start, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command that starts the container; raises ``ToolMissingError``."""
    docker = which(NAME, path=environ.get("PATH", os.defpath))
    if docker is None:
        raise ToolMissingError(
            "there is no docker command",
            where="PATH",
            hint="install it (Debian, Ubuntu: `apt-get install docker-cli`, or docker.io)",
        )
    return (docker, *container.docker(start))
