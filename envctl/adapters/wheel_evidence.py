"""What this machine knows of the bytes that wheels bring: from the environment in use, or from uv's cache.

uv installs the same files here as in an image (one installer), launchers included: so a package that is not in the
environment is installed into an empty one, from uv's cache or the bundle alone, and looked at there.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from envctl.adapters import bytecode
from envctl.adapters.integrity import oddities, records, snapshot
from envctl.adapters.uv.install import install
from envctl.adapters.venv.making import make
from envctl.domain.environment import Stamp
from envctl.domain.image.proof import Brought, hexadecimal
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.resolution import Interpreter
from envctl.errors import EnvctlError
from envctl.ports import Runner


def of_environment(environment: Path, stamp: Stamp) -> dict[str, Brought] | None:
    """Return what the packages of an environment bring, by name; ``None``: its RECORDs are not as they were installed.

    Whether its files are still those of the RECORDs does not matter here.
    """
    own = stamp.own.name if stamp.own else None
    read = records.read(environment)
    if not stamp.fingerprint or snapshot.fingerprint_of(read, own) != stamp.fingerprint:
        return None
    return _brought(environment, read, own)


def of_wheels(
    run: Runner,
    packages: Sequence[Mapping[str, Any]],
    interpreter: Interpreter,
    transport: Transport,
    root: Path,
) -> dict[str, Brought]:
    """Return what packages bring (entries of a lock, each with one wheel), by name: those that can be had offline.

    A wheel with a ``path``, below ``root``, is taken from there; uv refuses one that has not the lock's hash.
    """
    with tempfile.TemporaryDirectory(prefix="envctl-proof-") as folder:
        found: dict[str, Brought] = {}
        waiting = [list(packages)] if packages else []
        while waiting:
            some = waiting.pop()
            path = Path(folder) / str(len(found)) / str(len(waiting)) / str(len(some))
            if _installed(run, path, some, interpreter, transport, root):
                brought = _brought(path, records.read(path), None)
                found |= bytecode.compiled(run, path, brought, interpreter)
            elif len(some) > 1:  # one that is not there keeps uv from installing the others
                middle = len(some) // 2
                waiting += [some[:middle], some[middle:]]
        return found


def _installed(
    run: Runner,
    path: Path,
    packages: Sequence[Mapping[str, Any]],
    interpreter: Interpreter,
    transport: Transport,
    root: Path,
) -> bool:
    table = {"lock-version": "1.0", "created-by": "envctl", "packages": list(packages)}
    try:
        make(path, interpreter, prompt="proof")
        install(run, path, tomli_w.dumps(table), transport, root=root, offline=True)
    except EnvctlError:
        return False
    return True


def _brought(
    environment: Path, read: Sequence[records.Record], own: str | None
) -> dict[str, Brought]:
    odd = _odd()
    found = {}
    for each in read:
        if each.package.name == own:
            continue
        rows = {
            path: _digests(environment / path, expected, odd)
            for path, (_, expected) in records.known(environment, [each]).items()
        }
        found[each.package.name] = Brought(
            name=each.package.name,
            version=each.package.version,
            folder=each.package.folder,
            rows=rows,
        )
    return found


def _digests(path: Path, expected: str, odd: Mapping[str, str]) -> tuple[str, ...]:
    """Return the SHA-256s that will do for a row's hash; a row may have another kind of hash, or none."""
    if not expected:
        return ()
    known = [hexadecimal(each) for each in (expected, odd.get(expected, "")) if each]
    if all(known):
        return tuple(known)
    try:
        content = records.regular(path)
    except OSError:
        return ("unreadable",)
    actual = records.spelled(hashlib.sha256(content).digest())
    return (hexadecimal(actual),) if records.fits(path, actual, expected) else ("unknown",)


def _odd() -> dict[str, str]:
    """Return the hashes of files that are not as their RECORD has them by their makers' doing: its hash → theirs."""
    words = (word.split() for word in oddities.known())
    return {word[1]: word[2] for word in words if len(word) == 3 and word[0] == "other"}
