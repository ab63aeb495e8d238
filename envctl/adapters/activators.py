"""The activate scripts of an environment: virtualenv writes them, this puts the variables in.

Patched rather than written anew, and by no activator of virtualenv's own: its entry points would run in every
environment that the interpreter makes, and its templates are found beside the class only.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from envctl.adapters.staging import replace_all
from envctl.domain.environment.activation import Activation
from envctl.emitters.shells import FAMILIES
from envctl.errors import EnvironmentFailure

_ALWAYS = (
    "activate",
)  # of the others virtualenv leaves out what a system or an odd path has no use for


def install(env_dir: Path, activation: Activation) -> tuple[str, ...]:
    """Render the variables into every supported script, all or none; return the names of those that changed.

    For an environment that is being built and for one in use, whose variables alone have changed: a shell that is
    reading a script goes on with the old file. Raises ``EnvironmentFailure`` when a script is missing or foreign.
    """
    changed = dict(_outdated(env_dir, activation))
    replace_all({env_dir / "bin" / name: _bytes(text) for name, text in changed.items()})
    return tuple(changed)


def changes(env_dir: Path, activation: Activation) -> dict[str, bytes]:
    """Return what ``install`` would write, by path in the environment."""
    return {f"bin/{name}": _bytes(text) for name, text in _outdated(env_dir, activation)}


def outdated(env_dir: Path, activation: Activation) -> tuple[str, ...]:
    """Return the names of the scripts that do not carry these variables (another tool has written them anew)."""
    return tuple(name for name, _ in _outdated(env_dir, activation))


def digests(env_dir: Path, changes: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digest of each script, by name, as it is once ``changes`` (by path) are made."""
    found = {}
    for name in (name for family in FAMILIES for name in family.SCRIPTS):
        with suppress(OSError):
            content = changes.get(f"bin/{name}") or (env_dir / "bin" / name).read_bytes()
            found[name] = _digest(content)
    return found


def edited(env_dir: Path, then: Mapping[str, str]) -> tuple[str, ...]:
    """Return the scripts that have another digest than ``then``, or are gone; of others nothing is known."""
    return tuple(name for name in sorted(then) if _now(env_dir / "bin" / name) != then[name])


def _now(path: Path) -> str:
    try:
        return _digest(path.read_bytes()) if path.is_file() else ""
    except OSError:
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def made_elsewhere(env_dir: Path, entered_at: Path) -> bool:
    """Whether a script leads to another folder than where it is entered: the project was moved or copied."""
    try:
        outdated(env_dir, Activation(environment=str(entered_at)))
    except EnvironmentFailure:
        return True
    return False


def _outdated(env_dir: Path, activation: Activation) -> Iterator[tuple[str, str]]:
    # virtualenv resolves the path that it is given: a project may lie behind a link (/home on a cluster).
    built_at = str(env_dir.resolve())
    for family in FAMILIES:
        paths = [env_dir / "bin" / name for name in family.SCRIPTS]
        if family.SCRIPTS != _ALWAYS and not any(path.exists() for path in paths):
            continue
        scripts = {path.name: _read(path) for path in paths}
        patched: Mapping[str, str] = family.patch(scripts, activation, built_at=built_at)
        yield from ((name, text) for name, text in patched.items() if text != scripts[name])


def _read(path: Path) -> str:
    """Return the text without touching line ends or bytes that are no UTF-8."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise EnvironmentFailure(
            f"the environment's `{path.name}` cannot be read: {error.strerror}",
            where=str(path),
            hint="run `envctl sync --recreate`",
        ) from error


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
