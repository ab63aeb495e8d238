"""Starting a container of an image: what it is given of this machine, checked where it is written down."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from envctl.errors import UsageError

_PORT = re.compile(
    r"(?:(?P<address>\[[0-9A-Fa-f:]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):)?"
    r"(?:(?P<host>[0-9]{1,5}):)?(?P<port>[0-9]{1,5})"
)
_LAST_PORT = 65535
_LOOPBACK = "127.0.0.1"
_DEVICE = re.compile(r"[0-9]+(:[0-9]+)?|(GPU|MIG)-[0-9A-Za-z/-]+")
_ODD = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """A file or folder of this machine (``source``, absolute) at ``target`` in the container."""

    source: str
    target: str
    readonly: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpus:
    """Which GPUs: all, so many of them, or these (by index or UUID)."""

    every: bool = False
    count: int = 0
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HostFacts:
    """An engine's way with paths and users.

    ``local``: it is on this machine. ``rootless``: its root is the caller. ``remapped``: its numbers of users are
    others than this machine's. ``init``: it has a program that can be process 1. ``keeps_ids``: it can keep the
    caller's.
    """

    local: bool = True
    rootless: bool = False
    remapped: bool = False
    init: bool = False
    keeps_ids: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFacts:
    """What an image brings: its variables, the ports that it names (``8000/tcp``), its labels."""

    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who starts it: the numbers of user and group, and whether stdin and a terminal are there to be passed on."""

    uid: int
    gid: int
    stdin: bool = True
    terminal: bool = False
    shared_memory: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One container to start in the foreground, gone when it ends.

    ``env`` is given by value, ``passed`` by name: their values are in the environment of who starts it, and in no list
    of arguments, which everybody on the machine may read. ``user`` is ``UID:GID`` inside; ``keep_id``: these numbers
    mean the same outside (Podman without root); ``own_ids``: the engine's mapping of numbers is left out (Docker with
    ``userns-remap``). ``shared_memory``: bytes of ``/dev/shm``.
    """

    image: str
    argv: tuple[str, ...] = ()
    user: str | None = None
    keep_id: bool = False
    own_ids: bool = False
    mounts: tuple[Mount, ...] = ()
    ports: tuple[str, ...] = ()
    gpus: Gpus | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    passed: tuple[str, ...] = ()
    stdin: bool = True
    terminal: bool = False
    init: bool = False
    network: str | None = None
    shared_memory: int | None = None


def gpus(text: str) -> Gpus:
    """Read ``--gpus``: ``all``, a number, or ``device=0,GPU-…``; raises ``UsageError``."""
    if text == "all":
        return Gpus(every=True)
    if text.isascii() and text.isdigit():
        return Gpus(count=int(text))
    named = tuple(text.removeprefix("device=").split(","))
    if text.startswith("device=") and all(_DEVICE.fullmatch(name) for name in named):
        return Gpus(devices=tuple(dict.fromkeys(named)))
    raise UsageError(
        f"{text!r} names no GPUs",
        where="--gpus",
        hint="write a number, `all`, or `device=` with indexes or UUIDs (`envctl gpus` lists them)",
    )


def port(text: str) -> str:
    """Return ``[ADDRESS:][HOST:]PORT`` as an engine takes it; without an address only this machine reaches it.

    Raises ``UsageError``.
    """
    match = _PORT.fullmatch(text)
    numbers = [int(n) for n in (match["host"], match["port"]) if n] if match else [0]
    if match is None or not all(1 <= number <= _LAST_PORT for number in numbers):
        raise UsageError(
            f"{text!r} is not a port",
            where="--publish",
            hint="write PORT, HOST:PORT or ADDRESS:HOST:PORT, for example `-p 8000` or `-p 0.0.0.0:80:8000`",
        )
    address = match["address"] or _LOOPBACK
    return f"{address}:{numbers[0]}:{numbers[-1]}"


def mount(text: str, folder: str, root: str) -> Mount:
    """Read ``SOURCE[:TARGET][:ro]``; raises ``UsageError``.

    A relative source is meant as seen from ``folder``. Without a target: what lies in the project (``root``) is at the
    same place below ``/app``, anything else where it is outside.
    """
    readonly = text.endswith(":ro")
    plain = text.removesuffix(":ro").removesuffix(":rw")
    source, colon, target = plain.rpartition(":")
    if not (colon and source and target.startswith("/")):
        source, target = plain, ""
    if not source or _ODD.search(plain):
        raise UsageError(
            f"{text!r} is not a mount",
            where="--mount",
            hint="write SOURCE, SOURCE:TARGET or SOURCE:TARGET:ro, for example `--mount data`",
        )
    outside = _plain(folder, source)
    inside = PurePosixPath(outside)
    if not target:
        below = inside.is_relative_to(root)
        target = f"/app/{inside.relative_to(root)}" if below else outside
    return Mount(source=outside, target=_plain("/", target), readonly=readonly)


def _plain(folder: str, path: str) -> str:
    """Return an absolute path without ``.`` and ``..``, as the caller reads it: links are not followed."""
    steps: list[str] = []
    for step in PurePosixPath(folder, path).parts[1:]:
        if step == "..":
            del steps[-1:]
        else:
            steps.append(step)
    return "/" + "/".join(steps)
