"""What uv's failures mean: the reason out of its chain of causes, the place, and the next step."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from urllib.parse import unquote

from envctl.adapters import resolver_words
from envctl.adapters.uv import proof as uv_proof
from envctl.adapters.uv.network_failures import BROKEN, CAUSE, REFUSED
from envctl.errors import (
    EnvctlError,
    HashMismatchError,
    ProjectError,
    ResolutionError,
    ToolFailedError,
)
from envctl.ports import Completed
from envctl.readers.uv_frame import unframed

_YANKED = re.compile(
    r"^warning: `([\w.-]+)==(\S+)` is yanked(?: \(reason: \"(.*)\"\))?$", re.MULTILINE
)
_EXTRA = re.compile(
    r"^warning: The package `([\w.-]+)(?:==)?([^`]*)` does not have an extra named `([^`]+)`$",
    re.MULTILINE,
)


def explain(done: Completed, constraints: Sequence[str] = ()) -> EnvctlError:
    """Turn a failed run into one clear error; the original text is kept as ``details``.

    ``constraints``: those that uv was given (PEP 508).
    """
    text = unframed(done.stderr)
    found = (make(match) for pattern, make in _MEANINGS if (match := pattern.search(text)))
    error = next(found, None) or _unsolvable(text, constraints) or _unknown(done, text)
    error.details = done.stderr.strip()
    return error


def notes(text: str) -> Iterator[str]:
    """Yield a note for each yanked version and each extra that there is not, out of what uv said besides."""
    for name, version, reason in _YANKED.findall(text):
        yield resolver_words.yanked(name, version, reason)
    for name, version, extra in _EXTRA.findall(text):
        yield resolver_words.no_extra(name, version, extra)


def _unknown(done: Completed, text: str) -> EnvctlError:
    said = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((line for line in said if line.startswith("error")), (said or [""])[-1])
    causes = CAUSE.findall(text)
    why = ": ".join([first.removeprefix("error: ") or "it said nothing", *causes[-1:]])
    return ToolFailedError(
        f"uv ended with code {done.code}: {why}",
        where=" ".join(["uv", *takewhile(lambda word: word[:1] != "-", done.argv[1:3])]),
        hint="`--verbose` shows all that uv said; `envctl doctor` looks at indexes, settings and disks",
    )


def _no_space(match: re.Match[str]) -> EnvctlError:
    return ProjectError(
        f"the disk is full: {match[2].lower()}",
        where=match[1] or "uv's cache, or the folder for temporary files",
        hint="make room there, or name another place in UV_CACHE_DIR or TMPDIR; then run it again",
    )


def _forbidden(match: re.Match[str]) -> EnvctlError:
    return ProjectError(
        f"uv cannot write: {match[2].lower()}",
        where=match[1] or "uv's cache, or the folder for temporary files",
        hint="check its permissions, or name another place in UV_CACHE_DIR or TMPDIR",
    )


def _wrong_hash(match: re.Match[str]) -> EnvctlError:
    name, _, address = match[1].partition(" @ ")
    if address:
        return HashMismatchError(
            f"the file for `{name}` is not the one in the lock (its hash differs)",
            where=address,
            hint="correct the #sha256=… of the requirement, if it has one, or ask whoever serves the file; "
            f"if the new file is right: `envctl lock --upgrade-package {name}`",
        )
    return HashMismatchError(
        f"the file for `{match[1]}` is not the one in the lock (its hash differs)",
        where="pylock.toml",
        hint="ask whoever runs the index; if the new file is right: "
        f"`envctl lock --upgrade-package {match[1].partition('==')[0]}`",
    )


def _absent(match: re.Match[str]) -> EnvctlError:
    return resolver_words.absent(match[1], (), uv_proof.askers(match.string, match[1]))


def _plain(address: str) -> str:
    """Return a file's address as a path; any other as it is."""
    path = address.removeprefix("file://")
    return address if path == address else unquote(path)


def _nowhere(match: re.Match[str]) -> EnvctlError:
    return ResolutionError(
        f"there is no file or folder at `{_plain(match[1])}`",
        where="pyproject.toml",
        hint="correct the path that a requirement names",
    )


def _repository(match: re.Match[str]) -> EnvctlError:
    said = re.findall(
        r"^\s*(?:fatal|ERROR|error): (.+)$", match.string[match.start() :], re.MULTILINE
    )
    lost = re.search(r"failed to find branch, tag, or commit `([^`]+)`", match.string)
    reason = f"it has no branch, tag or commit `{lost[1]}`" if lost else (said or ["git failed"])[0]
    return ResolutionError(
        f"the repository of `{match['name']}` cannot be read: {reason}",
        where=match["url"],
        hint="correct its address or revision; try `git ls-remote` with that address",
    )


def _misnamed(match: re.Match[str]) -> EnvctlError:
    return resolver_words.misnamed(match[1], match[2])


def _unbuildable(match: re.Match[str]) -> EnvctlError:
    name, _, address = match[1].partition(" @ ")
    if address and "does not appear to be a Python project" in match.string:
        return ResolutionError(
            f"there is no project at `{_plain(address)}`: it has neither `pyproject.toml` nor `setup.py`",
            where="pyproject.toml",
            hint=f"correct the address of `{name}`, or write a pyproject.toml there",
        )
    name = name.partition("==")[0]
    return ResolutionError(
        f"`{match[1]}` has no wheel for this and could not be built from source",
        where="pyproject.toml",
        hint=f"say in [tool.envctl.build.{name}] what it depends on (`dependencies`) or what its build "
        "needs (`requires`), or choose another version of it",
    )


def _empty(match: re.Match[str]) -> EnvctlError:
    late = re.search(
        rf"`{re.escape(match[1])}` was filtered by `exclude-newer`(?:.*?published at (\d{{4}}-\d\d-\d\d))?",
        match.string,
    )
    if late:
        return resolver_words.too_new(match[1], late[1] or "")
    return ResolutionError(
        f"the index's page for `{match[1]}` names no file that could be taken",
        where="pyproject.toml",
        hint="correct its name and tool.envctl.exclude-newer; a login page looks like this as well: "
        "see what the index's address shows in a browser",
    )


def _unsolvable(text: str, constraints: Sequence[str]) -> EnvctlError | None:
    found = uv_proof.explained(text, constraints)
    match = _UNSOLVABLE.search(text)
    if found or not match:
        return found
    return ResolutionError(
        f"no versions satisfy all requirements: {' '.join(match[1].split())}",
        where="pyproject.toml",
        hint="relax or remove one of the requirements named above",
    )


_UNSOLVABLE = re.compile(r"No solution found.*?cause: (.*?)(?:\n\s*\n|\n\s*hint:|\Z)", re.DOTALL)
_PLACE = r"(?:`(/[^`]+)`[^\n`]*?)?"
_MEANINGS = tuple(
    (re.compile(pattern, re.DOTALL), make)
    for pattern, make in (
        (r"`(?P<name>[\w.-]+) @ (?P<url>git\+[^`]+)`\s+cause: Git operation failed", _repository),
        (_PLACE + r"(No space left on device|Disk quota exceeded)", _no_space),
        (_PLACE + r"(Read-only file system|Permission denied)", _forbidden),
        (r"Hash mismatch for `([^`]+)`", _wrong_hash),
        *REFUSED,
        (r"(?:Because|and) ([\w.-]+) was not found in the package registry", _absent),
        *BROKEN,
        (r"Distribution not found at: (\S+)", _nowhere),
        (r"package name `([^`]+)` does not match `([^`]+)`", _misnamed),
        (r"Failed to build `([^`]+)`", _unbuildable),
        (r"(?:Because|and) there are no versions of ([\w.-]+) and", _empty),
    )
)
