"""Read a project's own files into nouns: the first step of most commands."""

from collections.abc import Mapping

from envctl import __version__
from envctl.domain.environment.activation import refuse_name
from envctl.domain.lock import Lock
from envctl.domain.lock.reading import parse_lock
from envctl.domain.lock.state import edited
from envctl.domain.manifest import Manifest
from envctl.domain.manifest.local import Local, parse_local
from envctl.domain.manifest.reading import parse_manifest
from envctl.domain.variables import classify, holds_login
from envctl.errors import LockError, ManifestError
from envctl.ports import Project
from envctl.readers.env_file import read_env_file
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
        _variables(found)
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


def env_files(
    project: Project, found: Local, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Read the files that ``env-file`` names: their absolute paths, and the variables; later files count more.

    Raises ``ManifestError`` for a file that is not there: a command without its secrets fails later, and further away.
    """
    paths = tuple(_absolute(project, path, environ) for path in found.env_files)
    variables: dict[str, str] = {}
    for written, path in zip(found.env_files, paths, strict=True):
        text = project.read_secret(path)
        if text is None:
            raise ManifestError(
                f"the env-file `{written}` is not there",
                where=f"{LOCAL}: env-file ({path})",
                hint="create it with a line NAME=VALUE for each variable, or take it out of `env-file`",
            )
        variables |= read_env_file(text, path)
    return paths, variables


def _absolute(project: Project, path: str, environ: Mapping[str, str]) -> str:
    if not path.startswith("~"):
        return path if path.startswith("/") else f"{project.root}/{path}"
    home = environ.get("HOME", "")
    if not (path == "~" or path.startswith("~/")) or not home.startswith("/"):
        raise ManifestError(
            "only your own home folder can be meant, and HOME must be set"
            if home
            else "`~` stands for HOME, which is not set",
            where=f"{LOCAL}: env-file",
            hint="write the whole path",
        )
    return home.rstrip("/") + path[1:]


def _variables(found: Manifest) -> None:
    """Refuse, for every command, names that would break a shell, and secrets: this file is committed."""
    tables = {"tool.envctl.env": found.env} | {
        f"tool.envctl.profiles.{name}.env": profile.env for name, profile in found.profiles.items()
    }
    for table, variables in tables.items():
        for name, value in variables.items():
            refuse_name(name, f"{table}.{name}")
            why = "is a secret by its name" if classify(name) == "secret" else ""
            if why or holds_login(value):
                raise ManifestError(
                    f"`{name}` {why or 'holds an address with a login'}, and this file is committed",
                    where=f"{table}.{name}",
                    hint="take it out; put it into a file that .envctl/local.toml names as `env-file`, "
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
