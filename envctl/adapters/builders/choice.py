"""Which builder there is for an image: the Docker engine that answers, else Podman, else Buildah."""

from collections.abc import Mapping
from shutil import which

from envctl.adapters import docker_host
from envctl.adapters.builders import BUILDERS, docker_cli
from envctl.domain.nearest import meant
from envctl.errors import ContainerError, ImageError, UsageError
from envctl.ports import Builder, Runner

_PATIENCE = 20
_WITHOUT_ENGINE = ("podman", "buildah")


def choose(asked: str | None, flavour: str, *, run: Runner, environ: Mapping[str, str]) -> Builder:
    """Return the builder that is asked for, or the one that fits; raises ``ContainerError``, ``UsageError``.

    An engine that is there and refuses us is said, and nobody else is asked: an image in another store is not the one
    that the next command would find.
    """
    if asked is not None:
        return _named(asked, flavour)
    try:
        with docker_host.connect(_PATIENCE):
            pass
    except ContainerError as error:
        instead = _without_engine(environ)
        if instead is None or "refuses" in error.message or docker_host.is_chosen():
            raise
        return instead
    if flavour == "hermetic":
        return BUILDERS["docker-api"]
    if docker_cli.program(run, environ) is None and (instead := _without_engine(environ)):
        return instead
    return BUILDERS["docker"]


def _named(name: str, flavour: str) -> Builder:
    builder = BUILDERS.get(name)
    if builder is None:
        raise UsageError(
            f"there is no builder `{name}`",
            where="--engine",
            hint=meant(name, BUILDERS, otherwise=f"there are: {', '.join(BUILDERS)}"),
        )
    if flavour not in builder.FLAVOURS:
        raise ImageError(
            f"the builder `{name}` cannot build the flavour `{flavour}`",
            where="tool.envctl.image.build",
            hint='set it to "hermetic" and run `envctl dockerize`, or use another builder',
        )
    return builder


def _without_engine(environ: Mapping[str, str]) -> Builder | None:
    there = (name for name in _WITHOUT_ENGINE if which(name, path=environ.get("PATH")))
    return next((BUILDERS[name] for name in there), None)
