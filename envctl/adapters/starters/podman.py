"""Containers through Podman."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from shutil import which
from typing import Any

from envctl.domain.image.starting import HostFacts, ImageFacts, Start
from envctl.emitters import container
from envctl.errors import ContainerError, ToolMissingError
from envctl.ports import Runner
from envctl.readers.engine_failure import explain

NAME = "podman"
# Where Podman looks for it (containers.conf, `init_path`).
_INIT = ("/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit", "/usr/bin/catatonit")


def facts(run: Runner) -> HostFacts:
    """Return what Podman's way with users and paths is; raises ``ContainerError``."""
    host = _asked(run, "info", "--format=json")["host"]
    return HostFacts(
        local=not host.get("serviceIsRemote"),
        rootless=bool((host.get("security") or {}).get("rootless")),
        init=any(Path(path).exists() for path in _INIT),
        keeps_ids=True,
    )


def inspect(reference: str, run: Runner) -> ImageFacts | None:
    """Return what an image brings, ``None`` when there is none of that name."""
    if run([NAME, "image", "exists", reference]).code != 0:
        return None
    (found,) = _asked(run, "image", "inspect", "--format=json", reference)
    configuration = found.get("Config") or {}
    return ImageFacts(
        env=dict(pair.split("=", 1) for pair in configuration.get("Env") or () if "=" in pair),
        ports=tuple(configuration.get("ExposedPorts") or ()),
        labels=dict(configuration.get("Labels") or {}),
    )


def command(start: Start, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command that starts the container; raises ``ToolMissingError``."""
    podman = which(NAME, path=environ.get("PATH", os.defpath))
    if podman is None:
        raise ToolMissingError(
            "`podman` was not found", where="PATH", hint="install it, or use `--engine docker`"
        )
    return (podman, *container.podman(start))


def _asked(run: Runner, *words: str) -> Any:
    done = run([NAME, *words])
    if done.code != 0:
        known = explain(done.stderr)
        raise ContainerError(
            known.message if known else f"Podman does not answer: {done.stderr.strip()}",
            where=known.where if known else None,
            hint=known.hint if known else "look at `podman info`",
            details=done.stderr,
        )
    return json.loads(done.stdout)
