"""Container engines: who answers, what builds, how GPUs get in. Each is asked for a few seconds only."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import which
from typing import Any

from envctl.adapters import docker_host
from envctl.adapters.checkup import tools
from envctl.adapters.checkup.patience import said, together
from envctl.adapters.checkup.reading import exists
from envctl.domain.checkup.engines import EngineFacts, Engines
from envctl.errors import ContainerError
from envctl.ports import Runner
from envctl.readers.engine_failure import explain

_PATIENCE = 5
_SECONDS = 15.0
_SPECS = ("etc/cdi", "var/run/cdi")
_LATE = f"does not answer within {_SECONDS:.0f} seconds"


def look(run: Runner, environ: Mapping[str, str], sysroot: Path) -> Engines:
    """Ask Docker and Podman at the same time."""
    calls = {
        "docker": partial(_docker, run, environ, sysroot),
        "podman": partial(_podman, run, environ, sysroot),
    }
    found = together(calls, _SECONDS)
    late = {
        "docker": EngineFacts(name="docker", problem=_LATE, mend="see `docker info`"),
        "podman": EngineFacts(name="podman", problem=_LATE, mend="see `podman info`"),
    }
    return Engines(
        engines=tuple(
            each if isinstance(each, EngineFacts) else late[name] for name, each in found.items()
        ),
        nvidia=any(exists(sysroot / path) for path in ("proc/driver/nvidia/version", "dev/dxg")),
    )


def _docker(run: Runner, environ: Mapping[str, str], sysroot: Path) -> EngineFacts:
    command = which("docker", path=environ.get("PATH"))
    try:
        where = docker_host.address()
        chosen = docker_host.is_chosen()
    except ContainerError as error:
        return _refusing("", error, chosen=True)
    if where.startswith("ssh://"):  # ssh may ask its user for a password
        return EngineFacts(name="docker", where="ssh", chosen=chosen, local=False)
    if not chosen and not command and not exists(where.removeprefix("unix://")):
        return EngineFacts(name="docker", there=False)
    try:
        found = _described(_info(), where, sysroot, chosen=chosen)
    except ContainerError as error:
        return _refusing(where, error, chosen=chosen)
    client = tools.docker(run, environ)
    return replace(found, buildkit=client.path is not None and client.problem is None)


def _info() -> Mapping[str, Any]:
    from docker.errors import DockerException  # noqa: PLC0415  # lazy: requests
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        with docker_host.connect(_PATIENCE) as client:
            return dict(client.info() or {})
    except (DockerException, RequestException) as error:
        raise docker_host.refused("the engine does not describe itself", error) from error


def _refusing(where: str, error: ContainerError, *, chosen: bool) -> EngineFacts:
    return EngineFacts(
        name="docker", where=_kind(where), chosen=chosen, problem=error.message, mend=error.hint
    )


def _described(info: Mapping[str, Any], where: str, sysroot: Path, *, chosen: bool) -> EngineFacts:
    options = [str(each) for each in info.get("SecurityOptions") or ()]
    local = where.startswith(("unix://", "npipe://"))
    return EngineFacts(
        name="docker",
        where=_kind(where),
        version=str(info.get("ServerVersion") or "") or None,
        chosen=chosen,
        local=local,
        rootless=any(each.startswith("name=rootless") for each in options),
        gpu=tuple(dict.fromkeys(_ways(info, sysroot if local else None))),
    )


def _ways(info: Mapping[str, Any], sysroot: Path | None) -> Iterator[str]:
    if "nvidia" in (info.get("Runtimes") or {}):
        yield "NVIDIA's runtime"
    devices = info.get("DiscoveredDevices") or ()  # from Docker 28.2 on
    if any("nvidia.com/" in str(each.get("ID")) for each in devices if isinstance(each, dict)):
        yield "CDI"
    if sysroot is None:
        return
    # `--gpus` needs no more than this program where the engine finds it.
    if which("nvidia-container-runtime-hook", path="/usr/bin:/usr/local/bin:/usr/local/sbin"):
        yield "NVIDIA's hook"
    if info.get("CDISpecDirs") and _listed(sysroot):
        yield "CDI"


def _podman(run: Runner, environ: Mapping[str, str], sysroot: Path) -> EngineFacts:
    command = which("podman", path=environ.get("PATH", os.defpath))
    if command is None:
        return EngineFacts(name="podman", there=False)
    done = said(run, [command, "info", "--format=json"], environ)
    if done is None or done.code != 0:
        known = explain(done.stderr) if done else None
        return EngineFacts(
            name="podman",
            problem=known.message if known else "it does not answer",
            mend=known.hint if known else "see `podman info`",
        )
    try:
        info = json.loads(done.stdout)
        host, version = info["host"], info.get("version") or {}
        return EngineFacts(
            name="podman",
            version=str(version.get("Version") or "") or None,
            local=not host.get("serviceIsRemote"),
            rootless=bool((host.get("security") or {}).get("rootless")),
            gpu=("CDI",) if _listed(sysroot) else (),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = "it describes itself in a way that is not known"
        return EngineFacts(name="podman", problem=problem, mend="see `podman info`")


def _listed(sysroot: Path) -> bool:
    """Whether a list of NVIDIA's devices is where engines look for such lists (CDI specification, 0.6)."""
    for folder in _SPECS:
        try:
            names = os.listdir(sysroot / folder)  # noqa: PTH208  # names are enough
        except OSError:
            continue
        if any("nvidia" in name and name.endswith((".yaml", ".json")) for name in names):
            return True
    return False


def _kind(where: str) -> str:
    """Return how the engine is reached: its address may name a machine or a user."""
    return "its default socket" if where == docker_host.DEFAULT else where.rpartition("://")[0]
