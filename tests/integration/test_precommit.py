"""The hooks through the real pre-commit, in a real git repository, from a real hook repository."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import machines
from tests.integration.world import World

pytestmark = pytest.mark.index

SOURCE = Path(__file__).parents[2]
CONFIG = """\
repos:
  - repo: {repo}
    rev: {rev}
    hooks:
      - id: envctl-verify
      - id: envctl-environment
"""


def git(folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=Ana", "-c", "user.email=ana@example.org", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def hook_repo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give this checkout, uncommitted changes included, as a repository of hooks."""
    folder = tmp_path_factory.mktemp("hooks") / "envctl"
    ignored = shutil.ignore_patterns(".git", ".nox", "__pycache__", ".venv", ".*_cache", "demo")
    shutil.copytree(SOURCE, folder, ignore=ignored)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "hooks")
    return folder, git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def repository(
    world: World,
    hook_repo: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """Give a committed project with the hooks installed; the hooks' environment is made once a run."""
    home = tmp_path_factory.getbasetemp() / "pre-commit-home"
    world.environ = {**world.environ, "PRE_COMMIT_HOME": str(home)}
    monkeypatch.setenv("PRE_COMMIT_HOME", str(home))
    world.envctl("init")
    world.envctl("lock")
    world.envctl("sync")
    world.write(".pre-commit-config.yaml", CONFIG.format(repo=hook_repo[0], rev=hook_repo[1]))
    git(world.root, "init", "--quiet", "--initial-branch", "main")
    world.run(
        [
            *(sys.executable, "-m", "pre_commit", "install", "--install-hooks"),
            *("-t", "pre-commit", "-t", "post-checkout", "-t", "post-merge"),
        ]
    )
    git(world.root, "add", "--all")
    git(world.root, "commit", "--quiet", "--message", "start")
    return world


def patterns() -> list[str]:
    """Return which files start the hook: as envctl's repository says, and as the page shows for a local hook."""
    files = (SOURCE / ".pre-commit-hooks.yaml", SOURCE / "docs/how-to/pre-commit.md")
    return [
        str(found[1]) for file in files if (found := re.search(r"files: (\S+)", file.read_text()))
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_which_files_start_the_hook(number: int) -> None:
    pattern = re.compile(patterns()[number])
    for name in (
        *("pyproject.toml", "pylock.toml", "pylock.cu126.toml", "sub/pylock.cu126.toml"),
        *("Dockerfile", "Dockerfile.cu126", ".dockerignore"),
        *(".envctl/machines/lab.toml", ".envctl/image/contract.json"),
    ):
        assert pattern.search(name), name
    for name in ("train.py", "pylock.md", ".envctl/local.toml", "xpyproject.toml"):
        assert not pattern.search(name), name


def test_the_page_shows_the_hook_as_it_is() -> None:
    assert patterns()[0] == patterns()[1]


def test_a_stale_lock_is_refused_and_goes_through_after_the_fix(repository: World) -> None:
    repository.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    git(repository.root, "add", "pyproject.toml")
    said = git(repository.root, "commit", "--message", "newer app", code=1)
    assert "lock-stale" in said
    assert "zz-made-app>=2" in said
    assert "mend it with: envctl lock" in said
    repository.envctl("lock")
    git(repository.root, "add", "pylock.toml")
    git(repository.root, "commit", "--quiet", "--message", "newer app")


def test_a_commit_of_other_files_starts_nothing(repository: World) -> None:
    repository.write("notes.txt", "hello\n")
    git(repository.root, "add", "notes.txt")
    said = git(repository.root, "commit", "--message", "notes")
    assert "no files to check" in said


def test_a_machine_that_cannot_run_the_lock_is_refused(repository: World) -> None:
    repository.write(".envctl/machines/jetson-orin.toml", machines.text("jetson-orin"))
    git(repository.root, "add", "--all")
    said = git(repository.root, "commit", "--message", "our Jetson", code=1)
    assert "platform-unserved: jetson-orin: the lock has nothing for linux-aarch64" in said
    repository.write(".envctl/machines/jetson-orin.toml", machines.text("h100"))
    git(repository.root, "add", "--all")
    git(repository.root, "commit", "--quiet", "--message", "no Jetson after all")


def test_the_check_needs_no_network(repository: World) -> None:
    repository.edit("pyproject.toml", "# the team's project", "# ours")
    repository.index.forget_requests()
    git(repository.root, "add", "pyproject.toml")
    git(repository.root, "commit", "--quiet", "--message", "comment")
    assert repository.index.requests == []


def test_after_a_checkout_the_environment_is_looked_at(repository: World) -> None:
    git(repository.root, "checkout", "--quiet", "-b", "other")
    repository.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    repository.envctl("lock")
    git(repository.root, "add", "--all")
    git(repository.root, "commit", "--quiet", "--message", "newer app")
    git(repository.root, "checkout", "--quiet", "main")
    said = git(repository.root, "checkout", "other", code=1)
    assert "package-version" in said
    assert "mend it with: envctl sync" in said


def test_shell_variables_cannot_turn_the_check_off(
    repository: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    git(repository.root, "add", "pyproject.toml")
    for name in ("UV_FROZEN", "UV_OFFLINE", "UV_LOCKED", "PIP_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    assert "lock-stale" in git(repository.root, "commit", "--message", "newer", code=1)
