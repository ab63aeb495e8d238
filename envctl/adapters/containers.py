"""The one door to the container engine: the docker SDK, which does not speak BuildKit's protocol.

Every import of it is late: it brings ``requests``, which costs more than most commands take.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envctl.adapters import docker_host
from envctl.errors import ContainerError

if TYPE_CHECKING:
    from envctl.domain.image.contents import Contents

_PATIENCE = 20  # seconds; a registry behind a proxy that drops packets would hold us for minutes
_SAVING = 1800  # seconds; the engine packs a large image whole before it sends the first byte


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltImage:
    """A local image as the engine describes it."""

    identity: str
    machine: str
    size: int
    user: str
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()


def registry_digest(reference: str) -> str | None:
    """Ask the registry, through the engine and with its mirrors and logins, which digest a tag has now.

    ``None`` when there is no engine, no registry, or no such image.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        with docker_host.connect(_PATIENCE) as client:
            return str(client.images.get_registry_data(reference).id)
    except (ContainerError, DockerException, RequestException):
        return None


def mirrors() -> tuple[str, ...]:
    """Return the addresses that the engine asks before Docker Hub; empty when there is no engine."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        with docker_host.connect(_PATIENCE) as client:
            settings = (client.info() or {}).get("RegistryConfig") or {}
            return tuple(str(mirror) for mirror in settings.get("Mirrors") or ())
    except (ContainerError, DockerException, RequestException):
        return ()


def inspect(reference: str) -> BuiltImage | None:
    """Return a local image, ``None`` when the engine has none of that name."""
    from docker.errors import ImageNotFound

    with docker_host.connect(_PATIENCE) as client, _explained(f"inspect {reference}"):
        try:
            found = client.images.get(reference)
        except ImageNotFound:
            return None
        attributes = found.attrs or {}
        configuration = attributes.get("Config") or {}
        return BuiltImage(
            identity=str(found.id),
            machine=str(attributes.get("Architecture", "")),
            size=int(attributes.get("Size", 0)),
            user=str(configuration.get("User") or ""),
            labels=dict(configuration.get("Labels") or {}),
            env=dict(pair.split("=", 1) for pair in configuration.get("Env") or ()),
            layers=tuple((attributes.get("RootFS") or {}).get("Layers") or ()),
        )


def contents(reference: str) -> "Contents | None":
    """Read every file of a local image, without making a container of it; ``None``: the engine has none."""
    from docker.errors import ImageNotFound

    from envctl.adapters import image_files

    with docker_host.connect(_SAVING) as client, _explained(f"read {reference}"):
        try:
            found = client.images.get(reference)
        except ImageNotFound:
            return None
        return image_files.read(found.save(chunk_size=1 << 20), reference)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise docker_host.refused(f"the engine cannot {what}", error) from error
