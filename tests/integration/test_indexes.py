"""Several indexes: whose packages come from where, with which login, through which mirror."""

import base64
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from packaging.pylock import Pylock

from envctl.readers.toml import read_toml
from tests.index import wheels
from tests.index.answers import Answer, Request
from tests.index.server import Fault, LocalIndex
from tests.index.wheels import Wheel
from tests.integration.trouble import tree
from tests.integration.world import MINOR, World

RESOLVERS = ("uv", "pip-tools")
PASSWORD = "s3cr3t/p@ss:w%41rd"
USER = "who@example.invalid"

MANIFEST = """\
[project]
name = "demo"
version = "0.1.0"
dependencies = [{dependencies}]

[tool.envctl]
python = "{minor}"
resolver = "{resolver}"
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "team"
url = "{team}"
"""
PRIVATE = """
[[tool.envctl.index]]
name = "private"
url = "{private}"
packages = [{patterns}]
"""
OPEN_STOCK = (
    Wheel("zz-made-lib", "1.0"),
    Wheel("zz-made-lib", "1.1"),
    # A public package that asks for a private one: the name is not known before it is met.
    Wheel("zz-made-front", "1.0", requires=("zz-made-priv-deep",)),
    # Somebody put newer packages of the private names on the open index (dependency confusion).
    Wheel("zz-made-priv-app", "99"),
    Wheel("zz-made-priv-core", "99"),
    Wheel("zz-made-priv-deep", "99"),
)
PRIVATE_STOCK = (
    Wheel("zz-made-priv-app", "1.0", requires=("zz-made-priv-core", "zz-made-lib")),
    Wheel("zz-made-priv-core", "1.0"),
    Wheel("zz-made-priv-deep", "1.0", requires=("zz-made-priv-core",)),
    Wheel("zz-made-lib", "77"),  # not one of its names: it may not be taken from here
)


@dataclass
class Two:
    """A project with an open index and a private one."""

    world: World
    team: LocalIndex
    private: LocalIndex

    def write(
        self,
        *dependencies: str,
        resolver: str = "uv",
        patterns: tuple[str, ...] = ("zz-made-priv-*",),
        more: str = "",
    ) -> None:
        text = MANIFEST.format(
            dependencies=", ".join(f"'{each}'" for each in dependencies),
            minor=MINOR,
            resolver=resolver,
            team=self.team.url,
        )
        if patterns:
            quoted = ", ".join(f'"{each}"' for each in patterns)
            text += PRIVATE.format(private=self.private.url, patterns=quoted)
        self.world.write("pyproject.toml", text + more)

    def forget(self) -> None:
        self.team.forget_requests()
        self.private.forget_requests()

    def locked(self) -> dict[str, tuple[str, str | None]]:
        return {str(p.name): (str(p.version), p.index) for p in packages(self.world)}


def packages(world: World, name: str = "pylock.toml") -> list[Any]:
    return list(Pylock.from_dict(read_toml(world.read(name), name)).packages)


def asked(index: LocalIndex) -> set[str]:
    """Return the projects whose page was asked for."""
    return {path.split("/")[2] for _, path in index.requests if path.startswith("/simple/")}


def serve_sdist(index: LocalIndex, wheel: Wheel, build_requires: str, folder: Path) -> None:
    """Serve an sdist whose metadata only a build tells, and whose build needs a package."""
    name, data = wheels.sdist(wheel, static_metadata=False)
    folder.mkdir(exist_ok=True)
    # Not "w:gz": gzip's header has the time, and two indexes must serve the same bytes.
    with (
        gzip.GzipFile(folder / name, "wb", mtime=0) as packed,
        tarfile.open(fileobj=io.BytesIO(data)) as old,
        tarfile.open(fileobj=packed, mode="w") as new,
    ):
        for member in old:
            content = old.extractfile(member)
            assert content
            text = content.read()
            if member.name.endswith("/pyproject.toml"):
                text = text.replace(b"requires = []", f'requires = ["{build_requires}"]'.encode())
                member.size = len(text)
            new.addfile(member, io.BytesIO(text))
    index.serve_folder(folder)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    root = tmp_path / "pro ject"
    root.mkdir()
    with LocalIndex("html") as team, LocalIndex("html") as private:
        team.add(*OPEN_STOCK)
        private.add(*PRIVATE_STOCK)
        environ = {
            "UV_CACHE_DIR": str(tmp_path / "uv cache"),
            "UV_HTTP_RETRIES": "0",
            "PIP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1",
            "HOME": str(tmp_path / "home"),
        }
        yield Two(World(root=root, index=team, environ=environ), team, private)


# No dependency confusion


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize(
    "patterns",
    [("zz-made-priv-*",), ("zz-made-priv-app", "zz-made-priv-core", "zz-made-priv-deep")],
    ids=["pattern", "names"],
)
def test_a_private_name_is_never_looked_up_elsewhere(
    two: Two, resolver: str, patterns: tuple[str, ...]
) -> None:
    two.write("zz-made-priv-app", "zz-made-front", resolver=resolver, patterns=patterns)
    two.world.envctl("lock")
    assert two.locked() == {
        "zz-made-front": ("1.0", two.team.url),
        "zz-made-lib": ("1.1", two.team.url),
        "zz-made-priv-app": ("1.0", two.private.url),
        "zz-made-priv-core": ("1.0", two.private.url),
        "zz-made-priv-deep": ("1.0", two.private.url),
    }
    assert asked(two.team) == {"zz-made-front", "zz-made-lib"}
    assert asked(two.private) == {"zz-made-priv-app", "zz-made-priv-core", "zz-made-priv-deep"}
    two.forget()
    two.world.envctl("lock", "--upgrade")
    two.world.envctl("sync")
    assert asked(two.team) <= {"zz-made-front", "zz-made-lib"}
    assert not [name for name in two.team.downloads if "priv" in name]
    assert two.world.installed() == [
        "zz_made_front-1.0",
        "zz_made_lib-1.1",
        "zz_made_priv_app-1.0",
        "zz_made_priv_core-1.0",
        "zz_made_priv_deep-1.0",
    ]


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("pattern", ["ZZ_Made.Priv_*", "zz.made-priv_deep"])
def test_a_pattern_is_compared_as_names_are(two: Two, resolver: str, pattern: str) -> None:
    """PEP 503: dashes, dots, underscores and capitals are one name."""
    two.write("zz-made-front", resolver=resolver, patterns=(pattern, "zz-made-priv-core"))
    two.world.envctl("lock")
    assert two.locked()["zz-made-priv-deep"] == ("1.0", two.private.url)
    assert asked(two.team) == {"zz-made-front"}


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_private_name_that_the_private_index_lacks(two: Two, resolver: str) -> None:
    two.team.add(Wheel("zz-made-front", "2.0", requires=("zz-made-priv-nowhere",)))
    two.team.add(Wheel("zz-made-priv-nowhere", "1.0"))
    two.write("zz-made-front==2.0", resolver=resolver)
    before = tree(two.world.root)
    done = two.world.envctl("lock", code=3)
    assert "zz-made-priv-nowhere" in done.stderr
    assert tree(two.world.root) == before
    assert "zz-made-priv-nowhere" not in asked(two.team)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_what_a_build_asks_for_is_kept_apart_as_well(two: Two, resolver: str) -> None:
    """A private sdist needs a private package to be built: at lock for its metadata, at sync for its wheel."""
    with LocalIndex("html") as private:
        made = Wheel("zz-made-priv-app", "1.0", requires=("zz-made-lib",))
        serve_sdist(private, made, "zz-made-priv-build>=1", two.world.root.parent / "sdists")
        private.add(Wheel("zz-made-priv-build", "1.0"))
        two.team.add(Wheel("zz-made-priv-build", "99"))
        two.private = private
        two.write("zz-made-priv-app", resolver=resolver)
        two.world.envctl("lock")
        assert "zz-made-priv-build" in asked(private)
        assert asked(two.team) == {"zz-made-lib"}
        two.forget()
        private.forget_requests()
        cold = {
            name: str(two.world.root.parent / name) for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME")
        }
        two.world.envctl("sync", env=cold)
        assert "zz_made_priv_build-1.0-py3-none-any.whl" in private.downloads
        assert asked(two.team) == set()
        assert two.team.downloads == ["zz_made_lib-1.1-py3-none-any.whl"]
        assert two.world.installed() == ["zz_made_lib-1.1", "zz_made_priv_app-1.0"]


# Logins

KEYRING = """\
#!/bin/sh
"exec" "{python}" "$0" "$@"  # for Python a text: the interpreter's path may hold a space, which `#!` takes not
import sys
*mode, get, service = sys.argv[1:] if "--mode" in sys.argv else sys.argv[1:3]
open({log!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
if service != {service!r}:
    sys.exit(1)
print({user!r}) if mode else None
print({password!r})
"""
SOURCES = ("netrc", "NETRC", "variables", "keyring", "keyring with a name", "keyring by host")


def login(
    source: str, folder: Path, index: LocalIndex, name: str, password: str = PASSWORD
) -> dict[str, str]:
    """Put a login where a user has it; return the variables that belong to it."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    upper = f"UV_INDEX_{name.upper()}"
    text = f"machine 127.0.0.1 login {USER} password {password}\n"
    match source:
        case "netrc":
            (home / ".netrc").write_text(text)
            (home / ".netrc").chmod(0o600)
            return {}
        case "NETRC":
            (folder / "elsewhere").write_text(text)
            return {"NETRC": str(folder / "elsewhere")}
        case "variables":
            return {f"{upper}_USERNAME": USER, f"{upper}_PASSWORD": password}
        case _:
            pass
    program = folder / "bin" / "keyring"
    program.parent.mkdir(exist_ok=True)
    service = index.origin.partition("//")[2] if source == "keyring by host" else index.url
    program.write_text(
        KEYRING.format(
            python=sys.executable,
            log=str(folder / "keyring.log"),
            service=service,
            user=USER,
            password=password,
        )
    )
    program.chmod(0o755)
    found = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    return found | ({f"{upper}_USERNAME": USER} if source == "keyring with a name" else {})


def spoken(
    world: World, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run envctl with ``--verbose``, where pip's own words may be a traceback."""
    return subprocess.run(
        [sys.executable, "-m", "envctl", "--verbose", *arguments],
        cwd=world.root,
        env={**os.environ, **world.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def secretless(world: World, *said: subprocess.CompletedProcess[str]) -> None:
    """Nothing that was said or written holds the password, plain, quoted or as a header."""
    spelled = [
        PASSWORD,
        quote(PASSWORD, safe=""),
        quote(PASSWORD),
        base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
    ]
    places = {f"stdout of {done.args}": done.stdout for done in said}
    places |= {f"stderr of {done.args}": done.stderr for done in said}
    for path in world.root.rglob("*"):
        if path.is_file():
            places[str(path)] = path.read_bytes().decode(errors="replace")
    for place, text in places.items():
        for each in spelled:
            assert each not in text, place


def both(two: Two, env: Mapping[str, str]) -> None:
    """Lock and sync, with nothing in the caches; nobody may see the password."""
    fresh = {**env, "UV_CACHE_DIR": str(two.world.root.parent / "another cache")}
    said = [
        two.world.envctl("--verbose", "lock", "--json", env=env),
        two.world.envctl("--verbose", "sync", "--json", env=fresh),
        two.world.envctl("verify", "--only", "lock,environment", env=env),
    ]
    secretless(two.world, *said)


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_login_for_a_private_index(two: Two, source: str, resolver: str, tmp_path: Path) -> None:
    two.private.auth = (USER, PASSWORD)
    two.write("zz-made-priv-app", "zz-made-front", resolver=resolver)
    both(two, login(source, tmp_path, two.private, "private"))
    assert "zz_made_priv_deep-1.0" in two.world.installed()
    assert all("@" not in (index or "") for _, index in two.locked().values())


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_login_for_the_only_index(two: Two, source: str, resolver: str, tmp_path: Path) -> None:
    """No index claims anything: the resolvers go straight where they can."""
    two.team.auth = (USER, PASSWORD)
    two.write("zz-made-front", resolver=resolver, patterns=())
    both(two, login(source, tmp_path, two.team, "team"))
    assert two.world.installed() == ["zz_made_front-1.0", "zz_made_priv_deep-99"]


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("patterns", [(), ("zz-made-priv-*",)], ids=["straight", "gate"])
@pytest.mark.parametrize("source", ["", "netrc", "variables", "keyring"])
def test_a_login_that_is_missing_or_wrong(
    two: Two, source: str, patterns: tuple[str, ...], resolver: str, tmp_path: Path
) -> None:
    two.team.auth = (USER, "another")
    two.write("zz-made-lib", resolver=resolver, patterns=patterns)
    env = login(source, tmp_path, two.team, "team") if source else {}
    before = tree(two.world.root)
    done = two.world.envctl("--verbose", "lock", env=env, code=3)
    assert "a login" in done.stderr or "the login that was found" in done.stderr
    assert "401" in done.stderr
    assert two.team.url in done.stderr
    assert "UV_INDEX_<NAME>_USERNAME" in done.stderr
    assert tree(two.world.root) == before
    secretless(two.world, done)


@pytest.mark.parametrize("source", ["", "netrc", "variables", "keyring"])
def test_a_login_that_is_missing_or_wrong_at_sync(two: Two, source: str, tmp_path: Path) -> None:
    two.write("zz-made-lib")
    two.world.envctl("lock")
    two.team.auth = (USER, "another")
    env = {"UV_CACHE_DIR": str(tmp_path / "cold")}
    env |= login(source, tmp_path, two.team, "team") if source else {}
    done = two.world.envctl("--verbose", "sync", env=env, code=3)
    assert "the index refused" in done.stderr
    assert "401" in done.stderr
    secretless(two.world, done)


def test_a_login_goes_to_its_index_only(
    two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open index is another port of the same host: variables are for one index, not for a host."""
    two.private.auth = (USER, PASSWORD)
    two.write("zz-made-priv-app")
    seen: list[str] = []
    answer = two.team.answer

    def overheard(request: Request) -> Answer:
        seen.append(request.header("authorization"))
        return answer(request)

    monkeypatch.setattr(two.team, "answer", overheard)
    both(two, login("variables", tmp_path, two.private, "private"))
    assert seen
    assert set(seen) == {""}


# Mirrors


@dataclass
class Mirrored:
    """A team's index, a mirror of it that wants a login, and two members: one goes through the mirror."""

    team: LocalIndex
    mirror: LocalIndex
    without: World
    behind: World

    def write(self, *dependencies: str, resolver: str = "uv", more: str = "") -> None:
        for world in (self.without, self.behind):
            text = MANIFEST.format(
                dependencies=", ".join(f"'{each}'" for each in dependencies),
                minor=MINOR,
                resolver=resolver,
                team=self.team.url,
            )
            world.write("pyproject.toml", text + more)
        address = self.mirror.url_with_login
        self.behind.write(".envctl/local.toml", f'[mirror]\n"{self.team.url}" = "{address}"\n')

    def hand_over(self, giver: World, taker: World) -> None:
        """Commit and pull."""
        taker.write("pylock.toml", giver.read("pylock.toml"))

    def secretless(self, *said: subprocess.CompletedProcess[str]) -> None:
        """Nothing of the mirror in any file but local.toml, no password anywhere else."""
        mine = self.behind.root / ".envctl" / "local.toml"
        text = mine.read_text()
        mine.unlink()
        secretless(self.behind, *said)
        for path in self.behind.root.rglob("*"):
            assert not path.is_file() or self.mirror.origin.encode() not in path.read_bytes(), path
        mine.write_text(text)


#: How the index writes its pages plays no part in what a dead mirror is called.
ONE_FORM = pytest.mark.parametrize("mirrored", ["html"], indirect=True)


@pytest.fixture(params=["html", "json"])
def mirrored(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Mirrored]:
    with LocalIndex(request.param) as team, LocalIndex("html", auth=(USER, PASSWORD)) as mirror:
        for index in (team, mirror):
            index.add(*OPEN_STOCK, Wheel("zz-made-app", "1.0", requires=("zz-made-lib",)))
        members = []
        for name in ("without", "behind"):
            (tmp_path / name).mkdir()
            environ = {
                "UV_CACHE_DIR": str(tmp_path / f"{name} cache"),
                "UV_HTTP_RETRIES": "0",
                "PIP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1",
                "HOME": str(tmp_path / "home"),
            }
            members.append(World(root=tmp_path / name, index=team, environ=environ))
        yield Mirrored(team, mirror, *members)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_mirror_leaves_no_trace_in_the_lock(mirrored: Mirrored, resolver: str) -> None:
    mirrored.write("zz-made-app", resolver=resolver)
    mirrored.without.envctl("lock")
    text = mirrored.without.read("pylock.toml")
    mirrored.hand_over(mirrored.without, mirrored.behind)
    mirrored.team.forget_requests()
    said = [mirrored.behind.envctl("--verbose", "lock", *more) for more in ((), ("--upgrade",))]
    assert mirrored.behind.read("pylock.toml") == text
    assert mirrored.team.requests == []
    assert asked(mirrored.mirror) == {"zz-made-app", "zz-made-lib"}
    mirrored.secretless(*said)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_lock_made_behind_a_mirror_is_the_same(mirrored: Mirrored, resolver: str) -> None:
    mirrored.write("zz-made-app", resolver=resolver)
    said = mirrored.behind.envctl("lock")
    assert "derived" not in said.stderr
    text = mirrored.behind.read("pylock.toml")
    mirrored.hand_over(mirrored.behind, mirrored.without)
    mirrored.without.envctl("lock", "--upgrade")
    assert mirrored.without.read("pylock.toml") == text
    mirrored.secretless(said)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_only_what_is_new_is_asked_of_the_index_itself(mirrored: Mirrored, resolver: str) -> None:
    mirrored.write("zz-made-app", resolver=resolver)
    mirrored.without.envctl("lock")
    mirrored.hand_over(mirrored.without, mirrored.behind)
    mirrored.write("zz-made-app", "zz-made-priv-core", resolver=resolver)
    mirrored.team.forget_requests()
    mirrored.behind.envctl("lock")
    assert asked(mirrored.team) == {"zz-made-priv-core"}
    assert mirrored.team.downloads == []
    mirrored.hand_over(mirrored.behind, mirrored.without)
    text = mirrored.behind.read("pylock.toml")
    mirrored.without.envctl("lock", "--upgrade")
    assert mirrored.without.read("pylock.toml") == text


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_index_out_of_reach_gives_derived_addresses(mirrored: Mirrored, resolver: str) -> None:
    mirrored.write("zz-made-app", resolver=resolver)
    mirrored.team.fault = "down"
    said = mirrored.behind.envctl("lock")
    assert "`zz-made-app`, `zz-made-lib` were derived from those of the mirror" in said.stderr
    for package in packages(mirrored.behind):
        [file] = mirrored.team.files(package.name)[-1:]
        assert package.index == mirrored.team.url
        assert package.wheels[0].url == mirrored.team.origin + file.path
    mirrored.secretless(said)


def test_sync_fetches_from_the_mirror(mirrored: Mirrored, tmp_path: Path) -> None:
    mirrored.write("zz-made-app")
    mirrored.without.envctl("lock")
    mirrored.hand_over(mirrored.without, mirrored.behind)
    mirrored.team.fault = "down"
    mirrored.team.forget_requests()
    said = [mirrored.behind.envctl("--verbose", "sync")]
    assert mirrored.team.requests == []
    assert set(mirrored.mirror.downloads) == {
        "zz_made_app-1.0-py3-none-any.whl",
        "zz_made_lib-1.1-py3-none-any.whl",
    }
    assert mirrored.behind.installed() == ["zz_made_app-1.0", "zz_made_lib-1.1"]
    # What uv has in its cache is asked of nobody, not even of the mirror.
    mirrored.mirror.fault = "down"
    mirrored.mirror.forget_requests()
    (mirrored.behind.root / ".venv").unlink()
    shutil.rmtree(mirrored.behind.root / ".envctl" / "envs")
    said.append(mirrored.behind.envctl("--verbose", "sync"))
    assert mirrored.mirror.requests == []
    mirrored.secretless(*said)


@ONE_FORM
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong-hash", ("that the mirror at", "its hash differs", "whoever runs the mirror")),
        ("down", ("cannot read from the index at", "hung up without an answer")),
        ("500", ("answered 500",)),
        ("404", ("the mirror at", "does not have `zz_made_")),
        ("login-page", ("a login", "in a browser")),
        ("truncate", ("was cut off while it was downloaded",)),
    ],
)
def test_a_mirror_that_fails_at_sync(
    mirrored: Mirrored, fault: Fault, words: tuple[str, ...]
) -> None:
    mirrored.write("zz-made-app")
    mirrored.without.envctl("lock")
    mirrored.hand_over(mirrored.without, mirrored.behind)
    before = tree(mirrored.behind.root)
    mirrored.mirror.fault = fault
    said = mirrored.behind.envctl("--verbose", "sync", code=3)
    for word in (*words, *(() if fault == "truncate" else (mirrored.mirror.origin[7:],))):
        assert word in said.stderr, said.stderr
    assert tree(mirrored.behind.root) == before
    secretless_text = said.stdout + said.stderr
    assert PASSWORD not in secretless_text
    assert USER not in secretless_text


@ONE_FORM
@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("fault", ["down", "500", "login-page"])
def test_a_mirror_that_fails_at_lock(mirrored: Mirrored, resolver: str, fault: Fault) -> None:
    mirrored.write("zz-made-app", resolver=resolver)
    mirrored.mirror.fault = fault
    before = tree(mirrored.behind.root)
    said = mirrored.behind.envctl("--verbose", "lock", code=3)
    assert mirrored.mirror.origin in said.stderr
    assert PASSWORD not in said.stderr
    assert tree(mirrored.behind.root) == before
    assert mirrored.team.requests == []


def test_a_mirror_that_has_another_file_of_that_name(mirrored: Mirrored) -> None:
    mirrored.write("zz-made-app")
    mirrored.without.envctl("lock")
    mirrored.hand_over(mirrored.without, mirrored.behind)
    mirrored.mirror.add(Wheel("zz-made-lib", "1.1", files={"zz_made_lib/__init__.py": "0"}))
    said = mirrored.behind.envctl("sync", code=3)
    assert "has another `zz_made_lib-1.1-py3-none-any.whl` than the lock" in said.stderr


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_mirror_of_an_index_that_claims_names(two: Two, resolver: str) -> None:
    """Torch's index has a mirror; its packages come through that, and no name of theirs is asked elsewhere."""
    with LocalIndex("html") as mirror:
        mirror.add(*PRIVATE_STOCK)
        two.write(
            "zz-made-priv-app",
            resolver=resolver,
            patterns=("zz-made-priv-app", "zz-made-priv-core"),
        )
        two.world.envctl("lock")
        text = two.world.read("pylock.toml")
        two.forget()
        two.world.write(".envctl/local.toml", f'[mirror]\n"{two.private.url}" = "{mirror.url}/"\n')
        two.world.envctl("lock", "--upgrade")
        two.world.envctl("sync")
        assert two.world.read("pylock.toml") == text
        assert two.private.requests == []
        assert asked(mirror) == {"zz-made-priv-app", "zz-made-priv-core"}
        assert asked(two.team) <= {"zz-made-lib"}
        assert "zz_made_priv_core-1.0-py3-none-any.whl" in mirror.downloads


def test_a_foreign_locks_build_asks_only_whom_the_manifest_names(two: Two) -> None:
    """Another tool's lock says nothing of builds: uv looks for what they need, through the gate."""
    with LocalIndex("html") as private:
        made = Wheel("zz-made-priv-app", "1.0")
        serve_sdist(private, made, "zz-made-priv-build>=1", two.world.root.parent / "sdists")
        private.add(Wheel("zz-made-priv-build", "1.0", requires=("zz-made-lib",)))
        two.team.add(Wheel("zz-made-priv-build", "99"))
        two.private = private
        two.write("zz-made-priv-app")
        [file] = private.files("zz-made-priv-app")
        two.world.write(
            "pylock.toml",
            f"""\
lock-version = "1.0"
created-by = "acme"
[[packages]]
name = "zz-made-priv-app"
version = "1.0"
index = "{private.url}"
sdist = {{ url = "{private.origin}{file.path}", hashes = {{ sha256 = "{file.sha256}" }} }}
""",
        )
        two.world.envctl("sync")
        assert two.world.installed() == ["zz_made_priv_app-1.0"]
        assert asked(private) == {"zz-made-priv-build"}
        assert asked(two.team) == {"zz-made-lib"}


# Requirements that name no index


def source_tree(wheel: Wheel, folder: Path) -> Path:
    """Lay out what an sdist holds, as a developer has it."""
    _, data = wheels.sdist(wheel)
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        for member in packed:
            content = packed.extractfile(member)
            assert content
            path = folder / member.name.partition("/")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
    project = f'\n[project]\nname = "{wheel.name}"\nversion = "{wheel.version}"\n'
    requires = "".join(f'    "{each}",\n' for each in wheel.requires)
    pyproject = folder / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + f"{project}dependencies = [\n{requires}]\n")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def repository(folder: Path) -> str:
    """Make a repository with one commit on `main`, tagged; return the commit."""
    source_tree(Wheel("zz-made-git", "1.0", requires=("zz-made-lib",)), folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return commit(folder, "one")


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", f"--message={message}")
    git(folder, "tag", "--force", message)
    return git(folder, "rev-parse", "HEAD")


def entry(world: World, name: str) -> Any:
    [found] = [package for package in packages(world) if package.name == name]
    return found


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("fragment", ["", "#sha256={}"])
def test_a_wheel_by_its_address(two: Two, resolver: str, fragment: str) -> None:
    two.team.add(Wheel("zz-made-far", "1.0", requires=("zz-made-lib",)))
    [file] = two.team.files("zz-made-far")
    url = two.team.origin + file.path
    two.write(f"zz-made-far @ {url}{fragment.format(file.sha256)}", resolver=resolver, patterns=())
    two.world.envctl("lock")
    archive = entry(two.world, "zz-made-far").archive
    assert archive.url == url
    assert archive.hashes == {"sha256": file.sha256}
    two.world.envctl("sync")
    assert two.world.installed() == ["zz_made_far-1.0", "zz_made_lib-1.1"]
    assert two.world.codes("--only", "lock,environment") == []


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_sdist_by_its_address(two: Two, resolver: str) -> None:
    two.team.add_sdist(Wheel("zz-made-far", "1.0"))
    [file] = two.team.files("zz-made-far")
    two.write(f"zz-made-far @ {two.team.origin}{file.path}", resolver=resolver, patterns=())
    two.world.envctl("lock")
    assert entry(two.world, "zz-made-far").archive.hashes == {"sha256": file.sha256}
    two.world.envctl("sync")
    assert two.world.installed() == ["zz_made_far-1.0"]
    assert two.world.codes("--only", "lock,environment") == []


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_address_with_a_wrong_hash(two: Two, resolver: str) -> None:
    """pip looks at once, uv when it installs; neither installs it."""
    [file] = two.team.files("zz-made-front")
    address = f"{two.team.origin}{file.path}#sha256={'0' * 64}"
    two.write(f"zz-made-front @ {address}", resolver=resolver, patterns=())
    command = "lock"
    if resolver == "uv":
        two.world.envctl("lock", code=None)
        command = "sync"
    report = json.loads(spoken(two.world, command, "--json").stdout)
    assert report["error"]["code"] == "hash-mismatch"
    assert "`zz-made-front`" in report["error"]["message"]
    assert "#sha256=" in report["error"]["hint"] or "index" in report["error"]["hint"]
    assert not (two.world.root / ".venv").exists()


@pytest.mark.parametrize("revision", ["", "@main", "@one", "@{commit}"])
def test_a_repository_is_locked_at_its_commit(two: Two, revision: str, tmp_path: Path) -> None:
    first = repository(tmp_path / "repository")
    address = f"file://{tmp_path}/repository"
    wanted = f"zz-made-git @ git+{address}{revision.format(commit=first)}"
    two.write(wanted, patterns=())
    two.world.envctl("lock")
    vcs = entry(two.world, "zz-made-git").vcs
    assert (vcs.type, vcs.url, vcs.commit_id) == ("git", address, first)
    assert vcs.requested_revision == (revision.format(commit=first)[1:] or None)
    assert entry(two.world, "zz-made-lib").version is not None
    two.world.envctl("sync")
    assert two.world.installed() == ["zz_made_git-1.0", "zz_made_lib-1.1"]
    # A repository on this machine is no team's; but nothing else is wrong.
    assert two.world.codes("--only", "lock,environment") == ["lock-local-url"]


@pytest.mark.parametrize("revision", ["", "@main"])
def test_a_moved_branch_changes_nothing_until_it_is_upgraded(
    two: Two, revision: str, tmp_path: Path
) -> None:
    first = repository(tmp_path / "repository")
    wanted = f"zz-made-git @ git+file://{tmp_path}/repository{revision}"
    two.write(wanted, patterns=())
    two.world.envctl("lock")
    second = commit(tmp_path / "repository", "two")
    two.world.envctl("lock")
    two.write(wanted, "zz-made-front", patterns=())
    two.world.envctl("lock")
    assert entry(two.world, "zz-made-git").vcs.commit_id == first
    two.world.envctl("lock", "--upgrade", "zz-made-front")
    assert entry(two.world, "zz-made-git").vcs.commit_id == first
    two.world.envctl("lock", "--upgrade", "zz-made-git")
    assert entry(two.world, "zz-made-git").vcs.commit_id == second


def test_a_part_of_a_repository(two: Two, tmp_path: Path) -> None:
    source_tree(Wheel("zz-made-git", "1.0"), tmp_path / "repository" / "sub" / "folder")
    git(tmp_path / "repository", "init", "--quiet", "--initial-branch=main")
    commit(tmp_path / "repository", "one")
    wanted = f"zz-made-git @ git+file://{tmp_path}/repository@main#subdirectory=sub/folder"
    two.write(wanted, patterns=())
    two.world.envctl("lock")
    two.world.envctl("sync")
    assert entry(two.world, "zz-made-git").vcs.subdirectory == "sub/folder"
    assert two.world.installed() == ["zz_made_git-1.0"]


@pytest.mark.parametrize("spelled", ["./libs/local", "libs/../libs/local/", "file:libs/local"])
def test_a_folder_beside_the_manifest_stays_relative(two: Two, spelled: str) -> None:
    made = Wheel("zz-made-local", "1.0", requires=("zz-made-lib",))
    source_tree(made, two.world.root / "libs" / "local")
    two.write(f"zz-made-local @ {spelled}", patterns=())
    two.world.envctl("lock")
    assert entry(two.world, "zz-made-local").directory.path == "libs/local"
    assert str(two.world.root) not in two.world.read("pylock.toml")
    two.world.envctl("sync")
    assert two.world.installed() == ["zz_made_lib-1.1", "zz_made_local-1.0"]
    assert two.world.codes("--only", "lock,environment") == []
    before = two.world.read("pylock.toml")
    two.world.envctl("lock", "--upgrade")
    assert two.world.read("pylock.toml") == before


@pytest.mark.parametrize("spelled", ["./libs/he%20lp", "libs/he%20lp", "file:libs/he%20lp"])
def test_a_folder_with_a_space_is_named_as_in_an_address(two: Two, spelled: str) -> None:
    source_tree(Wheel("zz-made-local", "1.0"), two.world.root / "libs" / "he lp")
    two.write(f"zz-made-local @ {spelled}", patterns=())
    two.world.envctl("lock")
    assert entry(two.world, "zz-made-local").directory.path == "libs/he lp"
    two.world.envctl("sync")
    assert two.world.installed() == ["zz_made_local-1.0"]
    assert two.world.codes("--only", "lock,environment") == []


def test_a_folder_without_a_project_is_said(two: Two) -> None:
    two.world.write("libs/no thing/README", "")
    two.write("zz-made-x @ ./libs/no%20thing", patterns=())
    done = two.world.envctl("lock", code=3)
    assert "there is no project at `" in done.stderr
    assert "/libs/no thing`" in done.stderr
    assert "correct the address of `zz-made-x`" in done.stderr
    assert "tool.envctl.build" not in done.stderr


def test_a_wheel_beside_the_manifest_stays_relative(two: Two) -> None:
    wheels.write(Wheel("zz-made-local", "1.0"), two.world.root / "dis t")
    two.write("zz-made-local @ file:dis%20t/zz_made_local-1.0-py3-none-any.whl", patterns=())
    two.world.envctl("lock")
    found = entry(two.world, "zz-made-local").archive
    assert found.path == "dis t/zz_made_local-1.0-py3-none-any.whl"
    two.world.envctl("sync")
    assert two.world.codes("--only", "lock,environment") == []


def test_an_absolute_path_is_a_finding(two: Two, tmp_path: Path) -> None:
    source_tree(Wheel("zz-made-local", "1.0"), tmp_path / "local")
    two.write(f"zz-made-local @ file://{tmp_path}/local", patterns=())
    two.world.envctl("lock")
    two.world.envctl("sync")
    assert two.world.codes("--only", "lock,environment") == ["lock-local-url"]


def test_a_changed_folder_is_taken_when_the_environment_is_made_anew(two: Two) -> None:
    folder = source_tree(Wheel("zz-made-local", "1.0"), two.world.root / "libs" / "local")
    two.write("zz-made-local @ ./libs/local", patterns=())
    two.world.envctl("lock")
    two.world.envctl("sync")
    module = folder / "tree" / "zz_made_local" / "__init__.py"
    module.write_text("changed = True\n")
    two.world.envctl("sync", "--recreate")
    installed = two.world.site / "zz_made_local" / "__init__.py"
    assert installed.read_text() == "changed = True\n"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("zz-made-x @ git+file:///nowhere/repository", ("repository of `zz-made-x`", "git ls-rem")),
        ("zz-made-x @ ./nowhere", ("there is no file or folder at", "/nowhere`")),
        ("zz-made-x @ {wheel}", ("`zz-made-x` names the address of a file", "`zz-made-front`")),
        ("zz-made-front @ {gone}", ("404", "/files/gone/")),
    ],
)
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_address_that_leads_nowhere(
    two: Two, wanted: str, words: tuple[str, ...], resolver: str
) -> None:
    [file] = two.team.files("zz-made-front")
    gone = f"{two.team.origin}/files/gone/{file.filename}"
    text = wanted.format(wheel=two.team.origin + file.path, gone=gone)
    two.write(text, resolver=resolver, patterns=())
    before = tree(two.world.root)
    done = two.world.envctl("lock", code=3)
    if resolver == "pip-tools" and "http" not in text:
        words = ("pip-tools gives no lock entry for `zz-made-x`", 'resolver = "uv"')
    for word in words:
        assert word in done.stderr, done.stderr
    assert tree(two.world.root) == before


def test_a_branch_that_is_not_there(two: Two, tmp_path: Path) -> None:
    repository(tmp_path / "repository")
    two.write(f"zz-made-git @ git+file://{tmp_path}/repository@nowhere", patterns=())
    done = two.world.envctl("lock", code=3)
    assert "the repository of `zz-made-git` cannot be read" in done.stderr
    assert "nowhere" in done.stderr


# Indexes that fail, and sets that cannot be resolved


FAULTS: dict[Fault, tuple[str, ...]] = {
    "down": ("cannot read from the index at 127.0.0.1", "hung up"),
    "500": ("127.0.0.1", "answered 500"),
    "404": ("no package `zz-made-priv-app` on", "correct its name"),
    "login-page": ("a login", "in a browser"),
    "slow": ("cannot read from the index at 127.0.0.1", "took too long to answer"),
}


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_private_index_that_fails(two: Two, resolver: str, fault: Fault) -> None:
    """Nothing is taken from the open index instead, and the old lock survives."""
    two.write("zz-made-lib", resolver=resolver)
    two.world.envctl("lock")
    two.write("zz-made-priv-app", "zz-made-lib", resolver=resolver)
    before = tree(two.world.root)
    two.private.fault, two.private.delay = fault, 30
    two.forget()
    done = two.world.envctl("lock", env={"UV_HTTP_TIMEOUT": "1", "PIP_TIMEOUT": "1"}, code=3)
    for word in FAULTS[fault]:
        assert word in done.stderr, done.stderr
    assert fault == "404" or f"where: {two.private.url}/zz-made-priv-app/" in done.stderr
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert asked(two.team) <= {"zz-made-lib"}
    assert tree(two.world.root) == before
    two.private.fault = None
    two.world.envctl("lock")


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_index_that_is_slow(two: Two, resolver: str) -> None:
    two.write("zz-made-lib", resolver=resolver, patterns=())
    two.team.fault, two.team.delay = "slow", 30
    done = two.world.envctl(
        "lock", env={"UV_HTTP_TIMEOUT": "1", "PIP_TIMEOUT": "1", "PIP_RETRIES": "0"}, code=3
    )
    assert "127.0.0.1" in done.stderr
    assert "too long" in done.stderr
    two.team.fault = None
    two.world.envctl("lock")
    two.team.fault = "slow"
    env = {"UV_HTTP_TIMEOUT": "1", "UV_CACHE_DIR": str(two.world.root.parent / "cold")}
    done = two.world.envctl("sync", env=env, code=3)
    assert "too long" in done.stderr


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("fault", ["truncate", "wrong-hash"])
def test_a_private_file_that_is_not_whole(two: Two, resolver: str, fault: Fault) -> None:
    """Through the gate as well: what was cut off there is cut off here, and an index's own hash counts."""
    two.private.auth = (USER, PASSWORD)
    env = {"UV_INDEX_PRIVATE_USERNAME": USER, "UV_INDEX_PRIVATE_PASSWORD": PASSWORD}
    two.write("zz-made-priv-core", resolver=resolver)
    two.private.fault, two.private.fault_paths = fault, "/files/"
    before = tree(two.world.root)
    done = spoken(two.world, "lock", env=env)
    secretless(two.world, done)
    if fault == "truncate":
        assert done.returncode == 3
        assert "was cut off while it was downloaded" in done.stderr
        assert tree(two.world.root) == before
        return
    if resolver == "pip-tools":
        assert done.returncode == 3
        assert "its hash differs" in done.stderr
        return
    done = two.world.envctl("--verbose", "sync", env=env, code=3)
    assert "zz-made-priv-core" in done.stderr
    assert "its hash differs" in done.stderr
    secretless(two.world, done)


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("patterns", [(), ("zz-made-priv-*",)], ids=["straight", "gate"])
def test_a_locked_version_that_is_yanked(
    two: Two, resolver: str, patterns: tuple[str, ...]
) -> None:
    two.write("zz-made-lib", resolver=resolver, patterns=patterns)
    two.world.envctl("lock")
    two.team.yank("zz-made-lib", "1.1", "it eats files")
    two.write("zz-made-lib", "zz-made-priv-core", resolver=resolver, patterns=patterns)
    done = two.world.envctl("lock")
    assert entry(two.world, "zz-made-lib").version.public == "1.1"
    assert "note: `zz-made-lib` 1.1 is yanked on its index" in done.stderr
    assert "`envctl lock --upgrade-package zz-made-lib`" in done.stderr
    done = two.world.envctl("lock", "--upgrade-package", "zz-made-lib")
    assert entry(two.world, "zz-made-lib").version.public == "1.0"
    assert "yanked" not in done.stderr


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("patterns", [(), ("zz-made-priv-*",)], ids=["straight", "gate"])
def test_an_extra_that_a_package_has_not(
    two: Two, resolver: str, patterns: tuple[str, ...]
) -> None:
    two.team.add(Wheel("zz-made-rich", "1.0", extras={"fast": ("zz-made-lib",)}))
    two.write("zz-made-rich[fsat]", resolver=resolver, patterns=patterns)
    done = two.world.envctl("lock")
    assert "note: `zz-made-rich` 1.0 has no extra `fsat`" in done.stderr
    assert done.stderr.count("has no extra") == 1
    two.write("zz-made-rich[fast]", resolver=resolver, patterns=patterns)
    assert "has no extra" not in two.world.envctl("lock").stderr


@pytest.mark.parametrize("wanted", [("zz-made-lib<1,>2",), ("zz-made-lib<1", "zz-made-lib>2")])
def test_what_the_project_asks_for_twice_is_no_constraint(
    two: Two, wanted: tuple[str, ...]
) -> None:
    two.write(*wanted)
    said = two.world.envctl("lock", code=3).stderr
    assert reasons(said)[1:] == [
        "the project asks for zz-made-lib<1",
        "the project asks for zz-made-lib>2",
    ]


def reasons(said: str) -> list[str]:
    """Return what is wrong, and the reasons for it, of a message."""
    what, _, rest = said.partition("\n  where: ")
    why = rest.partition("\n  why:   ")[2].partition("\n  next:  ")[0]
    return [what, *(line.strip() for line in why.splitlines())]


CONFLICTS = {
    "direct": (
        ("zz-made-lib>1", "zz-made-lib<1.1"),
        {
            "no version of `zz-made-lib` suits all who ask for it",
            "the project asks for zz-made-lib>1",
            "the project asks for zz-made-lib<1.1",
        },
    ),
    "one on the way": (
        ("zz-made-old", "zz-made-lib>=1.1"),
        {
            "no version of `zz-made-lib` suits all who ask for it",
            "the project asks for zz-made-lib>=1.1",
            "the project asks for zz-made-old",
            "zz-made-old needs zz-made-lib<1.1",
        },
    ),
    "two on the way": (
        ("zz-made-old", "zz-made-deep"),
        {
            "no version of `zz-made-lib` suits all who ask for it",
            "the project asks for zz-made-old",
            "the project asks for zz-made-deep",
            "zz-made-old needs zz-made-lib<1.1",
            "zz-made-deep needs zz-made-young",
            "zz-made-young needs zz-made-lib>=1.1",
        },
    ),
}


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("patterns", [(), ("zz-made-priv-*",)], ids=["straight", "gate"])
@pytest.mark.parametrize("case", CONFLICTS)
def test_who_collides_with_whom(
    two: Two, resolver: str, case: str, patterns: tuple[str, ...]
) -> None:
    """Both resolvers' own words become the same few lines."""
    two.team.add(
        Wheel("zz-made-old", "1.0", requires=("zz-made-lib<1.1",)),
        Wheel("zz-made-young", "1.0", requires=("zz-made-lib>=1.1",)),
        Wheel("zz-made-deep", "1.0", requires=("zz-made-young",)),
    )
    wanted, lines = CONFLICTS[case]
    two.write(*wanted, resolver=resolver, patterns=patterns)
    before = tree(two.world.root)
    done = two.world.envctl("lock", code=3)
    said = reasons(done.stderr)
    plain = {re.sub(r"^every version of |^error: | 1\.0(?= needs)", "", line) for line in said}
    assert plain == lines
    assert tree(two.world.root) == before
    assert "127.0.0.1" not in two.world.envctl("lock", code=3).stderr


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_source_behind_a_login_and_a_mirror(two: Two, resolver: str, tmp_path: Path) -> None:
    """What is built comes the same way as what is not: the sdist, and what its build needs."""
    with (
        LocalIndex("html", auth=(USER, PASSWORD)) as private,
        LocalIndex("html", auth=(USER, PASSWORD)) as mirror,
    ):
        for index in (private, mirror):
            made = Wheel("zz-made-priv-app", "1.0")
            serve_sdist(index, made, "zz-made-priv-build", tmp_path / "sdists")
            index.add(Wheel("zz-made-priv-build", "1.0"))
        two.private = private
        two.write("zz-made-priv-app", resolver=resolver)
        env = login("keyring", tmp_path, private, "private")
        caches = {"XDG_CACHE_HOME": str(tmp_path / "caches")}
        both(two, env | caches)
        text = two.world.read("pylock.toml")
        private.fault = "down"
        shutil.rmtree(two.world.root / ".envctl")
        (two.world.root / ".venv").unlink()
        address = f'[mirror]\n"{private.url}" = "{mirror.url}"\n'
        two.world.write(".envctl/local.toml", address)
        env = login("netrc", tmp_path, mirror, "mirror")
        both(two, env | {"XDG_CACHE_HOME": str(tmp_path / "other caches")})
        assert two.world.read("pylock.toml") == text
        assert two.world.installed() == ["zz_made_priv_app-1.0"]
        assert "zz_made_priv_app-1.0.tar.gz" in mirror.downloads
        assert asked(two.team) == set()


@ONE_FORM
@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
def test_a_mirror_that_fails_is_named_as_one(mirrored: Mirrored, resolver: str) -> None:
    mirrored.write("zz-made-app", resolver=resolver)
    mirrored.without.envctl("lock")
    text = f'[mirror]\n"{mirrored.team.url}" = "{mirrored.mirror.url}"\n'
    mirrored.behind.write(".envctl/local.toml", text)
    refused = mirrored.behind.envctl("lock", code=3).stderr
    mirrored.hand_over(mirrored.without, mirrored.behind)
    at_sync = mirrored.behind.envctl("sync", code=3).stderr
    mirrored.mirror.fault = "down"
    down = mirrored.behind.envctl("lock", "--upgrade", code=3).stderr
    for said in (refused, at_sync, down):
        assert f"it is a mirror of {mirrored.team.url} (.envctl/local.toml: mirror)" in said
        assert "tool.envctl.index" not in said
    mirrored.team.fault = "down"
    fresh = {"UV_CACHE_DIR": str(mirrored.without.root.parent / "fresh cache")}
    straight = mirrored.without.envctl("lock", "--upgrade", code=3, env=fresh).stderr
    assert "mirror" not in straight
