"""Programs and engines that are asked: real processes, some of which lie, hang or break."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from envctl.adapters.checkup import engines, tools
from envctl.adapters.checkup.patience import said, together
from envctl.adapters.process import run


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    """Give a PATH with nothing but what a test puts there, and a shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to("/bin/sh")
    (folder / "sleep").symlink_to("/bin/sleep")
    return {"PATH": str(folder), "HOME": str(tmp_path)}


def put(environ: Mapping[str, str], name: str, script: str) -> str:
    path = Path(environ["PATH"]) / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


class TestTools:
    def test_what_stands_beside_envctl(self, environ: Mapping[str, str]) -> None:
        found = tools.look(run, environ)
        assert (found.prefix, found.unmet) == (sys.prefix, ())
        for name in ("uv", "pip", "pip-tools"):
            assert found.named(name).path
            assert found.named(name).version
            assert found.named(name).problem is None
        for name in ("git", "podman", "pre-commit", "prek"):
            assert found.named(name).path is None
            assert found.named(name).problem is None

    def test_what_is_on_path(self, environ: Mapping[str, str]) -> None:
        other = put(environ, "uv", "echo 'uv 0.5.1 (abc 2024-11-08)'")
        git = put(environ, "git", "echo 'git version 2.39.5 (Apple Git-154)'")
        put(environ, "podman", "echo 'podman version 5.2.0-rc1'")
        put(environ, "pre-commit", "exit 3")
        put(environ, "prek", "echo; echo none of your business")
        found = tools.look(run, environ)
        assert found.named("uv").others == (f"0.5.1 at {other}",)
        assert (found.named("git").path, found.named("git").version) == (git, "2.39.5")
        assert found.named("podman").version == "5.2.0-rc1"
        assert found.named("pre-commit").version is None
        assert found.named("prek").version is None

    def test_a_program_that_is_none(self, environ: Mapping[str, str]) -> None:
        path = Path(environ["PATH"]) / "git"
        path.write_bytes(b"\x7fELF no such format")
        path.chmod(0o755)
        assert tools.look(run, environ).named("git").version is None

    def test_a_program_that_hangs_with_a_child(
        self, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from envctl.adapters.checkup import patience

        monkeypatch.setattr(patience, "_ASKING_S", 0.3)
        put(environ, "git", "trap '' TERM INT; sleep 5 & sleep 5")
        assert tools.look(run, environ).named("git").version is None

    def test_the_docker_that_can_build(
        self, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from envctl.adapters.builders import docker_cli

        monkeypatch.setattr(docker_cli, "_FOLDERS", ())
        bare = "case $1 in --version) echo 'Docker version 28.0.1, build 1';; *) exit 1;; esac"
        put(environ, "docker", bare)
        found = tools.docker(run, environ)
        assert (found.version, bool(found.problem), bool(found.mend)) == ("28.0.1", True, True)
        put(environ, "docker", "echo 'Docker version 28.0.1, build 1'")
        assert tools.docker(run, environ).problem is None

    def test_the_commit_hook(self, tmp_path: Path) -> None:
        environ = dict(os.environ)
        root = tmp_path / "a project"
        root.mkdir()
        assert tools.hook(run, environ, root).problem
        run(["git", "init", "--quiet", str(root)])
        assert (tools.hook(run, environ, root).path, tools.hook(run, environ, root).problem) == (
            None,
            None,
        )
        hook = root / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\n")
        assert tools.hook(run, environ, root).path is None
        hook.chmod(0o755)
        lying = {**environ, "GIT_DIR": "/nowhere"}
        assert tools.hook(run, lying, root).path == str(hook)


class TestEngines:
    @pytest.fixture(autouse=True)
    def _no_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    @pytest.mark.parametrize(
        ("script", "problem"),
        [
            ("exit 125", "it does not answer"),
            ("echo '{'", "it describes itself in a way that is not known"),
            ("echo '[]'", "it describes itself in a way that is not known"),
            ("echo '{\"host\": null}'", "it describes itself in a way that is not known"),
        ],
    )
    def test_a_podman_that_does_not_serve(
        self, environ: Mapping[str, str], tmp_path: Path, script: str, problem: str
    ) -> None:
        put(environ, "podman", script)
        found = engines.look(run, environ, tmp_path).engines[1]
        assert (found.problem, bool(found.mend)) == (problem, True)

    def test_a_podman_with_gpus(self, environ: Mapping[str, str], tmp_path: Path) -> None:
        info = '{"host": {"security": {"rootless": true}}, "version": {"Version": "5.2.0"}}'
        put(environ, "podman", f"echo '{info}'")
        listed = tmp_path / "etc" / "cdi" / "nvidia.yaml"
        listed.parent.mkdir(parents=True)
        listed.touch()
        (tmp_path / "dev").mkdir()
        (tmp_path / "dev" / "dxg").touch()
        found = engines.look(run, environ, tmp_path)
        assert found.nvidia
        podman = found.engines[1]
        assert (podman.version, podman.rootless, podman.gpu) == ("5.2.0", True, ("CDI",))

    def test_an_engine_that_somebody_chose_and_that_is_not_there(
        self, environ: Mapping[str, str], tmp_path: Path
    ) -> None:
        docker, podman = engines.look(run, environ, tmp_path).engines
        assert (docker.chosen, bool(docker.problem), bool(docker.mend)) == (True, True, True)
        assert not podman.there

    def test_an_engine_beyond_ssh_is_not_asked(
        self, environ: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCKER_HOST", "ssh://alice@lab-17")
        docker = engines.look(run, environ, tmp_path).engines[0]
        assert (docker.where, docker.local, docker.problem) == ("ssh", False, None)


def test_together_waits_for_nobody_past_its_limit() -> None:
    from threading import Event

    def fail() -> str:
        raise KeyError("no")

    found = together({"a": lambda: "a", "b": lambda: str(Event().wait(30)), "c": fail}, 0.5)
    assert (found["a"], found["b"]) == ("a", None)
    assert isinstance(found["c"], KeyError)


def test_what_cannot_be_started_says_nothing(tmp_path: Path) -> None:
    assert said(run, [str(tmp_path / "none")], {}) is None
    assert said(run, ["a\0b"], {}) is None
