"""Recorded machines: files as `envctl record --save` writes them to `.envctl/machines`, for whoever asks a machine.

Drivers, their CUDA levels, the devices' names, memory and compute capabilities, and each C library are those of
machines that exist; ids are made up.
"""

import tomllib
from pathlib import Path

from envctl.domain.record import Record
from envctl.domain.record.reading import from_toml_dict

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the machines' names, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def text(name: str) -> str:
    """Return a machine's file as it would stand in `.envctl/machines/NAME.toml`."""
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def load(name: str) -> Record:
    """Return a machine's record."""
    return from_toml_dict(tomllib.loads(text(name)), f"tests/machines/{name}.toml")
