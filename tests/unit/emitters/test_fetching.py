"""The file with which a build fetches a source, run as a build runs it: against a real index."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from envctl.emitters import fetching
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel

MADE = Wheel("zz-made-lib", "1.0")


def fetch(
    folder: Path, name: str, digest: str, url: str, netrc: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run it with this list; the tree comes to ``folder/source``."""
    (folder / ".netrc").write_text(netrc)
    (folder / ".netrc").chmod(0o600)
    (folder / "fetch.py").write_text(fetching.source())
    (folder / "list.txt").write_text(f"# Written by envctl\n{name} {digest} {url}\n")
    argv = [sys.executable, "-I", "-W", "ignore", "fetch.py", "list.txt", "source"]
    env = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    return subprocess.run(
        argv, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def packed(*members: tarfile.TarInfo, content: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isfile() else 0
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, mode
    return made


@pytest.fixture
def company() -> Iterator[LocalIndex]:
    with LocalIndex(auth=("me", "word")) as index:
        index.add_sdist(MADE)
        yield index


LOGIN = "machine 127.0.0.1 login me password word\n"


def test_it_is_fetched_with_a_login_and_unpacked(company: LocalIndex, tmp_path: Path) -> None:
    (file,) = company.files("zz-made-lib")
    url = f"{company.origin}{file.path}"
    done = fetch(tmp_path, file.filename, f"sha256:{file.sha256}", url, LOGIN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "source/pyproject.toml").is_file()


@pytest.mark.parametrize("netrc", ["", "machine other.example login me password word\n"])
def test_without_the_login_it_says_so(company: LocalIndex, tmp_path: Path, netrc: str) -> None:
    (file,) = company.files("zz-made-lib")
    url = f"{company.origin}{file.path}"
    done = fetch(tmp_path, file.filename, f"sha256:{file.sha256}", url, netrc)
    assert done.returncode == 1
    assert done.stderr == f"envctl: {url} cannot be fetched: HTTP Error 401: Unauthorized\n"
    assert not (tmp_path / "source").exists()


def test_another_file_is_refused_before_it_is_opened(company: LocalIndex, tmp_path: Path) -> None:
    (file,) = company.files("zz-made-lib")
    url = f"{company.origin}{file.path}"
    done = fetch(tmp_path, file.filename, f"sha256:{'0' * 64}", url, LOGIN)
    assert done.returncode == 1
    assert done.stderr.startswith("envctl: Hash mismatch")
    assert not (tmp_path / "source").exists()


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x.example/a.tar.gz"])
def test_other_schemes_are_refused(tmp_path: Path, address: str) -> None:
    done = fetch(tmp_path, "a-1.0.tar.gz", f"sha256:{'0' * 64}", address)
    assert (done.returncode, "no address of an index" in done.stderr) == (1, True)


class Away(BaseHTTPRequestHandler):
    """Sends everyone elsewhere: by another name to the same machine."""

    seen: list[tuple[str, str | None]]
    data: bytes

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        port = self.headers["Host"].rpartition(":")[2]
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{port}/there")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def away() -> Iterator[tuple[str, type[Away]]]:
    handler = type("Handler", (Away,), {"seen": [], "data": b""})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()


def test_a_redirection_does_not_take_the_login_along(
    away: tuple[str, type[Away]], tmp_path: Path
) -> None:
    origin, handler = away
    handler.data = packed(member("a-1.0/setup.py"))
    digest = hashlib.sha256(handler.data).hexdigest()
    done = fetch(tmp_path, "a-1.0.tar.gz", f"sha256:{digest}", f"{origin}/moved", LOGIN)
    assert done.returncode == 0, done.stderr
    assert [path for path, _ in handler.seen] == ["/moved", "/there"]
    assert [login is not None for _, login in handler.seen] == [True, False]


@pytest.mark.parametrize(
    "members",
    [
        (member("../evil"),),
        (member("/evil"),),
        (member("a/../../evil"),),
        (
            member("a", tarfile.DIRTYPE),
            member("a/link", tarfile.SYMTYPE, "/"),
            member("a/link/evil"),
        ),
        (
            member("a", tarfile.DIRTYPE),
            member("a/link", tarfile.SYMTYPE, "../.."),
        ),
        (member("a/x"), member("a/hard", tarfile.LNKTYPE, "../evil")),
        (member("a/fifo", tarfile.FIFOTYPE),),
        (member("a/null", tarfile.CHRTYPE),),
        (member("a/x"), member("b/x")),
        (member("a/x"), member("evil2", tarfile.SYMTYPE, "a")),
        (member("a", tarfile.SYMTYPE, "."),),
        # Each link stays inside by its own words; one after the other leads out.
        (
            member("a/b", tarfile.DIRTYPE),
            member("a/b/up", tarfile.SYMTYPE, ".."),
            member("a/out", tarfile.SYMTYPE, "b/up/../.."),
            member("a/out/evil"),
        ),
        (
            member("a/up", tarfile.SYMTYPE, ".."),
            member("a/out", tarfile.SYMTYPE, "up/.."),
        ),
        (member("a/up", tarfile.SYMTYPE, ".."), member("a/up/../../evil")),
        (
            member("a/x/up", tarfile.SYMTYPE, "."),
            member("a/hard", tarfile.LNKTYPE, "a/x/up/../../../evil"),
        ),
        (member("a/x/./up", tarfile.SYMTYPE, "../.."), member("a/x/up/evil")),
    ],
)
def test_what_leads_out_of_its_folder_is_refused(
    away: tuple[str, type[Away]], tmp_path: Path, members: tuple[tarfile.TarInfo, ...]
) -> None:
    origin, handler = away
    handler.data = packed(*members)
    digest = hashlib.sha256(handler.data).hexdigest()
    inner = tmp_path / "inner"
    inner.mkdir()
    done = fetch(inner, "a-1.0.tar.gz", f"sha256:{digest}", f"{origin}/a")
    assert done.returncode == 1
    assert done.stderr.startswith("envctl: a-1.0.tar.gz cannot be unpacked: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("evil")] == []
    assert not (inner / "source").exists()


def test_links_inside_and_rights_survive(away: tuple[str, type[Away]], tmp_path: Path) -> None:
    origin, handler = away
    handler.data = packed(
        member("a-1.0/configure", mode=0o4777),
        member("a-1.0/link", tarfile.SYMTYPE, "sub/../configure"),
        member("a-1.0/hard", tarfile.LNKTYPE, "a-1.0/configure", 0o755),
    )
    digest = hashlib.sha512(handler.data).hexdigest()
    done = fetch(tmp_path, "a-1.0.tar.gz", f"sha512:{digest}", f"{origin}/a")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "source/configure").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "source/link").is_symlink()


def test_a_zip_file_is_unpacked_too(away: tuple[str, type[Away]], tmp_path: Path) -> None:
    origin, handler = away
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a-1.0/setup.py", "")
    handler.data = file.getvalue()
    digest = hashlib.sha256(handler.data).hexdigest()
    done = fetch(tmp_path, "a-1.0.zip", f"sha256:{digest}", f"{origin}/a")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "source/setup.py").is_file()
