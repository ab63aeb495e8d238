"""Configuration files of pip and uv, where those look for them; only their keys are taken.

pip: https://pip.pypa.io/en/stable/topics/configuration/ ; uv: docs.astral.sh/uv/concepts/configuration-files.
"""

import configparser
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envctl.adapters.checkup.reading import is_file, text
from envctl.domain.checkup.settings import SettingsFile


def look(environ: Mapping[str, str], root: Path | None) -> tuple[SettingsFile, ...]:
    """Return the files that are there, those that count most last."""
    found = [_pip(path) for path in dict.fromkeys(_of_pip(environ)) if is_file(path)]
    found += [_uv(path) for path in dict.fromkeys(_of_uv(environ, root)) if is_file(path)]
    return tuple(found)


def _of_pip(environ: Mapping[str, str]) -> Iterator[Path]:
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    yield from (Path(folder) / "pip" / "pip.conf" for folder in folders if folder)
    yield Path("/etc/pip.conf")
    if home := environ.get("HOME"):
        yield Path(home) / ".pip" / "pip.conf"
        yield Path(environ.get("XDG_CONFIG_HOME") or f"{home}/.config") / "pip" / "pip.conf"
    if active := environ.get("VIRTUAL_ENV"):
        yield Path(active) / "pip.conf"
    if named:
        yield Path(named)


def _of_uv(environ: Mapping[str, str], root: Path | None) -> Iterator[Path]:
    if environ.get("UV_NO_CONFIG", "").lower() in ("1", "true", "yes", "on"):
        return
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    yield from (Path(folder) / "uv" / "uv.toml" for folder in folders if folder)
    yield Path("/etc/uv/uv.toml")
    if home := environ.get("HOME"):
        yield Path(environ.get("XDG_CONFIG_HOME") or f"{home}/.config") / "uv" / "uv.toml"
    if root:
        yield root / "uv.toml"
    if named := environ.get("UV_CONFIG_FILE"):
        yield Path(named)


def _pip(path: Path) -> SettingsFile:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text(path))
    except configparser.Error:  # its message quotes the line, which may hold a login
        return SettingsFile(tool="pip", path=str(path), problem="it is no INI file")
    except (OSError, ValueError) as error:
        return SettingsFile(tool="pip", path=str(path), problem=_why(error))
    keys = tuple(f"{section}.{key}" for section in parser.sections() for key in parser[section])
    return SettingsFile(tool="pip", path=str(path), keys=keys)


def _uv(path: Path) -> SettingsFile:
    try:
        table = tomllib.loads(text(path))
    except tomllib.TOMLDecodeError:
        return SettingsFile(tool="uv", path=str(path), problem="it is no TOML")
    except (OSError, ValueError, RecursionError) as error:
        return SettingsFile(tool="uv", path=str(path), problem=_why(error))
    return SettingsFile(tool="uv", path=str(path), keys=tuple(_keys(table)))


def _keys(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict) and key == "pip":
            yield from (f"pip.{each}" for each in value)
        else:
            yield key


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"it cannot be read: {(error.strerror or 'unknown').lower()}"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it cannot be read"
