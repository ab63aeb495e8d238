"""Packages as lines of a requirements file, which pip, uv and conda's ``pip:`` section read.

pip's reader (``pip/_internal/req/req_file.py``) splits a line at spaces, takes a word with a leading dash for an
option, ``#`` after a space for a comment, and replaces ``${NAME}``. So nothing from a lock goes into a line as it
is: addresses and paths are escaped, markers must be made of harmless characters.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageVcs
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from envctl.domain.export import file_uri, uri
from envctl.domain.lock.entry import version_of
from envctl.errors import ExportError

# What pip takes for `--hash` (pip/_internal/utils/hashes.py STRONG_HASHES), best known first, and its hex digits.
_STRONG = {"sha256": 64, "sha512": 128, "sha384": 96}
_WORD = r"[A-Za-z0-9_.+*!~=<>][A-Za-z0-9_.+*!~=<>,:-]*"
_PLAIN = re.compile(rf"({_WORD}( {_WORD})*)?")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def index_lines(indexes: Sequence[str], default: str) -> Iterator[str]:
    """Yield the options that name the indexes; none for the one that pip asks anyway."""
    for position, index in enumerate(indexes):
        if position:
            yield f"--extra-index-url {uri(index)}"
        elif index != default:
            yield f"--index-url {uri(index)}"


def requirement(package: Package, *, verified: bool) -> str:
    """Return one package as a requirement, without its hashes.

    ``verified``: the caller adds ``--hash`` to the line, so that what has no hash is refused. Raises ``ExportError``.
    """
    condition = "" if package.marker is None else f" ; {_marker(package.marker, package.name)}"
    return _source(package, verified=verified) + condition


def hashes(package: Package) -> tuple[str, ...]:
    """Return ``--hash`` for each file, sorted; raises ``ExportError`` for a file without one that pip takes."""
    files = (package.archive, package.sdist, *(package.wheels or ()))
    found = {_hash(file.hashes, package.name, ":") for file in files if file is not None}
    return tuple(f"--hash={each}" for each in sorted(found))


def _source(package: Package, *, verified: bool) -> str:
    name = package.name
    if not package.is_direct:
        return f"{name}=={version_of(package) or _version_in_file(package)}"
    if package.archive:
        return f"{name} @ {_archive(package.archive, name, verified=verified)}"
    if verified:
        raise ExportError(
            f"`{name}` comes from a {'repository' if package.vcs else 'folder'}, "
            "and pip takes no such thing together with hashes",
            where=name,
            hint="write the file without hashes (`--no-hashes`), leave out the group or extra "
            "that needs it, or give uv the lock itself (`envctl export pylock`)",
        )
    if package.vcs:
        return f"{name} @ {_repository(package.vcs)}"
    assert package.directory  # noqa: S101  # PEP 751: there is no fourth kind
    folder = package.directory
    path = "/".join(part for part in (folder.path, folder.subdirectory) if part)
    return f"{name} @ {file_uri(path)}"


def _archive(archive: PackageArchive, name: str, *, verified: bool) -> str:
    address = archive.url or file_uri(archive.path or "")
    check = "" if verified else _hash(archive.hashes, name, "=")
    return _with_fragment(address, archive.subdirectory, check)


def _repository(vcs: PackageVcs) -> str:
    address = vcs.url or file_uri(vcs.path or "")
    scheme = "" if address.startswith(f"{vcs.type}+") else f"{vcs.type}+"
    return _with_fragment(f"{scheme}{address}@{vcs.commit_id}", vcs.subdirectory)


def _with_fragment(address: str, subdirectory: str | None, check: str = "") -> str:
    plain = uri(address.partition("#")[0])
    folder = f"subdirectory={quote(subdirectory)}" if subdirectory else ""
    fragment = "&".join(part for part in (folder, check) if part)
    return f"{plain}#{fragment}" if fragment else plain


def _hash(known: Mapping[str, str], name: str, sign: str) -> str:
    for algorithm, digits in _STRONG.items():
        value = known.get(algorithm, "").lower()
        if re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
            return f"{algorithm}{sign}{value}"
    raise ExportError(
        f"a file of `{name}` has no hash that pip takes ({', '.join(_STRONG)})",
        where=name,
        hint="run `envctl lock`, which notes sha256",
    )


def _marker(marker: Marker, name: str) -> str:
    text = str(marker)
    for single, double in _QUOTED.findall(text):
        if not _PLAIN.fullmatch(single or double):
            raise ExportError(
                f"the marker of `{name}` holds {single or double!r}, "
                "which a requirements file cannot say safely",
                where=name,
                hint="name the platform (`--platform`): then no marker is left",
            )
    return text


def _version_in_file(package: Package) -> str:
    if package.wheels:
        return str(parse_wheel_filename(package.wheels[0].filename)[1])
    assert package.sdist  # noqa: S101  # PEP 751: not direct, so there is a file
    return str(parse_sdist_filename(package.sdist.filename)[1])
