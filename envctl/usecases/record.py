"""Take this machine's record, keep it in the project, and find it again."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w

from envctl.domain.record import Record, machine_name
from envctl.domain.record.reading import from_toml_dict
from envctl.errors import RecordError
from envctl.ports import Probe, Project, Runner

FOLDER = ".envctl/machines"
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
    if _is_others(project.read(path), record.machine_id):
        raise RecordError(
            f"`{name}` is the record of another machine",
            where=path,
            hint="choose another name, or delete that file if the machine was set up anew",
        )
    project.write({path: _HEADER + tomli_w.dumps(record.to_toml_dict())})
    return path


def load_all(project: Project) -> tuple[Record, ...]:
    """Read every saved record, in the order of their names; raises ``RecordError`` with file and key."""
    found = []
    for file in project.listing(FOLDER):
        name, dot, extension = file.rpartition(".")
        text = project.read(f"{FOLDER}/{file}") if dot and extension == "toml" else None
        if text is not None:
            # The file's name counts: whoever renames the file renames the machine.
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


def _parsed(text: str, path: str) -> Record:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if re.search(r"^<{7} ", text, re.MULTILINE):
            message = "the record has merge-conflict markers"
        else:
            message = f"the record is not TOML: {error}"
        raise RecordError(
            message, where=path, hint="mend it, or save the record again on that machine"
        ) from error
    return from_toml_dict(data, path)


def _is_others(text: str | None, machine_id: str | None) -> bool:
    """Whether a file holds another machine's record; one that cannot be read is nobody's."""
    if text is None or machine_id is None:
        return False
    try:
        old = tomllib.loads(text).get("machine_id")
    except tomllib.TOMLDecodeError:
        return False
    return isinstance(old, str) and old != machine_id
