"""What can be said of a run without asking a driver or starting a program; what is then not known is null.

What cannot change while the note of ``run`` holds is put into words beforehand (``envctl.usecases.describe.about``).
"""

import os

from envctl import __version__
from envctl.runs import here

KIND = "envctl-run"
SCHEMA = 1
_PART = "\x1f"
_PAIR = "\x1e"


def pack(*, root: str, kinds: str, declared: str, machines: str, settled: str) -> str:
    """Put what is known beforehand into one text; ``root`` may hold any character.

    ``kinds``: ``NAME=CLASS`` of each variable that may be told of; ``declared``: ``NAME="VALUE"`` of each that the
    manifest sets and no table knows (see ``pair``); ``machines``: ``ID=NAME`` of each recorded one; ``settled``: the
    members of the description that are known already, as ``json.dumps`` lays them out with an indent of 1.
    """
    return _PART.join((root, kinds, declared, machines, settled))


def root(about: str) -> str:
    """Return the project's folder."""
    return about.rsplit(_PART, 4)[0]


def pairs(values: "dict[str, str]") -> str:
    """Return the variables as one text without the characters that part texts here."""
    return _PAIR.join(f"{name}={quoted(value)}" for name, value in values.items())


def quoted(value: str) -> str:
    """Return a text as JSON has it, in ASCII."""
    if value.isascii() and value.isprintable() and not ('"' in value or "\\" in value):
        return f'"{value}"'
    try:  # json would load re, 4 ms; this module alone half a millisecond
        from _json import encode_basestring_ascii  # noqa: PLC0415
    except ImportError:  # not CPython
        from json.encoder import py_encode_basestring_ascii as encode_basestring_ascii  # noqa: PLC0415
    return encode_basestring_ascii(value)


def text(
    about: str, env: "dict[str, str]", hidden: "set[str]", name: "str | None", moment: str
) -> str:
    """Return the description as JSON, in ASCII.

    ``about``: see ``pack``; ``env``: all that the command is given; ``hidden``: names whose values are secrets.
    """
    folder, kinds, declared, machines, settled = about.rsplit(_PART, 4)
    sysroot = (os.environ.get("ENVCTL_SYSROOT") or "").rstrip("/")
    head: dict[str, object] = {
        "kind": KIND,
        "schema": SCHEMA,
        "id": name,
        "time": moment,
        "envctl": __version__,
        "commit": here.commit(folder),
        "dirty": None,
    }
    tail: dict[str, object] = {
        "machine": here.machine(sysroot, machines),
        "driver": here.first(f"{sysroot}/sys/module/nvidia/version"),
        "gpus": _gpus(sysroot, env.get("CUDA_VISIBLE_DEVICES", "")),
        "variables": _variables(kinds, declared, env, hidden),
    }
    return "{\n" + ",\n".join((_members(head, " "), settled, _members(tail, " "))) + "\n}\n"


def _members(table: "dict[str, object]", indent: str) -> str:
    return ",\n".join(f"{indent}{quoted(key)}: {_json(table[key], indent)}" for key in table)


def _json(value: object, indent: str) -> str:
    """Return a value as ``json.dumps`` does."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict) and value:
        return f"{{\n{_members(value, indent + ' ')}\n{indent}}}"
    if isinstance(value, list) and value:
        each = f",\n{indent} ".join(_json(item, indent + " ") for item in value)
        return f"[\n{indent} {each}\n{indent}]"
    return "null" if value is None else str(value)


def _gpus(sysroot: str, visible: str) -> "list[dict[str, object]] | None":
    """Return the GPUs; not known where a lease, or somebody, names one that no file tells of."""
    found = here.gpus(sysroot)
    return None if found == [] and visible[:4] in ("GPU-", "MIG-") else found


def _variables(
    kinds: str, declared: str, env: "dict[str, str]", hidden: "set[str]"
) -> "dict[str, object]":
    home = env.get("HOME", "").rstrip("/")
    found: dict[str, object] = {}
    for pair in filter(None, kinds.split(" ")):
        name, _, kind = pair.partition("=")
        if name in env:
            told = kind != "location" and name not in hidden
            found[name] = {"class": kind, "value": _told(env[name], home) if told else None}
    for pair in filter(None, declared.split(_PAIR)):
        name, _, value = pair.partition("=")
        if name in env:
            # Another value than the committed one is somebody's own: it may be anything.
            told = name not in hidden and quoted(env[name]) == value
            found[name] = {"class": "declared", "value": env[name] if told else None}
    return {name: found[name] for name in sorted(found)}


def _told(value: str, home: str) -> "str | None":
    """Return a value as it may stand in the file: no login in an address, the home folder as ``~``, always text."""
    if any("@" in _authority(part) for part in value.split("://")[1:]):
        return None
    at = value.find(home) if home else -1
    while at >= 0:
        before, after = value[:at][-1:], value[at + len(home) :]
        ends = after[:1] in "/:;,\"'" or after[:1].isspace()
        if ends and not (before.isalnum() or before in ("_", ".", "-", "~")):
            value = f"{value[:at]}~{after}"
        at = value.find(home, at + 1)
    # A byte that is no text (PEP 383) would not pass every reader of JSON.
    return value if value.isascii() else value.encode(errors="backslashreplace").decode()


def _authority(part: str) -> str:
    ends = (at for at, each in enumerate(part) if each in "/?#" or each.isspace())
    return part[: next(ends, len(part))]
