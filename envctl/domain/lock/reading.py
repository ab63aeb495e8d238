"""A parsed ``pylock.toml`` → ``Lock``."""

from collections.abc import Mapping

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

from envctl.domain import reading
from envctl.domain.build import locked as build_lock
from envctl.domain.lock import SCHEMA, Entry, Lock
from envctl.errors import LockError, ManifestError, NewerLockError

_WHERE = "tool.envctl"


def parse_lock(data: reading.Table, name: str = "pylock.toml") -> Lock:
    """Read a parsed ``pylock.toml``; raises ``LockError`` with the path of what is wrong."""
    try:
        pylock = Pylock.from_dict(data)
    except PylockUnsupportedVersionError as error:
        raise NewerLockError(
            f"written by a newer envctl or another tool: {str(error).rstrip('.')}",
            where=name,
            hint="update envctl to the version that your team uses",
        ) from error
    except (PylockValidationError, ValueError) as error:
        raise LockError(
            f"not a valid PEP 751 lock: {error}", where=name, hint="run `envctl lock`"
        ) from error
    own = (pylock.tool or {}).get("envctl")
    if not isinstance(own, Mapping):
        return Lock(pylock=pylock)
    try:
        return _with_table(pylock, own, name)
    except ManifestError as error:  # the reading vocabulary's error, about another file
        raise LockError(
            error.message, where=f"{name}: {error.where}", hint="run `envctl lock`"
        ) from error


def _with_table(pylock: Pylock, own: reading.Table, name: str) -> Lock:
    schema = own.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise ManifestError("expected a schema number", where=f"{_WHERE}.schema")
    if schema > SCHEMA:
        raise NewerLockError(
            f"written by a newer envctl (schema {schema}; this one knows {SCHEMA})",
            where=name,
            hint="update envctl to the version that your team uses",
        )
    return Lock(
        pylock=pylock,
        schema=schema,
        made_by=reading.text(own, "made-by", _WHERE),
        adopted=reading.text(own, "adopted", _WHERE),
        profile=reading.text(own, "profile", _WHERE),
        only=reading.texts(own, "only", _WHERE) if "only" in own else None,
        inputs=reading.texts(own, "inputs", _WHERE),
        entries=_entries(own),
        env=reading.variables(own, "env", _WHERE),
        contract=reading.table(own, "contract", _WHERE),
        builds=build_lock.from_tables(own),
    )


def _entries(own: reading.Table) -> tuple[Entry, ...]:
    digests = reading.table(own, "digests", _WHERE)
    requires = reading.table(own, "requires", _WHERE)
    found = []
    for key in digests:
        name, _, version = key.partition("#")[0].partition("==")
        found.append(
            Entry(
                name=name,
                version=version,
                digest=reading.required_text(digests, key, f"{_WHERE}.digests"),
                requires=reading.texts(requires, key, f"{_WHERE}.requires"),
            )
        )
    return tuple(found)
