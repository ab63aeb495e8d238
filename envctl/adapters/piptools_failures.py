"""What pip-compile's failures mean: pip's words, and a look at the index where they leave the reason open.

To pip, an index that is down, one that shows a login page and one without the package are the same: "no matching
distribution". So the page is read again before anybody is told that a package does not exist.
"""

import re
from collections.abc import Callable, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.domain.resolution import Question
from envctl.errors import (
    EnvctlError,
    HashMismatchError,
    IndexFailure,
    ProjectError,
    ResolutionError,
    ToolFailedError,
)
from envctl.ports import Completed

# Whether any of the indexes that may have a package has it, and the addresses of those indexes.
Look = Callable[[str], tuple[bool, Sequence[str]]]
_CONFLICT = re.compile(r"The conflict is caused by:\n(.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_ABSENT = re.compile(r"No matching distribution found for ([^\n]+)")
_VERSIONS = re.compile(r"satisfies the requirement [^\n]*\(from versions: ([^\n)]*)\)")
_PYTHON = re.compile(r"require a different python version: ([^\n]+)")
_SHOWN = 8


def explain(done: Completed, question: Question, look: Look) -> EnvctlError:
    """Turn a failed run into one clear error; the original text is kept as ``details``."""
    text = f"{done.stdout}\n{done.stderr}"
    try:
        error = _meaning(text, question, look)
    except IndexFailure as failure:
        error = failure
    if error is None:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "")
        error = ToolFailedError(
            f"pip-compile ended with code {done.code}: {last.strip() or 'it said nothing'}",
            where="pip-tools",
            hint="run again with --verbose to see all that it said",
        )
    error.details = "\n".join(filter(None, (text.strip(), error.details)))
    return error


def _meaning(text: str, question: Question, look: Look) -> EnvctlError | None:
    for pattern, make in _MEANINGS:
        match = re.search(pattern, text)
        if match:
            return make(match)
    absent = list(_ABSENT.finditer(text))
    if absent:
        return _absent(absent[-1][1], text, question, look)
    conflicts = list(_CONFLICT.finditer(text))
    return _conflict(conflicts[-1][1]) if conflicts else None


def _conflict(block: str) -> EnvctlError:
    lines = [" ".join(line.split()) for line in block.splitlines() if line.strip()]
    lines = [
        line.replace("The user requested (constraint)", "tool.envctl.constraints asks for").replace(
            "The user requested", "the project asks for"
        )
        for line in lines
    ]
    more = f" (and {len(lines) - _SHOWN} more)" if len(lines) > _SHOWN else ""
    return ResolutionError(
        f"no versions satisfy all requirements: {'; '.join(lines[:_SHOWN])}{more}",
        where="pyproject.toml",
        hint="relax or remove one of the requirements named above",
    )


def _absent(asked: str, text: str, question: Question, look: Look) -> EnvctlError:
    wanted, _, chain = asked.partition(" (from ")
    try:
        name: str = canonicalize_name(Requirement(wanted).name)
    except InvalidRequirement:
        name = wanted.split()[0]
    there, indexes = look(name)
    parent = chain.rstrip(")").partition("->")[0]
    by = f" ({parent} needs it)" if parent and not parent.startswith("-r") else ""
    if not there:
        return ResolutionError(
            f"there is no package `{name}` on {' or '.join(indexes)}{by}",
            where="pyproject.toml",
            hint=f"correct its name, or add the index that has `{name}`",
        )
    return ResolutionError(
        f"{_unfit(wanted, name, text, question)}{by}",
        where="pyproject.toml",
        hint=f"ask for another version of `{name}`, or for another Python",
    )


def _unfit(wanted: str, name: str, text: str, question: Question) -> str:
    versions = _last(_VERSIONS, text).split(", ")
    if versions not in ([""], ["none"]):
        return f"no version of `{name}` answers `{wanted}` (there are: {', '.join(versions[-_SHOWN:])})"
    other = _last(_PYTHON, text)
    reason = f" (versions for another Python: {other})" if other else ""
    python = question.interpreter.version
    return f"no file of `{name}` can be installed on this platform with Python {python}{reason}"


def _last(pattern: re.Pattern[str], text: str) -> str:
    return next((match[1].strip() for match in reversed(list(pattern.finditer(text)))), "")


def _insecure(match: re.Match[str]) -> EnvctlError:
    return IndexFailure(
        f"pip does not read from {match[1]}, because its address has no https",
        where="tool.envctl.index",
        hint="use the index's https:// address",
    )


def _wrong_hash(match: re.Match[str]) -> EnvctlError:
    return HashMismatchError(
        f"the file for `{match[1]}` is not the one that its index names (its hash differs)",
        where=match[2].partition("#")[0],
        hint="run it again; if it stays so, ask whoever runs the index",
    )


def _timeless(match: re.Match[str]) -> EnvctlError:
    return ResolutionError(
        f"the index does not tell when files were uploaded ({match[1]})",
        where="tool.envctl.exclude-newer",
        hint="take out exclude-newer, or use an index with upload times (PEP 700)",
    )


def _cut(match: re.Match[str]) -> EnvctlError:
    files = re.findall(r"Downloading (\S+)", match.string[: match.start()])
    return IndexFailure(
        f"{f'`{files[-1]}`' if files else 'a file'} was cut off while it was downloaded",
        where="the index, or what stands between",
        hint="run it again; a proxy may have a size limit",
    )


def _answered(match: re.Match[str]) -> EnvctlError:
    return IndexFailure(
        f"the index answered {match['code']} for a file that it names",
        where=match["url"].partition("#")[0],
        hint="run it again later, or ask whoever runs the index",
    )


def _lost(match: re.Match[str]) -> EnvctlError:
    origin = f"{match['scheme'].lower()}://{match['host']}:{match['port']}"
    status = re.search(r"too many (\d+) error responses", match["cause"])
    if status:
        return IndexFailure(
            f"the index at {match['host']}:{match['port']} answered {status[1]}",
            where=origin + match["path"],
            hint="run it again later, or ask whoever runs the index",
        )
    return IndexFailure(
        f"the connection to {match['host']}:{match['port']} failed",
        where=origin + match["path"],
        hint="check the network, the proxy and the CA bundle (SSL_CERT_FILE), then run it again",
    )


def _no_space(match: re.Match[str]) -> EnvctlError:
    return ProjectError(
        f"the disk is full: {match[1].lower()}",
        where=match[2] or "pip's cache, or the folder for temporary files",
        hint="make room there, or name another folder in TMPDIR; then run it again",
    )


def _unbuildable(match: re.Match[str]) -> EnvctlError:
    name = match["name"] or "a package"
    return ResolutionError(
        f"`{name}` has no wheel for this and its source could not be prepared",
        where="pyproject.toml",
        hint=f"choose another version of `{name}`, or install what its build needs",
    )


_CONNECTION = (
    r"(?m)^pip\._\S+: (?P<scheme>HTTPS?)ConnectionPool\(host='(?P<host>[^']+)', "
    r"port=(?P<port>\d+)\): [^\n]* with url: (?P<path>\S+)(?P<cause>[^\n]*)"
)
_MEANINGS: tuple[tuple[str, Callable[[re.Match[str]], EnvctlError]], ...] = (
    (r"(No space left on device|Disk quota exceeded)(?:: '([^']+)')?", _no_space),
    (r"DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+) from (\S+)", _wrong_hash),
    (r"Index (\S+) does not provide upload-time metadata", _timeless),
    (r"IncompleteDownloadError", _cut),
    (r" from (?P<url>https?://\S+)[^\n]* because of HTTP error (?P<code>\d+)", _answered),
    (_CONNECTION, _lost),
    (r"(?:Failed to build '(?P<name>[^']+)'|[Mm]etadata-?[Gg]eneration-?[Ff]ailed)", _unbuildable),
    (r"repository located at (\S+) is not a trusted or secure host", _insecure),
)
