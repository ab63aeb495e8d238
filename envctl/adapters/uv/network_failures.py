"""What uv's failures mean on the way to an index: no network, no login, a wrong page, half a file."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from envctl.errors import EnvctlError, IndexFailure

_NETWORK = "check the network, the proxy and the CA bundle (SSL_CERT_FILE), then run it again"
_LATER = "run it again later, or ask whoever runs the index"
_LOGIN_PAGE = "log in to the network or the proxy; see what the address shows in a browser"

# The last cause is what happened; uv has put the address before it (in backticks until 0.12).
_FETCH = re.compile(r"Failed to fetch:\s+`?(?P<url>[^`\s]+)`?(?P<causes>.*)", re.DOTALL)
_STATUS = re.compile(r"HTTP status \w+ error \((?P<code>\d+) ?(?P<name>[^)]*)\)")
CAUSE = re.compile(r"^\s*(?:cause|Caused by): (.+)$", re.MULTILINE | re.IGNORECASE)
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
    last = next(reversed(CAUSE.findall(causes)), "no reason is given")
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


_OFFLINE = (
    r"(?:(?:Because|and) (?P<package>[\w.-]+) was not found in the cache.*)?"
    r"(?:Network connectivity is disabled|the network was disabled)"
    r"(?:[^\n]*?: `?(?P<url>https?://\S+))?"
)
Meaning = tuple[str, Callable[[re.Match[str]], EnvctlError]]
"""A pattern in what uv said, and what makes the error of its match."""
REFUSED: tuple[Meaning, ...] = (
    (r"\b(401 Unauthorized|403 Forbidden)", _refused),
    (_OFFLINE, _offline),
)
"""To be tried before a proof is believed: to uv, an index that it cannot ask has nothing."""
BROKEN: tuple[Meaning, ...] = (
    (_FETCH.pattern, _unreachable),
    (r"end of file before message length|error decoding response body", _cut),
    (r"Invalid zip file|unexpected header|Failed to extract archive", _no_wheel),
    (r"([\w.-]+)(?:==\S+)? has an invalid package format", _invalid),
)
