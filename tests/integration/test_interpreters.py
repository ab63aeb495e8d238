"""Which interpreter is found, from where, and what is said when none serves: with real Pythons in made-up places."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pythons import BUILDS, OWN, plant, real, script

_FIND = """
import json, sys
from envctl.adapters.interpreters import find
from envctl.adapters.process import run
from envctl.errors import InterpreterError
python, requires, kept = json.loads(sys.argv[1])
try:
    found = find(python, requires, run=run, kept=kept)
    said = {"path": found.path, "version": found.version}
except InterpreterError as error:
    said = {"message": error.message, "where": error.where, "hint": error.hint}
print(json.dumps(said | {"searched": "python_discovery" in sys.modules}))
"""
Put = Callable[["Machine", str], Path]
UV_KEY = "cpython-{}-linux-x86_64-gnu"


@dataclass
class Machine:
    """A home folder, a ``PATH`` and whatever interpreters a test puts there."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / "home"

    def look(
        self, python: str | None = None, requires: str | None = None, kept: Path | None = None
    ) -> dict[str, Any]:
        """Search in a process of its own: nothing that this one remembers counts."""
        question = json.dumps([python, requires, str(kept) if kept else None])
        done = subprocess.run(
            [sys.executable, "-c", _FIND, question],
            env={
                "HOME": str(self.home),
                "PATH": str(self.root / "bin"),
                "PY_DISCOVERY_TIMEOUT": "20",
                "PYTHONPATH": os.pathsep.join(sys.path),
                **self.environ,
            },
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        (line,) = done.stdout.splitlines()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def version(self, python: str | None = None, requires: str | None = None) -> str | None:
        version: str | None = self.look(python, requires).get("version")
        return version

    def pyenv(self, version: str, **how: Any) -> Path:
        return plant(self.home / ".pyenv" / "versions" / version, version=version, **how)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "a machine")
    (made.root / "bin").mkdir(parents=True)
    made.home.mkdir()
    return made


def on_path(machine: Machine, version: str) -> Path:
    made = plant(machine.root / "opt" / version, version=version)
    (machine.root / "bin" / "python3").unlink(missing_ok=True)
    (machine.root / "bin" / "python3").symlink_to(made)
    return made


def in_uv(machine: Machine, version: str) -> Path:
    store = machine.home / ".local/share/uv/python"
    return plant(store / UV_KEY.format(version), version=version)


def in_uv_chosen(machine: Machine, version: str) -> Path:
    store = machine.root / "uv's"
    machine.environ["UV_PYTHON_INSTALL_DIR"] = str(store)
    return plant(store / UV_KEY.format(version), version=version)


def in_pyenv_chosen(machine: Machine, version: str) -> Path:
    machine.environ["PYENV_ROOT"] = str(machine.root / "pyenv")
    return plant(machine.root / "pyenv/versions" / version, version=version)


def conda(prefix: Path, version: str) -> Path:
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / f"python-{version}-h955ad1f_0.json").touch()
    return plant(prefix, version=version)


def in_conda(machine: Machine, version: str) -> Path:
    return conda(machine.home / "miniforge3", version)


def in_conda_environment(machine: Machine, version: str) -> Path:
    return conda(machine.home / "miniforge3/envs/data science", version)


def in_conda_remembered(machine: Machine, version: str) -> Path:
    prefix = machine.root / "elsewhere"
    remembered = machine.home / ".conda/environments.txt"
    remembered.parent.mkdir()
    remembered.write_text(f"/not/there\n\n{prefix}\n")
    return conda(prefix, version)


def in_conda_active(machine: Machine, version: str) -> Path:
    machine.environ["CONDA_PREFIX"] = str(machine.root / "active")
    return conda(machine.root / "active", version)


def in_mise(machine: Machine, version: str) -> Path:
    return plant(machine.home / ".local/share/mise/installs/python" / version, version=version)


def in_asdf(machine: Machine, version: str) -> Path:
    return plant(machine.home / ".asdf/installs/python" / version, version=version)


PLACES: Mapping[str, tuple[Put, str]] = {
    "PATH": (on_path, "PATH"),
    "uv": (in_uv, "uv"),
    "uv, chosen": (in_uv_chosen, "uv"),
    "pyenv": (Machine.pyenv, "pyenv"),
    "pyenv, chosen": (in_pyenv_chosen, "pyenv"),
    "mise": (in_mise, "mise, asdf"),
    "asdf": (in_asdf, "mise, asdf"),
    "conda": (in_conda, "conda"),
    "conda, environment": (in_conda_environment, "conda"),
    "conda, remembered": (in_conda_remembered, "conda"),
    "conda, active": (in_conda_active, "conda"),
}


@pytest.mark.parametrize("place", PLACES)
def test_it_is_found_wherever_it_lies(machine: Machine, place: str) -> None:
    put, source = PLACES[place]
    made = put(machine, "3.42.1")
    for demand in (("3.42", None), ("3.42.1", None), (None, ">=3.40,<3.43")):
        found = machine.look(*demand)
        assert found["version"] == "3.42.1", found
        assert Path(found["path"]).samefile(made)
    said = machine.look("3.43")["hint"]
    assert f"3.42.1  {made}  ({source})" in said.replace("//", "/")
    assert machine.version("3.42.2") is None


class TestChoice:
    def test_the_one_that_runs_envctl_needs_no_search(self, machine: Machine) -> None:
        machine.environ["PATH"] = "/nonexistent"
        own = real()
        for demand in ((None, None), (own.minor, None), (own.version, None), (None, ">=3.9")):
            assert machine.look(*demand) == {"path": OWN, "version": own.version, "searched": False}

    def test_the_path_then_uv_then_pyenv_then_conda(self, machine: Machine) -> None:
        order: list[Put] = [on_path, in_uv, Machine.pyenv, in_conda]
        for patch, put in enumerate(reversed(order)):
            put(machine, f"3.42.{patch}")
            assert machine.version("3.42") == f"3.42.{patch}"

    def test_a_range_takes_the_newest_minor(self, machine: Machine) -> None:
        on_path(machine, "3.42.5")
        machine.pyenv("3.43.0")
        machine.pyenv("3.44.1")
        assert machine.version(None, ">=3.42,<3.44") == "3.43.0"
        assert machine.version(None, "==3.42.*") == "3.42.5"
        assert machine.version(None, ">=3.42") == "3.44.1"

    def test_pyenv_newest_first_and_the_one_that_is_switched_on_before(
        self, machine: Machine
    ) -> None:
        for version in ("3.42.2", "3.42.10", "3.42.9"):
            machine.pyenv(version)
        assert machine.version("3.42") == "3.42.10"
        shims = machine.home / ".pyenv/shims"
        script(shims / "python3.42", "#!/bin/sh\nexit 127\n")
        machine.environ["PATH"] = str(shims)
        assert machine.version("3.42") == "3.42.10"
        (machine.home / ".pyenv/version").write_text("system\n3.42.2\n")
        assert machine.version("3.42") == "3.42.2"
        (machine.root / ".python-version").write_text("# ours\n3.42.9\n")
        assert machine.version("3.42") == "3.42.9"
        machine.environ["PYENV_VERSION"] = "3.42"
        assert machine.version("3.42") == "3.42.10"

    def test_an_early_release_only_when_it_is_asked_for(self, machine: Machine) -> None:
        machine.pyenv("3.43.0a2")
        machine.pyenv("3.43.0rc1")
        for demand in ((None, ">=3.42"), ("3.43.0", None)):
            said = machine.look(*demand)["hint"].partition("these do not serve:")[2]
            assert [": a pre-release" in line for line in said.splitlines()[1:]] == [True, True]
        assert machine.version(None, ">=3.43.0a1") == "3.43.0rc1"
        assert machine.version("3.43", ">=3.43") == "3.43.0rc1"
        machine.pyenv("3.43.0")
        assert machine.version("3.43") == "3.43.0"
        assert machine.version(None, ">=3.43.0a1") == "3.43.0"

    def test_the_one_behind_the_environment_stays(self, machine: Machine) -> None:
        kept = machine.pyenv("3.42.1")
        on_path(machine, "3.42.9")
        machine.pyenv("3.43.0")
        assert machine.look("3.42", kept=kept)["version"] == "3.42.1"
        assert machine.look(None, ">=3.42", kept=kept)["version"] == "3.42.1"
        assert machine.look("3.43", kept=kept)["version"] == "3.43.0"
        assert machine.look(None, None, kept=kept)["version"] == "3.42.1"
        kept.unlink()
        assert machine.look("3.42", kept=kept)["version"] == "3.42.9"

    def test_a_virtual_environment_stands_for_what_is_behind_it(self, machine: Machine) -> None:
        made = plant(machine.root / "opt", version=f"{real().minor}.99")
        venv = [str(made), "-m", "venv", "--without-pip", str(machine.root / "venv")]
        subprocess.run(venv, check=True)
        machine.environ["PATH"] = str(machine.root / "venv/bin")
        assert machine.look(f"{real().minor}.99")["path"] == str(made)

    def test_personal_settings_of_python_are_not_for_every_interpreter(
        self, machine: Machine
    ) -> None:
        machine.pyenv("3.42.1")
        (machine.root / "trap").mkdir()
        (machine.root / "trap/json.py").write_text("raise SystemExit('trap')\n")
        before = f"import os; os.environ['PYTHONPATH'] = {str(machine.root / 'trap')!r}\n"
        question = json.dumps(["3.42", None, None])
        done = subprocess.run(
            [sys.executable, "-c", before + _FIND, question],
            env={"HOME": str(machine.home), "PATH": "", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert json.loads(done.stdout)["version"] == "3.42.1"


class TestAnswers:
    def test_an_answer_is_remembered_until_the_interpreter_changes(self, machine: Machine) -> None:
        starts = machine.root / "starts"
        log = f"open({str(starts)!r}, 'a').write('x')\n"
        made = machine.pyenv("3.42.1", start=log)
        assert machine.version("3.42") == "3.42.1"
        asked = starts.read_text()
        assert asked
        assert machine.version("3.42") == "3.42.1"
        assert starts.read_text() == asked
        plant(made.parents[1], version="3.42.7")
        assert machine.version("3.42") == "3.42.7"
        assert machine.version("3.42.1") is None

    def test_where_nothing_can_be_remembered(self, machine: Machine) -> None:
        machine.pyenv("3.42.1")
        (machine.root / "file").touch()
        machine.environ["XDG_CACHE_HOME"] = str(machine.root / "file")
        assert machine.version("3.42") == "3.42.1"

    def test_what_one_prints_when_it_starts_is_no_output_of_ours(self, machine: Machine) -> None:
        made = plant(machine.root / "opt", version="3.42.1", start="print('WELCOME')\n")
        done = subprocess.run(
            [sys.executable, "-c", _FIND, json.dumps(["3.42", None, None])],
            env={
                "HOME": str(machine.home),
                "PATH": str(made.parent),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)["version"] == "3.42.1"
        assert "WELCOME" in done.stderr

    @pytest.mark.parametrize("build", BUILDS)
    def test_another_build_is_passed_over_and_said_to_be_one(
        self, machine: Machine, build: str
    ) -> None:
        odd = plant(machine.root / "opt", version="3.42.9", build=build)
        (machine.root / "bin" / "python3.42").symlink_to(odd)
        words = {
            "free-threaded": "a free-threaded build",
            "debug": "a debug build",
            "PyPy": "PyPy, not CPython",
            "32-bit": "a 32-bit build for ",
            "other machine": "build for arm64",
        }
        assert words.keys() == BUILDS.keys()
        said = machine.look("3.42")["hint"]
        assert "these do not serve:" in said
        (line,) = [line for line in said.splitlines() if words[build] in line]
        assert "3.42.9" in line
        assert machine.version("3.43.1") is None
        machine.pyenv("3.42.1")
        assert machine.version("3.42") == "3.42.1"
        assert machine.version(None, ">=3.42") == "3.42.1"


def exits(path: Path) -> None:
    script(path, "#!/bin/sh\necho 'no such version' >&2\nexit 127\n")


def hangs(path: Path) -> None:
    script(path, "#!/bin/sh\nexec sleep 600\n")


def prints_garbage(path: Path) -> None:
    script(path, "#!/bin/sh\necho hello\n")


def never_stops(path: Path) -> None:
    script(path, "#!/bin/sh\nexec yes\n")


def binary_garbage(path: Path) -> None:
    script(path, "")
    path.write_bytes(b"\x7fELF" + bytes(range(256)))


def empty(path: Path) -> None:
    script(path, "")


def no_interpreter_line(path: Path) -> None:
    script(path, "#!/not/there\n")


def dies(path: Path) -> None:
    script(path, "#!/bin/sh\nkill -9 $$\n")


def is_old(path: Path) -> None:
    script(
        path,
        "#!/bin/sh\nprintf 'unsupported Python version 2.7.18\\n%s' \"$0\" >&2\nexit 79\n",
    )


BROKEN = {
    each.__name__: each
    for each in (
        *(exits, hangs, prints_garbage, never_stops, binary_garbage, empty),
        *(no_interpreter_line, dies, is_old),
    )
}


class TestBroken:
    @pytest.mark.parametrize("fault", BROKEN)
    def test_it_is_passed_over_and_said_to_be_broken(self, machine: Machine, fault: str) -> None:
        machine.environ["PY_DISCOVERY_TIMEOUT"] = "1"
        places = [
            machine.root / "bin/python3.42",
            machine.home / ".pyenv/versions/3.42.9/bin/python",
        ]
        for path in places[: 1 if fault == "hangs" else 2]:
            BROKEN[fault](path)
        said = machine.look("3.42")["hint"]
        assert f"?  {places[0]}  (PATH): does not start, or does not say what it is" in said
        machine.pyenv("3.42.1")
        assert machine.version("3.42") == "3.42.1"

    def test_what_cannot_be_started_is_not_tried(self, machine: Machine) -> None:
        script(machine.root / "bin/python3.42", "#!/bin/sh\n").chmod(0o644)
        (machine.root / "bin/python3").symlink_to("/not/there")
        (machine.root / "bin/python").symlink_to("python")
        (machine.home / ".pyenv/versions/3.42.9/bin").mkdir(parents=True)
        (machine.home / ".pyenv/versions/3.42.8/bin/python").mkdir(parents=True)
        (machine.home / ".pyenv/versions/3.42.7").symlink_to("/not/there")
        store = machine.home / ".local/share/uv/python"
        (store / UV_KEY.format("3.42.9")).mkdir(parents=True)
        (store / ".lock").touch()
        assert "message" in machine.look("3.42")
        machine.pyenv("3.42.1")
        assert machine.version("3.42") == "3.42.1"

    def test_a_hanging_one_is_left_after_seconds(self, machine: Machine) -> None:
        """Of itself python_discovery waits for 15 seconds, twice."""
        limit = machine.root / "limit"
        hang = f'#!/bin/sh\necho "$PY_DISCOVERY_TIMEOUT" >{str(limit)!r}\nexit 1\n'
        script(machine.root / "bin/python3.42", hang)
        machine.environ["PY_DISCOVERY_TIMEOUT"] = ""
        machine.look("3.42")
        assert limit.read_text() == "5\n"


class TestMissing:
    def test_it_says_what_is_there_and_what_installs_it(self, machine: Machine) -> None:
        machine.pyenv("3.42.1")
        said = machine.look("3.13.99")
        assert said["message"] == "Python 3.13.99 is not on this machine"
        assert said["where"] == "pyproject.toml: tool.envctl.python"
        assert "nothing here installs that version" in said["hint"]
        assert f"{real().version}  {OWN}  (it runs envctl)" in said["hint"]

    def test_uv_first_as_it_can_be_called_here(self, machine: Machine) -> None:
        other = "3.13" if real().minor != "3.13" else "3.12"
        first = machine.look(other)["hint"].splitlines()[:2]
        assert first[0] == "install it:"
        assert first[1].endswith(f" -m uv python install {other}")
        script(machine.root / "bin/uv", "#!/bin/sh\n")
        second = machine.look(other)["hint"].splitlines()[1]
        assert second.strip() == f"uv python install {other}"
        # The command is a real one: uv knows the version that it names.
        argv = [*shlex.split(first[1]), "--dry-run"]
        assert argv[1:5] == ["-m", "uv", "python", "install"]
        known = subprocess.run(
            [sys.executable, "-m", "uv", "python", "list", "--only-downloads", other],
            env={"HOME": str(machine.home), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"cpython-{other}." in known.stdout

    def test_a_range_gets_the_newest_finished_release(self, machine: Machine) -> None:
        hint = machine.look(None, "==3.12.*" if real().minor != "3.12" else "==3.13.*")["hint"]
        minor = "3.12" if real().minor != "3.12" else "3.13"
        assert hint.splitlines()[1].endswith(f"uv python install {minor}")
        assert "let `project.requires-python` take one of these" in hint

    def test_pyenv_where_it_knows_the_version(self, machine: Machine) -> None:
        definitions = machine.home / ".pyenv/plugins/python-build/share/python-build"
        definitions.mkdir(parents=True)
        for name in (
            "3.42.1",
            "3.42.10",
            "3.42.9",
            "3.42-dev",
            "3.42.11t",
            "3.42.12rc1",
            "patches",
        ):
            (definitions / name).touch()
        assert "  pyenv install 3.42.10\n" in machine.look("3.42")["hint"]
        assert "  pyenv install 3.42.9\n" in machine.look("3.42.9")["hint"]
        assert "pyenv install" not in machine.look("3.41")["hint"]

    def test_the_system_and_conda_where_they_have_it(self, machine: Machine) -> None:
        other = "3.13" if real().minor != "3.13" else "3.12"
        assert "conda create" not in machine.look(other)["hint"]
        script(machine.root / "bin/mamba", "#!/bin/sh\n")
        policy = (
            f"#!/bin/sh\nprintf 'python:\\n  Installed: (none)\\n  Candidate: {other}.5-1\\n'\n"
        )
        script(machine.root / "bin/apt-cache", policy)
        said = machine.look(other)["hint"]
        assert f"  mamba create --name python{other} python={other}\n" in said
        assert f"apt-get install python{other}\n" in said
        script(machine.root / "bin/apt-cache", "#!/bin/sh\necho '  Candidate: (none)'\n")
        assert "apt-get" not in machine.look(other)["hint"]

    def test_what_the_project_itself_forbids_is_not_offered(self, machine: Machine) -> None:
        machine.pyenv("3.42.1")
        machine.pyenv("3.44.0")
        machine.pyenv("3.8.20")
        said = machine.look("3.45", ">=3.43")["hint"]
        assert "3.44.0  /" in said
        assert "3.42.1" not in said
        assert real().version not in said
        assert "3.8.20" not in machine.look(None, ">=3.45")["hint"]
