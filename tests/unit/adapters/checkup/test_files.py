"""Files and folders that are looked at: real ones, some of them broken."""

import os
import ssl
from pathlib import Path

import pytest

from envctl.adapters.checkup import network, person, places, settings, shell

BUNDLE = ssl.get_default_verify_paths().openssl_cafile


class TestSettings:
    def test_where_the_tools_look(self, tmp_path: Path) -> None:
        home, root = tmp_path / "home", tmp_path / "project"
        written = {
            home / ".pip/pip.conf": "[global]\nproxy = x\n",
            home
            / ".config/pip/pip.conf": "[global]\nindex-url = https://me:planted@x\n[install]\npre = 1\n",
            home / ".config/uv/uv.toml": "[pip]\nindex-url = 'x'\n[[index]]\nurl = 'planted'\n",
            root / "uv.toml": "prerelease = 'allow'\n",
            tmp_path / "venv/pip.conf": "[global]\nno-index = 1\n",
        }
        for path, text in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environ = {
            "HOME": str(home),
            "VIRTUAL_ENV": str(tmp_path / "venv"),
            "XDG_CONFIG_DIRS": str(tmp_path / "none"),
        }
        found = [each for each in settings.look(environ, root) if "/etc/" not in each.path]
        assert [each.keys for each in found] == [
            ("global.proxy",),
            ("global.index-url", "install.pre"),
            ("global.no-index",),
            ("pip.index-url", "index"),
            ("prerelease",),
        ]
        assert "planted" not in repr(found)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("pip.conf", b"index-url = https://me:planted@x\n"),
            ("pip.conf", b"[global]\n\xff\xfeplanted\n"),
            ("uv.toml", b"index-url = planted\n"),
            ("uv.toml", b"a = " + b"[" * 100_000),
        ],
    )
    def test_what_cannot_be_read(self, tmp_path: Path, name: str, content: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        variable = "PIP_CONFIG_FILE" if name == "pip.conf" else "UV_CONFIG_FILE"
        found = settings.look({variable: str(path)}, None)[-1]
        assert found.problem
        assert "planted" not in repr(found)

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pip.conf")
        environ = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
        assert str(tmp_path) not in repr(settings.look(environ, None))

    def test_files_that_are_switched_off(self, tmp_path: Path) -> None:
        (tmp_path / "uv.toml").write_text("prerelease = 'allow'\n")
        environ = {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
        assert settings.look(environ, tmp_path) == ()


class TestPlaces:
    def test_what_is_used(self, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        cache.mkdir()
        (cache / "one").write_bytes(os.urandom(1 << 20))
        (cache / "same").hardlink_to(cache / "one")
        (cache / "loop").symlink_to(cache)
        found = {
            each.role: each for each in places.look({"UV_CACHE_DIR": str(cache)}, tmp_path / "new")
        }
        uv = found["uv's cache"]
        assert (uv.there, uv.writable, uv.more) == (True, True, False)
        assert 1 << 20 <= (uv.used or 0) < 3 << 19
        project = found["the project"]
        assert (project.there, project.device, project.used) == (False, uv.device, None)
        assert project.free > 0
        assert not (tmp_path / "new").exists(), "nothing was made"

    def test_a_count_is_given_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(places, "_COUNTING_S", -1.0)
        found = places.look({"UV_CACHE_DIR": str(tmp_path)}, None)[0]
        assert (found.used, found.more) == (0, True)

    def test_a_name_that_no_disk_takes(self, tmp_path: Path) -> None:
        found = places.look({"UV_CACHE_DIR": str(tmp_path / ("x" * 300))}, None)[0]
        assert found.problem

    def test_no_home(self) -> None:
        assert "uv's cache" not in [each.role for each in places.look({}, None)]


class TestNetwork:
    def test_bundles(self, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        (tmp_path / "text").write_text("planted")
        environ = {
            "PIP_CERT": str(tmp_path / "none"),
            "REQUESTS_CA_BUNDLE": str(tmp_path / "empty"),
            "CURL_CA_BUNDLE": str(tmp_path / "text"),
            "SSL_CERT_FILE": str(tmp_path),
        }
        found = network.look(environ).bundles
        assert [each.variable for each in found] == list(environ)
        assert all(each.problem for each in found)
        assert "planted" not in repr(found)

    @pytest.mark.skipif(not Path(BUNDLE).is_file(), reason="no Python here knows the system's CAs")
    def test_a_good_bundle(self) -> None:
        (found,) = network.look({"SSL_CERT_FILE": BUNDLE}).bundles
        assert (found.problem, found.real) == (None, os.path.realpath(BUNDLE))

    @pytest.mark.parametrize(
        ("text", "mode", "said"),
        [
            ("machine x login me password planted\n", 0o600, None),
            ("machine x login me password planted\n", 0o644, "can be read by others"),
            ("machine x planted\n", 0o600, "cannot be read"),
        ],
        ids=["fine", "open", "broken"],
    )
    def test_netrc(self, tmp_path: Path, text: str, mode: int, said: str | None) -> None:
        path = tmp_path / ".netrc"
        path.write_text(text)
        path.chmod(mode)
        found = network.look({"HOME": str(tmp_path)})
        assert (said is None) == (found.netrc is None)
        assert (said or "") in (found.netrc or "")
        assert "planted" not in repr(found)


class TestShell:
    def test_the_completion_in_a_start_up_file(self, tmp_path: Path) -> None:
        environ = {"HOME": str(tmp_path), "SHELL": "/bin/bash"}
        assert not shell.look(environ, None, None).completes
        (tmp_path / ".bashrc").write_text('eval "$(envctl completion bash)"\n')
        assert shell.look(environ, None, None).completes
        assert not shell.look(environ, "/usr/bin/zsh", None).completes
        assert shell.look(environ, "-bash", None).shell == "bash"

    def test_the_completion_as_a_file(self, tmp_path: Path) -> None:
        script = tmp_path / ".config/fish/completions/envctl.fish"
        script.parent.mkdir(parents=True)
        script.touch()
        assert shell.look({"HOME": str(tmp_path)}, "fish", None).completes

    def test_what_is_active(self, tmp_path: Path) -> None:
        venv = tmp_path / "env"
        (venv / "bin").mkdir(parents=True)
        (tmp_path / ".venv").symlink_to(venv)
        environ = {"VIRTUAL_ENV": str(tmp_path / ".venv"), "PATH": f"{venv}/bin"}
        gone = shell.look(environ, None, str(venv))
        assert (gone.there, gone.same, gone.first) == (False, True, None)
        (venv / "pyvenv.cfg").touch()
        (venv / "bin" / "python").symlink_to("/bin/sh")
        there = shell.look(environ, None, str(venv))
        assert (there.there, there.same, there.first) == (True, True, True)
        other = shell.look({**environ, "PATH": f"/usr/bin:{venv}/bin"}, None, str(tmp_path))
        assert other.same is False


def test_who_we_are_comes_from_the_system_as_well() -> None:
    found = person.look({"HOME": "/people/alice", "USER": "alice"}, ["https://a:planted@x.example"])
    assert found.homes[0] == "/people/alice"
    assert len(found.homes) > 1
    assert "alice" in found.users
    assert found.hosts
    assert "planted" in found.secrets
    assert "planted" not in repr(found)


@pytest.mark.parametrize("home", ["/proc/1/root", "/dev/null", "/none", "/" + "x" * 300])
def test_a_home_that_is_none(home: str) -> None:
    environ = {"HOME": home, "VIRTUAL_ENV": home, "SHELL": "bash", "NETRC": home}
    assert person.look(environ, ()).homes[0] == home
    assert shell.look(environ, None, home).completes is False
    assert network.look({**environ, "SSL_CERT_FILE": home}).bundles[0].problem
    assert home not in [each.path for each in settings.look(environ, Path(home))]
