"""What a run rests on, to be kept beside its results: written by ``run`` and ``describe``, read by ``diff``.

It holds no secret, not even a digest of one, no command line (arguments may be secrets), and no path of a project.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from envctl.runs.facts import KIND, SCHEMA

SettingClass = Literal["semantic", "host", "performance", "location", "declared"]
SETTING_CLASSES: tuple[SettingClass, ...] = (
    "semantic",
    "host",
    "performance",
    "location",
    "declared",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockFile:
    """The lock that lay in the project: its name, and ``sha256:`` with the digest of its bytes."""

    name: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entered:
    """The environment by its stamp; ``None`` and empty where another tool made it, or nothing is known.

    ``slice``: the digest of what was installed; ``fingerprint``: that of its files; ``cuda``: what the packages bring;
    ``packages``: name → version, the project itself included.
    """

    profile: str | None = None
    python: str | None = None
    slice: str | None = None
    fingerprint: str | None = None
    cuda: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Where it ran; ``id`` is hashed, ``name`` that of the machine's record."""

    id: str | None = None
    name: str | None = None
    os: str | None = None
    kernel: str | None = None
    libc: str | None = None
    architecture: str | None = None
    cpu: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """One GPU of the machine, whether the run saw it or not: ``CUDA_VISIBLE_DEVICES`` tells that."""

    name: str
    uuid: str | None = None
    pci_bus_id: str | None = None
    compute_capability: str | None = None
    memory_bytes: int | None = None
    mig: bool | None = None
    vendor: str = "nvidia"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A variable that the run was given; ``value`` is ``None`` where it is not to be told.

    Its class is that of ``envctl.domain.variables``, or ``declared``: no table knows it, and the manifest sets it.
    """

    name: str
    kind: SettingClass
    value: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDescription:
    """One run. ``None`` is "not known": ``run`` asks no driver and starts no program, ``describe`` does.

    ``time`` is UTC (RFC 3339), ``envctl`` its version, ``commit`` git's, ``dirty``: tracked files differ from it.
    ``gpus`` is ``None`` where nobody looked, and empty where there is none.
    """

    id: str | None = None
    time: str
    envctl: str
    commit: str | None = None
    dirty: bool | None = None
    lock: LockFile | None = None
    environment: Entered = field(default_factory=Entered)
    machine: Machine = field(default_factory=Machine)
    driver: str | None = None
    gpus: tuple[Device, ...] | None = None
    variables: tuple[Setting, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON's types: every key always there, ``None`` as null, in one fixed order."""
        return {
            "kind": KIND,
            "schema": SCHEMA,
            "id": self.id,
            "time": self.time,
            "envctl": self.envctl,
            "commit": self.commit,
            "dirty": self.dirty,
            **settled(self.lock, self.environment),
            "machine": asdict(self.machine),
            "driver": self.driver,
            "gpus": None if self.gpus is None else [asdict(gpu) for gpu in self.gpus],
            "variables": {v.name: {"class": v.kind, "value": v.value} for v in self.variables},
        }


def settled(lock: LockFile | None, environment: Entered) -> dict[str, Any]:
    """Return the members that are the same for every run as long as lock and environment stay."""
    entered = asdict(environment)
    entered["groups"], entered["extras"] = list(environment.groups), list(environment.extras)
    entered["packages"] = dict(sorted(environment.packages.items()))
    return {"lock": asdict(lock) if lock else None, "environment": entered}


def settled_text(lock: LockFile | None, environment: Entered) -> str:
    """Return those members as lines of a JSON object in ASCII, for ``envctl.runs.facts.text`` to put its own around."""
    return json.dumps(settled(lock, environment), indent=1).removeprefix("{\n").removesuffix("\n}")
