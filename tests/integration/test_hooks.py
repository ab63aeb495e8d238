"""``envctl hooks``: put in, shown, taken out, and what stands there of others is never lost."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.repositories import Repository, copied, template
from tests.integration.world import World

pytestmark = pytest.mark.index

GIT_HOOKS = ["post-checkout", "post-merge", "post-rewrite", "pre-commit", "pre-merge-commit"]
OTHERS = "#!/bin/sh\necho 'theirs ran with' \"$#\" >> ran.txt\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with template(tmp_path_factory.mktemp("hooks")) as world:
        yield world


@pytest.fixture
def repository(made: World, tmp_path: Path) -> Repository:
    return copied(made, tmp_path / 'it\'s a "repo"')


def shown(repository: Repository, **extra: Any) -> dict[str, Any]:
    text = repository.envctl("hooks", "show", "--json", **extra)
    found: dict[str, Any] = json.loads(text)["result"]
    return found


def test_put_in_shown_and_taken_out(repository: Repository) -> None:
    before = repository.hooks()
    assert "no hook of envctl's" in repository.envctl("hooks", "show")
    assert "\nwrote .git/hooks/post-merge\n" in repository.envctl("hooks", "install")
    there = repository.hooks()
    assert sorted(there) == GIT_HOOKS
    assert all(mode & 0o100 for _, mode in there.values())
    assert "nothing to do" in repository.envctl("hooks", "install")
    assert repository.hooks() == there
    state = shown(repository)
    assert [(each["hook"], each["means"], each["current"]) for each in state["active"]] == [
        ("verify", "git", True),
        ("environment", "git", True),
    ]
    assert not any(each["lacking"] for each in state["active"])
    assert state["next"] == []
    repository.hook("post-merge").chmod(0o644)
    repository.hook("pre-commit").write_text(there["pre-commit"][0].decode() + "# old\n")
    state = shown(repository)
    assert [each["current"] for each in state["active"]] == [False, True]
    assert state["active"][1]["lacking"] == ["post-merge"]
    assert state["next"] == ["bring them up to date: `envctl hooks install`"]
    repository.envctl("hooks", "install")
    assert repository.hooks() == there
    repository.envctl("hooks", "install", "--hook", "lock", "--hook", "verify")
    assert sorted(repository.hooks()) == ["pre-commit", "pre-merge-commit"]
    assert [each["hook"] for each in shown(repository)["active"]] == ["lock", "verify"]
    repository.envctl("hooks", "uninstall")
    assert repository.hooks() == before
    assert "nothing to do" in repository.envctl("hooks", "uninstall")


def test_what_others_put_there_runs_first_and_comes_back(repository: Repository) -> None:
    repository.hook("pre-commit").write_text(OTHERS)
    repository.hook("pre-commit").chmod(0o755)
    repository.write("theirs.sh", OTHERS).chmod(0o755)
    repository.hook("post-checkout").symlink_to("../../theirs.sh")
    repository.hook("post-merge").write_text(OTHERS)  # no permission: git does not start it
    repository.hook("post-merge").chmod(0o644)
    before = repository.hooks()
    said = repository.envctl("hooks", "install")
    assert "pre-commit hook that was there runs first" in said
    assert "may not be executed, so git never ran it" in said
    repository.git("checkout", "-q", "-b", "other")
    assert repository.read("ran.txt") == "theirs ran with 3\n"
    repository.write("notes", "x")
    repository.git("add", "notes")
    repository.commit()
    assert repository.read("ran.txt").count("theirs ran with 0") == 1
    repository.stale()
    repository.git("add", "pyproject.toml")
    assert "lock-stale" in repository.commit(code=1)
    repository.git("checkout", "-f", "-q", "main")
    repository.git("merge", "-q", "other")
    assert "theirs ran with 1" not in repository.read("ran.txt")
    kept = repository.hook("pre-commit.before-envctl")
    kept.write_text("#!/bin/sh\necho refused by them\nexit 3\n")
    repository.write("notes", "y")
    said = repository.commit("-a", code=1)
    assert "refused by them" in said
    assert "lock" not in said
    kept.write_text(OTHERS)
    repository.envctl("hooks", "uninstall")
    assert repository.hooks() == before
    assert repository.hook("post-checkout").is_symlink()


def test_two_hooks_of_others_are_left_alone(repository: Repository) -> None:
    repository.envctl("hooks", "install")
    for name in ("pre-commit", "pre-commit.before-envctl"):
        repository.hook(name).write_text(f"# {name}\n")
    before = repository.hooks()
    said = repository.envctl("hooks", "install", code=3)
    assert "only one of them can be kept" in said
    assert "next:" in said
    assert repository.hooks() == before
    said = repository.envctl("hooks", "uninstall")
    assert "another hook has taken pre-commit's place" in said
    assert sorted(repository.hooks()) == ["pre-commit", "pre-commit.before-envctl"]


def test_killed_between_its_two_steps(repository: Repository) -> None:
    """A hook that was there has two names then, and is still in its place."""
    hook = repository.hook("pre-commit")
    hook.write_text(OTHERS)
    hook.chmod(0o755)
    before = repository.hooks()
    os.link(hook, repository.hook("pre-commit.before-envctl"))
    repository.envctl("hooks", "uninstall")
    assert repository.hooks() == before
    os.link(hook, repository.hook("pre-commit.before-envctl"))
    repository.envctl("hooks", "install")
    assert repository.hook("pre-commit.before-envctl").read_text() == OTHERS
    repository.envctl("hooks", "uninstall")
    assert repository.hooks() == before


def test_at_once(repository: Repository) -> None:
    repository.hook("pre-commit").write_text(OTHERS)
    repository.hook("pre-commit").chmod(0o755)
    before = repository.hooks()
    argv = [sys.executable, "-m", "envctl", "hooks", "install"]
    running = [subprocess.Popen(argv, cwd=repository.root, stderr=-3) for _ in range(3)]
    assert [each.wait() for each in running] == [0, 0, 0]
    there = repository.hooks()
    assert sorted(there) == sorted([*GIT_HOOKS, "pre-commit.before-envctl"])
    assert there["pre-commit.before-envctl"] == before["pre-commit"]
    repository.envctl("hooks", "uninstall")
    assert repository.hooks() == before


def test_a_folder_that_the_team_shares(repository: Repository) -> None:
    repository.git("config", "core.hooksPath", ".githooks")
    said = repository.envctl("hooks", "install")
    assert "commit what was written there" in said
    script = repository.read(".githooks/pre-commit")
    assert str(Path(sys.executable).parent) not in script
    repository.stale()
    assert "lock-stale" in repository.commit("-a", code=1)
    assert "envctl was not found" in repository.commit("-a", code=1, env={"PATH": "/usr/bin:/bin"})
    repository.envctl("hooks", "uninstall")
    repository.write(".githooks/pre-commit", OTHERS)
    said = repository.envctl("hooks", "install", code=3)
    assert "the team's own pre-commit hook" in said
    assert "`envctl hooks run verify`" in said
    assert repository.read(".githooks/pre-commit") == OTHERS
    assert [each.name for each in (repository.root / ".githooks").iterdir()] == ["pre-commit"]


def test_folders_that_are_not_this_repositorys(repository: Repository, tmp_path: Path) -> None:
    repository.write(".husky/_/.gitignore", "*")
    repository.git("config", "core.hooksPath", ".husky/_")
    said = repository.envctl("hooks", "install", code=3)
    assert "another program writes the hooks" in said
    assert ".husky/pre-commit" in said
    repository.git("config", "core.hooksPath", str(tmp_path / "global"))
    said = repository.envctl("hooks", "install", code=3)
    assert "other repositories use as well" in said
    assert not (tmp_path / "global").exists()
    repository.git("config", "--unset", "core.hooksPath")
    shutil.rmtree(repository.root / ".git" / "hooks")
    repository.write(".git/hooks", "a file")
    said = repository.envctl("hooks", "install", code=3)
    assert "a file stands where a folder belongs" in said


def test_no_repository_and_one_without_a_work_tree(made: World, tmp_path: Path) -> None:
    folder = Repository(root=tmp_path)
    for words in (["install"], ["show"], ["uninstall"], ["run", "verify"]):
        said = folder.envctl("hooks", *words, code=3)
        assert "in no git repository" in said
        assert "next:  run `git init`" in said
    folder.git("init", "-q", "--bare", "bare")
    assert "without a work tree" in folder.envctl("hooks", "install", code=3, cwd="bare")


def test_worktrees_and_submodules(repository: Repository, made: World, tmp_path: Path) -> None:
    repository.envctl("hooks", "install")
    repository.git("worktree", "add", "-q", "-b", "x", str(tmp_path / "other tree"))
    tree = Repository(root=tmp_path / "other tree")
    assert [each["lacking"] for each in shown(tree)["active"]] == [[], []]
    tree.stale()
    assert "lock-stale" in tree.commit("-a", code=1)
    tree.write("src/a", "")
    assert "lock-stale" in tree.git("commit", "-am", "x", code=1, cwd="src")
    repository.write("notes", "x")
    repository.git("add", "notes")
    repository.commit()  # the other tree is no affair of this commit
    whole = copied(made, tmp_path / "whole")
    whole.git(
        "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository.root), "sub"
    )
    sub = Repository(root=whole.root / "sub")
    sub.envctl("hooks", "install")
    assert (whole.root / ".git/modules/sub/hooks/pre-commit").is_file()
    sub.stale()
    assert "lock-stale" in sub.commit("-a", code=1)
    assert whole.hooks() == {}


CONFIG = """\
# the team's
default_stages: [pre-push]
fail_fast: true
repos:
-   repo: meta
    hooks:
    -   id: identity   # \tsays what it sees
"""


def test_a_configuration_is_added_to_and_given_back(repository: Repository) -> None:
    for text in (CONFIG, CONFIG.replace("\n", "\r\n"), ""):
        path = repository.write(".pre-commit-config.yaml", text)
        path.chmod(0o640)
        said = repository.envctl("hooks", "install", "--hook", "verify")
        assert "wrote .pre-commit-config.yaml" in said
        assert "next: let git start them: `pre-commit install -t pre-commit" in said
        there = repository.read(".pre-commit-config.yaml")
        assert there.count("id: envctl-") == 1
        assert path.stat().st_mode & 0o777 == 0o640
        assert repository.hooks() == {}
        said = repository.envctl("hooks", "install")
        assert "nothing to write: the hooks are in the configuration, and git does not" in said
        assert "not installed in git" in repository.envctl("hooks", "show")
        assert repository.read(".pre-commit-config.yaml") == there
        state = shown(repository)
        (active,) = state["active"]
        assert (active["means"], active["started"]) == ("pre-commit", [])
        assert "`pre-commit install -t pre-commit -t pre-merge-commit`" in state["next"][0]
        said = repository.envctl("hooks", "uninstall")
        assert "pre-commit reads it once it is staged: `git add .pre-commit-config.yaml`" in said
        assert repository.read(".pre-commit-config.yaml") == text
    bare = {"PATH": "/usr/bin:/bin"}
    assert "not on your PATH" in repository.envctl("hooks", "install", env=bare)
    repository.envctl("hooks", "uninstall")
    repository.write(".pre-commit-config.yaml", "repos:\n- repo: [\n")
    said = repository.envctl("hooks", "install", code=3)
    assert ".pre-commit-config.yaml:3" in said
    assert "not YAML" in said
    (repository.root / ".pre-commit-config.yaml").unlink()
    repository.write("prek.toml", "fail_fast = true\n")
    said = repository.envctl("hooks", "install")
    assert "note: prek reads it once it is staged: `git add prek.toml`" in said


def test_how_it_is_told(repository: Repository) -> None:
    printed = repository.envctl(
        "hooks", "install", "--print", "--repo", "https://x/y", "--rev", "v1"
    )
    assert printed.splitlines() == [
        "repos:",
        '  - repo: "https://x/y"',
        '    rev: "v1"',
        "    hooks:",
        "      - id: envctl-verify",
        "      - id: envctl-environment",
    ]
    assert "belong together" in repository.envctl("hooks", "install", "--repo", "x", code=2)
    said = repository.envctl("hooks", "install", "--repo", "x", "--rev", "y", code=2)
    assert "`--by pre-commit`" in said
    repository.envctl("hooks", "install", "--repo", "x", "--rev", "y", "--by", "pre-commit")
    assert '- repo: "x"' in repository.read(".pre-commit-config.yaml")
    assert "as well: `envctl hooks uninstall --by pre-commit`" in repository.envctl(
        "hooks", "install", "--by", "git"
    )
    repository.envctl("hooks", "uninstall")
    assert repository.hooks() == {}
    assert not (repository.root / ".pre-commit-config.yaml").exists()
