"""Another tool wrote the lock: found out, and adopted as it is."""

import sys
import tomllib
from typing import Any

import pytest

from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World


def git(world: World, *arguments: str) -> None:
    identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org"]
    world.run(["git", *identity, *arguments])


def uv_compile(world: World) -> None:
    world.run(
        [
            *(
                sys.executable,
                "-m",
                "uv",
                "pip",
                "compile",
                "--quiet",
                "--no-config",
                "--universal",
            ),
            *("--format", "pylock.toml", "--output-file", "pylock.toml"),
            *("--default-index", world.index.url, "--python-version", MINOR),
            *("--group", "dev", "--extra", "plot", "pyproject.toml"),
        ]
    )


def pip_lock(world: World) -> None:
    world.run(
        [
            *(sys.executable, "-m", "pip", "--isolated", "lock", "--quiet"),
            *("--index-url", world.index.url, "--output", "pylock.toml"),
            *("zz-made-app<2", "zz-made-test", "zz-made-plot"),
        ],
        env={"PIP_CONFIG_FILE": "/dev/null"},
    )


TOOLS = {"uv": uv_compile, "pip": pip_lock}


def data(world: World) -> dict[str, Any]:
    return tomllib.loads(world.read("pylock.toml"))


@pytest.fixture(params=TOOLS)
def foreign(request: pytest.FixtureRequest, world: World) -> World:
    """Give a project whose lock was envctl's, committed, and then written anew by another tool."""
    world.envctl("lock")
    git(world, "init", "-q")
    git(world, "add", "pyproject.toml", "pylock.toml")
    git(world, "commit", "-qm", "start")
    TOOLS[request.param](world)
    return world


def test_it_is_found_out(foreign: World) -> None:
    (finding,) = foreign.findings("--only", "lock")
    assert finding["code"] == "lock-foreign"
    assert "--adopt" in finding["message"]


def test_it_is_taken_as_it_is(foreign: World) -> None:
    packages = data(foreign)["packages"]
    foreign.envctl("lock", "--adopt")
    after = data(foreign)
    kept = [{k: v for k, v in each.items() if k != "tool"} for each in after["packages"]]
    assert kept == packages
    assert foreign.codes("--only", "lock", code=0) == []
    # What uv and pip do not write, the committed lock knew: who needs whom.
    assert after["tool"]["envctl"]["requires"]["zz-made-app==1.0"] == ["zz-made-lib"]
    assert after["tool"]["envctl"]["env"]["PYTHONHASHSEED"] == "0"
    assert foreign.json("lock")["result"]["resolved"] is False
    foreign.envctl("sync")
    assert "zz_made_app-1.0" in foreign.installed()
    assert foreign.codes("--only", "environment", code=0) == []
    assert "zz-made-lib" in foreign.envctl("tree", "--why", "zz-made-lib").stdout


def test_adopting_twice_changes_nothing(foreign: World) -> None:
    foreign.envctl("lock", "--adopt")
    before = foreign.snapshot("pylock.toml")
    done = foreign.envctl("lock", "--adopt")
    assert "envctl's own already" in done.stderr
    # Nothing changed: it is not compared with what was committed before.
    assert "  ~ " not in done.stderr
    assert "  + " not in done.stderr
    assert foreign.snapshot("pylock.toml") == before


def test_a_stale_lock_of_envctls_own_is_not_up_to_date(world: World) -> None:
    world.envctl("lock")
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    before = world.snapshot("pylock.toml")
    done = world.envctl("lock", "--adopt")
    assert "envctl's own and does not answer pyproject.toml any more" in done.stderr
    assert "run `envctl lock`" in done.stderr
    assert "left pylock.toml as it is: 4 packages" in done.stderr
    assert "up to date" not in done.stderr
    assert world.snapshot("pylock.toml") == before


def test_a_lock_for_some_groups_is_fresh_for_these(world: World) -> None:
    world.envctl("lock", "--no-default-groups")
    done = world.envctl("lock", "--adopt")
    assert "envctl's own already" in done.stderr
    assert "up to date" in done.stderr


def test_what_does_not_answer_the_manifest_is_refused(foreign: World) -> None:
    foreign.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    before = foreign.snapshot("pylock.toml")
    done = foreign.envctl("lock", "--adopt", code=3)
    assert "does not answer the manifest" in done.stderr
    assert "zz-made-app" in done.stderr
    assert foreign.snapshot("pylock.toml") == before


def test_lock_instead_keeps_the_versions(foreign: World) -> None:
    foreign.index.add(Wheel("zz-made-lib", "1.2"), Wheel("zz-made-plot", "0.6"))
    foreign.envctl("lock")
    versions = {each["name"]: each["version"] for each in data(foreign)["packages"]}
    assert (versions["zz-made-lib"], versions["zz-made-plot"]) == ("1.1", "0.5")
    assert data(foreign)["created-by"] == "envctl"
    assert foreign.codes("--only", "lock", code=0) == []


def test_an_unserved_platform_is_said(world: World) -> None:
    world.edit("pyproject.toml", '["linux-x86_64"]', '["linux-x86_64", "windows-x86_64"]')
    tag = f"cp{MINOR.replace('.', '')}"
    world.index.add(
        Wheel("zz-made-lib", "1.3", tags=(f"{tag}-{tag}-manylinux_2_17_x86_64",)),
    )
    pip_lock(world)
    done = world.envctl("lock", "--adopt", code=None)
    assert "windows-x86_64" in done.stderr


def test_there_is_nothing_to_adopt(world: World) -> None:
    done = world.envctl("lock", "--adopt", code=3)
    assert "no pylock.toml to adopt" in done.stderr
    done = world.envctl("lock", "--adopt", "--upgrade", code=2)
    assert "no other option fits" in done.stderr
    done = world.envctl("lock", "--adopt", "--group", "dev", code=2)
    assert "no other option fits" in done.stderr
