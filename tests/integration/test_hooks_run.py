"""What the hooks do when git starts them: what is staged is judged, project by project, whatever a shell says."""

import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from envctl.bootstrap import services
from envctl.cli import cli
from envctl.errors import ProjectError
from tests import machines
from tests.integration.repositories import STALE, Repository, copied, template
from tests.integration.world import World

pytestmark = pytest.mark.index

ODD = "-x 'q\" $HOME `id` ü\nn"
"""A folder's name."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with template(tmp_path_factory.mktemp("hooks")) as world:
        yield world


@pytest.fixture
def repository(made: World, tmp_path: Path) -> Repository:
    found = copied(made, tmp_path / "work tree")
    found.envctl("hooks", "install")
    return found


def put_back(repository: Repository) -> None:
    repository.git("reset", "--quiet", "--hard")


def test_what_is_staged_is_judged(repository: Repository, made: World) -> None:
    repository.commit("--allow-empty")
    fine = repository.read("pyproject.toml")
    repository.stale()
    repository.git("add", "pyproject.toml")
    repository.write("pyproject.toml", fine)
    said = repository.commit(code=1)
    assert "lock-stale" in said
    assert "this is about what is staged" in said
    assert "`git add pyproject.toml`" in said
    assert "mend it with: envctl lock, then git add pylock.toml\n" in said

    put_back(repository)
    repository.write("pyproject.toml", fine + "# staged\n")
    repository.git("add", "pyproject.toml")
    repository.stale()  # in the folder only
    repository.commit()
    assert "lock-stale" in repository.commit("-a", code=1)

    put_back(repository)
    repository.git("rm", "-q", "pylock.toml")
    assert "lock-missing" in repository.commit(code=1)

    put_back(repository)
    repository.edit("pylock.toml", 'sha256 = "', 'sha256 = "0')
    assert "lock-edited" in repository.commit("pylock.toml", code=1)

    put_back(repository)
    repository.write(".envctl/machines/jetson.toml", machines.text("jetson-orin"))
    repository.commit("--allow-empty")  # it is no part of this commit
    repository.git("add", "--all")
    assert "platform-unserved" in repository.commit(code=1)
    repository.write(".envctl/machines/jetson.toml", machines.text("h100"))
    assert "platform-unserved" in repository.commit(code=1)
    repository.commit("-a")


def test_a_commit_of_some_files_only(repository: Repository, made: World) -> None:
    """``git commit FILE`` and ``GIT_INDEX_FILE`` have an index of their own."""
    repository.stale()
    repository.envctl("lock")
    repository.git("add", "--all")
    said = repository.commit("pyproject.toml", code=1)
    assert "lock-stale" in said
    assert "`git add pylock.toml`" in said
    other = {"GIT_INDEX_FILE": ".git/other"}
    shutil.copy(repository.root / ".git/index", repository.root / ".git/other")
    repository.git("rm", "-q", "--cached", "pylock.toml", env=other)
    assert "lock-missing" in repository.commit(code=1, env=other)
    repository.commit()


def test_flags_and_filters_of_git(repository: Repository) -> None:
    """The content is as a checkout writes it, and what git is told not to look at is looked at."""
    repository.write(".gitattributes", "*.toml filter=turn\n")
    repository.git("config", "filter.turn.clean", "tr a-z b-za")
    repository.git("config", "filter.turn.smudge", "tr b-za a-z")
    repository.git("add", "--renormalize", "--all")
    repository.git("add", "--all")
    assert "dpmpo" not in repository.git("show", ":pyproject.toml")
    assert "[qspkfdu]" in repository.git("show", ":pyproject.toml")
    repository.edit("pyproject.toml", "# the team's", "# our")
    repository.commit()
    put_back(repository)
    repository.stale()
    repository.git("add", "pyproject.toml")
    repository.edit("pyproject.toml", *reversed(STALE))
    repository.git("update-index", "--assume-unchanged", "pyproject.toml")
    assert "lock-stale" in repository.commit(code=1)


def test_where_git_keeps_what(repository: Repository, tmp_path: Path) -> None:
    """A repository apart from its work tree, a lock that is a link, one that is announced only."""
    repository.write("src/a", "")
    away = tmp_path / "away.git"
    (repository.root / ".git").rename(away)
    whole = ("--git-dir", str(away), "--work-tree", str(repository.root))
    repository.stale()
    for folder in (".", "src"):
        said = repository.git(*whole, "commit", "-a", "-m", "x", code=1, cwd=folder)
        assert "lock-stale" in said
    away.rename(repository.root / ".git")
    env = {"GIT_DIR": "../.git", "GIT_WORK_TREE": ".."}
    assert "lock-stale" in repository.git("commit", "-am", "x", code=1, cwd="src", env=env)

    put_back(repository)
    repository.git("rm", "-q", "--cached", "pylock.toml")
    repository.git("add", "--intent-to-add", "pylock.toml")
    assert "`git add pylock.toml`" in repository.commit(code=1)

    put_back(repository)
    (repository.root / "locks").mkdir()
    repository.git("mv", "pylock.toml", "locks/real.toml")
    (repository.root / "pylock.toml").symlink_to("locks/real.toml")
    repository.git("add", "--all")
    repository.commit()
    fine = repository.read("locks/real.toml")
    repository.write("locks/real.toml", "")
    repository.git("add", "locks/real.toml")
    repository.write("locks/real.toml", fine)
    repository.edit("pyproject.toml", "the team's", "our")
    repository.git("add", "pyproject.toml")
    assert "lock-unreadable" in repository.commit(code=1)


def test_a_project_as_it_is_staged(repository: Repository) -> None:
    """What is committed is read from the index; wheels never are, and are where a machine has them."""
    repository.write(".envctl/image/.gitignore", "*.whl\n")
    for name in ("image/a.whl", "image/list", "machines/a.toml"):
        repository.write(f".envctl/{name}", name)
    repository.git("add", "--all")
    repository.write(".envctl/image/other", "")
    repository.write(".envctl/image/list", "changed")
    repository.write(".envctl/machines/b.toml", "")
    (repository.root / ".envctl/machines/a.toml").unlink()
    found = services(repository.root).staged("")
    assert found.listing(".envctl/image") == (".gitignore", "a.whl", "list")
    assert found.listing(".envctl/machines") == ("a.toml",)
    assert found.entries(".envctl/machines") == ("a.toml",)
    assert found.read(".envctl/image/list") == "image/list"
    assert found.read(".envctl/machines/a.toml") == "machines/a.toml"
    assert found.read(".envctl/machines/b.toml") is None
    assert found.read("../outside") is None
    assert set(found.apart) == {
        *(".envctl/image/other", ".envctl/image/list"),
        *(".envctl/machines/a.toml", ".envctl/machines/b.toml"),
    }
    with pytest.raises(ProjectError, match="only looked at"):
        found.write({"pylock.toml": ""})


@pytest.fixture
def several(made: World, tmp_path: Path) -> Repository:
    """Give a repository with two projects, one of another tool's, and one that is stale since long."""
    found = copied(made, tmp_path / "mono", "services/api", ODD, "old")
    found.write("pyproject.toml", '[project]\nname = "whole"\nversion = "1"\n')
    found.write("pylock.toml", 'lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n')
    found.write("services/Dockerfile", "FROM scratch\n")
    found.stale("old")
    found.git("add", "--all")
    found.commit()
    found.envctl("hooks", "install")
    return found


def test_only_projects_that_are_touched_are_judged(several: Repository) -> None:
    several.edit("pyproject.toml", '"1"', '"2"')
    several.edit("services/Dockerfile", "scratch", "debian")
    several.write("-rf", "x")
    several.write("old/train.py", "x")
    several.git("add", "--all")
    several.commit()
    several.edit("services/api/pyproject.toml", "the team's", "our")
    several.commit("-a")
    several.stale(ODD)
    said = several.commit("-a", code=1)
    assert "in -x 'q\" $HOME `id` ü\\nn:" in said
    odd = ODD.replace("\n", "\\n")
    assert f"mend it with: envctl -C {shlex.quote('./' + odd)} lock, then git add " in said
    several.stale("services/api")
    said = several.commit("-a", code=1)
    assert "in services/api:" in said
    line = "mend it with: envctl -C {} lock, then git add {}/pylock.toml\n"
    assert line.format("services/api", "services/api") in said
    assert said.count("mend it with: envctl") == 2
    said = several.git("commit", "-am", "x", code=1, cwd="services")
    assert line.format("api", "api") in said
    said = several.git("commit", "-am", "x", code=1, cwd="services/api")
    assert "mend it with: envctl lock, then git add pylock.toml\n" in said
    api, odd, old = (f"{each}/pyproject.toml" for each in ("services/api", ODD, "old"))
    run = ("hooks", "run", "verify")
    several.git("stash", "-q")
    several.envctl(*run)
    several.envctl(*run, "--", "README.md", "old/train.py", "../out/pyproject.toml", "-rf")
    several.envctl(*run, "--", api, odd)
    assert "in old:" in several.envctl(*run, "--", odd, old, code=1)
    several.envctl(*run, "--project", "old")  # it is not touched
    several.envctl(*run, "--project", "services/api", "--", old, api)
    assert "in old:" in several.envctl(*run, "--project", "old", "--", old, api, code=1)
    for wrong in ("oldd", ".", "../old"):
        said = several.envctl(*run, "--project", wrong, code=2)
        assert "no project of envctl's" in said
    assert "in old:" in several.envctl(*run, "--", "pyproject.toml", code=1, cwd="old")


def test_a_manifest_that_cannot_be_read_refuses(several: Repository) -> None:
    several.write("services/api/pyproject.toml", "[tool.envctl\n")
    said = several.commit("-a", code=1)
    assert "services/api/pyproject.toml" in said
    several.write(
        "services/api/pyproject.toml",
        "[tool.envctl]\nx = '\udcff'\n".encode(errors="surrogateescape").decode("latin-1"),
    )
    (several.root / "services/api/pyproject.toml").write_bytes(b"[tool.envctl]\n# \xff\n")
    assert "not UTF-8" in several.commit("-a", code=1)


SHELL: Mapping[str, str] = {
    **{
        f"UV_{name}": "1"
        for name in ("FROZEN", "OFFLINE", "LOCKED", "NO_CONFIG", "NO_SYNC", "NO_CACHE")
    },
    "UV_EXCLUDE_NEWER": "2001-01-01",
    "UV_PROJECT": "/tmp",
    "UV_INDEX_URL": "http://127.0.0.1:9",
    "UV_CONFIG_FILE": "/dev/null",
    "UV_WORKING_DIRECTORY": "/tmp",
    "UV_PYTHON": "nope",
    **{f"PIP_{name}": "1" for name in ("REQUIRE_VIRTUALENV", "DRY_RUN", "NO_INDEX", "QUIET")},
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_TARGET": "/tmp",
    "PIP_PYTHON": "/bin/true",
    "ENVCTL_PROFILE": "nope",
    "ENVCTL_SYSROOT": "/nowhere",
    "_ENVCTL_COMPLETE": "bash_source",
    "PYTHONPATH": "/nowhere",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSTARTUP": "/nowhere",
    "PYTHONINSPECT": "",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ICASE_PATHSPECS": "1",
    "GIT_EXTERNAL_DIFF": "/bin/true",
    "PRE_COMMIT": "1",
    "PRE_COMMIT_FROM_REF": "HEAD",
    "PRE_COMMIT_TO_REF": "HEAD",
    "SKIP": "envctl-verify",
    "CI": "true",
    "VIRTUAL_ENV": "/nowhere",
    "LC_ALL": "C",
    "TERM": "dumb",
}


@pytest.fixture(scope="module")
def stale(made: World, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give a repository in which everything is out of date, and staged; no test may write to it."""
    found = copied(made, tmp_path_factory.mktemp("stale"))
    found.write("Dockerfile", "# >>> envctl: generated >>>\nFROM x\n# <<< envctl <<<\n")
    (found.root / ".venv").mkdir()
    found.stale()
    found.git("add", "--all")
    return found


@pytest.mark.parametrize("name", SHELL)
def test_no_variable_lets_a_stale_lock_through(
    stale: Repository,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """By the way that a configuration starts it: nothing clears the variables there."""
    words = ["hooks", "run", "verify", "--"]
    if name.startswith(("PYTHON", "_ENVCTL", "LC_")):  # read before the program begins
        said = stale.run("envctl", *words, env={name: SHELL[name]}, code=1)
    else:
        monkeypatch.setenv(name, SHELL[name])
        monkeypatch.chdir(stale.root)
        with pytest.raises(SystemExit) as ended:
            cli(words)
        assert ended.value.code == 1
        said = capfd.readouterr().out
    assert "lock-stale" in said


@pytest.mark.parametrize("hook", ["lock", "dockerfile", "environment"])
def test_nor_all_of_them_together(stale: Repository, tmp_path: Path, hook: str) -> None:
    """The other hooks write, or look at what cannot be staged."""
    shutil.copytree(stale.root, tmp_path / "copy", symlinks=True)
    copy = Repository(root=tmp_path / "copy", environ=stale.environ)
    said = copy.run("sh", "-c", f"envctl hooks run {hook} --; echo code $?", env=SHELL)
    assert "code 0" not in said


def test_the_lock_is_written_and_the_commit_refused_once(
    repository: Repository, made: World
) -> None:
    repository.envctl("hooks", "install", "--hook", "lock", "--hook", "verify")
    repository.stale()
    repository.git("add", "pyproject.toml")
    said = repository.commit(code=1)
    assert "running `envctl lock`" in said
    assert "then `git add pylock.toml`, and commit again" in said
    assert '"2.0"' in repository.read("pylock.toml")
    said = repository.commit(code=1)
    assert "right in the folder, and not staged: `git add pylock.toml`" in said
    assert "not staged" in repository.commit(code=1, env={"PRE_COMMIT": "1"})
    repository.git("add", "pylock.toml")
    made.index.forget_requests()
    repository.commit()
    assert made.index.requests == []
    # Staged in part: the lock cannot be that of the folder.
    repository.edit("pyproject.toml", *reversed(STALE))
    repository.git("add", "pyproject.toml")
    repository.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app<1.5"')
    before = repository.read("pylock.toml")
    assert "staged in part: nothing was written" in repository.commit(code=1)
    assert repository.read("pylock.toml") == before
    assert made.index.requests == []
    # What cannot be resolved refuses as well, with the resolver's reason.
    repository.edit("pyproject.toml", '"zz-made-app<1.5"', '"zz-made-nothing"')
    repository.git("add", "pyproject.toml")
    assert "zz-made-nothing" in repository.commit(code=1)


def test_an_environment_that_the_checkout_left_behind(repository: Repository) -> None:
    """It is told, and git's own answer stays: a bisection would end by it."""
    repository.envctl("sync")
    repository.git("checkout", "-q", "-b", "newer")
    repository.stale()
    repository.envctl("lock")
    repository.commit("-a")
    assert repository.git("checkout", "-q", "-b", "notes", "main") == ""
    said = repository.git("checkout", "-q", "newer")
    assert "package-version" in said
    assert "envctl sync" in said
    repository.git("checkout", "-q", "notes")
    repository.write("notes", "x")
    repository.git("add", "notes")
    repository.commit()
    repository.envctl("sync")
    assert "package-version" in repository.git("merge", "-q", "-m", "both", "newer")
    repository.envctl("sync")
    assert (
        repository.git("checkout", "-q", "main", "--", "pylock.toml", code=None).count(
            "package-version"
        )
        == 1
    )
    put_back(repository)
    repository.git("bisect", "start", "HEAD", "main")
    repository.git("bisect", "reset")
    shutil.rmtree(repository.root / ".venv", ignore_errors=True)
    (repository.root / ".venv").unlink(missing_ok=True)
    assert repository.git("checkout", "-q", "main") == ""
    worktree = repository.root.parent / "tree"
    assert repository.git("worktree", "add", "-q", str(worktree), "newer") == ""


def test_a_merge_is_judged(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "newer")
    repository.stale()
    repository.envctl("lock")
    repository.commit("-a")
    repository.git("checkout", "-q", "main")
    repository.edit("pyproject.toml", 'dev = ["zz-made-test"]', 'dev = ["zz-made-test<9"]')
    repository.envctl("lock")
    repository.commit("-a")
    repository.git("checkout", "-q", "newer", "--", "pylock.toml")
    repository.git("commit", "-q", "--no-verify", "-m", "wrong")
    said = repository.git("merge", "newer", "-m", "both", code=None)
    assert "lock-stale" in said
    assert "Not committing merge" in said
