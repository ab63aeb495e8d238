"""``compose.yaml``: the image as a service (compose-spec, "Services", "Deploy", "Interpolation").

What the image itself says (command, user, health check, stop signal) is not said again. The declared variables are:
under the same name, a registry may have an older image.
"""

import re
from collections.abc import Iterator
from typing import Any

from envctl.domain import seal
from envctl.domain.export import Exported
from envctl.domain.image.companion import Companion
from envctl.emitters.quoted_yaml import Text, dump

NAME = "compose"
SUMMARY = "A compose.yaml that starts the image."
HELP = """\
Write a compose.yaml that starts the project's image.

It names the image as `envctl image build` does, the declared variables, the
ports, and the GPUs that the lock's CUDA needs. Secrets, and variables of one
machine, are passed on by name.
"""
FILE = "compose.yaml"
FILES = r"(.*/)?[^/]+\.ya?ml"
EXAMPLE = "envctl export compose --output compose.yaml"

_DEVICES = "CUDA_VISIBLE_DEVICES"
# A limit, not a reservation. With an engine's own 64 MiB, data loaders of several processes die.
_SHARED_MEMORY = "8gb"


def emit(companion: Companion) -> Exported:
    """Write the file."""
    about = f"# Written by `envctl export compose`, which leaves it alone once you have changed it. {seal.BLANK}\n"
    text = about + dump({"services": {_name(companion.project): _service(companion)}})
    return Exported(text=seal.sealed(text), warnings=tuple(_warnings(companion)))


def _service(companion: Companion) -> dict[str, Any]:
    image = companion.image
    # Without a value: the one of whoever calls compose, or none.
    names = dict.fromkeys(companion.passed)
    values = {name: _literal(value) for name, value in image.variables.env.items()}
    # As for `envctl image run -p`: this machine alone.
    ports = [Text(f"127.0.0.1:{port}:{port}") for port in image.service.ports]
    service: dict[str, Any] = {
        "image": Text(companion.reference),
        "environment": dict(sorted((values | names).items())),
        "ports": ports,
        **(_gpus(companion) if image.cuda else {}),
    }
    return {key: value for key, value in service.items() if value}


def _gpus(companion: Companion) -> dict[str, Any]:
    """Reserve what the project needs; a declared choice is one among all of the machine's."""
    image = companion.image
    count: str | int = "all" if _DEVICES in image.variables.env else image.gpu.count or 1
    device = {"driver": "nvidia", "count": count, "capabilities": ["gpu"]}
    return {
        "shm_size": _SHARED_MEMORY,
        "deploy": {"resources": {"reservations": {"devices": [device]}}},
    }


def _literal(value: str) -> Text:
    """Return a value in which compose replaces nothing."""
    return Text(value.replace("$", "$$"))


def _name(project: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-") or "app"


def _warnings(companion: Companion) -> Iterator[str]:
    if companion.image.cuda and not companion.image.gpu.required:
        yield (
            "the lock has CUDA, so a GPU is reserved, and compose starts nothing on a machine without one: "
            "there, take a profile for the CPU"
        )
