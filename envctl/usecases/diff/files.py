"""A file's text → the lock, record or description of a run that it is."""

import json
import re
import tomllib
from pathlib import PurePath
from typing import Any

from envctl.domain.difference.side import WORDS
from envctl.domain.lock import Lock
from envctl.domain.platforms import Platform, platform_of
from envctl.domain.record.reading import from_toml_dict
from envctl.domain.record.side import side_of as side_of_record
from envctl.domain.runs.description import RunDescription
from envctl.domain.runs.side import side_of as side_of_run
from envctl.errors import DescriptionError, LockError, NewerLockError
from envctl.readers import run_file
from envctl.readers.toml import read_toml
from envctl.usecases import load
from envctl.usecases.diff.found import Found, Use, filled

LOCK_NAME = re.compile(r"pylock(\.[^.]+)?\.toml")  # PEP 751, "File Name"
_OTHERS = {
    "uv.lock": "uv export --format pylock.toml",
    "pdm.lock": "pdm export --format pylock",
    "poetry.lock": "envctl init --from poetry.lock",
    "Pipfile.lock": "envctl init --from Pipfile.lock",
}
_KNOWN = "a pylock.toml, a saved record, or what `envctl run` or `envctl describe --json` wrote"


def read(text: str, word: str, said: str | None = None) -> Found:
    """Read a file by what is in it; ``said``: what it is called where that is not its name.

    Raises ``DescriptionError``, and ``LockError`` or ``RecordError`` for one that is broken.
    """
    name = PurePath(word.rpartition(":")[2]).name
    said = said or word
    if other := _OTHERS.get(name):
        raise DescriptionError(
            f"`{name}` is another tool's own format, and no pylock.toml",
            where=word,
            hint=f"make one of it: `{other}`",
        )
    if LOCK_NAME.fullmatch(name):
        return _lock(text, name, said)
    if run_file.claims(text):
        return _json(text, word, said)
    table = _toml(text, word)
    if "lock-version" in table:
        return _lock(text, name, said)
    if "machine_id" in table or {"os", "kernel"} <= table.keys():
        record = from_toml_dict(table, word)
        return Found(kind="record", name=said, side=side_of_record(record, said))
    raise DescriptionError(
        "this is no lock, no record of a machine and no description of a run",
        where=word,
        hint=f"name {_KNOWN}",
    )


def _lock(text: str, name: str, said: str) -> Found:
    return Found(kind="lock", name=said, locks={name: lock_of(text, said)})


def lock_of(text: str, said: str) -> Lock:
    """Read a lock, of whichever tool and time; raises ``LockError``: it is not always one to be made anew."""
    try:
        return load.lock_from(text, said)
    except NewerLockError:
        raise
    except LockError as error:
        raise LockError(
            error.message, where=error.where, hint="take the file as its tool wrote it"
        ) from error


def _toml(text: str, word: str) -> dict[str, Any]:
    if word.endswith(".toml"):
        return read_toml(text, word, failure=DescriptionError)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _json(text: str, word: str, said: str) -> Found:
    if '"record"' in text:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict) and data.get("command") == "record":
            result = filled(data.get("result") or {})
            return Found(
                kind="record", name=said, side=side_of_record(from_toml_dict(result, word), said)
            )
    run = run_file.read_run(text, word)
    name = f"{said}, {WORDS['run']}"
    return Found(
        kind="run",
        name=said,
        run=run,
        side=side_of_run(run, name),
        use=Use(
            python=run.environment.python,
            platform=_platform(run),
            groups=run.environment.groups,
            extras=run.environment.extras,
            profile=run.environment.profile,
        ),
    )


def _platform(run: RunDescription) -> Platform | None:
    machine = run.machine.architecture
    return platform_of("linux", machine) if machine else None
