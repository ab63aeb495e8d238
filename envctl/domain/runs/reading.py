"""Parsed JSON to a ``RunDescription``, with errors that name the key."""

from collections.abc import Mapping
from typing import Any, cast

from envctl.domain import reading
from envctl.domain.runs.description import (
    SETTING_CLASSES,
    Device,
    Entered,
    LockFile,
    Machine,
    RunDescription,
    Setting,
    SettingClass,
)
from envctl.errors import DescriptionError, ManifestError
from envctl.runs.facts import KIND, SCHEMA

_NEXT = "take the file as `envctl run` or `envctl describe --json` wrote it"


def claims(data: object) -> bool:
    """Whether parsed JSON says that it is a run's description, or what ``envctl describe --json`` prints."""
    return isinstance(_inner(data), Mapping) and _inner(data).get("kind") == KIND


def from_json(data: object, where: str = "") -> RunDescription:
    """Read parsed JSON; raises ``DescriptionError`` with the key that is wrong, after the file's name ``where``.

    Unknown keys are passed over, so that a newer envctl may add some without a new schema.
    """
    if not claims(data):
        raise DescriptionError("this is no description of a run", where=where, hint=_NEXT)
    try:
        return _description(_inner(data))
    except ManifestError as error:
        place = f"{where}: {error.where}" if where else error.where
        raise DescriptionError(error.message, where=place, hint=error.hint or _NEXT) from error


def _inner(data: Any) -> Any:
    if isinstance(data, Mapping) and data.get("command") == "describe":
        return data.get("result")
    return data


def _description(data: reading.Table) -> RunDescription:
    schema = _whole(data, "schema", "")
    if schema is None:
        raise ManifestError("missing", where="schema", hint=_NEXT)
    if schema > SCHEMA:
        raise ManifestError(
            f"the description has schema {schema}, this envctl reads up to {SCHEMA}",
            where="schema",
            hint="use the envctl that wrote it, or a newer one",
        )
    lock = reading.table(data, "lock", "") if data.get("lock") is not None else None
    gpus = reading.tables(data, "gpus", "") if data.get("gpus") is not None else None
    return RunDescription(
        id=reading.text(data, "id", ""),
        time=reading.required_text(data, "time", ""),
        envctl=reading.required_text(data, "envctl", ""),
        commit=reading.text(data, "commit", ""),
        dirty=_flag(data, "dirty", ""),
        lock=LockFile(**{key: _there(lock, key, "lock") for key in ("name", "digest")})
        if lock is not None
        else None,
        environment=_environment(reading.table(data, "environment", "")),
        machine=_machine(reading.table(data, "machine", "")),
        driver=reading.text(data, "driver", ""),
        gpus=None
        if gpus is None
        else tuple(_device(gpu, f"gpus[{n}]") for n, gpu in enumerate(gpus)),
        variables=_settings(reading.table(data, "variables", "")),
    )


def _environment(data: reading.Table) -> Entered:
    where = "environment"
    packages = reading.table(data, "packages", where)
    return Entered(
        profile=reading.text(data, "profile", where),
        python=reading.text(data, "python", where),
        slice=reading.text(data, "slice", where),
        fingerprint=reading.text(data, "fingerprint", where),
        cuda=reading.text(data, "cuda", where),
        groups=reading.texts(data, "groups", where),
        extras=reading.texts(data, "extras", where),
        packages={
            name: _there(packages, name, "environment.packages") for name in sorted(packages)
        },
    )


def _machine(data: reading.Table) -> Machine:
    keys = ("id", "name", "os", "kernel", "libc", "architecture", "cpu")
    return Machine(**{key: reading.text(data, key, "machine") for key in keys})


def _device(data: reading.Table, where: str) -> Device:
    return Device(
        name=_there(data, "name", where),
        uuid=reading.text(data, "uuid", where),
        pci_bus_id=reading.text(data, "pci_bus_id", where),
        compute_capability=reading.text(data, "compute_capability", where),
        memory_bytes=_whole(data, "memory_bytes", where),
        mig=_flag(data, "mig", where),
        vendor=reading.text(data, "vendor", where) or "nvidia",
    )


def _settings(table: reading.Table) -> tuple[Setting, ...]:
    found = []
    for name in sorted(table):
        where = f"variables.{name}"
        row = reading.table(table, name, "variables")
        kind = reading.text(row, "class", where, choices=SETTING_CLASSES)
        if kind is None:
            raise ManifestError("missing", where=f"{where}.class", hint=_NEXT)
        value = reading.text(row, "value", where)
        found.append(Setting(name=name, kind=cast("SettingClass", kind), value=value))
    return tuple(found)


def _there(table: reading.Table, key: str, where: str) -> str:
    """Return a string that may be empty: a source tree's version is."""
    value = reading.text(table, key, where)
    if value is None:
        raise ManifestError("missing", where=reading.join(where, key), hint=_NEXT)
    return value


def _flag(table: reading.Table, key: str, where: str) -> bool | None:
    return None if table.get(key) is None else reading.flag(table, key, where, default=False)


def _whole(table: reading.Table, key: str, where: str) -> int | None:
    value = table.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ManifestError(
        f"expected an integer of at least 0, found {reading.kind(value)}",
        where=reading.join(where, key),
        hint=_NEXT,
    )
