"""`_envctl.pth`: what a Python of the environment that is started directly has, and when it leaves things alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uv import find_uv_bin

from envctl.adapters import injection
from envctl.adapters.venv import pending
from envctl.domain.environment.activation import Activation, declared
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.emitters import inject
from tests.integration.shells.stage import HOSTILE, build
from tests.integration.world import World

DEVICES = "CUDA_VISIBLE_DEVICES"
NETWORK = "NCCL_SOCKET_IFNAME"  # a host variable that no scheduler sets
SEE = "import json, os, sys; print(json.dumps({os.fsdecode(k): v.hex() for k, v in os.environb.items()}))"
CLEAN = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

Seen = dict[str, str]


class Folder:
    """A project's folder with a real environment, and the link to it."""

    def __init__(self, root: Path) -> None:
        self.env = build(root / ".envctl" / "envs" / "one")
        self.link = root / ".venv"
        self.link.symlink_to(self.env)

    def declare(self, values: Mapping[str, str]) -> None:
        put(self.env, self.activation(values))

    def activation(self, values: Mapping[str, str]) -> Activation:
        return Activation(environment=str(self.env), variables=declared(values), inject=True)

    def python(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        prefix: Path | None = None,
        cwd: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        program = (prefix or self.link) / "bin" / "python"
        done = subprocess.run(
            [str(program), *arguments],
            env={**CLEAN, **(env or {})},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == ""  # what a `.pth` file does wrong is printed at each start
        return done

    def see(
        self,
        *options: str,
        env: Mapping[str, str] | None = None,
        prefix: Path | None = None,
        cwd: str | None = None,
    ) -> Seen:
        return decoded(self.python(*options, "-c", SEE, env=env, prefix=prefix, cwd=cwd).stdout)


def decoded(text: str) -> Seen:
    """Read what `SEE` prints: each value's own bytes, as Python spells bytes that are no text."""
    return {
        k: bytes.fromhex(v).decode("utf-8", "surrogateescape") for k, v in json.loads(text).items()
    }


def put(env_dir: Path, activation: Activation) -> bool:
    """Write or remove the file as `sync` does; return whether there was anything to do."""
    contents = injection.changes(env_dir, activation)
    pending.replace(env_dir, contents)
    return bool(contents)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("inject") / "it's a $HOME prö ject")


@pytest.mark.parametrize("options", [(), ("-I",), ("-E",), ("-s",), ("-B", "-O")])
def test_each_way_to_start_it_has_the_variables(folder: Folder, options: tuple[str, ...]) -> None:
    folder.declare({"PLAIN": "1", DEVICES: "2"})
    for prefix in (folder.link, folder.env):
        seen = folder.see(*options, prefix=prefix)
        assert (seen["PLAIN"], seen[DEVICES]) == ("1", "2")


def test_without_site_there_are_none(folder: Folder) -> None:
    folder.declare({"PLAIN": "1"})
    assert "PLAIN" not in folder.see("-S")


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "POSIX"])
def test_values_arrive_byte_for_byte(folder: Folder, locale: str) -> None:
    values = {f"V{n}": value for n, value in enumerate(HOSTILE.values())}
    values["NO_TEXT"] = b"\xff\xfe\x80".decode("utf-8", "surrogateescape")
    folder.declare(values)
    # Neither coerced to UTF-8 (PEP 538, PEP 540): the values' bytes must not depend on the locale.
    env = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    seen = folder.see(env=env)
    assert {name: seen[name] for name in values} == values


TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_characters="\0"),
        st.sampled_from("'\"\\\n\r\x0b\x0c\x1c\x85\u2028{}%#;\udc80\udcff"),
    ),
    max_size=60,
)


@settings(max_examples=15, deadline=None)
@given(values=st.lists(TEXTS, min_size=1, max_size=40))
def test_any_value_arrives_byte_for_byte(folder: Folder, values: list[str]) -> None:
    wanted = {f"V{n}": value for n, value in enumerate(values)}
    folder.declare(wanted)
    assert folder.see().items() >= wanted.items()


def test_a_declared_value_counts_more_than_the_callers_but_for_host_variables(
    folder: Folder,
) -> None:
    folder.declare({"PLAIN": "1", DEVICES: "2", NETWORK: "eth0"})
    seen = folder.see(env={"PLAIN": "mine", DEVICES: "", NETWORK: "ib0"})
    assert (seen["PLAIN"], seen[DEVICES], seen[NETWORK]) == ("1", "", "ib0")


@pytest.mark.parametrize("job", SCHEDULER_JOBS)
def test_a_schedulers_devices_stay_set_or_unset(folder: Folder, job: str) -> None:
    folder.declare({"PLAIN": "1", DEVICES: "2", NETWORK: "eth0"})
    unset = folder.see(env={job: "7"})
    assert (unset["PLAIN"], unset.get(DEVICES), unset[NETWORK]) == ("1", None, "eth0")
    assert folder.see(env={job: "7", DEVICES: "0,1"})[DEVICES] == "0,1"


def test_whoever_came_in_through_envctl_is_left_alone(folder: Folder) -> None:
    folder.declare({"PLAIN": "1", DEVICES: "2"})
    entered = {"VIRTUAL_ENV": str(folder.env), "PLAIN": "mine"}
    for prefix in (folder.link, folder.env):
        seen = folder.see(env=entered, prefix=prefix)
        assert (seen["PLAIN"], seen.get(DEVICES), seen.get(inject.MARK)) == ("mine", None, None)


def test_another_spelling_of_its_folder_is_the_same_environment(
    folder: Folder, tmp_path: Path
) -> None:
    """A home folder behind a link: envctl calls the environment by the path that it was called with."""
    folder.declare({"PLAIN": "1"})
    (tmp_path / "home").symlink_to(folder.link.parent)
    spelled = tmp_path / "home" / folder.env.relative_to(folder.link.parent)
    assert folder.see(env={"VIRTUAL_ENV": str(spelled), "PLAIN": "mine"})["PLAIN"] == "mine"


@pytest.mark.parametrize("other", ["link", "elsewhere", "gone", "", ".", "one"])
def test_what_other_tools_call_the_environment_is_no_entry(
    folder: Folder, other: str, tmp_path: Path
) -> None:
    folder.declare({"PLAIN": "1"})
    named = {"link": str(folder.link), "elsewhere": str(tmp_path), "gone": str(tmp_path / "gone")}
    for cwd in (str(folder.env), str(folder.env.parent)):
        env = {"VIRTUAL_ENV": named.get(other, other), "PLAIN": "mine"}
        assert folder.see(env=env, cwd=cwd)["PLAIN"] == "1"


def test_a_working_folder_that_is_gone_does_no_harm(folder: Folder, tmp_path: Path) -> None:
    folder.declare({"PLAIN": "1"})
    lost = tmp_path / "lost"
    lost.mkdir()
    for virtual_env in ("x", "", str(lost)):
        script = (
            f'cd "{lost}" && rmdir "{lost}"; exec "$0" -c "import os; print(os.environ[\'PLAIN\'])"'
        )
        done = subprocess.run(
            ["/bin/sh", "-c", script, str(folder.link / "bin" / "python")],
            env={**CLEAN, "VIRTUAL_ENV": virtual_env},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "1\n"
        assert "_envctl" not in done.stderr
        lost.mkdir()


CHILD = (
    "import os, subprocess, sys; os.environ.update(X='changed'); del os.environ['Y']; "
    f"subprocess.run([sys.executable, '-c', {SEE!r}])"
)


def test_what_a_program_changes_for_its_children_stays(folder: Folder) -> None:
    folder.declare({"X": "declared", "Y": "declared", "Z": "declared"})
    seen = decoded(folder.python("-c", CHILD).stdout)
    assert (seen["X"], seen.get("Y"), seen["Z"]) == ("changed", None, "declared")
    grandchild = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    assert decoded(folder.python("-c", grandchild).stdout)["X"] == "changed"


def test_the_children_have_them_at_their_own_start(folder: Folder) -> None:
    folder.declare({"PYTHONHASHSEED": "0"})
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(hash(str(1)))'])"
    hashes = {folder.python("-c", code).stdout for _ in range(3)}
    assert len(hashes) == 1
    own = {folder.python("-c", "print(hash(str(1)))").stdout for _ in range(3)}
    assert len(own) > 1  # too late for the process itself: the docs say so


def test_other_values_and_another_environment_count_anew(folder: Folder, tmp_path: Path) -> None:
    folder.declare({"X": "one"})
    seen = folder.see()
    assert folder.see(env=seen | {"X": "mine"})["X"] == "mine"
    folder.declare({"X": "two"})  # as `sync` does under a running program
    assert folder.see(env=seen | {"X": "mine"})["X"] == "two"
    other = Folder(tmp_path)
    other.declare({"X": "one"})
    assert other.see(env=seen | {"X": "mine"})["X"] == "one"


def test_a_moved_environment_still_knows_itself(folder: Folder, tmp_path: Path) -> None:
    folder.declare({"PLAIN": "1"})
    moved = tmp_path / "moved"
    shutil.copytree(folder.env, moved, symlinks=True)
    assert folder.see(prefix=moved)["PLAIN"] == "1"
    entered = {"VIRTUAL_ENV": str(moved), "PLAIN": "mine"}
    assert folder.see(prefix=moved, env=entered)["PLAIN"] == "mine"


class TestTheFile:
    def test_it_is_one_line_of_ascii_and_a_comment(self, folder: Folder) -> None:
        folder.declare({f"V{n}": value for n, value in enumerate(HOSTILE.values())})
        (path,) = folder.env.rglob(inject.NAME)
        about, line = path.read_bytes().decode("ascii").splitlines()
        assert about.startswith("# ")
        assert line.startswith("import ")

    def test_no_secret_stands_in_it(self, folder: Folder) -> None:
        folder.declare({"HF_TOKEN": "hf_secret", "PLAIN": "1"})
        (path,) = folder.env.rglob(inject.NAME)
        assert b"hf_secret" not in path.read_bytes()
        assert "HF_TOKEN" not in folder.see()

    @pytest.mark.parametrize("what", ["nothing", "edited", "link", "folder"])
    def test_whatever_else_stands_there_is_noticed_and_replaced(
        self, folder: Folder, tmp_path: Path, what: str
    ) -> None:
        folder.declare({"PLAIN": "1"})
        (path,) = folder.env.rglob(inject.NAME)
        active = folder.activation({"PLAIN": "1"})
        assert not injection.outdated(folder.env, active)
        stranger = tmp_path / "stranger"
        stranger.write_bytes(path.read_bytes() if what == "link" else b"# mine\n")
        path.unlink()
        if what == "edited":
            path.write_bytes(stranger.read_bytes())
        elif what == "link":
            path.symlink_to(stranger)
        elif what == "folder":
            path.mkdir()
        assert injection.outdated(folder.env, active)
        if what == "folder":
            path.rmdir()
        before = stranger.read_bytes()
        assert put(folder.env, active)
        assert not path.is_symlink()
        assert stranger.read_bytes() == before
        assert not put(folder.env, active)
        assert folder.see()["PLAIN"] == "1"

    def test_it_goes_when_it_is_not_asked_for(self, folder: Folder) -> None:
        folder.declare({"PLAIN": "1"})
        off = Activation(environment=str(folder.env), variables=declared({"PLAIN": "1"}))
        assert injection.outdated(folder.env, off)
        assert put(folder.env, off)
        assert list(folder.env.rglob(inject.NAME)) == []
        assert not injection.outdated(folder.env, off)


def test_which_variables_come_too_late() -> None:
    names = ("A", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", DEVICES, "PYTHONSTARTUP")
    assert inject.late(names) == ("PYTHONHASHSEED", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX")


# Through the whole program.


def direct(world: World, *, env: Mapping[str, str] | None = None) -> Seen:
    return decoded(world.run([str(world.python), "-c", SEE], env=env).stdout)


def test_sync_gives_it_takes_it_and_verify_sees_to_it(synced: World) -> None:
    where = (synced.root / ".venv").resolve()
    pth = synced.site / inject.NAME
    assert direct(synced).get(DEVICES) is None
    synced.edit("pyproject.toml", "[tool.envctl]\n", "[tool.envctl]\ninject = true\n")
    assert synced.codes("--only", "environment") == ["activation-stale"]
    said = synced.envctl("sync").stderr
    assert "`inject` sets PYTHONHASHSEED too late" in said
    assert (synced.root / ".venv").resolve() == where  # nothing was built
    assert (direct(synced)[DEVICES], direct(synced)["PYTHONHASHSEED"]) == ("2", "0")
    assert synced.codes("--only", "environment") == []
    content = pth.read_bytes()

    pth.write_text("")  # another tool, or a person
    assert synced.codes("--only", "environment") == ["activation-stale"]
    synced.envctl("sync")
    assert pth.read_bytes() == content
    again = synced.envctl("sync").stderr
    assert "is in sync" in again
    assert "too late" not in again

    synced.write(".envctl/local.toml", '[env]\nMINE = "1"\nHF_TOKEN = "hf_secret"\n')
    synced.envctl("sync")
    assert direct(synced)["MINE"] == "1"
    assert b"hf_secret" not in pth.read_bytes()

    synced.edit("pyproject.toml", "inject = true\n", "inject = false\n")
    assert synced.codes("--only", "environment") == ["activation-stale"]
    assert "too late" not in synced.envctl("sync").stderr
    assert not pth.exists()
    assert (synced.root / ".venv").resolve() == where
    assert synced.codes("--only", "environment") == []


def test_beside_the_other_ways_in(synced: World) -> None:
    synced.edit("pyproject.toml", "[tool.envctl]\n", "[tool.envctl]\ninject = true\n")
    synced.envctl("sync")
    see = ["python", "-c", SEE]
    ran = synced.envctl("run", "--env", "PYTHONHASHSEED=7", "--", *see)
    assert decoded(ran.stdout)["PYTHONHASHSEED"] == "7"
    shell = f". .venv/bin/activate; PYTHONHASHSEED=8 {DEVICES}=5 python -c '{SEE}'"
    seen = decoded(synced.run(["/bin/sh", "-c", shell]).stdout)
    assert (seen["PYTHONHASHSEED"], seen[DEVICES]) == ("8", "5")
    uv = [find_uv_bin(), "run", "--no-sync", "--offline", *see]
    seen = decoded(synced.run(uv, env={"PYTHONHASHSEED": "9", "VIRTUAL_ENV": ""}).stdout)
    assert (seen["PYTHONHASHSEED"], seen[DEVICES]) == ("0", "2")
    assert seen["VIRTUAL_ENV"] == str(synced.root / ".venv")
    here = sys.executable  # not of this environment
    assert direct(synced)[DEVICES] == "2"
    assert DEVICES not in decoded(synced.run([here, "-c", SEE]).stdout)
