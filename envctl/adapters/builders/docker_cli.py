"""BuildKit in a Docker engine, through the ``docker`` command: the SDK does not speak its protocol.

A client from 23 on leaves building to its plug-in buildx, older ones have it built in; several may be installed, so
each is asked. With buildx the builder may be another one than the engine's own, and then it can rewrite dates.
"""

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which

from envctl.adapters.build_failure import failed
from envctl.adapters.docker_history import layers
from envctl.domain.image.order import Assembled, Dated, Listener, Order
from envctl.emitters.container import csv_line
from envctl.errors import ContainerError
from envctl.ports import Runner
from envctl.readers.build_log import BuildKit

__all__ = ["FLAVOURS", "NAME", "build", "layers", "program"]

NAME = "docker"
FLAVOURS = ("buildkit", "hermetic")
_FOLDERS = ("/usr/bin", "/usr/local/bin")
_WITHIN = 23  # the first major version without a builder of its own
_DATES = (0, 11)  # BuildKit that takes SOURCE_DATE_EPOCH for the image
_REWRITES = (0, 13)  # and for its files, where the exporter is not the engine's own store
_ASKING_S = 20.0
_TAIL = 400  # lines of the log that say why it failed


def program(run: Runner, environ: Mapping[str, str]) -> str | None:
    """Return the first docker command that can build with BuildKit; ``None``: there is none."""
    return next((path for path in _clients(environ) if _builds(run, path, environ)), None)


def build(order: Order, *, run: Runner, heard: Listener, workspace: Path) -> Assembled:
    """Build; raises ``ContainerError`` and ``ToolMissingError``."""
    environ = {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    docker = program(run, environ)
    if docker is None:
        raise _no_client(environ)
    inspected = _inspected(run, docker, environ)
    dated: Dated = "nothing"
    if order.epoch is not None:
        environ["SOURCE_DATE_EPOCH"] = str(order.epoch)
        dated = _dated(inspected)
    named = workspace / "image-id"
    argv = [docker, *(("buildx",) if inspected else ()), "build", "--progress=plain"]
    argv += [f"--iidfile={named}", *_options(order)]
    if inspected:
        argv.append("--output=type=docker,rewrite-timestamp=true" if dated == "all" else "--load")
    log, tail = BuildKit(), deque[str](maxlen=_TAIL)

    def hear(line: str) -> None:
        tail.append(line)
        for event in log.read(line):
            heard(event)

    done = run([*argv, str(order.context)], cwd=order.context, env=environ, heard=hear)
    for event in log.end(failed=done.code != 0):
        heard(event)
    if done.code != 0:
        raise failed("\n".join(tail), log.failed)
    return Assembled(identity=named.read_text(encoding="utf-8").strip(), dated=dated)


def _options(order: Order) -> Iterator[str]:
    yield f"--file={order.context / order.dockerfile}"
    yield from (f"--tag={tag}" for tag in order.tags)
    for secret in order.secrets:
        yield "--secret=" + csv_line([f"id={secret.name}", f"src={secret.path}"])
    yield from (f"--build-arg={name}" for name in order.proxies)
    if order.epoch is not None:
        yield f"--build-arg=SOURCE_DATE_EPOCH={order.epoch}"
    if order.network:
        yield f"--network={order.network}"
    if order.target:
        yield f"--platform={order.target}"
    if order.fresh:
        yield "--no-cache"


def _clients(environ: Mapping[str, str]) -> Iterator[str]:
    folders = [*environ.get("PATH", "").split(os.pathsep), *_FOLDERS]
    found = (which("docker", path=folder) for folder in folders if folder)
    yield from dict.fromkeys(path for path in found if path)


def _builds(run: Runner, docker: str, environ: Mapping[str, str]) -> bool:
    said = run([docker, "--version"], env=environ, timeout=_ASKING_S).stdout
    version = re.search(r"version v?([0-9]+)", said)
    if "podman" in said.lower() or version is None:  # podman-docker: Podman under another name
        return False
    return int(version[1]) < _WITHIN or _buildx(run, docker, environ)


def _buildx(run: Runner, docker: str, environ: Mapping[str, str]) -> bool:
    return run([docker, "buildx", "version"], env=environ, timeout=_ASKING_S).code == 0


def _inspected(run: Runner, docker: str, environ: Mapping[str, str]) -> str:
    """Return what buildx says of its builder; nothing where there is no buildx."""
    if not _buildx(run, docker, environ):
        return ""
    return run([docker, "buildx", "inspect"], env=environ, timeout=_ASKING_S).stdout or " "


def _dated(inspected: str) -> Dated:
    version = re.search(
        r"^\s*BuildKit(?: version)?:\s*v?([0-9]+)\.([0-9]+)", inspected, re.MULTILINE
    )
    driver = re.search(r"^Driver:\s*(\S+)", inspected, re.MULTILINE)
    have = (int(version[1]), int(version[2])) if version else (0, 0)
    if have < _DATES:
        return "nothing"
    own = driver is None or driver[1] == "docker"
    return "all" if have >= _REWRITES and not own else "image"


def _no_client(environ: Mapping[str, str]) -> ContainerError:
    there = tuple(_clients(environ))
    return ContainerError(
        "no docker command here can build with BuildKit"
        if there
        else "there is no docker command, and only that reaches BuildKit",
        where=", ".join(there) or "PATH",
        hint="install its plug-in buildx (Debian, Ubuntu: `apt-get install docker-buildx`), "
        'or set `build = "hermetic"` in tool.envctl.image, or use `--engine podman`',
    )
