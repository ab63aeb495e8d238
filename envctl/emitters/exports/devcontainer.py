"""``devcontainer.json``: the image as the place where an editor works on the project (containers.dev, reference).

The project's folder lies at ``/app``, over the image's own copy of the source. What starts in the container are the
editor's commands, not the image's: so the preflight is a command of its own.
"""

import json
from collections.abc import Iterator
from typing import Any

from envctl.domain import seal
from envctl.domain.export import Exported
from envctl.domain.image.companion import Companion
from envctl.domain.variables import classify
from envctl.emitters.dockerfile.final import PREFLIGHT

NAME = "devcontainer"
SUMMARY = "A devcontainer.json that works in the image."
HELP = """\
Write a devcontainer.json: an editor works inside the project's image.

It names the image as `envctl image build` does, the declared variables, the
ports, and whether a GPU is needed. Secrets, and variables of one machine, are
passed on by name.
"""
FILE = ".devcontainer/devcontainer.json"
FILES = r"\.devcontainer\.json|\.devcontainer/([^/]+/)?devcontainer\.json"
EXAMPLE = "envctl export devcontainer --output .devcontainer/devcontainer.json"

_PYTHON = "/opt/venv/bin/python"
_MOUNT = "type=bind,source=${localWorkspaceFolder},target=/app"


def emit(companion: Companion) -> Exported:
    """Write JSON with one comment, as the specification allows it."""
    about = (
        "// Written by `envctl export devcontainer`, which leaves it alone once you have changed it. "
        f"{seal.BLANK}\n"
    )
    text = about + json.dumps(_table(companion), indent=2, ensure_ascii=False) + "\n"
    return Exported(text=seal.sealed(text), warnings=tuple(_warnings(companion)))


def _table(companion: Companion) -> dict[str, Any]:
    image = companion.image
    kept = {name: value for name, value in image.variables.env.items() if not _replaced(value)}
    secrets = [name for name in companion.passed if classify(name) == "secret"]
    table: dict[str, Any] = {
        "name": companion.project.replace("${", "{"),
        "image": companion.reference,
        "containerEnv": kept,
        # By name: what is not set outside is not set inside; `${localEnv:…}` would make it empty.
        "runArgs": [
            *(f"--env={name}" for name in companion.passed),
            *(("--shm-size=8g",) if image.cuda else ()),
        ],
        "secrets": {name: {} for name in secrets},
        # By its name, so that it is given the caller's number: files written in the mount are the caller's.
        "containerUser": "app",
        "remoteUser": "app",
        "workspaceMount": _MOUNT,
        "workspaceFolder": "/app",
        "forwardPorts": list(image.service.ports),
        "hostRequirements": {"gpu": image.gpu.required or "optional"} if image.cuda else {},
        "postStartCommand": [*PREFLIGHT, "start", "--", "true"],
        "customizations": {
            "vscode": {
                "extensions": ["ms-python.python"],
                "settings": {"python.defaultInterpreterPath": _PYTHON},
            }
        },
    }
    return {key: value for key, value in table.items() if value}


def _replaced(value: str) -> bool:
    """Whether the tools would replace something in it: they know no way to say that they shall not."""
    return "${" in value


def _warnings(companion: Companion) -> Iterator[str]:
    for name, value in companion.image.variables.env.items():
        if _replaced(value):
            yield (
                f"{name} has `${{` in its value, which an editor would replace: "
                "the container has the value that is in the image"
            )
    if companion.image.built.project:
        yield (
            "the image holds the project as a package: what you edit in the container is not what it imports"
        )
