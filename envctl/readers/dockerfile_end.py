"""What the last stage of a Dockerfile says of how its image is started, the user's own lines included.

The Dockerfile is the project's word, so what it says there is right even where envctl would say otherwise. Values of
``ENV`` and ``LABEL`` are not worked out: an engine does that with variables which only it knows.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_SHELL = ("/bin/sh", "-c")
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_OPTIONS = re.compile(r"(?:--[a-z-]+(?:=\S*)?\s+)*")
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)(?:=|\s)")


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """How an image is started; ``None``: the stage does not say. ``variables``: the names that it sets.

    ``health`` is as an image's configuration has it (``CMD``, ``CMD-SHELL`` or ``NONE`` first); ``folder`` where it
    starts; ``later``: it adds something to images made from it.
    """

    user: str | None = None
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    variables: frozenset[str] = frozenset()
    volumes: bool = False
    health: tuple[str, ...] | None = None
    folder: str | None = None
    later: bool = False


def read_end(text: str) -> End:
    """Read a Dockerfile's last stage."""
    last: dict[str, str] = {}
    variables: set[str] = set()
    folder: str | None = None
    for word, rest in _last_stage(text):
        last[word] = rest
        if word == "ENV":
            variables |= _names(rest)
        elif word == "WORKDIR":
            folder = posixpath.normpath(posixpath.join(folder or "", rest.strip()))
    return End(
        user=last["USER"].strip() if "USER" in last else None,
        # An entry point that is set after CMD leaves CMD as it is (Dockerfile reference).
        entrypoint=_command(last["ENTRYPOINT"]) if "ENTRYPOINT" in last else None,
        command=_command(last["CMD"]) if "CMD" in last else None,
        variables=frozenset(variables),
        volumes="VOLUME" in last,
        health=_health(last["HEALTHCHECK"]) if "HEALTHCHECK" in last else None,
        folder=folder,
        later="ONBUILD" in last,
    )


def adds_files(text: str) -> bool:
    """Whether lines at the end of a Dockerfile bring files into the image."""
    return any(
        match[1].upper() in ("RUN", "COPY", "ADD", "FROM")
        for line in _logical(text)
        if (match := _INSTRUCTION.fullmatch(line))
    )


def _last_stage(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in _logical(text):
        match = _INSTRUCTION.fullmatch(line)
        if match and match[1].upper() == "FROM":
            found = []
        elif match:
            found.append((match[1].upper(), match[2]))
    return found


def _logical(text: str) -> Iterator[str]:
    """Yield the lines with those that they go on with; comments between them are left out, as BuildKit does."""
    whole = ""
    for line in text.split("\n"):
        if line.lstrip().startswith("#") or (whole and not line.strip()):
            continue
        if line.rstrip().endswith("\\"):
            whole += line.rstrip()[:-1]
            continue
        if (whole + line).strip():
            yield whole + line
        whole = ""
    if whole.strip():
        yield whole


def _health(rest: str) -> tuple[str, ...]:
    said = rest[_OPTIONS.match(rest).end() :].strip()  # type: ignore[union-attr]  # it may be empty
    kind, _, command = said.partition(" ")
    if kind.upper() != "CMD":
        return ("NONE",)
    found = _command(command.strip())
    return ("CMD-SHELL", *found[2:]) if found[:2] == _SHELL else ("CMD", *found)


def _command(rest: str) -> tuple[str, ...]:
    try:
        found = json.loads(rest)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return tuple(found)
    return (*_SHELL, rest.strip())


def _names(rest: str) -> set[str]:
    first = _PAIR.match(rest)
    if first is None:
        return set()
    if rest[first.end() - 1] != "=":  # the old form: one name, a space, its value
        return {first[1]}
    try:
        words = shlex.split(rest)
    except ValueError:
        return {first[1]}
    return {word.partition("=")[0] for word in words if "=" in word}
