"""The environment: what lies in ``.venv``, the stamp of what it was made from, and how the two compare."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from envctl.domain.environment.own import OwnInstalled
from envctl.domain.lock.slices import Slice

STAMP = "envctl.json"
STAMP_SCHEMA = 1
FileTrouble = Literal["modified", "missing", "added", "record"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What a finished environment was made from; written last, so an environment without one is unfinished.

    ``python`` is the full version, ``base`` the interpreter behind it, ``env`` the variables that its activation
    scripts carry. ``own`` is the project itself; ``bare``: it was asked to be left out. ``fingerprint``: of all its
    files (see the module of that name); ``files``: the digest of the snapshot of its files, empty where there is none.
    ``scripts``: the digest of each activation script, by name.
    """

    slice_digest: str
    python: str
    base: str
    packages: Mapping[str, str]
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    own: OwnInstalled | None = None
    bare: bool = False
    fingerprint: str = ""
    files: str = ""
    scripts: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        """Return everything that is installed: name → version."""
        return {**self.packages, **({self.own.name: self.own.version} if self.own else {})}

    def to_json(self) -> str:
        """Return the stamp's text, one key a line."""
        table = {
            "schema": STAMP_SCHEMA,
            "slice": self.slice_digest,
            "profile": self.profile,
            "python": self.python,
            "base": self.base,
            "groups": list(self.groups),
            "extras": list(self.extras),
            "env": dict(sorted(self.env.items())),
            "packages": dict(sorted(self.packages.items())),
            "project": self.own.to_json() if self.own else None,
            "bare": self.bare,
            "fingerprint": self.fingerprint,
            "files": self.files,
            "scripts": dict(sorted(self.scripts.items())),
        }
        return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def parse_stamp(text: str) -> Stamp | None:
    """Read a stamp; ``None`` when it is not one that this envctl understands: then the environment is rebuilt."""
    try:
        table: dict[str, Any] = json.loads(text)
        if table["schema"] != STAMP_SCHEMA:
            return None
        profile, own = table.get("profile"), table.get("project")
        return Stamp(
            slice_digest=_text(table["slice"]),
            python=_text(table["python"]),
            base=_text(table["base"]),
            packages=_texts(table["packages"]),
            groups=tuple(map(_text, table["groups"])),
            extras=tuple(map(_text, table["extras"])),
            env=_texts(table["env"]),
            profile=None if profile is None else _text(profile),
            own=OwnInstalled(**_texts(own)) if own else None,
            bare=bool(table.get("bare")),
            fingerprint=_text(table.get("fingerprint", "")),
            files=_text(table.get("files", "")),
            scripts=_texts(table.get("scripts", {})),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    value.encode()  # not half a character
    return value


def _texts(table: Mapping[object, object]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in table.items()}


def stamp_of(
    wanted: Slice,
    *,
    python: str,
    base: str,
    env: Mapping[str, str],
    profile: str | None = None,
    own: OwnInstalled | None = None,
    bare: bool = False,
) -> Stamp:
    """Return the stamp of an environment that was just made from a slice."""
    return Stamp(
        slice_digest=wanted.digest,
        python=python,
        base=base,
        packages=wanted.versions(),
        groups=wanted.groups,
        extras=wanted.extras,
        env=dict(env),
        profile=profile,
        own=own,
        bare=bare,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """What ``.venv`` is: nothing, one of ours, or something that envctl did not make.

    ``path`` is its real place: of what is foreign only where it is a virtual environment that can be used, with
    the version of its ``python`` if it is known. ``found`` says what it is, or why one of ours has no stamp.
    ``movable``: nothing is mounted there.
    """

    kind: Literal["absent", "ours", "foreign"]
    path: str | None = None
    stamp: Stamp | None = None
    found: str = ""
    python: str = ""
    movable: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class FileProblem:
    """One file of an environment that is not as it was installed; ``record``: a RECORD was rewritten.

    ``path`` starts from the environment. ``shared``: it was edited in place and has other names, so that uv's cache and
    other environments have the edit too.
    """

    package: str
    path: str
    trouble: FileTrouble
    shared: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """What a look at every file found. ``seen``: what was looked at, as an input of a note (``envctl.quick``).

    ``compared``: there was a snapshot to compare with, so that it is known which files are shared.
    """

    problems: tuple[FileProblem, ...]
    seen: tuple[str, str]
    compared: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncPlan:
    """What has to happen to an environment: name → version, and for changes name → (old, new).

    ``builds``: what must be built from source first, as ``name==version``.
    """

    add: Mapping[str, str] = field(default_factory=dict)
    remove: Mapping[str, str] = field(default_factory=dict)
    change: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.add or self.remove or self.change or self.reasons)


def plan(
    wanted: Slice,
    stamp: Stamp | None,
    installed: Mapping[str, str],
    *,
    python: str,
    env: Mapping[str, str],
    profile: str | None = None,
    own: str | None = None,
) -> SyncPlan:
    """Compare what the lock's slice wants with what is there; ``own``: the digest of the project itself, if wanted."""
    want = wanted.versions()
    own_reason = own_differs(stamp, installed, own)
    installed = without_own(installed, stamp)
    reasons = []
    if stamp is None:
        reasons.append("there is no environment yet")
    else:
        if stamp.python != python:
            reasons.append(f"Python {stamp.python} → {python}")
        if stamp.profile != profile:
            reasons.append(f"profile {stamp.profile or 'none'} → {profile or 'none'}")
        if dict(stamp.env) != dict(env):
            reasons.append("the declared variables changed")
        if own_reason:
            reasons.append(own_reason)
    add = {name: want[name] for name in want if name not in installed}
    remove = {name: installed[name] for name in installed if name not in want}
    change = {
        name: (installed[name], want[name])
        for name in want
        # A source tree has no version in the lock: whatever it installed as is right.
        if name in installed and want[name] and installed[name] != want[name]
    }
    if stamp and stamp.slice_digest != wanted.digest and not (add or remove or change):
        reasons.append("files of the lock changed")
    return SyncPlan(add=add, remove=remove, change=change, reasons=tuple(reasons))


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> SyncPlan:
    """Return what leads from one set of packages (name → version) to another."""
    return SyncPlan(
        add={name: after[name] for name in after if name not in before},
        remove={name: before[name] for name in before if name not in after},
        change={
            name: (before[name], after[name])
            for name in after
            if name in before and before[name] != after[name]
        },
    )


def without_own(installed: Mapping[str, str], stamp: Stamp | None) -> dict[str, str]:
    """Return what is installed less the project itself, where that is there as it was installed."""
    own = stamp.own if stamp else None
    return {
        name: version
        for name, version in installed.items()
        if not (own and (name, version) == (own.name, own.version))
    }


def own_differs(stamp: Stamp | None, installed: Mapping[str, str], own: str | None) -> str | None:
    """Say how the project itself is not installed as it is wanted (by digest); ``None``: it is."""
    there = stamp.own if stamp and stamp.own and stamp.own.name in installed else None
    if own is None:
        return "the project itself is not to be installed" if there else None
    if there is None:
        return "the project itself is not installed"
    return None if there.digest == own else "the project's own metadata changed"
