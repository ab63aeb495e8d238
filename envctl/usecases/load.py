"""Read a project's own files into nouns: the first step of most commands."""

from envctl import __version__
from envctl.domain.activation import declared
from envctl.domain.local import Local, parse_local
from envctl.domain.lock import Lock
from envctl.domain.lock_reading import parse_lock
from envctl.domain.lock_state import edited
from envctl.domain.manifest import Manifest
from envctl.domain.manifest_reading import parse_manifest
from envctl.domain.variables import classify
from envctl.errors import LockError, ManifestError
from envctl.ports import Project
from envctl.readers.toml import read_toml

MANIFEST = "pyproject.toml"
LOCK = "pylock.toml"
STALE = f"the lock does not answer {MANIFEST} any more: run `envctl lock`"
LOCAL = ".envctl/local.toml"


def manifest(project: Project) -> Manifest:
    """Read ``pyproject.toml``; raises ``ManifestError``."""
    text = project.read(MANIFEST)
    if text is None:
        raise ManifestError("there is no pyproject.toml", where=MANIFEST, hint="run `envctl init`")
    found = parsed(text)
    _allowed(found)
    return found


def parsed(text: str) -> Manifest:
    """Read the text of a ``pyproject.toml``; the errors name the file."""
    try:
        found = parse_manifest(read_toml(text, MANIFEST))
        declared(found.env)  # a name that would break a shell is refused here, for every command
        _no_secrets(found)
    except ManifestError as error:
        if error.where and not error.where.startswith(MANIFEST):
            error.where = f"{MANIFEST}: {error.where}"
        raise
    return found


def local(project: Project) -> Local:
    """Read ``.envctl/local.toml``, which need not be there; raises ``ManifestError``."""
    text = project.read(LOCAL)
    if text is None:
        return Local()
    try:
        return parse_local(read_toml(text, LOCAL))
    except ManifestError as error:
        if error.where and not error.where.startswith(LOCAL):
            error.where = f"{LOCAL}: {error.where}"
        raise


def lock(project: Project, name: str = LOCK) -> Lock | None:
    """Read the lock, ``None`` when there is none; raises ``LockError`` for one that cannot be used."""
    text = project.read(name)
    return None if text is None else lock_from(text, name)


def lock_from(text: str, name: str = LOCK) -> Lock:
    """Read a lock's text; broken TOML and merge-conflict markers are a ``LockError`` as well."""
    try:
        return parse_lock(read_toml(text, name), name)
    except ManifestError as error:
        raise LockError(
            error.message, where=error.where, hint="run `envctl lock`: it writes the file anew"
        ) from error


def required_lock(project: Project, name: str = LOCK) -> Lock:
    """Read the lock, which must be there."""
    found = lock(project, name)
    if found is None:
        raise LockError(f"there is no {name}", where=name, hint="run `envctl lock`")
    changed = edited(found)
    if changed:
        raise LockError(
            f"the lock was edited by hand: {', '.join(f'`{each}`' for each in changed)} "
            "is not as envctl wrote it",
            where=name,
            hint="run `envctl lock`: it resolves what was changed anew, or take the edit back",
        )
    return found


def _no_secrets(found: Manifest) -> None:
    """Refuse a secret in a file that is committed and that the lock, scripts and images are made from."""
    for name in found.env:
        if classify(name) == "secret":
            raise ManifestError(
                f"`{name}` is a secret by its name, and this file is committed",
                where=f"tool.envctl.env.{name}",
                hint="take it out; put it under [env] in .envctl/local.toml, "
                "or set it in your own environment",
            )


def _allowed(found: Manifest) -> None:
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  # rarely needed

    if found.required_version and not SpecifierSet(found.required_version).contains(
        __version__, prereleases=True
    ):
        raise ManifestError(
            f"this project asks for envctl {found.required_version}, this is {__version__}",
            where=f"{MANIFEST}: tool.envctl.required-version",
            hint="install the envctl that your team uses",
        )
