"""The hooks through the real pre-commit and the real prek, in real git repositories."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from envctl.domain.hooks import FILES, HOOKS, NAMES
from tests.integration.repositories import PROGRAMS, STALE, Repository, copied, template
from tests.integration.world import World

pytestmark = pytest.mark.index

SOURCE = Path(__file__).parents[2]
GIT_HOOKS = ("pre-commit", "pre-merge-commit", "post-checkout", "post-merge", "post-rewrite")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hooks")
    with template(folder, image=True) as world:
        homes = {
            "PRE_COMMIT_HOME": str(tmp_path_factory.getbasetemp() / "pre-commit-home"),
            "PREK_HOME": str(folder / "prek-home"),
        }
        world.environ = {**world.environ, **homes}
        yield world


@pytest.fixture(scope="module")
def hook_repo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give this checkout, uncommitted changes included, as a repository of hooks."""
    folder = tmp_path_factory.mktemp("hooks") / "envctl"
    ignored = shutil.ignore_patterns(".git", ".nox", "__pycache__", ".venv", ".*_cache", "demo")
    shutil.copytree(SOURCE, folder, ignore=ignored)
    repository = Repository(root=folder)
    repository.git("init", "--quiet")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "hooks")
    return folder, repository.git("rev-parse", "HEAD").strip()


def install(repository: Repository, tool: str, *words: str) -> None:
    """Put the hooks in as the page tells a person to."""
    repository.write(".pre-commit-config.yaml", "# ours\nrepos: []\n")
    said = repository.envctl("hooks", "install", *words)
    command = re.search(r"let git start them: `pre-commit (install [^`]*)`", said)
    assert command is not None
    repository.run(str(PROGRAMS / tool), *command[1].split())
    repository.git("add", "--all")
    repository.commit()


def state(repository: Repository) -> list[dict[str, Any]]:
    text = repository.envctl("hooks", "show", "--json")
    found: list[dict[str, Any]] = json.loads(text)["result"]["active"]
    return found


def test_from_this_repository(made: World, hook_repo: tuple[Path, str], tmp_path: Path) -> None:
    """pre-commit installs envctl by the address and the revision."""
    repository = copied(made, tmp_path / "project")
    repository.envctl("sync")
    install(repository, "pre-commit", "--repo", str(hook_repo[0]), "--rev", hook_repo[1])
    assert [(each["hook"], each["lacking"]) for each in state(repository)] == [
        ("verify", []),
        ("environment", []),
    ]
    repository.git("checkout", "--quiet", "-b", "newer")
    repository.stale()
    said = repository.commit("-a", code=1)
    assert "lock-stale" in said
    assert "mend it with: envctl lock" in said
    repository.envctl("lock")
    repository.envctl("dockerize")
    made.index.forget_requests()
    repository.commit("-a")
    assert made.index.requests == []
    repository.git("checkout", "--quiet", "main")
    said = repository.git("checkout", "newer", code=1)
    assert "package-version" in said
    assert "mend it with: envctl sync" in said


@pytest.mark.parametrize("tool", ["pre-commit", "prek"])
def test_all_four(made: World, tmp_path: Path, tool: str) -> None:
    repository = copied(made, tmp_path / "pro ject")
    repository.envctl("sync")
    install(repository, tool, *(word for name in NAMES for word in ("--hook", name)))
    found = state(repository)
    assert {each["means"] for each in found} == {tool}
    assert [(each["hook"], each["started"], each["lacking"]) for each in found] == [
        (each.name, [name for name in GIT_HOOKS if name in each.stages], []) for each in HOOKS
    ]
    repository.write("notes", "nothing to look at")
    repository.git("add", "notes")
    repository.commit()
    repository.git("rm", "-q", "pylock.toml")  # neither tool gives the name of what is removed
    assert "lock-missing" in repository.commit(code=1)
    repository.git("reset", "-q", "--hard")

    repository.git("checkout", "-q", "-b", "newer")
    repository.stale()
    said = repository.commit("-a", code=1)
    assert "running `envctl lock`" in said
    assert "running `envctl dockerize`" in said
    assert '"2.0"' in repository.read("pylock.toml")
    made.index.forget_requests()
    said = repository.commit("-a")
    assert "Failed" not in said
    assert made.index.requests == []
    assert repository.envctl("verify", "--only", "lock,image,fleet")

    said = repository.git("checkout", "main")
    assert "package-version" not in said
    assert "package-version" in repository.git("checkout", "newer", code=1)
    repository.git("checkout", "-q", "main", code=None)
    assert "package-version" in repository.git("merge", "newer", code=None)

    repository.edit("pyproject.toml", *reversed(STALE))
    said = repository.run(str(PROGRAMS / tool), "run", "--all-files", "envctl-verify", code=1)
    assert "lock-stale" in said
    repository.git("reset", "-q", "--hard")
    repository.run(str(PROGRAMS / tool), "run", "--all-files", "envctl-verify")
    repository.envctl("hooks", "uninstall")
    assert repository.read(".pre-commit-config.yaml") == "# ours\nrepos: []\n"


@pytest.mark.parametrize("tool", ["pre-commit", "prek"])
def test_what_is_pushed_is_judged(made: World, tmp_path: Path, tool: str) -> None:
    """Not what the folder or the index has; and they are as they were afterwards."""
    repository = copied(made, tmp_path / "pro ject")
    repository.envctl("hooks", "install", "--by", "pre-commit", "--hook", "verify")
    repository.run(str(PROGRAMS / tool), "install", "-t", "pre-push")
    for name in ("here", "there"):
        repository.git("init", "-q", "--bare", f"../{name}.git")
        repository.git("remote", "add", name, f"../{name}.git")
    repository.git("add", "--all")
    repository.commit()
    repository.git("push", "here", "main")
    repository.stale()
    repository.commit("-a")
    repository.envctl("lock")
    said = repository.git("push", "here", "main", code=1)
    assert "lock-stale" in said
    assert "mend it with: envctl lock, then commit pylock.toml" in said
    repository.git("add", "pylock.toml")
    said = repository.git("push", "here", "main", code=1)
    assert "the commits that are pushed; these differ in the folder: pylock.toml" in said
    assert repository.git("status", "--short") == "M  pylock.toml\n"
    repository.git("stash", "-q")
    assert "lock-stale" in repository.git("push", "there", "main", code=1)  # its first commit, too
    repository.git("stash", "pop", "-q")
    repository.envctl("dockerize")
    repository.commit("-a")
    repository.git("push", "here", "main")

    repository.git("switch", "-q", "-c", "other")
    repository.write("sub/pyproject.toml", repository.read("pyproject.toml"))
    repository.git("add", "sub")
    repository.git("rm", "-q", "--cached", "pylock.toml")
    repository.commit()
    assert "lock-missing" in repository.git("push", "here", "other", code=1)  # untracked
    repository.git("switch", "-q", "--force", "main")
    assert not (repository.root / "sub").exists()
    said = repository.git("push", "here", "other", code=1)
    assert said.count("lock-missing") == 2
    assert "mend it with: envctl -C sub lock, then commit sub/pylock.toml" in said
    repository.edit("pyproject.toml", *reversed(STALE))
    repository.git("add", "pyproject.toml")
    repository.git("push", "here", "HEAD:refs/heads/fine", "main~1:refs/tags/old")
    assert repository.git("status", "--short") == "M  pyproject.toml\n"


@pytest.mark.parametrize("tool", ["pre-commit", "prek"])
def test_a_configuration_that_is_named_otherwise(tmp_path: Path, tool: str) -> None:
    repository = Repository(root=tmp_path)
    repository.git("init", "--quiet")
    text = "repos: [ ]\n"
    repository.write("of ours/hooks #1.yaml", text)
    repository.run(str(PROGRAMS / tool), "install", "--config", "of ours/hooks #1.yaml")
    said = repository.envctl("hooks", "install", "--hook", "lock")
    assert "wrote of ours/hooks #1.yaml" in said
    assert f"`{tool} install -t pre-merge-commit`" in said
    assert [each["where"] for each in state(repository)] == ["of ours/hooks #1.yaml"]
    repository.envctl("hooks", "uninstall")
    assert repository.read("of ours/hooks #1.yaml") == text
    assert not (tmp_path / ".pre-commit-config.yaml").exists()


def test_the_file_of_this_repository_says_what_the_program_says() -> None:
    listed = yaml.safe_load((SOURCE / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [
        (each["id"], each["name"], each["description"], each["entry"], tuple(each["stages"]))
        for each in listed
    ] == [(each.id, each.title, each.about, each.entry, each.stages) for each in HOOKS]
    for each, hook in zip(listed, HOOKS, strict=True):
        assert (each.get("files") == FILES) == hook.at_commit
        assert each["always_run"]
        assert each["require_serial"]


def test_the_page_shows_what_is_written() -> None:
    page = (SOURCE / "docs/how-to/pre-commit.md").read_text(encoding="utf-8")
    for words in ([], ["--repo", "https://git.example/team/envctl", "--rev", "v0.1.0"]):
        argv = [sys.executable, "-m", "envctl", "hooks", "install", "--print", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert f"```yaml\n{done.stdout}```" in page


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        *((each, True) for each in ("pyproject.toml", "pylock.toml", "pylock.cu126.toml")),
        *((each, True) for each in ("sub/pylock.cu126.toml", "Dockerfile", "Dockerfile.cu126")),
        *((each, True) for each in (".dockerignore", "a/Dockerfile.cpu.dockerignore")),
        *((each, True) for each in (".envctl/machines/lab.toml", ".envctl/image/contract.json")),
        *((each, False) for each in ("train.py", "pylock.md", ".envctl/local.toml")),
        *((each, False) for each in ("xpyproject.toml", "pylock.a.b.toml", "Dockerfiles/a")),
    ],
)
def test_which_files_a_hook_is_about(name: str, starts: bool) -> None:
    assert bool(re.search(FILES, name)) == starts
