"""Logins: where they are found, in which order, and to whom they go."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from envctl.adapters.index.logins import Login, Logins, without_login
from envctl.domain.indexes.login import login_variable
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.manifest import Index
from envctl.ports import Completed

URL = "https://index.example:8443/api/private/simple"
OTHER = "https://index.example:8443/api/other/simple"
INDEXES = (Index(name="my-index.x", url=URL), Index(name="other", url=OTHER))
NAMED = {"UV_INDEX_MY_INDEX_X_USERNAME": "me", "UV_INDEX_MY_INDEX_X_PASSWORD": "word"}


class Keyring:
    """Stands for the program `keyring`: what was asked of it, and what it answers."""

    def __init__(self, answers: Mapping[tuple[str, ...], str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> Completed:
        words = tuple(argv[1:])
        self.asked.append(words)
        out = self.answers.get(words)
        return Completed(argv=tuple(argv), code=out is None, stdout=out or "", stderr="")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Give a PATH on which there is a `keyring`."""
    program = tmp_path / "keyring"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return str(tmp_path)


def known(logins: Logins, url: str) -> tuple[str, str] | None:
    found = logins.known(url)
    return (found.user, found.password) if found else None


def netrc(folder: Path, text: str) -> dict[str, str]:
    (folder / "netrc").write_text(text)
    return {"NETRC": str(folder / "netrc")}


@pytest.mark.parametrize(
    ("name", "spelled"),
    [("team", "UV_INDEX_TEAM"), ("my-index.x", "UV_INDEX_MY_INDEX_X"), ("ä1", "UV_INDEX__1")],
)
def test_a_variables_name(name: str, spelled: str) -> None:
    assert login_variable(name) == spelled


def test_variables_are_for_one_index_and_its_origin() -> None:
    logins = Logins(NAMED, Transport(indexes=INDEXES))
    for below in ("", "/lib/", "/lib/?x=1"):
        assert known(logins, URL + below) == ("me", "word")
    assert known(logins, "https://index.example:8443/api/private/packages/x.whl") == ("me", "word")
    for other in (
        OTHER,
        "https://index.example/api/private/simple",
        "http://index.example:8443/api/private/simple",
        "https://index.example.evil:8443/api/private/simple",
        "https://files.example/x.whl",
    ):
        assert known(logins, other) is None


def test_variables_come_before_netrc_and_netrc_before_the_keyring(
    tmp_path: Path, path: str
) -> None:
    keyring = Keyring({("--mode", "creds", "get", URL): "ring\nkept\n"})
    both = netrc(tmp_path, "machine index.example login you password other\n")
    transport = Transport(indexes=INDEXES)
    logins = Logins({**NAMED, **both, "PATH": path}, transport, run=keyring)
    assert known(logins, URL) == ("me", "word")
    assert known(Logins(both, transport, run=keyring), URL) == ("you", "other")
    assert keyring.asked == []
    alone = Logins({"PATH": path}, transport, run=keyring)
    assert known(alone, URL) is None
    assert not alone.learned()
    found = alone.ask(f"{URL}/lib/")
    assert found == Login(user="ring", password="kept")
    assert known(alone, f"{URL}/other/") == ("ring", "kept")
    assert known(alone, OTHER) is None
    assert alone.learned()
    assert alone.variables() == {
        "UV_INDEX_MY_INDEX_X_USERNAME": "ring",
        "UV_INDEX_MY_INDEX_X_PASSWORD": "kept",
    }
    alone.ask(f"{URL}/lib/")
    assert keyring.asked == [("--mode", "creds", "get", URL)]


def test_a_name_from_the_environment_helps_the_others(tmp_path: Path, path: str) -> None:
    name = {"UV_INDEX_MY_INDEX_X_USERNAME": "me"}
    transport = Transport(indexes=INDEXES)
    text = "machine index.example login me password mine\n"
    assert known(Logins(name | netrc(tmp_path, text), transport), URL) == ("me", "mine")
    other = "machine index.example login you password yours\n"
    assert known(Logins(name | netrc(tmp_path, other), transport), URL) is None
    keyring = Keyring({("get", "index.example:8443", "me"): "kept\n"})
    logins = Logins({**name, "PATH": path}, transport, run=keyring)
    assert logins.ask(URL) == Login(user="me", password="kept")
    assert keyring.asked == [("get", URL, "me"), ("get", "index.example:8443", "me")]


@pytest.mark.parametrize("setting", ["UV_KEYRING_PROVIDER", "PIP_KEYRING_PROVIDER"])
def test_a_keyring_that_is_not_wanted_is_not_asked(path: str, setting: str) -> None:
    keyring = Keyring({("--mode", "creds", "get", URL): "ring\nkept\n"})
    environ = {"PATH": path, setting: "disabled"}
    logins = Logins(environ, Transport(indexes=INDEXES), run=keyring)
    assert not logins.keyring
    assert logins.ask(URL) is None
    assert keyring.asked == []


@pytest.mark.parametrize("answer", ["", "only-a-name\n"])
def test_a_keyring_that_says_half_is_no_login(path: str, answer: str) -> None:
    keyring = Keyring({("--mode", "creds", "get", URL): answer})
    assert Logins({"PATH": path}, Transport(indexes=INDEXES), run=keyring).ask(URL) is None


def test_a_mirrors_own_login_is_the_mirrors() -> None:
    mirror = "https://a%40b:p%2Fw@mirror.example/simple"
    logins = Logins(NAMED, Transport(indexes=INDEXES, mirrors={URL: mirror}))
    assert known(logins, "https://mirror.example/simple/lib/") == ("a@b", "p/w")
    assert known(logins, "https://mirror.example/files/lib.whl") == ("a@b", "p/w")
    assert known(logins, URL) == ("me", "word")
    assert known(logins, "http://mirror.example/simple/lib/") is None
    assert without_login(mirror) == "https://mirror.example/simple"
    assert logins.variables() == {}


@pytest.mark.parametrize("text", ["machine", "\x00", "machine x login", "macdef"])
def test_a_netrc_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    assert known(Logins(netrc(tmp_path, text), Transport(indexes=INDEXES)), URL) is None


def test_no_login_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print(Login(user="me", password="word"), Logins(NAMED, Transport(indexes=INDEXES)))
    shown = capsys.readouterr().out
    assert "word" not in shown
