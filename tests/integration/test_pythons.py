"""Environments of each Python that this machine has, from wherever it comes, and what becomes of them when it goes."""

import os
import pwd
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.integration.pythons import OWN, plant, real
from tests.integration.world import World

# The user's own home: the tests give every process another one.
PYENV = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv"
MINORS = ("3.9", "3.10", "3.11", "3.12", "3.13")
Environ = Mapping[str, str]


def pyenv_has(minor: str) -> Path:
    found = sorted((PYENV / "versions").glob(f"{minor}.*/bin/python{minor}"))
    if not found:
        pytest.skip(f"no Python {minor} on this machine")
    return found[-1]


def another() -> Path:
    """Return a Python other than the one that runs envctl, or else that one."""
    return next(iter(sorted((PYENV / "versions").glob("3.12.*/bin/python3.12"))), Path(OWN))


def use(world: World, python: str, environ: Environ) -> None:
    """Ask for a Python, in a world in which the machine has these variables."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    world.edit("pyproject.toml", f'python = "{minor}"', f'python = "{python}"')
    world.environ = {**world.environ, "PYENV_ROOT": "/nonexistent", **environ}


def works(world: World, version: str, base: Path) -> None:
    """Go the whole way with an environment: made, entered in each way, and found to be what it should be."""
    world.envctl("lock")
    world.envctl("sync")
    ask = "import sys, zz_made_app; print(*sys.version_info[:3], sep='.'); print(sys.base_prefix)"
    expected = f"{version}\n{base.parent.parent}\n"
    for argv in (
        [str(world.python)],
        [sys.executable, "-m", "envctl", "run", "--", "python"],
        ["bash", "-c", 'source .venv/bin/activate && python "$@"', "bash"],
        [
            "bash",
            "-c",
            f'eval "$({shlex.quote(sys.executable)} -m envctl activate --shell bash)"; python "$@"',
            "-",
        ],
    ):
        assert world.run([*argv, "-c", ask]).stdout == expected, argv
    seeds = 'source .venv/bin/activate && echo "$PYTHONHASHSEED" && zz-test'
    assert world.run(["bash", "-c", seeds]).stdout == "0\nzz-made-test 3.0\n"
    assert world.envctl("run", "--", "zz-test").stdout == "zz-made-test 3.0\n"
    assert world.findings("--only", "lock,environment") == []
    assert "is in sync" in world.envctl("sync").stderr


@pytest.mark.parametrize("minor", MINORS)
def test_pyenvs(world: World, minor: str) -> None:
    found = pyenv_has(minor)
    version = found.parents[1].name
    use(world, version, {"PYENV_ROOT": str(PYENV)})
    works(world, version, found)


@pytest.mark.parametrize("path", sorted(Path("/usr/bin").glob("python3.[0-9]*[0-9]")), ids=str)
def test_the_systems_own(world: World, path: Path) -> None:
    known = real(str(path))
    use(world, known.version, {"PATH": f"/usr/bin{os.pathsep}{os.environ['PATH']}"})
    works(world, known.version, path)


def uvs(root: Path, version: str) -> tuple[Path, Environ]:
    store = root / "uv's Pythons"
    prefix = store / f"cpython-{version}-linux-x86_64-gnu"
    return prefix, {"UV_PYTHON_INSTALL_DIR": str(store)}


def condas(root: Path, version: str) -> tuple[Path, Environ]:
    prefix = root / "miniforge3"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / f"python-{version}-h955ad1f_0_cpython.json").touch()
    return prefix, {"CONDA_EXE": str(prefix / "bin" / "conda")}


@pytest.mark.parametrize("made", [uvs, condas], ids=["uv", "conda"])
def test_anothers(
    world: World, tmp_path: Path, made: Callable[[Path, str], tuple[Path, Environ]]
) -> None:
    """A copy of a real Python, in a folder as that tool makes it."""
    known = real(str(another()))
    version = f"{known.minor}.99"
    prefix, environ = made(tmp_path, version)
    python = plant(prefix, of=known.path, version=version)
    use(world, version, environ)
    works(world, version, python)


def test_one_without_venv_and_ensurepip(world: World, tmp_path: Path) -> None:
    """Debian ships these apart: nothing here needs them."""
    version = f"{real().minor}.99"
    python = plant(tmp_path / version, version=version, without=("venv", "ensurepip"))
    ask = "from importlib.util import find_spec; print(find_spec('venv'), find_spec('ensurepip'))"
    assert world.run([str(python), "-c", ask]).stdout == "None None\n"
    use(world, version, {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"})
    works(world, version, python)


@pytest.fixture
def planted(world: World, tmp_path: Path) -> Path:
    """Give a project that any Python but the own one answers, and pyenv's folder with one in it."""
    versions = tmp_path / "pyenv" / "versions"
    minor = real().minor
    plant(versions / f"{minor}.58", version=f"{minor}.58")
    world.edit("pyproject.toml", f'python = "{minor}"\n', "")
    world.edit("pyproject.toml", "[project]\n", f'[project]\nrequires-python = ">={minor}.50"\n')
    world.environ = {**world.environ, "PYENV_ROOT": str(tmp_path / "pyenv")}
    world.envctl("lock")
    world.envctl("sync")
    return versions


def version_of(world: World) -> str:
    ask = "import sys; print(*sys.version_info[:3], sep='.')"
    return world.run([str(world.python), "-c", ask]).stdout.strip()


class TestChanges:
    def test_a_newer_one_elsewhere_changes_nothing(self, world: World, planted: Path) -> None:
        minor = real().minor
        newer = plant(planted.parent.parent / "newer", version=f"{minor}.59")
        plant(planted / f"{minor}.59", version=f"{minor}.59")
        path = {"PATH": f"{newer.parent}{os.pathsep}{os.environ['PATH']}"}
        report = world.envctl("verify", "--only", "environment", env=path)
        assert "python-version" not in report.stdout
        assert "is in sync" in world.envctl("sync", env=path).stderr
        assert version_of(world) == f"{minor}.58"

    def test_it_is_removed_and_there_is_another(self, world: World, planted: Path) -> None:
        minor = real().minor
        shutil.rmtree(planted / f"{minor}.58")
        plant(planted / f"{minor}.57", version=f"{minor}.57")
        assert world.codes("--only", "environment", code=1) == ["environment-unfinished"]
        world.envctl("sync")
        assert version_of(world) == f"{minor}.57"
        assert world.findings("--only", "environment") == []

    def test_it_is_removed_and_there_is_no_other(self, world: World, planted: Path) -> None:
        minor = real().minor
        shutil.rmtree(planted / f"{minor}.58")
        for command in ("verify", "sync"):
            said = world.envctl(command, code=3).stderr
            assert f"Python >={minor}.50 is not on this machine" in said
            assert f"{real().version}  {OWN}  (it runs envctl)" in said
        assert world.envctl("verify", "--only", "lock").returncode == 0
        plant(planted / f"{minor}.58", version=f"{minor}.58")
        assert "is in sync" in world.envctl("sync").stderr

    def test_it_is_upgraded_in_place(self, world: World, planted: Path) -> None:
        minor = real().minor
        plant(planted / f"{minor}.58", version=f"{minor}.59")
        (finding,) = world.findings("--only", "environment")
        assert finding["code"] == "python-version"
        assert (finding["actual"], finding["expected"]) == (f"{minor}.58", f"{minor}.59")
        world.envctl("sync")
        assert version_of(world) == f"{minor}.59"
        assert world.findings("--only", "environment") == []

    def test_one_that_lies_in_the_project_is_not_started(self, world: World, planted: Path) -> None:
        """A cloned repository could bring a stamp and an interpreter of its own."""
        minor = real().minor
        started = world.root / "started"
        python = plant(
            world.root / "evil", version=f"{minor}.59", start=f"open({str(started)!r}, 'w')\n"
        )
        stamp = (world.root / ".venv").resolve() / "envctl.json"
        old = str(planted / f"{minor}.58" / "bin" / f"python{minor}")
        text = stamp.read_text()
        assert old in text
        stamp.write_text(text.replace(old, str(python)))
        world.envctl("verify", "--only", "environment", code=None)
        assert not started.exists()
