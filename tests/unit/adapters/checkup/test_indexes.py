"""Indexes that answer, refuse, hang or are not there, over real connections."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from envctl.adapters.checkup import indexes
from envctl.adapters.process import run
from envctl.domain.checkup.indexes import IndexAnswer, IndexQuestion
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.manifest import Index
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel

ENVIRON = {"NO_PROXY": "127.0.0.1", "PATH": ""}


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    """Give an index that asks for a login."""
    with LocalIndex(mode="html", auth=("me", "planted")) as made:
        made.add(Wheel("zz-made-app", "1.0"))
        yield made


def ask(url: str, page: str = "zz-made-app", mirror: str = "", **environ: str) -> IndexAnswer:
    mirrors = {url.rstrip("/"): mirror} if mirror else {}
    transport = Transport(indexes=(Index(name="team", url=url),), mirrors=mirrors)
    question = IndexQuestion(name="team", url=url, page=page)
    (found,) = indexes.ask([question], transport, {**ENVIRON, **environ}, run)
    assert "planted" not in repr(found)
    return found


def test_a_login_is_asked_for(index: LocalIndex) -> None:
    found = ask(index.url)
    assert "asks for a login" in (found.problem or "")
    assert (found.login, bool(found.mend), found.bare) == (False, True, False)


@pytest.mark.parametrize("page", ["zz-made-app", "zz-made-none", ""])
def test_it_answers(index: LocalIndex, page: str) -> None:
    login = {"UV_INDEX_TEAM_USERNAME": "me", "UV_INDEX_TEAM_PASSWORD": "planted"}
    found = ask(index.url, page, **login)
    assert (found.problem, found.login, found.mirrored) == (None, True, False)
    assert found.host.startswith("127.0.0.1:")


def test_a_mirror_is_asked_instead(index: LocalIndex) -> None:
    mirror = index.url.replace("://", "://me:planted@")
    found = ask("https://index.invalid/simple", mirror=mirror)
    assert (found.problem, found.login, found.mirrored) == (None, True, True)


def test_nobody_is_there() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        found = ask(f"http://127.0.0.1:{taken.getsockname()[1]}/simple")
    assert (bool(found.problem), bool(found.mend)) == (True, True)


def test_one_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = ask(f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
    assert found.problem == "it did not answer within 10 seconds"


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    assert ask((tmp_path / "a b").as_uri()).problem is None
    assert ask((tmp_path / "none").as_uri()).problem == "there is no such folder"
