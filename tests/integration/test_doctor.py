"""`envctl doctor` as a user calls it: nothing personal in its report, no traceback, no waiting without end."""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.world import World

TOKEN = "ghp_" + "a1B2" * 9
SECRETS = ("planted", "Zx9-planted", TOKEN, "alicia", "qqcorp")
CHECKS = {
    *("project", "tools", "python", "index", "settings", "network", "cache", "disk", "shell"),
    *("gpu-tables", "gpu", "container"),
}


def report(world: World, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    done = world.envctl("doctor", "--json", *arguments, code=None, env=env)
    found: dict[str, Any] = json.loads(done.stdout)
    fails = any(each["state"] == "fail" for each in found["result"]["checks"])
    assert (done.returncode, found["ok"]) == (int(fails), not fails)
    return found


def lines(found: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [each for each in found["result"]["checks"] if each["check"] == check]


def put(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def planted(world: World, tmp_path: Path) -> dict[str, str]:
    """Put secrets and names wherever a report could take one from; return the variables."""
    home = tmp_path / "home" / "alicia"
    bare = "https://alicia:planted@index.example/simple?token=planted"
    files = {
        home / ".config/pip/pip.conf": f"[global]\nindex-url = {bare}\n",
        home / ".pip/pip.conf": f"index-url = {bare}\n",
        home / ".config/uv/uv.toml": f'index-url = "{bare}"\n',
        home / ".netrc": "machine index.example login alicia pass planted\n",
        home / ".bashrc": f"export GITHUB_TOKEN={TOKEN}\n",
        world.root / "uv.toml": f'index-url = "{bare}\n',
        world.root / ".env": f"HF_TOKEN={TOKEN}\n",
        world.root / ".envctl/local.toml": (
            'env-file = ".env"\n[mirror]\n'
            f'"{world.index.url.rstrip("/")}" = "http://alicia:planted@127.0.0.1:1/{TOKEN}"\n'
        ),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (home / ".netrc").chmod(0o644)
    for name in ("git", "podman", "pre-commit", "docker", "uv"):
        put(tmp_path / "bin", name, f"echo '{name} {bare} {TOKEN} alicia@qqcorp.example'")
    return {
        "HOME": str(home),
        "USER": "alicia",
        "LOGNAME": "alicia",
        "HOSTNAME": "lab.qqcorp.example",
        "SHELL": f"{home}/bin/bash",
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": f"{home}/envs/{TOKEN}",
        "UV_CACHE_DIR": f"{home}/cache",
        "TMPDIR": f"{home}/tmp",
        "GITHUB_TOKEN": TOKEN,
        "DEPLOY_PASSWORD": "Zx9-planted",
        "PIP_CONFIG_FILE": "",
        "PIP_INDEX_URL": bare,
        "UV_DEFAULT_INDEX": bare,
        "UV_INDEX_TEAM_USERNAME": "alicia",
        "UV_INDEX_TEAM_PASSWORD": "Zx9-planted",
        "PIP_CERT": f"/people/alicia/{TOKEN}.pem",
        "HTTPS_PROXY": "http://alicia:Zx9-planted@127.0.0.1:1",
        "ALL_PROXY": "socks5://alicia:planted@proxy.example:1",
        "NO_PROXY": "127.0.0.1",
        "DOCKER_HOST": "tcp://alicia:planted@127.0.0.1:1",
        "PYTHONPATH": "",
    }


@pytest.mark.parametrize("broken", [False, True], ids=["fine", "broken"])
def test_the_report_can_be_pasted_anywhere(world: World, tmp_path: Path, broken: bool) -> None:
    env = planted(world, tmp_path)
    if broken:
        manifest = world.manifest().replace('name = "demo"', f'name = "{TOKEN} alicia"')
        world.write("pyproject.toml", manifest)
        world.write("pylock.toml", f'x = "https://alicia:planted@index.example/{TOKEN}\n')
    as_json = world.envctl("doctor", "--json", code=None, env=env)
    as_text = world.envctl("doctor", code=None, env=env)
    host = platform.node()
    for said in (as_json, as_text):
        whole = (said.stdout + said.stderr).lower()
        assert [each for each in (*SECRETS, host) if len(each) > 3 and each.lower() in whole] == []
    found = {each["check"] for each in json.loads(as_json.stdout)["result"]["checks"]}
    assert found >= (CHECKS - {"python", "index", "gpu-tables"} if broken else CHECKS)
    assert "not honoured" in as_text.stdout
    assert "0 fail" not in as_text.stderr


def test_a_project_in_order(world: World) -> None:
    world.envctl("lock")
    found = report(world)
    assert {each["check"] for each in found["result"]["checks"]} == CHECKS
    (index,) = lines(found, "index")
    assert (index["state"], index["message"].split()[0]) == ("ok", "`team`")
    (project,) = lines(found, "project")
    assert project["state"] == "ok"
    (python,) = lines(found, "python")
    assert python["message"].startswith("environments are made with Python")
    asked = [path for _, path in world.index.requests if path.endswith("/pip/")]
    assert asked == [], "the index is asked for what it serves"


def test_outside_a_project(tmp_path: Path, world: World) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = world.envctl("doctor", "--offline", code=None, cwd=empty)
    assert "ok    project" in done.stdout
    assert "no index was asked (`--offline`)" in done.stdout
    assert done.stderr.splitlines()[-1].endswith(" fail")


def test_an_index_that_is_down_fails_and_nothing_is_changed(world: World) -> None:
    world.index.fault = "down"
    before = sorted(world.root.rglob("*"))
    found = report(world)
    (index,) = lines(found, "index")
    assert (index["state"], bool(index["mend"])) == ("fail", True)
    assert not found["ok"]
    assert sorted(world.root.rglob("*")) == before


def test_programs_that_hang_hold_nothing_up(world: World, tmp_path: Path) -> None:
    for name in ("git", "podman", "pre-commit", "docker", "uv"):
        put(tmp_path / "bin", name, "trap '' TERM INT HUP\nwhile :; do sleep 1; done")
    env = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    found = report(world, "--offline", env=env)
    assert lines(found, "disk")
    assert lines(found, "tools")


def test_the_shell_of_an_environment_that_is_stale(synced: World) -> None:
    fresh = (synced.root / ".venv").resolve()
    path = f"{fresh}/bin{os.pathsep}{os.environ['PATH']}"
    active = {"VIRTUAL_ENV": str(fresh), "PATH": path, "PYTHONHASHSEED": "0"}
    shell = lines(report(synced, "--offline", env=active), "shell")[0]
    assert (shell["state"], shell["message"].endswith("is the project's")) == ("ok", True)
    other = {**active, "PYTHONHASHSEED": "7"}
    shell = lines(report(synced, "--offline", env=other), "shell")[0]
    assert (shell["state"], "`PYTHONHASHSEED`" in shell["message"]) == ("warn", True)
    old = {**active, "VIRTUAL_ENV": str(fresh.parent / "gone")}
    shell = lines(report(synced, "--offline", env=old), "shell")[0]
    assert shell["state"] == "warn"
    assert "deactivate" in shell["mend"]
