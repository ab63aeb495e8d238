"""What an image in the Docker engine is made of: its layers with their sizes."""

from typing import Any

from envctl.adapters import docker_host
from envctl.domain.image.order import Layer
from envctl.ports import Runner

_PATIENCE = 60


def layers(reference: str, *, run: Runner) -> tuple[Layer, ...]:  # noqa: ARG001  # the SDK needs no program
    """Return an image's layers, lowest first, without the instructions that made none; raises ``ContainerError``."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        with docker_host.connect(_PATIENCE) as client:
            api: Any = client.api  # its methods carry no types
            found = api.history(reference)
    except (DockerException, RequestException) as error:
        raise docker_host.refused(f"the engine cannot look at `{reference}`", error) from error
    return tuple(
        Layer(size=int(each.get("Size") or 0), made_by=str(each.get("CreatedBy") or ""))
        for each in reversed(found)
        if each.get("Size")
    )
