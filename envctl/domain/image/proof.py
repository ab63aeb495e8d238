"""What an image must hold and how it must start, as its proof compares it with what it holds."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

ENVIRONMENT = "opt/venv"
"""Where an image's environment lies, without the leading slash."""
OWN = "opt/envctl"
SOURCE = "app"


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """One package as its wheel brings it: path from the environment → the SHA-256 (hex) that its file may have.

    It may have several where two packages bring one path, and none where only that it is there is known.
    ``folder`` is the name of its ``.dist-info``. ``compiled``: path of a source → the SHA-256 that its byte-compiled
    file has, by the Python whose version is ``compiler``.
    """

    name: str
    version: str
    folder: str
    rows: Mapping[str, tuple[str, ...]]
    compiled: Mapping[str, str] = field(default_factory=dict)
    compiler: str = ""

    def at(self, python: str) -> "Brought":
        """Return the same package in an environment of another minor version of Python."""
        rows = {moved(path, python): digests for path, digests in self.rows.items()}
        return replace(self, rows=rows)


def moved(path: str, python: str) -> str:
    """Return where a path from an environment lies in that of another minor version of Python."""
    steps = path.split("/", 2)
    inside = path.startswith("lib/python3.") and len(steps) > 2
    return f"lib/python{python}/{steps[2]}" if inside else path


def hexadecimal(recorded: str) -> str:
    """Return a RECORD's SHA-256 (``sha256=``, base64 without padding) in hex; empty for any other."""
    kind, _, text = recorded.partition("=")
    try:
        return base64.urlsafe_b64decode(f"{text}==").hex() if kind == "sha256" else ""
    except (binascii.Error, ValueError):
        return "damaged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """What the lock's slice and the Dockerfile promise of an image for one machine.

    ``packages``: name → version. ``own``: the project's own package, of which no lock says anything; ``built``:
    packages that are built from source, whose bytes are their own. ``files``: path → SHA-256 of what was copied in
    beside the environment; ``sources``: the same for the project's files; ``packed``: the SHA-256s of what the own
    package is built from. ``free``: variables that the user's own lines set; ``steps``: those lines bring files,
    ``later``: they say what images made from it get. ``folder``: where it starts; ``None``: only an engine knows.
    """

    machine: str
    python: str
    slice_label: tuple[str, str]
    packages: Mapping[str, str]
    labels: Mapping[str, str]
    env: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    user: str
    free: frozenset[str] = frozenset()
    own: str | None = None
    built: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    system_packages: tuple[str, ...] = ()
    base: str = ""
    folder: str | None = "/app"
    health: tuple[str, ...] = ()
    later: bool = False
    steps: bool = False
    packed: frozenset[str] = frozenset()

    @property
    def minor(self) -> str:
        """The Python as ``3.11``."""
        return ".".join(self.python.split(".")[:2])

    @property
    def site(self) -> str:
        """Where packages lie, from the environment."""
        return f"lib/python{self.minor}/site-packages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the proof rests on.

    ``brought``: by name, what this machine knows of the packages' bytes. ``base``: the digests of the base image's
    layers, ``None`` where nobody could say them.
    """

    brought: Mapping[str, Brought]
    base: tuple[str, ...] | None = None

    def accepted(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return path from the environment → the package that brings it, and the hashes that will do."""
        found: dict[str, tuple[str, tuple[str, ...]]] = {}
        for each in self.brought.values():
            for path, digests in each.rows.items():
                before = found[path][1] if path in found else ()
                found[path] = (each.name, tuple(dict.fromkeys((*before, *digests))))
        return found

    def compiled(self) -> dict[str, str]:
        """Return path of a source from the environment → the hash that its byte-compiled file must have."""
        return {
            path: code for each in self.brought.values() for path, code in each.compiled.items()
        }

    @property
    def compiler(self) -> str:
        """The version of the Python that compiled them; empty: none did."""
        return next((each.compiler for each in self.brought.values() if each.compiler), "")
