"""What starts containers: each a module with the names of ``envctl.ports.Starter``, in one explicit table."""

from collections.abc import Mapping
from shutil import which

from envctl.adapters import docker_host
from envctl.adapters.starters import docker, podman
from envctl.domain.nearest import meant
from envctl.errors import ContainerError, UsageError
from envctl.ports import Starter

STARTERS: Mapping[str, Starter] = {each.NAME: each for each in (docker, podman)}


def choose(asked: str | None, environ: Mapping[str, str]) -> Starter:
    """Return what is asked for, else Docker where its engine answers, else Podman; raises ``ContainerError``."""
    if asked is not None:
        if asked not in STARTERS:
            raise UsageError(
                f"`{asked}` starts no containers",
                where="--engine",
                hint=meant(asked, STARTERS, otherwise=f"there are: {', '.join(STARTERS)}"),
            )
        return STARTERS[asked]
    try:
        docker.answers()
    except ContainerError as error:
        there = which(podman.NAME, path=environ.get("PATH"))
        if not there or "refuses" in error.message or docker_host.is_chosen():
            raise
        return STARTERS[podman.NAME]
    return STARTERS[docker.NAME]
