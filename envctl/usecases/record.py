"""Take this machine's record, keep it in the project, and find it again."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import tomli_w

from envctl.domain.record import Record, machine_name
from envctl.domain.record.reading import from_toml_dict
from envctl.errors import RecordError
from envctl.ports import Probe, Project, Runner

FOLDER = ".envctl/machines"
_ID = re.compile(r"""^\s*machine_id\s*=\s*["']([^"']*)["']""", re.MULTILINE)
_HEADER = "# What one machine of the team has; written by `envctl record --save`.\n\n"


def take(probes: Iterable[Probe], *, run: Runner, sysroot: Path, name: str | None = None) -> Record:
    """Look at this machine with every probe; each gives its own fields of the record."""
    facts: dict[str, Any] = {}
    for probe in probes:
        facts |= probe.probe(run=run, sysroot=sysroot)
    return Record(name=name, **facts)


def save(record: Record, project: Project) -> str:
    """Write ``.envctl/machines/NAME.toml`` and return that path.

    Raises ``RecordError`` for a name that is none, or that another machine has already.
    """
    name = machine_name(record.name or "")
    path = f"{FOLDER}/{name}.toml"
    if problem := _others(project.read(path), record.machine_id):
        raise RecordError(
            f"`{name}` {problem}",
            where=path,
            hint=f"on that machine: `envctl record --save {name}`; here, choose another name, "
            "or delete that file if the machine was set up anew",
        )
    project.write({path: _HEADER + tomli_w.dumps(record.to_toml_dict())})
    return path


def other_names(record: Record, project: Project) -> tuple[str, ...]:
    """Return the names under which this machine is saved beside ``record``'s."""
    found = []
    for file in project.listing(FOLDER):
        name = file.removesuffix(".toml")
        if _is_record(file) and name != record.name and record.machine_id:
            text = project.read(f"{FOLDER}/{file}") or ""
            found += [name] if record.machine_id in _ID.findall(text) else []
    return tuple(found)


def load_all(project: Project) -> tuple[Record, ...]:
    """Read every saved record, in the order of their names; raises ``RecordError`` with file and key."""
    found = []
    for file in project.listing(FOLDER):
        text = project.read(f"{FOLDER}/{file}") if _is_record(file) else None
        if text is not None:
            # The file's name counts: whoever renames the file renames the machine.
            name = file.removesuffix(".toml")
            found.append(replace(_parsed(text, f"{FOLDER}/{file}"), name=name))
    return tuple(found)


def this_machine(records: Iterable[Record], machine_id: str | None) -> Record | None:
    """Return the saved record of the machine with this hashed id."""
    if machine_id is None:
        return None
    return next((record for record in records if record.machine_id == machine_id), None)


def suggested_name(record: Record) -> str:
    """Return a name for a machine that has none: its GPU's model, and a piece of the hashed id.

    NVIDIA's, or another with memory of its own: nobody calls a laptop after its integrated one.

    Not the host's name: a saved record is committed, often in public.
    """
    gpus = record.nvidia_gpus or tuple(gpu for gpu in record.gpus if gpu.memory_bytes)
    model = gpus[0].name if gpus else "cpu"
    slug = re.sub(r"[^a-z0-9]+", "-", model.lower().removeprefix("nvidia")).lstrip("-")
    return f"{slug[:40].rstrip('-') or 'gpu'}-{(record.machine_id or 'unknown')[:4]}"


def _is_record(file: str) -> bool:
    """Whether it is named like one; what begins with a dot is an editor's."""
    return file.endswith(".toml") and not file.startswith(".")


def _parsed(text: str, path: str) -> Record:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if re.search(r"^<{7} ", text, re.MULTILINE):
            message = "the record has merge-conflict markers"
        else:
            message = f"the record is not TOML: {error}"
        raise RecordError(
            message,
            where=path,
            hint=f"mend it, or on that machine: `envctl record --save {PurePath(path).stem}`",
        ) from error
    return from_toml_dict(data, path)


def _others(text: str | None, machine_id: str | None) -> str | None:
    """Return why a file is not this machine's to replace; one that cannot be read must name it."""
    if text is None:
        return None
    try:
        old = tomllib.loads(text).get("machine_id")
    except tomllib.TOMLDecodeError:
        ours = machine_id is not None and machine_id in _ID.findall(text)
        return None if ours else "cannot be read, and is not known to be this machine's record"
    differs = isinstance(old, str) and machine_id is not None and old != machine_id
    return "is the record of another machine" if differs else None
