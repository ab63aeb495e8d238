"""Addresses as other tools' files hold them: freed of credentials, and named where a requirement must be."""

import re
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

_SCHEME = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?[a-z][a-z0-9.-]*:", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)(?:[^\s/@:]*:(?!\d+(?:[/?#]|$))[^\s@]*|[^\s/]*)@")
_SECRET_QUERY = re.compile(
    r"([?&][^=\s&]*(?:sig|token|key|secret|pass|cred|auth)[^=\s&]*=)[^&\s#]+", re.IGNORECASE
)
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar|tgz|tbz|txz|tar\.(?:gz|bz2|xz|lzma))$", re.IGNORECASE)
_EGG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._, -]*\])?")


def redacted(text: str) -> str:
    """Return a line of any kind without what may be a user name, a password or a signature in it."""
    return _SECRET_QUERY.sub(r"\1…", _USER_INFO.sub("", text))


def public(url: str) -> str | None:
    """Return the address without credentials; ``None`` where nobody can tell what is one.

    The user of an ssh address is part of the address (``git@``), not a credential.
    """
    try:
        parts = urlsplit(url)
        _ = (
            parts.port
        )  # raises for `user:pass/word@host`, where the password would stay in the path
    except ValueError:
        return None
    user, at, host = parts.netloc.rpartition("@")
    if "ssh" in parts.scheme:
        user = user.partition(":")[0]
        netloc = f"{user}{at}{host}"
    else:
        netloc = host
    clean = url.replace(f"://{parts.netloc}", f"://{netloc}", 1)
    return None if redacted(clean) != clean and "ssh" not in parts.scheme else clean


def is_address(text: str) -> bool:
    """Whether a requirement's text is a bare URL (pip takes ``git+https://…`` without a name)."""
    return _SCHEME.match(text) is not None and "://" in text.partition(" ")[0]


def is_path(text: str) -> bool:
    """Whether pip would take a requirement's text for a local file or folder."""
    head = re.split(r"[;\[]| @", text, maxsplit=1)[0].strip()
    return (
        head.startswith((".", "/", "~", "file:"))
        or "/" in head
        or "\\" in head
        or _ARCHIVE.search(head) is not None
    )


def named(url: str) -> str | None:
    """Return ``NAME @ URL`` for a bare URL that tells its name: in ``#egg=`` or as an archive's file name."""
    address, _, fragment = url.partition("#")
    fields = [field for field in fragment.split("&") if field]
    egg = next((field[4:] for field in fields if field.startswith("egg=")), "")
    name = unquote(egg) if _EGG.fullmatch(unquote(egg)) else _name_in_file(address)
    if name is None:
        return None
    rest = "&".join(field for field in fields if not field.startswith("egg="))
    return f"{name} @ {address}#{rest}" if rest else f"{name} @ {address}"


def _name_in_file(address: str) -> str | None:
    file = unquote(urlsplit(address).path.rpartition("/")[2])
    try:
        return parse_wheel_filename(file)[0]
    except InvalidWheelFilename:
        pass
    try:
        return parse_sdist_filename(file)[0]
    except InvalidSdistFilename:
        return None
