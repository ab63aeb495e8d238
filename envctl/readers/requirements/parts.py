"""A requirement's parts, as other tools' tables hold them, put together to PEP 508."""

import re
from collections.abc import Iterable

from packaging.markers import InvalidMarker, Marker

from envctl.errors import ManifestError

# git-clone(1), "GIT URLS": `[user@]host:path`, which no URL parser reads.
_SCP = re.compile(r"(?P<user>[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>(?!//)[^\s:]+)")


def assembled(
    name: str,
    *,
    extras: Iterable[str] = (),
    specifier: str = "",
    url: str | None = None,
    marker: str = "",
) -> str:
    """Return ``NAME[EXTRAS]SPECIFIER ; MARKER``, or ``NAME[EXTRAS] @ URL ; MARKER``; not checked yet."""
    wanted = ",".join(extras)
    head = f"{name}[{wanted}]" if wanted else name
    body = f"{head} @ {url}" if url else f"{head}{specifier}"
    return f"{body} ; {marker}" if marker else body


def both(markers: Iterable[str], where: str) -> str:
    """Return one marker that holds where all do, ``""`` for none; raises ``ManifestError`` for a broken one."""
    texts = [text for text in markers if text.strip()]
    for text in texts:
        try:
            Marker(text)
        except InvalidMarker as error:
            raise ManifestError(
                f"`{text}` is not a marker: {str(error).splitlines()[0]}",
                where=where,
                hint="write it as PEP 508 has it, for example `sys_platform == 'linux'`",
            ) from error
    if len(texts) < 2:
        return "".join(texts)
    return " and ".join(f"({text})" if re.search(r"\bor\b", text) else text for text in texts)


def git_url(address: str, reference: str | None, subdirectory: str | None) -> str:
    """Return a repository's address as PEP 508 has it: ``git+https://HOST/PATH@REF#subdirectory=DIR``."""
    address = address.removeprefix("git+")
    found = _SCP.fullmatch(address)
    if found:
        address = f"ssh://{found['user'] or ''}{found['host']}/{found['path'].lstrip('/')}"
    at = f"@{reference}" if reference else ""
    below = f"#subdirectory={subdirectory}" if subdirectory else ""
    return f"git+{address}{at}{below}"
