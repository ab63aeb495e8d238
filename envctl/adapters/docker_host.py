"""Where the Docker engine is, as DOCKER_HOST or the docker context says, and the way there with clear words.

The SDK reads both; here is what it leaves out: a context that is not there would lead to the default socket in silence.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from envctl.errors import ContainerError, NoEngineError
from envctl.readers.engine_failure import explain

if TYPE_CHECKING:
    from docker import DockerClient

_SILENT = "Cannot connect to the Docker daemon"
DEFAULT = "unix:///var/run/docker.sock"


def address() -> str:
    """Return where the engine is looked for; raises ``ContainerError`` for a context that is not there."""
    from docker.context import ContextAPI

    host = os.environ.get("DOCKER_HOST")
    if host:
        return host
    name = os.environ.get("DOCKER_CONTEXT") or None
    try:
        context: Any = ContextAPI.get_context(name)
    except Exception as error:  # the SDK raises that very class for a file that is no JSON
        raise _unreadable(name, str(error)) from error
    if context is None:
        named = name or "the current one"
        raise ContainerError(
            f"there is no docker context `{named}`",
            where="DOCKER_CONTEXT" if name else "~/.docker/config.json",
            hint="`docker context ls` lists those there are, `docker context use NAME` chooses one",
        )
    return str(context.Host or DEFAULT).removeprefix("http+")


def is_chosen() -> bool:
    """Whether somebody said which engine it is to be: then nobody else is asked when it does not answer."""
    return "DOCKER_HOST" in os.environ or address() != DEFAULT


def is_local() -> bool:
    """Whether the engine is on this machine, so that paths and devices mean the same there."""
    return address().startswith(("unix://", "npipe://"))


def refused(what: str, error: Exception) -> ContainerError:
    """Return what an engine's refusal means; ``what`` was not to be done, if nothing more is known."""
    known = explain(str(error), where=address())
    return ContainerError(
        known.message if known else what,
        where=(known.where if known else None) or address(),
        hint=known.hint
        if known
        else "look at `docker info`; `--verbose` shows what the engine said",
        details=str(error),
    )


@contextmanager
def connect(patience: int) -> "Iterator[DockerClient]":
    """Lend a client; ``patience``: seconds without an answer. Raises ``NoEngineError`` where none is to be had."""
    import docker
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    where = address()
    ssh = where.startswith("ssh://")
    try:
        client = docker.from_env(timeout=patience, use_ssh_client=ssh)
        client.ping()
    except (DockerException, RequestException, OSError) as error:
        known = explain(str(error), where=where) or explain(_SILENT, where=where)
        raise NoEngineError(
            known.message if known else _SILENT,
            where=where,
            hint=known.hint if known else "look at `docker info`",
            details=str(error),
        ) from error
    try:
        yield client
    finally:
        client.close()


def _unreadable(name: str | None, why: str) -> ContainerError:
    return ContainerError(
        f"the docker context {f'`{name}` ' if name else ''}cannot be read",
        where="~/.docker/contexts",
        hint="`docker context ls` lists them; make it anew, or set DOCKER_HOST",
        details=why,
    )
