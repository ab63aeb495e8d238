"""What pip-compile's failures mean: pip's words, and a look at the index where they leave the reason open.

To pip, an index that is down, one that shows a login page and one without the package are the same: "no matching
distribution". So the page is read again before anybody is told that a package does not exist.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.adapters.index.files import moment
from envctl.adapters.resolver_words import Demand, absent, collision, misnamed, too_new
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
from envctl.readers.index_page import IndexFile

# What the indexes that may have a package have of it (None: nobody knows it), and the addresses of those indexes.
Look = Callable[[str], tuple[Sequence[IndexFile] | None, Sequence[str]]]
_DEMAND = re.compile(
    r"The user requested (?P<limit>\(constraint\) )?(?P<asks>.+)"
    r"|(?P<who>\S+) (?P<version>\S+) depends on (?P<needs>[^;]+)(?:;.*)?"
)
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
            hint="`--verbose` shows all that it said; `envctl doctor` looks at indexes, settings and disks",
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
    return _conflict(conflicts[-1][1], text, question) if conflicts else None


def _conflict(block: str, text: str, question: Question) -> EnvctlError:
    """Say which demands collide, and through whom the project comes to those who make them."""
    versions: dict[tuple[str, str], list[str]] = {}
    demands: list[Demand] = []
    for line in block.splitlines():
        match = _DEMAND.fullmatch(" ".join(line.split()))
        if not match:
            continue
        if match["who"]:
            versions.setdefault((match["who"], match["needs"]), []).append(match["version"])
        else:
            demands += _asked(match["asks"], question, limit=bool(match["limit"]))
    for (who, needs), those in versions.items():
        demands += _chain(who.partition("[")[0], text, question)
        demands.append(Demand(who=f"{who} {', '.join(those)}", wants=needs))
    return collision(demands)


def _asked(wants: str, question: Question, *, limit: bool) -> Iterator[Demand]:
    """Yield who of the project asks for just that: it, a group, an extra; a constraint may be envctl's own."""
    roots = [("the project", question.requirements)]
    roots += [(f"the extra `{name}`", texts) for name, texts in question.extras.items()]
    roots += [(f"the group `{name}`", texts) for name, texts in question.groups.items()]
    found = [who for who, texts in roots if wants in texts]
    for who in ["a constraint"] if limit else found or ["the project"]:
        yield Demand(who=who, wants=wants, asks=True)


def _chain(name: str, text: str, question: Question) -> Iterator[Demand]:
    """Yield how the project comes to a package: pip says ``Collecting C (from B->A->-r base.in (line 1))``."""
    found = re.search(rf"Collecting {re.escape(name)}\b[^\n]*\(from ([^\n]*?)-r ", text)
    chain = [name, *(each.split()[0] for each in (found[1] if found else "").split("->") if each)]
    for child, parent in pairwise(chain):
        yield Demand(who=parent.partition("[")[0], wants=child)
    texts = (*question.requirements, *_flat(question.extras), *_flat(question.groups))
    for each in texts:
        if canonicalize_name(Requirement(each).name) == canonicalize_name(chain[-1]):
            yield from _asked(each, question, limit=False)
            return


def _flat(sets: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(text for texts in sets.values() for text in texts)


def _absent(asked: str, text: str, question: Question, look: Look) -> EnvctlError:
    wanted, _, chain = asked.partition(" (from ")
    try:
        name: str = canonicalize_name(Requirement(wanted).name)
    except InvalidRequirement:
        name = wanted.split()[0]
    files, indexes = look(name)
    parent = chain.rstrip(")").partition("->")[0]
    by = [Demand(who=parent, wants=wanted)] if parent and not parent.startswith("-r") else []
    if files is None:
        return absent(name, indexes, by)
    before = moment(question.exclude_newer)
    times = [file.upload_time for file in files if file.upload_time]
    if before and times and min(times) >= before:
        return too_new(name, f"{max(times):%Y-%m-%d}")
    return ResolutionError(
        _unfit(wanted, name, text, question, files) + (f" ({by[0].who} needs it)" if by else ""),
        where="pyproject.toml",
        hint=f"ask for another version of `{name}`, or for another Python",
    )


def _unfit(
    wanted: str, name: str, text: str, question: Question, files: Sequence[IndexFile]
) -> str:
    versions = _last(_VERSIONS, text).split(", ")
    if versions not in ([""], ["none"]):
        return f"no version of `{name}` answers `{wanted}` (there are: {', '.join(versions[-_SHOWN:])})"
    if files and all(file.yanked for file in files):
        return f"every version of `{name}` is yanked"
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
    (r"DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+)(?: @ \S+)? from (\S+)", _wrong_hash),
    (
        r"AssertionError: '([^']+)' != '([^']+)' for wheel",
        lambda match: misnamed(match[1], match[2]),
    ),
    (r"Index (\S+) does not provide upload-time metadata", _timeless),
    (r"IncompleteDownloadError", _cut),
    (r" from (?P<url>https?://\S+)[^\n]* because of HTTP error (?P<code>\d+)", _answered),
    (_CONNECTION, _lost),
    (r"(?:Failed to build '(?P<name>[^']+)'|[Mm]etadata-?[Gg]eneration-?[Ff]ailed)", _unbuildable),
    (r"repository located at (\S+) is not a trusted or secure host", _insecure),
)
