"""`export ci`: the scripts of both workflows, run in order in clean clones, with git and a `gh` that takes notes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from envctl.adapters.git import default_branch
from envctl.adapters.process import run
from envctl.adapters.project import ProjectFiles
from envctl.domain import blocks
from envctl.domain.workflow import Choice
from envctl.errors import EnvctlError
from envctl.usecases.ci import CiOutcome, Mode, export_ci
from envctl.usecases.ci_flow import Place
from tests.image_projects import UV_PIN
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel, build
from tests.integration.github_runner import Runner
from tests.integration.world import STOCK, World

FOLDER = "libs/vi sion"
CHECK = ".github/workflows/envctl.libs.vi-sion-8eaa31.yml"
UPGRADE = ".github/workflows/envctl-upgrade.libs.vi-sion-8eaa31.yml"
BRANCH = "envctl/upgrade-libs.vi-sion-8eaa31"
# A stand-in for envctl's own distribution, which would bring twenty others: the program is the real one.
SHIM = f"""\
import os, sys

def main():
    os.execv({sys.executable!r}, [{sys.executable!r}, "-m", "envctl", *sys.argv[1:]])
"""
TOOL = Wheel(
    "zz-made-envctl",
    "1.0",
    files={"zz_made_envctl.py": SHIM},
    entry_points={"envctl": "zz_made_envctl:main"},
)
PROFILES = """
[tool.envctl.gpu]
required = true
[tool.envctl.profiles.plain]
gpu = { required = false }
[tool.envctl.profiles.card]
dependencies = ["zz-made-plot"]
"""


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Hub:
    """A repository on a server, a developer's clone of it with the project inside, and a runner."""

    def __init__(self, base: Path, index: LocalIndex) -> None:
        self.base, self.index = base, index
        self.remote = base / "remote.git"
        git(base, "init", "--quiet", "--bare", "--initial-branch", "main", str(self.remote))
        git(self.remote, "config", "uploadpack.allowAnySHA1InWant", "true")  # as GitHub has it
        self.mine = self.clone("mine")
        environ = {
            "UV_CACHE_DIR": str(base / "uv cache"),
            "UV_HTTP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1",
            "HOME": str(base / "home"),
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": "/dev/null",
        }
        self.world = World(root=self.mine / FOLDER, index=index, environ=environ)
        self.runner = Runner(folder=base / "runner", environ=environ)

    def clone(self, name: str) -> Path:
        git(self.base, "clone", "--quiet", "--depth", "1", f"file://{self.remote}", name)
        return self.base / name

    def push(self, message: str) -> None:
        git(self.mine, "add", "--all")
        git(self.mine, "commit", "--quiet", "--message", message)
        git(self.mine, "push", "--quiet", "origin", "HEAD:main")

    def tip(self, branch: str) -> str:
        return git(self.remote, "rev-parse", "--verify", branch)

    def workflow(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.mine / path).read_text(encoding="utf-8"))
        return found

    def rows(self) -> list[dict[str, str]]:
        job = self.workflow(CHECK)["jobs"]["verify"]
        rows: list[dict[str, str]] = job["strategy"]["matrix"]["include"]
        return rows


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Give a repository whose project has two profiles, locks and the two workflows."""
    with LocalIndex(mode="html") as index:
        index.add(*STOCK)
        made = Hub(tmp_path_factory.mktemp("hub"), index)
        made.world.write("pyproject.toml", made.world.manifest() + PROFILES)
        made.world.write(".gitignore", "/.venv\n")
        name, content = build(TOOL)
        made.world.write(f"tools/{name}", "").write_bytes(content)
        made.world.envctl("lock")
        made.world.write(".envctl/image/plain/uv.txt", UV_PIN)
        made.world.envctl("dockerize", "--profile", "plain")
        made.world.envctl("export", "ci", "--from", f"./tools/{name}")
        made.push("A project")
        yield made


def test_a_clean_clone_passes_and_a_stale_lock_is_annotated(hub: Hub) -> None:
    clone = hub.clone("clean")
    assert default_branch(run, clone) == "main"
    plain, card = hub.rows()
    first = hub.runner.run(hub.workflow(CHECK), "verify", clone, matrix=plain)
    assert first.failed is None, first.said
    assert list(first.said) == ["Install envctl", "Verify the lock", "Sync", "Verify"]
    assert "synced .venv" in first.said["Sync"]
    # The card's profile needs a GPU, which no runner of GitHub's has.
    second = hub.runner.run(
        hub.workflow(CHECK), "verify", clone, matrix=card, leaving=("Install envctl",)
    )
    assert second.failed is None, second.said
    assert "zz-made-plot" in second.said["Sync"]
    assert git(clone, "status", "--porcelain") == ""

    manifest = clone / FOLDER / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace("zz-made-app<2", "zz-made-app"))
    stale = hub.runner.run(
        hub.workflow(CHECK), "verify", clone, matrix=plain, leaving=("Install envctl",)
    )
    assert stale.failed == "Verify the lock"
    lines = stale.said["Verify the lock"].splitlines()
    told = [line for line in lines if line.startswith("::error ")]
    assert told
    assert all("lock-stale" in line for line in told)
    assert all(f"file={FOLDER}/" in line for line in told)


def test_the_cache_is_another_one_exactly_when_the_lock_is(hub: Hub) -> None:
    clone = hub.clone("cached")
    plain, card = hub.rows()

    def key(row: dict[str, str]) -> str:
        names = [s["name"] for s in hub.workflow(CHECK)["jobs"]["verify"]["steps"] if "name" in s]
        done = hub.runner.run(
            hub.workflow(CHECK), "verify", clone, matrix=row, leaving=tuple(names)
        )
        (found,) = (used["key"] for used in done.used if "cache" in used[""])
        return str(found)

    before = key(plain)
    assert len(before.rpartition("-")[2]) == 64
    assert key(card) != before
    manifest = clone / FOLDER / "pyproject.toml"
    manifest.write_text("# something else\n" + manifest.read_text())
    (clone / "pylock.toml").write_text("# of another project\n")
    assert key(plain) == before
    lock = clone / FOLDER / "pylock.plain.toml"
    lock.write_text(lock.read_text() + "\n")
    assert key(plain) != before


def test_where_envctl_comes_from_must_be_said(hub: Hub) -> None:
    """And never by its name: on the public index that is somebody else's program."""
    workflow = hub.workflow(CHECK)
    for word in ("", "envctl"):
        workflow["env"]["ENVCTL_FROM"] = word
        done = hub.runner.run(workflow, "verify", hub.mine, matrix=hub.rows()[0])
        assert done.failed == "Install envctl"
        assert done.said["Install envctl"].startswith("::error title=envctl::")


@pytest.fixture(scope="module")
def released(hub: Hub) -> Hub:
    """Give the repository after a new release, with envctl on the runner."""
    hub.index.add(Wheel("zz-made-lib", "1.2"))
    return hub


def propose(hub: Hub, name: str) -> tuple[str, list[tuple[list[str], str | None]]]:
    """Run the upgrade in a clean clone; return what it said last, and the calls of `gh`."""
    hub.runner.calls()
    there = ("Install envctl",) if hub.runner.ready else ()
    done = hub.runner.run(hub.workflow(UPGRADE), "upgrade", hub.clone(name), leaving=there)
    assert done.failed is None, done.said
    return done.said["Propose"], hub.runner.calls()


@pytest.fixture(scope="module")
def proposed(released: Hub) -> tuple[Hub, str, list[tuple[list[str], str | None]]]:
    """Give the repository after the first week, the commit that was proposed, and the calls of `gh`."""
    _, calls = propose(released, "first")
    return released, released.tip(BRANCH), calls


def test_an_upgrade_is_proposed(proposed: tuple[Hub, str, list[Any]]) -> None:
    hub, tip, ((listed, _), (created, body)) = proposed
    assert listed[:4] == ["pr", "list", "--head", BRANCH]
    assert created[:-1] == [
        *("pr", "create", "--head", BRANCH, "--base", "main"),
        *("--title", f"Upgrade the locked packages ({FOLDER})", "--body-file"),
    ]
    base = git(hub.remote, "rev-parse", f"{tip}^")
    assert git(hub.remote, "log", "-1", "--format=%an %s", tip).startswith("github-actions[bot] Up")
    changed = git(hub.remote, "diff", "--name-only", base, tip).splitlines()
    assert [name.removeprefix(f"{FOLDER}/") for name in changed] == [
        ".envctl/image/plain/contract.json",
        ".envctl/image/plain/pylock.light.toml",
        "Dockerfile.plain",
        *("pylock.card.toml", "pylock.plain.toml"),
    ]
    # The text is that of `envctl diff`, as anyone can print it.
    seen = hub.clone("seen")
    for commit in (base, tip):
        git(seen, "fetch", "--quiet", "--depth", "1", "origin", commit)
    git(seen, "checkout", "--quiet", base)
    git(seen, "checkout", tip, "--", *changed)
    printed = hub.world.envctl("diff", "HEAD", "--markdown", code=1, cwd=seen / FOLDER)
    assert body == printed.stdout
    assert "<code>1.1</code> | <code>1.2</code>" in printed.stdout
    # And the first workflow has nothing against it.
    hub.world.envctl("verify", "--only", "lock,image", cwd=seen / FOLDER)


def test_a_proposal_is_kept_up_to_date(proposed: tuple[Hub, str, list[Any]]) -> None:
    hub, tip, (_, (_, body)) = proposed
    # The next week nothing is newer than what is proposed, whether it is still open or somebody does not want it.
    hub.runner.has_pulls(f"CLOSED 7 {tip}")
    said, calls = propose(hub, "again")
    assert said.startswith("That was proposed, and closed.\n")
    hub.runner.has_pulls(f"OPEN 7 {tip}")
    said, calls = propose(hub, "open")
    assert said.startswith("That is proposed already.\n")
    assert [words[:2] for words, _ in calls] == [["pr", "list"]]
    assert hub.tip(BRANCH) == tip
    # The pull request could not be opened that time (a setting of the repository forbids it by default).
    hub.runner.has_pulls()
    _, calls = propose(hub, "retried")
    assert [words[:2] for words, _ in calls] == [["pr", "list"], ["pr", "create"]]
    assert hub.tip(BRANCH) == tip

    # The default branch has moved on: what was closed stays closed, and an open pull request follows.
    commit = hub.tip("main")[:10]
    hub.world.write("README.md", "more\n")
    hub.push("Moved on")
    hub.runner.has_pulls(f"CLOSED 7 {tip}")
    said, calls = propose(hub, "closed")
    assert said.startswith("That was proposed, and closed.\n")
    assert hub.tip(BRANCH) == tip
    assert [words[:2] for words, _ in calls] == [["pr", "list"]]
    hub.runner.has_pulls(f"CLOSED 3 {tip}", f"OPEN 7 {tip}")
    _, ((_, _), (patched, again)) = propose(hub, "moved")
    assert patched[:5] == ["api", "--silent", "--method", "PATCH", "repos/team/vision/pulls/7"]
    assert again == body.replace(commit, hub.tip("main")[:10])
    assert again != body
    assert git(hub.remote, "rev-parse", f"{BRANCH}^") == hub.tip("main")

    # Somebody works on that branch: their commits are theirs.
    theirs = hub.clone("theirs")
    git(theirs, "fetch", "--quiet", "origin", BRANCH)
    git(theirs, "checkout", "--quiet", "FETCH_HEAD")
    git(theirs, "commit", "--quiet", "--allow-empty", "--message", "mine")
    git(theirs, "push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
    tip = hub.tip(BRANCH)
    said, calls = propose(hub, "respected")
    assert said.startswith("::warning title=envctl::Somebody else")
    assert (hub.tip(BRANCH), calls) == (tip, [])

    # What was proposed is merged: nothing is newer.
    git(hub.mine, "fetch", "--quiet", "origin", BRANCH)
    git(hub.mine, "checkout", "FETCH_HEAD", "--", ".")
    hub.push("Merged")
    assert propose(hub, "merged") == ("Nothing is newer.\n", [])


def test_the_files_are_kept_up_to_date_and_a_changed_one_is_its_owners(
    world: World,
) -> None:
    """In a project at the top of its repository, and in none."""
    world.envctl("lock")
    world.envctl("export", "ci", "--check", code=1)
    assert not (world.root / ".github").exists()
    git(world.root, "init", "--quiet", "--initial-branch", "master")
    git(world.root, "commit", "--quiet", "--allow-empty", "--message", "first")
    for path in ("./nothere", "./tools/envctl.whl", "../pyproject.toml"):
        done = world.envctl("export", "ci", "--from", path, code=2)
        assert f"there is no `{path}` in the repository" in done.stderr
    source = "git+https://git.example/team/envctl@v0.1.0"
    said = world.envctl("export", "ci", "--from", source).stderr.splitlines()
    files = [".github/workflows/envctl.yml", ".github/workflows/envctl-upgrade.yml"]
    assert [line for line in said if line.startswith("wrote")] == [f"wrote {f}" for f in files]
    assert any("UV_INDEX_TEAM_PASSWORD" in line for line in said)
    assert "it builds no image" in " ".join(world.read(files[0]).replace("#", "").split())
    written = world.snapshot(*files)
    # What was chosen, and what was found out, is remembered.
    git(world.root, "branch", "--move", "topic")
    again = world.json("export", "ci", "--check")["result"]
    assert [file["state"] for file in again["files"]] == ["same", "same"]
    assert 'branches: ["master"]' in world.read(files[0])
    printed = world.json("export", "ci", "--print")["result"]["files"]
    assert [file["text"] for file in printed] == [world.read(name) for name in files]
    assert world.snapshot(*files) == written
    # A Dockerfile brings the job that builds it.
    world.write("Dockerfile", "FROM scratch\n")
    world.envctl(
        "export", "ci", "--check"
    )  # somebody's own is nothing that `envctl image build` builds
    world.write("Dockerfile", f"{blocks.BEGIN}\n{blocks.END}\n")
    assert (
        "is not what envctl would write" in world.envctl("export", "ci", "--check", code=1).stderr
    )
    assert "replaced" in world.envctl("export", "ci").stderr
    assert "envctl image build --verify" in world.read(files[0])
    assert "envctl dockerize" in world.read(files[1])
    # A changed file is its owner's; the other one is still written.
    world.edit(files[0], "envctl verify\n", "envctl verify --strict\n")
    mine = world.read(files[0])
    refused = world.envctl("export", "ci", "--branch", "next", code=3).stderr
    assert "changed by hand" in refused
    assert files[0] in refused
    checked = world.json("export", "ci", "--check")["result"]["files"]
    assert [file["state"] for file in checked] == ["yours", "same"]
    other = world.envctl("export", "ci", "--only", "upgrade", "--runner", "own").stderr
    assert f"replaced {files[1]}" in other
    assert world.read(files[0]) == mine
    assert 'runs-on: "own"' in world.read(files[1])


def test_another_installation_of_envctl_has_nothing_against_the_files(world: World) -> None:
    world.envctl("lock")
    project = ProjectFiles(world.root)

    def exported(source: str | None, mode: Mode) -> CiOutcome:
        place = Place(top=project, folder="", branch=lambda: "main", source=lambda: source)
        return export_ci(project, place, Choice(), mode=mode)

    exported(None, "write")
    assert "vars.ENVCTL_FROM" in world.read(".github/workflows/envctl.yml")
    installed = "git+https://git.example/team/envctl@0123abc"
    assert not exported(installed, "check").stale
    (world.root / ".github/workflows/envctl.yml").unlink()
    (world.root / ".github/workflows/envctl-upgrade.yml").unlink()
    exported(installed, "write")
    assert installed in world.read(".github/workflows/envctl.yml")


def test_what_was_chosen_in_a_project_that_changes(world: World) -> None:
    world.write("pyproject.toml", world.manifest() + PROFILES)
    world.envctl("lock")
    project = ProjectFiles(world.root)
    path = ".github/workflows/envctl.yml"

    def exported(mode: Mode, **chosen: Any) -> str:
        place = Place(top=project, folder="", branch=lambda: "main", source=lambda: None)
        made = export_ci(project, place, Choice(**chosen), kinds=("check",), mode=mode)
        assert not (mode == "check" and made.stale)
        return made.files[0].text

    assert "--skip" in exported("write", profiles=("card",))
    assert "--skip" not in exported("print", runner=("gpu",))  # a machine of one's own has one
    world.write(path, world.read(path).replace("\n", "\r\n"))  # as git has it on Windows
    exported("check")
    # The profile that was chosen is no more: all of those that there are.
    world.edit("pyproject.toml", "profiles.card", "profiles.other")
    world.envctl("lock")
    text = exported("print")
    assert '"pylock.other.toml"' in text
    assert '"pylock.plain.toml"' in text


def test_what_no_workflow_can_say(world: World) -> None:
    world.envctl("lock")
    project = ProjectFiles(world.root)

    def refused(folder: str = "", output: str = ".github/workflows", **chosen: Any) -> EnvctlError:
        place = Place(top=project, folder=folder, branch=lambda: "main", source=lambda: None)
        with pytest.raises(EnvctlError) as caught:
            export_ci(project, place, Choice(**chosen), folder=output)
        assert caught.value.hint
        assert "word@" not in str(caught.value)
        assert not (world.root / ".github").exists()
        return caught.value

    assert "where envctl comes from" in refused(source="envctl").message
    assert "where envctl comes from" in refused(source="envctl-gpu==0.1.0").message
    assert "at a tag" in str(refused(source="git+https://git.example/team/envctl").hint)
    assert "login" in refused(source="git+https://me:word@git.example/envctl@v1").message
    assert "cannot name" in refused(branch="${{ github.head_ref }}").message
    assert "cannot name" in refused(runner=("a\nb",)).message
    assert "cannot name" in refused(folder="a\nb").message
    assert "no profiles" in refused(profiles=("gpu",)).message
    for output in ("../elsewhere", "a b", ".github/../..", "/etc", ".git/hooks", ""):
        assert refused(output=output).where == "--output"
