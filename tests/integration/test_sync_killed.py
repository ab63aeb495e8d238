"""`envctl sync` killed at any moment: `.venv` is the old environment or the new one, and the next sync mends it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.index.server import LocalIndex
from tests.integration.strace import NO_EXCHANGE, NO_LINKS, killed_at, tampered
from tests.integration.trouble import tree
from tests.integration.world import STOCK, World

MOMENTS = 10  # times five scenarios
Files = dict[str, str]


@dataclass
class Stage:
    """A project with two states of its files, and what a sync is to make of it."""

    world: World
    states: dict[str, Files] = field(default_factory=dict)
    said: str = ""

    def keep(self, name: str) -> None:
        self.states[name] = {
            each: self.world.read(each) for each in ("pyproject.toml", "pylock.toml")
        }

    def ask(self, name: str) -> None:
        for file, text in self.states[name].items():
            self.world.write(file, text)

    @property
    def envs(self) -> Path:
        return self.world.root / ".envctl" / "envs"

    @property
    def venv(self) -> Path:
        return self.world.root / ".venv"

    def save(self) -> None:
        """Keep what is there for ``put_back``."""
        self.forget()
        copied(self.envs, self.saved / "envs")
        copied(self.venv, self.saved / "venv")

    def put_back(self) -> None:
        """Make the environments what they were when they were saved: none, where nothing was."""
        removed(self.envs)
        removed(self.venv)
        if self.saved.exists():
            copied(self.saved / "envs", self.envs)
            copied(self.saved / "venv", self.venv)

    def forget(self) -> None:
        shutil.rmtree(self.saved, ignore_errors=True)

    @property
    def saved(self) -> Path:
        return self.world.root.parent / "saved"

    def start(
        self, *arguments: str, under: Sequence[str] = (), stderr: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*under, sys.executable, "-m", "envctl", *arguments],
            cwd=self.world.root,
            env={**os.environ, **self.world.environ},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )

    def stands(self, name: str) -> bool:
        """Whether `.venv` is the environment of that state, by `verify` and by a real import."""
        self.ask(name)
        done = self.world.envctl("verify", "--only", "environment", code=None)
        self.said = done.stdout + done.stderr
        return done.returncode == 0 and self.imports()

    def imports(self) -> bool:
        code = "import zz_made_app, zz_made_lib, zz_made_test"
        return self.world.run([str(self.world.python), "-c", code], code=None).returncode == 0

    def garbage(self) -> list[str]:
        """Return what does not belong into a project after a sync that ended."""
        left = [path for path in self.world.root.iterdir() if path.name.startswith(".venv.")]
        left += self.venv.glob("**/*.envctl-*")
        for path in self.envs.iterdir():
            kept = path.name == "history" or path.name.startswith("adopted-")
            if path.is_dir() and not path.is_symlink() and (path / "envctl.json").is_file():
                left += path.glob("**/*.envctl-*")
            elif not kept or (path.is_symlink() and path.readlink().parent.name == "envs"):
                left.append(path)
        return [str(path) for path in left]


def copied(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
    else:
        shutil.copytree(source, target, symlinks=True)


def removed(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("killed")
    root = folder / "pro ject"
    root.mkdir()
    with LocalIndex(mode="html") as index:
        index.add(*STOCK)
        environ = {
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_HTTP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1",
            "HOME": str(folder / "home"),
        }
        made = Stage(World(root=root, index=index, environ=environ))
        manifest = made.world.manifest()
        made.world.write("pyproject.toml", manifest)
        made.world.envctl("lock")
        made.keep("old")
        made.world.write("pyproject.toml", manifest.replace('SEED = "0"', 'SEED = "1"'))
        made.world.envctl("lock")
        made.keep("variables")
        made.world.write("pyproject.toml", manifest.replace("zz-made-app<2", "zz-made-app>=2"))
        made.world.envctl("lock")
        made.keep("new")
        yield made


def nothing(_stage: Stage) -> None:
    """Start from a project that was never synced."""


def old(stage: Stage) -> None:
    stage.ask("old")
    stage.world.envctl("sync")


def both(stage: Stage) -> None:
    old(stage)
    stage.ask("new")
    stage.world.envctl("sync")


@dataclass(frozen=True)
class Scenario:
    """What is there, what is asked for, the command, and the states that `.venv` may be in after a kill."""

    before: Callable[[Stage], None]
    asked: str
    command: tuple[str, ...]
    was: str | None
    becomes: str


SCENARIOS = {
    "first": Scenario(nothing, "new", ("sync",), None, "new"),
    "upgrade": Scenario(old, "new", ("sync",), "old", "new"),
    "rollback": Scenario(both, "new", ("sync", "--rollback"), "new", "old"),
    "recreate": Scenario(old, "old", ("sync", "--recreate"), "old", "old"),
    "variables": Scenario(old, "variables", ("sync",), "old", "variables"),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_random_moments(
    stage: Stage, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fifty moments over all scenarios, spread over the command's measured time, uv's included."""
    scenario = SCENARIOS[name]
    stage.forget()
    stage.put_back()
    scenario.before(stage)
    if scenario.was:
        stage.save()
    stage.ask(scenario.asked)
    began = time.monotonic()
    assert stage.start(*scenario.command).wait(60) == 0
    whole = time.monotonic() - began
    dice = random.Random(name)
    outcomes: Counter[str] = Counter()
    for moment in range(MOMENTS):
        stage.put_back()
        stage.ask(scenario.asked)
        process = stage.start(*scenario.command)
        time.sleep(whole * (moment + dice.random()) / MOMENTS)
        outcomes["ended before"] += process.poll() is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        outcomes[judged(stage, scenario)] += 1
        stage.ask(scenario.asked)
        said = stage.world.envctl("sync").stderr
        assert "Traceback" not in said
        assert "is in sync" in stage.world.envctl("sync").stderr
        assert stage.garbage() == []
    assert stage.stands(scenario.asked)
    assert outcomes["ended before"] < MOMENTS
    with capsys.disabled():
        print(f"\n{name}: {MOMENTS} kill points: {dict(outcomes)}, all repaired", flush=True)


def judged(stage: Stage, scenario: Scenario) -> str:
    """Say what `.venv` is after a kill; it must be one of two things, whole."""
    if not os.path.lexists(stage.venv) and not (stage.envs / ".swap").exists():
        assert scenario.was is None
        return "nothing yet"
    if stage.stands(scenario.becomes):
        return "new" if scenario.becomes != scenario.was else "old or new"
    assert scenario.was is not None
    if scenario.was == "mine":
        assert (stage.venv / "precious").read_text() == "mine"
        return "old"
    said = stage.said
    assert stage.stands(scenario.was), f"neither of the two:\n{said}{stage.said}"
    return "old"


# Every step of the change itself, killed just before it


def foreign(stage: Stage) -> None:
    """Leave a finished environment behind a folder of somebody else's."""
    old(stage)
    stage.venv.unlink()
    stage.venv.mkdir()
    (stage.venv / "precious").write_text("mine")


def folders(stage: Stage) -> None:
    """Have both environments on a file system without links."""
    for name in ("old", "new", "old"):
        stage.ask(name)
        assert stage.start("sync", under=tampered(NO_LINKS)).wait(60) == 0
    assert not stage.venv.is_symlink()


RENAMES = ("rename", "renameat", "renameat2")
NAMING = (*RENAMES, "symlink", "symlinkat")
EXCHANGING = ("rename", "renameat", "unlink", "rmdir")
STEPS = {
    "rollback": (
        Scenario(both, "new", ("sync", "--rollback"), "new", "old"),
        (*NAMING, "unlink"),
        (),
    ),
    "variables": (SCENARIOS["variables"], (*NAMING, "rmdir"), ()),
    "adopt": (Scenario(foreign, "old", ("sync", "--adopt"), "mine", "old"), NAMING, ()),
    "adopt, no exchange": (
        Scenario(foreign, "old", ("sync", "--adopt"), "mine", "old"),
        EXCHANGING,
        (NO_EXCHANGE,),
    ),
    "recreate, no exchange": (
        Scenario(foreign, "old", ("sync", "--recreate"), "mine", "old"),
        ("rename", "renameat"),
        (NO_EXCHANGE,),
    ),
    "links are gone, no exchange": (
        Scenario(old, "new", ("sync",), "old", "new"),
        ("rename", "renameat"),
        (NO_LINKS, NO_EXCHANGE),
    ),
    "no links": (Scenario(folders, "new", ("sync",), "old", "new"), RENAMES, (NO_LINKS,)),
    "no links, no exchange": (
        Scenario(folders, "new", ("sync",), "old", "new"),
        EXCHANGING,
        (NO_LINKS, NO_EXCHANGE),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_killed_at_every_step(stage: Stage, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    scenario, calls, missing = STEPS[name]
    stage.forget()
    stage.put_back()
    scenario.before(stage)
    stage.save()
    outcomes: Counter[str] = Counter()
    for number in range(1, 60):
        stage.put_back()
        stage.ask(scenario.asked)
        under = tampered(*missing, killed_at(number, calls))
        code = stage.start(*scenario.command, under=under).wait(60)
        outcome = judged(stage, scenario)
        if code == 0:
            assert outcome == "new"
            break
        assert code == -signal.SIGKILL
        outcomes[outcome] += 1
        stage.ask(scenario.asked)
        again = scenario.command if outcome == "old" and scenario.was == "mine" else ("sync",)
        stage.world.envctl(*again)
        assert "is in sync" in stage.world.envctl("sync").stderr
        assert stage.garbage() == []
        if scenario.was == "mine":
            there = [path.parents[1] for path in stage.world.root.rglob("precious")]
            assert there == ([stage.envs] if "--adopt" in scenario.command else [])
    assert sum(outcomes.values()) >= 3
    with capsys.disabled():
        print(f"\n{name}: killed before each of {sum(outcomes.values())} steps: {dict(outcomes)}")


# Every step, refused by a full disk


REFUSED = {
    "rollback": (STEPS["rollback"][0], ()),
    "variables": (STEPS["variables"][0], ()),
    "adopt": (STEPS["adopt"][0], ()),
    "adopt, no exchange": (STEPS["adopt"][0], (NO_EXCHANGE,)),
    "no links, no exchange": (STEPS["no links, no exchange"][0], (NO_LINKS, NO_EXCHANGE)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_at_every_step(stage: Stage, name: str) -> None:
    """A failed sync has changed nothing, at the build, at the finish and at the swap; the same command does it then."""
    scenario, missing = REFUSED[name]
    calls = ["mkdir", "rename", "renameat"]
    calls += [] if NO_EXCHANGE in missing else ["renameat2"]
    calls += [] if NO_LINKS in missing else ["symlink"]
    stage.forget()
    stage.put_back()
    scenario.before(stage)
    stage.save()
    failed = 0
    for number in range(1, 60):
        stage.put_back()
        stage.ask(scenario.asked)
        before = tree(stage.world.root)
        under = tampered(*missing, f"{','.join(calls)}:error=ENOSPC:when={number}")
        process = stage.start(*scenario.command, under=under, stderr=subprocess.PIPE)
        said = process.communicate(timeout=60)[1].decode()
        assert "Traceback" not in said
        if process.returncode:
            assert process.returncode == 3, said
            assert said.count("error: ") == 1
            assert "no space left on device" in said
            if "goes on where this one stopped" not in said:
                assert "make room" in said
                assert tree(stage.world.root) == before, said
                stage.world.envctl(*scenario.command)
            failed += 1
        stage.ask(scenario.becomes)
        assert stage.stands(scenario.becomes)
        if number > failed + 4:
            break
    assert failed >= 2
