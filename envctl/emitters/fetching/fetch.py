"""Fetch one source by its hash and unpack it, in a build of the image; written by envctl. Python 3.9+, stdlib only.

``fetch.py LIST FOLDER``: LIST has one line ``NAME KIND:HASH ADDRESS``; or it is the source itself, which whoever calls
this has compared with its hash. Nothing of the source is run here, as pip would
do to learn its name: this step sees the login. ~/.netrc is read; SSL_CERT_FILE and the proxies' variables count.
"""

from __future__ import annotations

import hashlib
import netrc
import posixpath
import sys
import tarfile
import zipfile
from base64 import b64encode
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

BLOCK = 1 << 20
TRIES = 3


def main(arguments: list[str]) -> int:
    """Fetch, compare, unpack; every failure is one line."""
    listed, folder = map(Path, arguments)
    if listed.suffix != ".txt":
        return unpacked(listed, folder)
    lines = [line for line in listed.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    name, known, address = " ".join(lines).split()
    kind, _, digest = known.partition(":")
    path = folder.with_name(f"{folder.name}.fetched") / Path(name).name
    path.parent.mkdir()
    try:
        have = fetched(address, path, kind)
    except (OSError, HTTPException, netrc.NetrcParseError) as error:
        return failed(f"{shown(address)} cannot be fetched: {error}")
    if have != digest:
        return failed(f"Hash mismatch for {shown(address)}: {kind}:{digest} is locked, {have} came")
    return unpacked(path, folder)


def unpacked(path: Path, folder: Path) -> int:
    """Unpack, and say what is wrong with the archive."""
    try:
        unpack(path, folder)
    except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        return failed(f"{shown(path.name)} cannot be unpacked: {error}")
    return 0


def fetched(address: str, path: Path, kind: str, tries: int = TRIES) -> str:
    """Write what lies at an address to a file; return its hash. Tried again when the connection breaks."""
    seen = hashlib.new(kind)
    try:
        with urlopen(request(address), timeout=60) as answer, path.open("wb") as file:
            for block in iter(lambda: answer.read(BLOCK), b""):
                seen.update(block)
                file.write(block)
            if answer.length:
                raise ConnectionError(f"it broke off {answer.length} bytes before the end")
    except URLError:  # refused, or an answer such as 401
        raise
    except OSError:
        if tries > 1:
            return fetched(address, path, kind, tries - 1)
        raise
    return seen.hexdigest()


def request(address: str) -> Request:
    """Return the request with the login of ~/.netrc, which follows no redirection to another place."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise OSError("no address of an index")
    made = Request(address, headers={"User-Agent": "envctl"})
    try:
        found = netrc.netrc().authenticators(urlsplit(address).hostname or "")
    except FileNotFoundError:
        found = None
    if found:
        login = b64encode(f"{found[0]}:{found[2]}".encode()).decode()
        made.add_unredirected_header("Authorization", f"Basic {login}")
    return made


def unpack(path: Path, folder: Path) -> None:
    """Unpack an sdist such that its only folder becomes ``folder``; what leads out of it is refused."""
    work = path.with_name("tree")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            packed.extractall(work)  # zipfile itself keeps every path inside
    else:
        with tarfile.open(path) as archive:
            members = archive.getmembers()
            links = {posixpath.normpath(member.name) for member in members if member.issym()}
            for member in members:
                checked(member, links)
            archive.extractall(work)
    (top,) = work.iterdir()
    if top.is_symlink() or not top.is_dir():
        raise ValueError(f"{shown(top.name)} is no folder")
    top.rename(folder)
    path.unlink()


def checked(member: tarfile.TarInfo, symlinks: set[str]) -> None:
    """Refuse a device, and a path or link that leads out of the tree; nobody else's owner or rights.

    A path that goes on after one of ``symlinks`` is refused too: where it leads is not what it says.
    """
    links = [member.linkname] if member.islnk() else []
    if member.issym():
        links = [str(Path(member.name).parent / member.linkname)]
    for name in (member.name, *links):
        steps: list[str] = []
        for step in Path(name).parts:
            if "/".join(steps) in symlinks or step.startswith("/") or (step == ".." and not steps):
                raise ValueError(f"{shown(member.name)} leads out of its folder")
            steps = steps[:-1] if step == ".." else [*steps, step]
    if not (member.isfile() or member.isdir() or links):
        raise ValueError(f"{shown(member.name)} is no file, folder or link")
    member.uid = member.gid = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644


def shown(text: str) -> str:
    """Return a text that stays on its line."""
    return "".join(c if c.isprintable() else "?" for c in text[:300])


def failed(message: str) -> int:
    """Say what is wrong."""
    sys.stderr.write(f"envctl: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
