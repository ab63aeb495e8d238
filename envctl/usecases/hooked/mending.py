"""What a person runs where a commit was refused: a command, from where they stand, and what to stage then."""

import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace

from envctl.domain.finding import Finding

_LOCK = re.compile(r"pylock(\.[^./]+)?\.toml")
_DOCKERFILE = re.compile(r"Dockerfile[^/]*")
_MEND = re.compile(r"^( +mend it with: )(envctl [a-z]+(?: --?[a-z-]+)*)$", re.MULTILINE)
_ALSO = (".dockerignore", ".envctl/image")


def told(findings: Iterable[Finding], folder: str, *, push: bool = False) -> tuple[Finding, ...]:
    """Return the findings with commands for whoever stands where the project is ``folder``, and what to stage.

    ``push``: what is written has to be committed before it can be pushed.
    """
    given = tuple(findings)
    return tuple(replace(each, fix=_whole(each.fix, given, folder, push=push)) for each in given)


def command(fix: str, folder: str) -> str:
    """Return a command of envctl's with the project's folder in it, unless that is where it is run."""
    words = shlex.split(fix)
    if folder == "." or words[:1] != ["envctl"]:
        return fix
    return f"envctl -C {shlex.quote(_path(folder))} {shlex.join(words[1:])}"


def from_there(report: str, folder: str) -> str:
    """Return a printed report of a project with its commands as ``command`` has them."""
    return _MEND.sub(lambda found: found[1] + command(found[2], folder), report)


def add(names: Iterable[str], folder: str) -> str:
    """Return the command that stages these files of a project."""
    return f"git add {_listed(names, folder)}"


def _whole(fix: str | None, findings: Sequence[Finding], folder: str, *, push: bool) -> str | None:
    if fix is None:
        return None
    names = written(fix, findings)
    start = command(fix, folder)
    if not names:
        return start
    then = f"commit {_listed(names, folder)}" if push else add(names, folder)
    return f"{start}, then {then}"


def written(fix: str, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the files that a command writes, for all that these findings say; none: nothing that is committed."""
    words = shlex.split(fix)
    kinds = {"lock": (_LOCK, "pylock.toml", ()), "dockerize": (_DOCKERFILE, "Dockerfile", _ALSO)}
    if words[:1] != ["envctl"] or len(words) < 2 or words[1] not in kinds:
        return ()
    pattern, usual, also = kinds[words[1]]
    files = {each.file for each in findings if each.fix == fix and each.file}
    return (*(sorted(each for each in files if pattern.fullmatch(each)) or [usual]), *also)


def _listed(names: Iterable[str], folder: str) -> str:
    return shlex.join(_path(posixpath.normpath(posixpath.join(folder, each))) for each in names)


def _path(name: str) -> str:
    """Return a path that no program takes for an option, or for a pattern of git's."""
    return f"./{name}" if name.startswith(("-", ":")) else name
