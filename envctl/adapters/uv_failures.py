"""What uv's failures mean: the reason out of its chain of causes, the place, and the next step."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from envctl.errors import (
    EnvctlError,
    HashMismatchError,
    IndexFailure,
    ProjectError,
    ResolutionError,
    ToolFailedError,
)
from envctl.ports import Completed

PROJECT = "envctl-root"
"""The name of the temporary project that uv is given: it stands in uv's proofs, and means nothing to a user."""

_NETWORK = "check the network, the proxy and the CA bundle (SSL_CERT_FILE), then run it again"
_LATER = "run it again later, or ask whoever runs the index"
_LOGIN_PAGE = "log in to the network or the proxy; see what the address shows in a browser"

# The last cause is what happened; uv has put the address before it (in backticks until 0.12).
_FETCH = re.compile(r"Failed to fetch:\s+`?(?P<url>[^`\s]+)`?(?P<causes>.*)", re.DOTALL)
_STATUS = re.compile(r"HTTP status \w+ error \((?P<code>\d+) ?(?P<name>[^)]*)\)")
_CAUSE = re.compile(r"^\s*(?:cause|Caused by): (.+)$", re.MULTILINE | re.IGNORECASE)
_REASONS = (
    (r"connection closed before|connection reset", "it hung up without an answer", _NETWORK),
    (r"dns error|resolving DNS|lookup address", "there is no such host", _NETWORK),
    (
        r"corrupt message|InvalidContentType",
        "it does not speak TLS",
        "write its address with http:// if that is meant, or ask whoever runs the index",
    ),
    (r"timed? ?out", "it took too long to answer", _NETWORK),
    (
        r"certificate|UnknownIssuer",
        "its certificate is not trusted",
        "name your company's CA bundle in SSL_CERT_FILE",
    ),
)


def explain(done: Completed) -> EnvctlError:
    """Turn a failed run into one clear error; the original text is kept as ``details``."""
    text = done.stderr
    found = (make(match) for pattern, make in _MEANINGS if (match := pattern.search(text)))
    error = next(found, None) or _unknown(done)
    error.details = text.strip()
    return error


def _unknown(done: Completed) -> EnvctlError:
    first = next((line for line in done.stderr.splitlines() if line.startswith("error")), "")
    causes = _CAUSE.findall(done.stderr)
    said = ": ".join([first.removeprefix("error: ") or "it said nothing", *causes[-1:]])
    return ToolFailedError(
        f"uv ended with code {done.code}: {said}",
        where=f"uv {' '.join(done.argv[1:3])}",
        hint="run again with `envctl --verbose …` to see all that uv said",
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
    return HashMismatchError(
        f"the file for {match[1]} is not the one in the lock (its hash differs)",
        where="pylock.toml",
        hint="ask whoever runs the index; if the new file is right: "
        f"`envctl lock --upgrade-package {match[1].partition('==')[0]}`",
    )


def _refused(match: re.Match[str]) -> EnvctlError:
    url = _FETCH.search(match.string)
    return IndexFailure(
        f"the index refused the request ({match[1]})",
        where=url["url"] if url else "tool.envctl.index",
        hint="put your credentials for it into ~/.netrc, your keyring or UV_INDEX_<NAME>_USERNAME/_PASSWORD",
    )


def _offline(match: re.Match[str]) -> EnvctlError:
    what = match["package"] or PurePosixPath(urlsplit(match["url"] or "").path).name
    return IndexFailure(
        f"`{what}` is not in uv's cache, and UV_OFFLINE keeps envctl from asking the index"
        if what
        else "UV_OFFLINE keeps envctl from asking the index",
        where="UV_OFFLINE",
        hint="unset UV_OFFLINE, or run it once with a network: the cache then has what it needs",
    )


def _absent(match: re.Match[str]) -> EnvctlError:
    return ResolutionError(
        f"there is no package `{match[1]}` on the index",
        where="pyproject.toml",
        hint=f"correct its name, or add the index that has `{match[1]}`",
    )


def _unreachable(match: re.Match[str]) -> EnvctlError:
    url, causes = match["url"], match["causes"]
    host = urlsplit(url).netloc.rpartition("@")[2]
    status = _STATUS.search(causes)
    if status:
        gone = status["code"] in ("404", "410")
        return IndexFailure(
            f"the index at {host} answered {status['code']} {status['name']}".rstrip(),
            where=url,
            hint="ask whoever runs the index; `envctl lock --upgrade` asks what it has now"
            if gone
            else _LATER,
        )
    reason, hint = _reason(causes)
    return IndexFailure(f"cannot read from the index at {host}: {reason}", where=url, hint=hint)


def _reason(causes: str) -> tuple[str, str]:
    for pattern, reason, hint in _REASONS:
        if re.search(pattern, causes, re.IGNORECASE):
            return reason, hint
    last = next(reversed(_CAUSE.findall(causes)), "no reason is given")
    return re.sub(r" \(os error \d+\)$", "", last[:1].lower() + last[1:]), _NETWORK


def _file(text: str) -> str:
    """Return what a message about a download calls its file or package."""
    found = re.search(r"Failed to (?:download|unzip wheel:|extract archive:) `?([^`\s]+)`?", text)
    return f"`{found[1]}`" if found else "a file"


def _cut(match: re.Match[str]) -> EnvctlError:
    return IndexFailure(
        f"{_file(match.string)} was cut off while it was downloaded",
        where="the index, or what stands between",
        hint="run it again; a proxy may have a size limit",
    )


def _no_wheel(match: re.Match[str]) -> EnvctlError:
    return IndexFailure(
        f"what came for {_file(match.string)} is no package: most likely a login page",
        where="the index, or what stands between",
        hint=_LOGIN_PAGE,
    )


def _invalid(match: re.Match[str]) -> EnvctlError:
    return IndexFailure(
        f"what came for `{match[1]}` is no package: most likely a login page",
        where="the index, or what stands between",
        hint=_LOGIN_PAGE,
    )


def _unbuildable(match: re.Match[str]) -> EnvctlError:
    name = match[1].partition("==")[0]
    return ResolutionError(
        f"`{match[1]}` has no wheel for this and could not be built from source",
        where="pyproject.toml",
        hint=f"say in [tool.envctl.build.{name}] what it depends on (`dependencies`) or what its build "
        "needs (`requires`), or choose another version of it",
    )


def _empty(match: re.Match[str]) -> EnvctlError:
    return ResolutionError(
        f"the index's page for `{match[1]}` names no file that could be taken",
        where="pyproject.toml",
        hint="correct its name and tool.envctl.exclude-newer; a login page looks like this as well: "
        "see what the index's address shows in a browser",
    )


def _unsolvable(match: re.Match[str]) -> EnvctlError:
    return ResolutionError(
        f"no versions satisfy all requirements: {_plainly(match[1])}",
        where="pyproject.toml",
        hint="relax or remove one of the requirements named above",
    )


def _plainly(reason: str) -> str:
    """Return uv's proof without the name of the project that uv is given, and without its refrain."""
    text = " ".join(reason.split())
    project = re.escape(PROJECT)
    for pattern, plain in (
        (r",? we can conclude that your project's requirements are unsatisfiable\.?", ""),
        (rf" and your project requires {project}(\[[\w.-]+\]|:[\w.-]+)", ""),
        (rf"[.,;]? ?And because your project requires {project}\S*( and {project}\S*)?", ""),
        (rf"{project}\[([\w.-]+)\] depends on", r"the extra `\1` asks for"),
        (rf"{project}:([\w.-]+) depends on", r"the group `\1` asks for"),
        (rf"{project}\[([\w.-]+)\]", r"the extra `\1`"),
        (rf"{project}:([\w.-]+)", r"the group `\1`"),
        (rf"(your project|\b{project}) depends on", "the project asks for"),
        (r"^Because ", ""),
        (r"\. And because ", "; and because "),
    ):
        text = re.sub(pattern, plain, text)
    return text.rstrip(" .")


_Meaning = tuple[re.Pattern[str], Callable[[re.Match[str]], EnvctlError]]
_PLACE = r"(?:`(/[^`]+)`[^\n`]*?)?"
_OFFLINE = (
    r"(?:(?:Because|and) (?P<package>[\w.-]+) was not found in the cache.*)?"
    r"(?:Network connectivity is disabled|the network was disabled)"
    r"(?:[^\n]*?: `?(?P<url>https?://\S+))?"
)
_MEANINGS: tuple[_Meaning, ...] = tuple(
    (re.compile(pattern, re.DOTALL), make)
    for pattern, make in (
        (_PLACE + r"(No space left on device|Disk quota exceeded)", _no_space),
        (_PLACE + r"(Read-only file system|Permission denied)", _forbidden),
        (r"Hash mismatch for `([^`]+)`", _wrong_hash),
        (r"\b(401 Unauthorized|403 Forbidden)", _refused),
        (_OFFLINE, _offline),
        (r"(?:Because|and) ([\w.-]+) was not found in the package registry", _absent),
        (_FETCH.pattern, _unreachable),
        (r"end of file before message length|error decoding response body", _cut),
        (r"Invalid zip file|unexpected header|Failed to extract archive", _no_wheel),
        (r"([\w.-]+)(?:==\S+)? has an invalid package format", _invalid),
        (r"Failed to build `([^`]+)`", _unbuildable),
        (r"(?:Because|and) there are no versions of ([\w.-]+) and", _empty),
        (r"No solution found.*?cause: (.*?)(?:\n\s*\n|\n\s*hint:|\Z)", _unsolvable),
    )
)
