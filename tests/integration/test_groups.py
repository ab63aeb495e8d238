"""Groups and extras: one lock for development and production, read alike by envctl, pip and uv."""

import json
import subprocess
import sys
from itertools import chain, combinations
from pathlib import Path

import pytest

from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World

MANIFEST = """\
[project]
name = "demo"
version = "0.1.0"
dependencies = ["zz-made-app<2"]

[project.optional-dependencies]
plot = ["zz-made-plot"]
io = ["zz-made-io; python_version > '3'", "zz-made-never; python_version < '3'"]
all = ["demo[plot,io]"]

[dependency-groups]
test = ["zz-made-test"]
docs = ["zz-made-docs", {{ include-group = "test" }}]
dev = [{{ include-group = "docs" }}, "zz-made-lib>=1.1"]

[tool.envctl]
python = "{minor}"
resolver = "{resolver}"
platforms = ["linux-x86_64"]
groups = ["dev"]

[[tool.envctl.index]]
name = "team"
url = "{index}"
"""
BASE = {"zz-made-app", "zz-made-lib"}
BEHIND = {
    "extra plot": {"zz-made-plot"},
    "extra io": {"zz-made-io", "zz-made-deep"},
    "extra all": {"zz-made-plot", "zz-made-io", "zz-made-deep"},
    "group test": {"zz-made-test"},
    "group docs": {"zz-made-docs", "zz-made-deep", "zz-made-test"},
    "group dev": {"zz-made-docs", "zz-made-deep", "zz-made-test"},
}
CHOICES = tuple(
    chain(
        combinations(BEHIND, 0), combinations(BEHIND, 1), combinations(BEHIND, 2), [tuple(BEHIND)]
    )
)


def expected(choice: tuple[str, ...]) -> set[str]:
    return BASE.union(*(BEHIND[each] for each in choice))


@pytest.fixture(params=["uv", "pip-tools"])
def locked(request: pytest.FixtureRequest, world: World) -> World:
    world.index.add(
        Wheel("zz-made-io", "1.0", requires=("zz-made-deep",)),
        Wheel("zz-made-docs", "1.0", requires=("zz-made-deep",)),
        Wheel("zz-made-deep", "1.0"),
    )
    text = MANIFEST.format(minor=MINOR, index=world.index.url, resolver=request.param)
    world.write("pyproject.toml", text)
    world.envctl("lock")
    return world


def options(choice: tuple[str, ...]) -> list[str]:
    return [word for each in choice for word in (f"--{each.split()[0]}", each.split()[1])]


def test_envctl_selects_what_was_asked_for(locked: World) -> None:
    for choice in CHOICES:
        report = locked.json("sync", "--check", "--no-default-groups", *options(choice), code=1)
        assert set(report["result"]["add"]) == expected(choice), choice


def test_the_default_groups_are_syncs_own(locked: World) -> None:
    report = locked.json("sync", "--check", code=1)
    assert set(report["result"]["add"]) == expected(("group dev",))
    report = locked.json("sync", "--check", "--no-default-groups", code=1)
    assert set(report["result"]["add"]) == BASE
    assert "default-groups" not in locked.read("pylock.toml")


def bare(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder / "bin" / "python")


def test_uv_selects_the_same(locked: World, tmp_path: Path) -> None:
    python = bare(tmp_path / "bare")
    for choice in CHOICES:
        done = locked.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "uv",
                    "pip",
                    "install",
                    "--dry-run",
                    "--preview-features",
                    "pylock",
                ),
                *("--no-config", "--python", python, "-r", "pylock.toml", *options(choice)),
            ]
        )
        found = {
            line.split()[1].partition("==")[0] for line in done.stderr.splitlines() if " + " in line
        }
        assert found == expected(choice), choice


def test_pip_selects_the_same(locked: World, tmp_path: Path) -> None:
    python = bare(tmp_path / "bare")
    for choice in [(), *((each,) for each in BEHIND), tuple(BEHIND)]:
        extras = [each.split()[1] for each in choice if each.startswith("extra")]
        groups = [each.split()[1] for each in choice if each.startswith("group")]
        name = f"pylock.toml[{','.join(extras)}]" if extras else "pylock.toml"
        done = locked.run(
            [
                *(sys.executable, "-m", "pip", "--isolated", "--python", python, "install", "-q"),
                *("--dry-run", "--ignore-installed", "--no-deps", "--report", "-", "-r", name),
                *(word for each in groups for word in ("--group", f"pylock.toml:{each}")),
            ],
            env={"PIP_CONFIG_FILE": "/dev/null"},
        )
        report = json.loads(done.stdout)
        found = {each["metadata"]["name"] for each in report["install"]}
        assert found == expected(choice), choice


@pytest.mark.parametrize("kind", ["group", "extra"])
def test_a_name_that_there_is_not_is_an_error_that_names_those_that_are(
    locked: World, kind: str
) -> None:
    done = locked.envctl("sync", f"--{kind}", "dcos", code=2)
    assert "`dcos`" in done.stderr
    assert ("docs" if kind == "group" else "plot") in done.stderr
    assert not (locked.root / ".venv").exists()


def test_names_are_normalised(locked: World) -> None:
    report = locked.json("sync", "--check", "--no-default-groups", "--extra", "PLOT", code=1)
    assert "zz-made-plot" in report["result"]["add"]


def test_sync_says_which_default_groups_the_lock_lacks(locked: World) -> None:
    assert "was made without" not in locked.envctl("sync").stderr
    locked.envctl("lock", "--no-default-groups", "--group", "test")
    for _ in range(2):  # the second has nothing to do, and says it as well
        said = locked.envctl("sync").stderr
        assert "note: the lock was made without group `dev`: run `envctl lock --all-groups`" in said
    assert "made without" not in locked.envctl("sync", "--no-default-groups").stderr


def test_a_lock_can_be_for_some_of_them(locked: World) -> None:
    whole = locked.read("pylock.toml")
    locked.envctl("lock", "--no-default-groups", "--group", "test", "--extra", "io")
    text = locked.read("pylock.toml")
    assert "zz-made-docs" not in text
    assert "zz-made-plot" not in text
    assert locked.codes("--only", "lock", code=0) == []
    # It stays so: nothing in the manifest has changed.
    assert locked.json("lock")["result"]["resolved"] is False
    report = locked.json("sync", "--check", "--group", "test", "--extra", "io", code=1)
    assert set(report["result"]["add"]) == expected(("group test", "extra io"))
    # `dev` is a default group, and not in this lock: sync goes without.
    assert set(locked.json("sync", "--check", code=1)["result"]["add"]) == BASE
    assert "there is no group `docs`" in locked.envctl("sync", "--group", "docs", code=2).stderr
    # What is left out can change as it likes; what is in it cannot.
    locked.edit("pyproject.toml", 'plot = ["zz-made-plot"]', 'plot = ["zz-made-plot>0"]')
    assert locked.codes("--only", "lock", code=0) == []
    locked.edit("pyproject.toml", 'test = ["zz-made-test"]', 'test = ["zz-made-test>0"]')
    assert locked.codes("--only", "lock") == ["lock-stale", "lock-stale"]
    locked.edit("pyproject.toml", "zz-made-test>0", "zz-made-test")
    locked.edit("pyproject.toml", "zz-made-plot>0", "zz-made-plot")
    locked.envctl("lock", "--all-groups")
    assert locked.read("pylock.toml") == whole
    done = locked.envctl("lock", "--all-groups", "--group", "test", code=2)
    assert "no other choice" in done.stderr
    assert "did you mean `docs`?" in locked.envctl("lock", "--group", "dcos", code=2).stderr
