"""The real clients, uv and pip, take the index for a real one."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from tests.index.server import Fault, LocalIndex, Mode
from tests.index.wheels import Wheel

# Names that nobody owns: a mistake in a test must not install a stranger's package.
APP = Wheel(
    "zz-made-app",
    "1.0",
    requires=["zz-made-base>=1", 'zz-made-win ; sys_platform == "win32"'],
    extras={"gpu": ["zz-made-torch"]},
    entry_points={"zz-made-app": "zz_made_app:main"},
)
WORLD = (
    APP,
    Wheel("zz-made-base", "1.0"),
    Wheel("zz-made-base", "2.0"),
    Wheel("zz-made-base", "3.0", requires_python=">=4"),
    Wheel("zz-made-win", "1.0"),
    Wheel("zz-made-torch", "2.14.0"),
    Wheel("zz-made-torch", "2.14.0+cu126"),
)
FAULTS: tuple[Fault, ...] = ("down", "truncate", "wrong-hash", "login-page", "500", "404")


@dataclass(frozen=True)
class Clients:
    """uv and pip without this machine's settings, each test with a cache of its own."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    def uv(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(find_uv_bin(), *arguments)

    def pip(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        pip = [sys.executable, "-m", "pip", "--python", str(self.python)]
        return self._run(*pip, *arguments)

    def pip_compile(self, index: LocalIndex, requirement: str) -> str:
        (self.folder / "requirements.in").write_text(f"{requirement}\n")
        options = ["--quiet", "--generate-hashes", "--no-header", "--output-file", "-"]
        compile_ = [sys.executable, "-m", "piptools", "compile", *options]
        cache = str(self.folder / "pip-tools")
        done = self._run(*compile_, "--cache-dir", cache, "--index-url", index.url)
        done.check_returncode()
        return done.stdout

    def make_venv(self) -> None:
        venv = ["venv", "--quiet", "--clear", "--python", sys.executable]
        self.uv(*venv, str(self.folder / "venv")).check_returncode()

    def make_project(self, *dependencies: str) -> None:
        listed = ", ".join(f"{dependency!r}" for dependency in dependencies)
        (self.folder / "pyproject.toml").write_text(
            '[project]\nname = "zz-made-project"\nversion = "0"\n'
            f'requires-python = ">=3.9"\ndependencies = [{listed}]\n'
        )

    def lock(self, index: LocalIndex) -> None:
        self.uv("lock", "--default-index", index.url).check_returncode()
        export = ["export", "--quiet", "--frozen", "--no-emit-project", "--format", "pylock.toml"]
        self.uv(*export, "--output-file", "pylock.toml").check_returncode()

    def installed(self) -> dict[str, str]:
        listed = self.uv("pip", "freeze", "--python", str(self.python)).stdout
        return dict(line.split("==") for line in listed.splitlines())

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_")) and name != "VIRTUAL_ENV"
        }
        return inherited | {
            "NO_PROXY": "127.0.0.1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INPUT": "1",
            "PIP_RETRIES": "0",
            "UV_CACHE_DIR": str(self.folder / "cache"),
            "UV_HTTP_RETRIES": "0",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON": sys.executable,
        }


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    made = Clients(tmp_path)
    made.make_venv()
    return made


@pytest.fixture(params=["html", "json"])
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture
def index(mode: Mode) -> Iterator[LocalIndex]:
    with LocalIndex(mode) as running:
        running.add(*WORLD)
        yield running


Install = Callable[[Clients, str, str], subprocess.CompletedProcess[str]]
Sync = Callable[[Clients], subprocess.CompletedProcess[str]]


def uv_install(clients: Clients, url: str, what: str) -> subprocess.CompletedProcess[str]:
    where = ["--python", str(clients.python), "--default-index", url]
    return clients.uv("pip", "install", *where, what)


def pip_install(clients: Clients, url: str, what: str) -> subprocess.CompletedProcess[str]:
    return clients.pip("install", "--index-url", url, what)


@pytest.fixture(params=[uv_install, pip_install], ids=["uv", "pip"])
def install(request: pytest.FixtureRequest) -> Install:
    chosen: Install = request.param
    return chosen


def uv_sync(clients: Clients) -> subprocess.CompletedProcess[str]:
    return clients.uv("pip", "sync", "--python", str(clients.python), "pylock.toml")


def pip_sync(clients: Clients) -> subprocess.CompletedProcess[str]:
    return clients.pip("install", "-r", "pylock.toml")


class TestInstall:
    def test_newest_that_fits_and_its_script(
        self, clients: Clients, index: LocalIndex, install: Install
    ) -> None:
        install(clients, index.url, "zz-made-app").check_returncode()
        assert clients.installed() == {"zz-made-app": "1.0", "zz-made-base": "2.0"}
        script = clients.python.with_name("zz-made-app")
        assert subprocess.check_output([script], text=True) == "zz-made-app 1.0\n"

    def test_extra_brings_the_local_version(
        self, clients: Clients, index: LocalIndex, install: Install
    ) -> None:
        install(clients, index.url, "zz-made-app[gpu]").check_returncode()
        assert clients.installed()["zz-made-torch"] == "2.14.0+cu126"

    def test_yanked_version_is_passed_over(
        self, clients: Clients, index: LocalIndex, install: Install
    ) -> None:
        index.yank("zz-made-base", "2.0")
        install(clients, index.url, "zz-made-base").check_returncode()
        assert clients.installed() == {"zz-made-base": "1.0"}

    def test_wheel_for_another_platform_is_passed_over(
        self, clients: Clients, index: LocalIndex, install: Install
    ) -> None:
        index.add(Wheel("zz-made-base", "9.0", tags=["cp311-cp311-win_amd64"]))
        install(clients, index.url, "zz-made-base").check_returncode()
        assert clients.installed() == {"zz-made-base": "2.0"}

    @pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
    def test_sdist_is_built_without_a_network(
        self, clients: Clients, index: LocalIndex, install: Install, static: bool
    ) -> None:
        index.remove("zz-made-app")
        index.add_sdist(APP, static_metadata=static)
        install(clients, index.url, "zz-made-app").check_returncode()
        assert clients.installed() == {"zz-made-app": "1.0", "zz-made-base": "2.0"}

    def test_login_opens(self, clients: Clients, mode: Mode, install: Install) -> None:
        with LocalIndex(mode, auth=("me", "p@ss:word")) as index:
            index.add(*WORLD)
            install(clients, index.url_with_login, "zz-made-app").check_returncode()
        assert clients.installed() == {"zz-made-app": "1.0", "zz-made-base": "2.0"}

    def test_without_login_nothing_opens(
        self, clients: Clients, mode: Mode, install: Install
    ) -> None:
        with LocalIndex(mode, auth=("me", "p@ss:word")) as index:
            index.add(*WORLD)
            assert install(clients, index.url, "zz-made-app").returncode != 0
            assert {exchange.status for exchange in index.exchanges} == {401}


class TestLock:
    @pytest.fixture
    def locked(self, clients: Clients, index: LocalIndex) -> dict[str, Any]:
        clients.make_project("zz-made-app[gpu]")
        clients.lock(index)
        return tomllib.loads((clients.folder / "uv.lock").read_text())

    def test_every_platform_is_locked(self, locked: dict[str, Any]) -> None:
        versions = {(package["name"], package["version"]) for package in locked["package"]}
        assert versions == {
            ("zz-made-app", "1.0"),
            ("zz-made-base", "2.0"),
            # `requires-python` has no end, so uv locks for Python 4 as well.
            ("zz-made-base", "3.0"),
            ("zz-made-project", "0"),
            ("zz-made-torch", "2.14.0+cu126"),
            ("zz-made-win", "1.0"),
        }

    def test_address_and_hash_are_the_index_own(
        self, locked: dict[str, Any], index: LocalIndex
    ) -> None:
        (file,) = index.files("zz-made-app")
        (wheel,) = locked["package"][0]["wheels"]
        assert wheel["url"] == index.origin + file.path
        assert wheel["hash"] == f"sha256:{file.sha256}"

    def test_only_a_good_index_tells_sizes_and_times(
        self, locked: dict[str, Any], index: LocalIndex
    ) -> None:
        (wheel,) = locked["package"][0]["wheels"]
        told = {"size", "upload-time"} & wheel.keys()
        assert told == ({"size", "upload-time"} if index.mode == "json" else set())

    def test_only_a_good_index_spares_the_wheels(
        self, locked: dict[str, Any], index: LocalIndex
    ) -> None:
        assert locked
        assert bool(index.downloads) == (index.mode == "html")

    @pytest.mark.parametrize("sync", [uv_sync, pip_sync], ids=["uv", "pip"])
    def test_lock_installs(self, clients: Clients, index: LocalIndex, sync: Sync) -> None:
        clients.make_project("zz-made-app")
        clients.lock(index)
        index.forget_requests()
        sync(clients).check_returncode()
        assert clients.installed() == {"zz-made-app": "1.0", "zz-made-base": "2.0"}
        assert sorted(set(index.downloads)) == [
            "zz_made_app-1.0-py3-none-any.whl",
            "zz_made_base-2.0-py3-none-any.whl",
        ]


class TestFaults:
    """Nothing is installed under any fault, whatever the client."""

    @pytest.mark.parametrize("fault", FAULTS)
    def test_install_is_refused(
        self, clients: Clients, index: LocalIndex, install: Install, fault: Fault
    ) -> None:
        index.fault = fault
        assert install(clients, index.url, "zz-made-app").returncode != 0
        assert clients.installed() == {}

    @pytest.mark.parametrize("sync", [uv_sync, pip_sync], ids=["uv", "pip"])
    @pytest.mark.parametrize("fault", FAULTS)
    def test_lock_does_not_install(
        self, clients: Clients, index: LocalIndex, sync: Sync, fault: Fault
    ) -> None:
        clients.make_project("zz-made-base")
        clients.lock(index)
        index.fault = fault
        assert sync(clients).returncode != 0
        assert clients.installed() == {}

    def test_wrong_hash_is_named(
        self, clients: Clients, index: LocalIndex, install: Install
    ) -> None:
        index.fault = "wrong-hash"
        said = install(clients, index.url, "zz-made-base").stderr
        assert index.files("zz-made-base")[1].sha256 in said

    def test_slow_index_is_waited_for(
        self, clients: Clients, index: LocalIndex, install: Install
    ) -> None:
        index.fault, index.delay = "slow", 0.1
        install(clients, index.url, "zz-made-base").check_returncode()


class TestCache:
    @pytest.fixture
    def good(self, clients: Clients) -> Iterator[LocalIndex]:
        with LocalIndex("json") as index:
            index.add(*WORLD)
            clients.make_project("zz-made-app")
            clients.lock(index)
            index.forget_requests()
            yield index

    def test_fresh_pages_are_not_asked_for(self, clients: Clients, good: LocalIndex) -> None:
        (clients.folder / "uv.lock").unlink()
        clients.lock(good)
        assert good.requests == []

    def test_refresh_is_answered_with_304(self, clients: Clients, good: LocalIndex) -> None:
        (clients.folder / "uv.lock").unlink()
        refresh = ["lock", "--refresh", "--default-index", good.url]
        clients.uv(*refresh).check_returncode()
        assert good.exchanges
        assert {exchange.status for exchange in good.exchanges} == {304}

    def test_page_that_changed_is_sent(self, clients: Clients, good: LocalIndex) -> None:
        good.add(Wheel("zz-made-base", "2.5"))
        upgrade = ["lock", "--refresh", "--upgrade", "--default-index", good.url]
        clients.uv(*upgrade).check_returncode()
        statuses = {path: status for _, path, status in good.exchanges}
        assert statuses["/simple/zz-made-base/"] == 200
        assert statuses["/simple/zz-made-app/"] == 304
        assert "2.5" in (clients.folder / "uv.lock").read_text()

    def test_page_without_a_lifetime_is_asked_for_again(self, clients: Clients) -> None:
        with LocalIndex("json", max_age=0) as index:
            index.add(*WORLD)
            clients.make_project("zz-made-base")
            clients.lock(index)
            index.add(Wheel("zz-made-base", "2.5"))
            clients.uv("lock", "--upgrade", "--default-index", index.url).check_returncode()
        assert "2.5" in (clients.folder / "uv.lock").read_text()

    def test_poor_index_is_asked_every_time(self, clients: Clients) -> None:
        with LocalIndex("html") as index:
            index.add(*WORLD)
            clients.make_project("zz-made-base")
            clients.lock(index)
            (clients.folder / "uv.lock").unlink()
            index.forget_requests()
            clients.lock(index)
            assert ("GET", "/simple/zz-made-base/") in index.requests


class TestPipTools:
    def test_hashes_come_from_the_older_json(self, clients: Clients) -> None:
        with LocalIndex("json") as index:
            index.add(*WORLD)
            said = clients.pip_compile(index, "zz-made-app")
            assert "zz_made_app-1.0-py3-none-any.whl" not in index.downloads
            assert f"--hash=sha256:{index.files('zz-made-app')[0].sha256}" in said

    def test_poor_index_is_emptied_for_hashes(self, clients: Clients) -> None:
        with LocalIndex("html") as index:
            index.add(*WORLD)
            said = clients.pip_compile(index, "zz-made-app")
            assert "zz_made_app-1.0-py3-none-any.whl" in index.downloads
            assert f"--hash=sha256:{index.files('zz-made-app')[0].sha256}" in said
