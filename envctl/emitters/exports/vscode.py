"""Settings for Visual Studio Code (``.vscode/settings.json``): the interpreter, and the variables of its terminals.

The Python extension activates the environment in a terminal, which brings every variable. Written down are those that
tasks and the debugger shall have from the start as well. A file for ``python.envFile`` would hold them a third time.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from envctl.domain import seal
from envctl.domain.environment.entrance import Entrance
from envctl.domain.export import Exported
from envctl.domain.variables import classify

NAME = "vscode"
SUMMARY = "Settings for Visual Studio Code."
HELP = """\
Write settings for Visual Studio Code: interpreter and variables.

Variables that mean something on one machine only are left to activation.
Write them again when a declared variable has changed.
"""
FILE = ".vscode/settings.json"
FILES = r"(.*/)?settings\.json"
EXAMPLE = "envctl export vscode --output .vscode/settings.json"
HOLDS_VALUES = True

_TERMINALS = ("terminal.integrated.env.linux", "terminal.integrated.env.osx")


def emit(entrance: Entrance) -> Exported:
    """Write JSON with one comment, as the editor takes it; the path is any machine's."""
    kept = {name: value for name, value in entrance.env.items() if not _reason(name, value)}
    settings: dict[str, Any] = {
        "python.defaultInterpreterPath": "${workspaceFolder}/.venv/bin/python",
        "python.terminal.activateEnvironment": True,
        **(dict.fromkeys(_TERMINALS, kept) if kept else {}),
    }
    about = f"// Written by `envctl export vscode`, which leaves it alone once you have changed it. {seal.BLANK}\n"
    text = about + json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    return Exported(text=seal.sealed(text), warnings=tuple(_warnings(entrance.env)))


def _reason(name: str, value: str) -> str | None:
    """Say why a variable cannot be set for every terminal."""
    if classify(name) == "host":
        return "means something on one machine only: activation sets it in a terminal"
    if "${" in value:
        return "has `${` in its value, which the editor would replace and cannot be told not to"
    return None


def _warnings(env: Mapping[str, str]) -> Iterator[str]:
    for name, value in env.items():
        if reason := _reason(name, value):
            yield f"{name} {reason}"
