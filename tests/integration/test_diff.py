"""`envctl diff` over a real project's history: locks, git revisions, environments, records and runs."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.index.server import LocalIndex
from tests.integration.world import MINOR, STOCK, World

GIT = (
    "git",
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@example.org",
    "-c",
    "init.defaultBranch=main",
)
PROFILES = """
[tool.envctl.profiles.old]
dependencies = ["zz-made-lib<1.1"]

[tool.envctl.profiles.new]
dependencies = ["zz-made-plot"]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a project in a subfolder of a repository.

    Commits: the first lock; another app; profiles. `.venv` is of the first one. `lab` is a saved machine.
    """
    top = tmp_path_factory.mktemp("diff")
    root = top / "mono repo" / "pro ject"
    root.mkdir(parents=True)
    with LocalIndex(mode="html") as index:
        index.add(*STOCK)
        made = World(
            root=root,
            index=index,
            environ={
                "UV_CACHE_DIR": str(top / "cache"),
                "UV_HTTP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1",
                "HOME": str(top),
                "DOCKER_HOST": f"unix://{top}/no-engine",
            },
        )
        git(made, "init", "-q", cwd=root.parent)
        made.write("pyproject.toml", made.manifest())
        made.envctl("lock")
        made.envctl("sync")
        made.write(".envctl/.gitignore", "envs/\ncache/\nruns/\n")
        made.envctl("record", "--save", "lab")
        commit(made, "one")
        made.edit("pyproject.toml", "zz-made-app<2", "zz-made-app")
        made.edit("pyproject.toml", 'PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "1"')
        made.envctl("lock", "--upgrade")
        commit(made, "two")
        made.write("pyproject.toml", made.read("pyproject.toml") + PROFILES)
        made.envctl("lock")
        commit(made, "three")
        yield made


def git(world: World, *arguments: str, cwd: Path | None = None) -> str:
    return world.run([*GIT, *arguments], cwd=cwd).stdout


def commit(world: World, name: str) -> None:
    git(world, "add", "-A")
    git(world, "commit", "-qm", name)
    git(world, "tag", name)


def found(world: World, *words: str, cwd: Path | None = None) -> list[tuple[str, str, Any, Any]]:
    done = world.envctl("diff", *words, "--json", code=None, cwd=cwd)
    result = json.loads(done.stdout)["result"]
    assert result is not None, done.stderr
    assert done.returncode == (1 if result["differences"] else 0)
    return [
        (each["group"], each["subject"], each["a"], each["b"]) for each in result["differences"]
    ]


CHANGED = [
    ("variables", "PYTHONHASHSEED", "0", "1"),
    ("packages", "zz-made-app", "1.0", "2.0"),
]


@pytest.mark.parametrize(
    "words",
    [
        ("one", "two"),
        ("one..two",),
        ("one...two",),
        ("three~2", "three~1"),
        ("one:pylock.toml", "two:pylock.toml"),
        ("one:pro ject/pylock.toml", "two"),
        ("one:./pylock.toml", "two"),
    ],
)
def test_revisions_and_files_of_them(world: World, words: tuple[str, ...]) -> None:
    assert found(world, *words) == CHANGED


def test_from_a_folder_of_the_project(world: World) -> None:
    below = world.root / "below"
    below.mkdir(exist_ok=True)
    assert found(world, "one", "two", cwd=below) == CHANGED


def test_a_lock_of_another_tool(world: World, tmp_path: Path) -> None:
    text = git(world, "show", "two:./pylock.toml")
    lines = text.split("\n[tool.envctl]")[0].replace('created-by = "envctl"', 'created-by = "uv"')
    other = tmp_path / "pylock.theirs.toml"
    other.write_text(lines)
    assert found(world, "one:pylock.toml", str(other)) == CHANGED[1:]
    assert found(world, str(other), str(other)) == []


def test_every_profiles_lock_is_compared_with_its_like(world: World) -> None:
    assert [each[1:] for each in found(world, "two", "three")] == [
        ("pylock.new.toml", None, "4 packages"),
        ("pylock.old.toml", None, "4 packages"),
        ("pylock.toml", "4 packages", None),
    ]
    world.edit("pyproject.toml", 'PYTHONHASHSEED = "1"', 'PYTHONHASHSEED = "2"')
    world.edit("pyproject.toml", "zz-made-lib<1.1", "zz-made-lib<=1.1")
    try:
        world.envctl("lock", "--upgrade")
        report = world.json("diff", code=1)["result"]
        said = world.envctl("diff", "three", "--markdown", code=1).stdout
    finally:
        git(world, "checkout", "-q", "--", ".")
    assert [(each["subject"], each.get("locks")) for each in report["differences"]] == [
        ("PYTHONHASHSEED", None),
        ("zz-made-lib", ["pylock.old.toml"]),
    ]
    assert any("- requires zz-made-lib<1.1" in each for each in report["remarks"])
    assert (
        "| 2 | <code>zz&#45;made&#45;lib</code> (<code>pylock.old.toml</code>) | <code>1.0</code>"
        in said
    )


def test_the_lock_that_something_was_made_from_is_chosen_or_asked_for(world: World) -> None:
    asked = world.envctl("diff", ".venv", "three", code=2).stderr
    assert "which lock? There are pylock.new.toml, pylock.old.toml" in asked
    assert ("packages", "zz-made-lib", "1.1", "1.0") in found(
        world, ".venv", "three", "--profile", "old"
    )
    assert found(world, "three:pylock.old.toml", "pylock.old.toml") == []


@pytest.mark.parametrize("word", [".venv", ".venv/bin/python", ".", "../pro ject"])
def test_an_environment_is_its_slice_of_the_lock(world: World, word: str) -> None:
    """`plot` is an extra that was not synced: it is no difference."""
    assert found(world, word, "one") == []
    assert found(world, "one", word) == []
    assert found(world, word, "two") == CHANGED


def test_an_environment_that_another_tool_made_and_filled(world: World, tmp_path: Path) -> None:
    other = tmp_path / "theirs"
    world.run([sys.executable, "-m", "venv", "--without-pip", str(other)])
    site = other / "lib" / f"python{MINOR}" / "site-packages"
    for path in world.site.glob("zz_made_*"):
        shutil.copytree(path, site / path.name, symlinks=True)
    assert found(world, ".venv", str(other)) == []
    assert found(world, str(other), "one") == []
    shutil.rmtree(site / "zz_made_test")
    shutil.rmtree(next(site.glob("zz_made_test-*")))
    (site / "zz_made_lib" / "__init__.py").write_text("evil = 1\n")
    assert found(world, ".venv", str(other)) == [
        ("files", "zz-made-lib", "as installed", "changed: zz_made_lib/__init__.py"),
        ("packages", "zz-made-test", "3.0", None),
    ]


def test_two_projects(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
    (other / "pylock.toml").write_text(git(world, "show", "two:./pylock.toml"))
    assert found(world, ".", str(other)) == CHANGED


def test_a_machine_with_its_record(world: World, tmp_path: Path) -> None:
    """Variables are those of the moment: the tests' own are the same in every call."""
    assert found(world, "lab") == []
    text = world.read(".envctl/machines/lab.toml")
    kernel = next(line for line in text.splitlines() if line.startswith("kernel"))
    other = tmp_path / "other.toml"
    other.write_text(
        text.replace(kernel, 'kernel = "1.2.3"')
        + '\n[variables.OMP_NUM_THREADS]\nclass = "semantic"\nvalue = "4"\n'
    )
    assert [each[:2] for each in found(world, "lab", str(other))] == [
        ("variables", "OMP_NUM_THREADS"),
        ("machine", "kernel"),
    ]
    (tmp_path / "now.json").write_text(world.envctl("record", "--json").stdout)
    assert found(world, "lab", str(tmp_path / "now.json")) == []


def test_a_run_with_a_lock_an_environment_and_a_machine(world: World, tmp_path: Path) -> None:
    shell = ["sh", "-c", f'cp "$ENVCTL_RUN" "{tmp_path}/run.json"']
    git(world, "checkout", "-q", "one")
    try:
        world.envctl("run", "--", *shell)
    finally:
        git(world, "checkout", "-q", "main")
    run = str(tmp_path / "run.json")
    assert found(world, run, "one") == []
    assert found(world, run, ".venv") == []
    assert found(world, run, "two") == CHANGED
    assert found(world, run, "lab") == []


REFUSED = {
    ("lab", "one"): (3, "have nothing that could be compared", "verify --only fleet"),
    ("one", "HAED~1"): (3, "no such file, environment", "git knows no such revision"),
    ("one", "lba"): (3, "no such file, environment", "did you mean `lab`?"),
    ("one", "pylock.nwe.toml"): (3, "no such file", "did you mean `pylock.new.toml`?"),
    ("one", "one:nope.toml"): (3, "there is no such file in revision `one`", "git ls-tree"),
    ("one", "one:../README.md"): (3, "no such file", "next:"),
    ("one", "uv.lock"): (3, "another tool's own format", "uv export"),
    ("one", "zz-made:1.0"): (4, "no container engine answers", "DOCKER_HOST"),
    ("one", "pyproject.toml"): (3, "no lock, no record", "pylock.toml"),
    ("one", "--", "-x"): (3, "no such file", "next:"),
    ("one", "--", "--output=x"): (3, "no such file", "next:"),
    ("one", "a\nb"): (3, "no such file", "next:"),
    ("one", ""): (3, "an empty name", "next:"),
    ("one", "two", "--json", "--markdown"): (2, "are two formats", ""),
    ("one", "bad.toml"): (3, "merge conflict", "bad.toml"),
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_cannot_be_compared_says_why_and_what_to_do(
    world: World, words: tuple[str, ...], tmp_path: Path
) -> None:
    code, said, hint = REFUSED[words]
    (world.root / "uv.lock").write_text("version = 1\n")
    (world.root / "bad.toml").write_text("<<<<<<< a\n=======\n>>>>>>> b\n")
    try:
        done = world.envctl("diff", *words, code=code)
    finally:
        (world.root / "uv.lock").unlink()
        (world.root / "bad.toml").unlink()
    assert said in done.stderr + done.stdout
    assert hint in done.stderr
    assert not (world.root / "x").exists()


def test_without_a_repository(world: World, tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(git(world, "show", "one:./pylock.toml"))
    for started, said in (
        (False, "this is no git repository"),
        (True, "there is no commit yet"),
    ):
        if started:
            git(world, "init", "-q", str(tmp_path))
        done = world.envctl("diff", code=3, cwd=tmp_path)
        assert said in done.stderr
        assert "knows no such revision" not in done.stderr


def test_a_folder_that_is_no_project(world: World, tmp_path: Path) -> None:
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "first")):
        git(world, "-C", str(tmp_path), *words)
    done = world.envctl("diff", "HEAD", "HEAD", code=3, cwd=tmp_path)
    assert "no lock in this folder, which is no project" in done.stderr


def test_a_login_in_an_address_is_never_shown(world: World, tmp_path: Path) -> None:
    text = git(world, "show", "one:./pylock.toml")
    for name, login in (("a", "joe:hunter2@"), ("b", "jim:hunter3@")):
        made = text.replace("http://127.0.0.1", f"http://{login}{name}.example")
        assert login in made
        (tmp_path / f"pylock.{name}.toml").write_text(made)
    words = [str(tmp_path / f"pylock.{name}.toml") for name in "ab"]
    for option in ("--json", "--markdown", "--profile=new"):
        done = world.envctl("diff", *words, option, code=1)
        assert "source of" in done.stdout
        assert "hunter" not in done.stdout + done.stderr


def test_an_empty_side_of_two_dots_is_head(world: World) -> None:
    assert found(world, "three..") == found(world, "..three") == found(world, "...three") == []
    assert found(world, "two..") == found(world, "two", "HEAD") != []
