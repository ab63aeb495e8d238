"""Files through which other tools enter the environment, given to those tools: Jupyter, direnv; and an editor's."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import tomli_w
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from tests.index.server import LocalIndex
from tests.integration.shells.stage import HOSTILE, build, fill
from tests.integration.world import STOCK, World

DEVICES = "CUDA_VISIBLE_DEVICES"
VALUES = {f"V{n}": value for n, value in enumerate(HOSTILE.values())}
SEE = (
    "import json, os, sys; print(json.dumps("
    "[sys.prefix, os.getcwd(), {os.fsdecode(k): v.hex() for k, v in os.environb.items()}]))"
)


class Seen(dict[str, str]):
    """A process's variables, and where it runs."""

    prefix = ""
    cwd = ""


def decoded(text: str) -> Seen:
    prefix, cwd, pairs = json.loads(text)
    seen = Seen({k: bytes.fromhex(v).decode("utf-8", "surrogateescape") for k, v in pairs.items()})
    seen.prefix, seen.cwd = prefix, cwd
    return seen


def manifest(env: Mapping[str, str], name: str = "demo") -> str:
    project = {"name": name, "version": "1", "dependencies": []}
    return tomli_w.dumps({"project": project, "tool": {"envctl": {"env": dict(env)}}})


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with LocalIndex(mode="html") as served:
        served.add(*STOCK)
        yield served


@pytest.fixture
def bare(tmp_path: Path, index: LocalIndex) -> World:
    """Give a folder with a manifest; nothing is locked."""
    root = tmp_path / "pro ject"
    root.mkdir()
    world = World(root=root, index=index, environ={"HOME": str(tmp_path)})
    world.write("pyproject.toml", manifest(VALUES | {DEVICES: "2"}))
    return world


ODD = 'it\'s a $HOME {prefix} {connection_file} `id` \\n "prö" ject'


class TestKernel:
    """Jupyter's own reading of the file, started by Jupyter and, with a stand-in for ipykernel, by hand."""

    @pytest.fixture
    def world(self, tmp_path: Path, index: LocalIndex) -> World:
        root = tmp_path / ODD
        root.mkdir()
        world = World(root=root, index=index, environ={"HOME": str(tmp_path)})
        world.write("pyproject.toml", manifest(VALUES | {DEVICES: "2"}))
        environment = build(root / ".envctl" / "envs" / "one")
        (root / ".venv").symlink_to(environment)
        fill(environment, VALUES | {DEVICES: "2", "PYTHONHASHSEED": "0"})
        return world

    def spec(self, world: World, tmp_path: Path) -> KernelSpec:
        world.envctl("export", "kernel", "--output", "kernel/kernel.json")
        manager = KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")])
        manager.ensure_native_kernel = False
        where = tmp_path / "kernels" / "demo"
        shutil.copytree(world.root / "kernel", where)
        return manager.get_kernel_spec("demo")

    def start(
        self, world: World, spec: KernelSpec, env: Mapping[str, str], *, cwd: Path | None = None
    ) -> Seen:
        """Start it as Jupyter would, but with a module in place of ipykernel that tells what it sees."""
        (world.site / "ipykernel_launcher.py").write_text(
            f"import sys; assert sys.argv[1:] == ['-f', 'the file'], sys.argv; {SEE}"
        )
        argv = [arg.replace("{connection_file}", "the file") for arg in spec.argv]
        done = subprocess.run(
            argv,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **env},
            cwd=cwd or world.root,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return decoded(done.stdout)

    def test_jupyter_starts_it_with_the_variables(self, world: World, tmp_path: Path) -> None:
        spec = self.spec(world, tmp_path)
        assert (spec.display_name, spec.language) == ("demo", "python")
        # The environment has no ipykernel of its own here: this test's is the same Python's.
        here = [path for path in sys.path if path.endswith("-packages")]
        (world.site / "tests.pth").write_text("\n".join(here))
        script = f"""
import sys
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
specs = KernelSpecManager(kernel_dirs=[{str(tmp_path / "kernels")!r}])
kernels = KernelManager(kernel_name="demo", kernel_spec_manager=specs)
kernels.start_kernel(cwd={str(tmp_path)!r})
client = kernels.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=60)
    client.execute_interactive({SEE!r}, timeout=60)
    client.execute_interactive("import sys; print(hash('a'))", timeout=60)
finally:
    client.stop_channels()
    kernels.shutdown_kernel(now=True)
"""
        done = world.run([sys.executable, "-W", "ignore", "-c", script], env={DEVICES: "5"})
        line, seed = done.stdout.splitlines()
        seen = decoded(line)
        assert {name: seen[name] for name in VALUES} == VALUES
        assert seen[DEVICES] == "5"
        assert seen.cwd == str(tmp_path)
        real = (world.root / ".venv").resolve()
        assert seen.prefix == seen["VIRTUAL_ENV"] == str(real)
        assert seen["PATH"].startswith(f"{real}/bin:")
        zero = world.run(["python3", "-c", "print(hash('a'))"], env={"PYTHONHASHSEED": "0"})
        assert seed == zero.stdout.strip()

    def test_whose_word_counts(self, world: World, tmp_path: Path) -> None:
        spec = self.spec(world, tmp_path)
        assert self.start(world, spec, {})[DEVICES] == "2"
        assert self.start(world, spec, {"V1": "mine"})["V1"] == VALUES["V1"]
        for value in ("", "0,1", HOSTILE["newlines"], HOSTILE["backticks"]):
            seen = self.start(world, spec, {DEVICES: value})
            assert seen[DEVICES] == value
        assert DEVICES not in self.start(world, spec, {"SLURM_JOB_ID": "7"})
        assert self.start(world, spec, {"SLURM_JOB_ID": "7", DEVICES: "3"})[DEVICES] == "3"

    def test_it_leaves_nothing_else_behind(self, world: World, tmp_path: Path) -> None:
        before = {DEVICES: "5", "PS1": "mine", "n": "mine", "IFS": ":", "_ENVCTL": "mine"}
        seen = self.start(world, self.spec(world, tmp_path), before)
        assert {name: seen.get(name) for name in before if name != "IFS"} == {
            name: value for name, value in before.items() if name != "IFS"
        }
        names = {*VALUES, *before, "PATH", "LC_ALL", "PWD", "OLDPWD", "_", "SHLVL"}
        own = {"VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHASHSEED", "PKG_CONFIG_PATH"}
        assert {*seen} <= names | own | {"TCL_LIBRARY", "TK_LIBRARY"}

    def test_the_environment_is_the_one_of_today(self, world: World, tmp_path: Path) -> None:
        spec = self.spec(world, tmp_path)
        other = build(world.root / ".envctl" / "envs" / "two")
        fill(other, {"V1": "other"})
        (world.root / ".venv").unlink()
        (world.root / ".venv").symlink_to(other)
        seen = self.start(world, spec, {})
        assert (seen["V1"], seen.prefix) == ("other", str(other))

    def test_without_an_environment_it_says_so(self, world: World, tmp_path: Path) -> None:
        spec = self.spec(world, tmp_path)
        (world.root / ".venv").unlink()
        done = subprocess.run(spec.argv, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr == (
            f"envctl: there is no environment at {world.root}/.venv: run `envctl sync`\n"
        )


def test_a_kernel_needs_ipykernel_in_the_lock(world: World) -> None:
    assert "warning" not in world.envctl("export", "kernel").stderr
    world.envctl("lock")
    assert "the lock has no `ipykernel`" in world.envctl("export", "kernel").stderr


def in_direnv(folder: Path, index: LocalIndex) -> World:
    """Make a project whose `.envrc` direnv may read; envctl is on PATH."""
    if shutil.which("direnv") is None:
        reason = "`direnv` is not installed (Debian's package direnv)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    programs = folder / "programs"
    programs.mkdir()
    envctl = programs / "envctl"
    envctl.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m envctl "$@"\n')
    envctl.chmod(0o755)
    root = folder / "it's a pro ject"
    root.mkdir()
    environ = {
        "UV_CACHE_DIR": str(folder / "uv cache"),
        "UV_HTTP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
        "HOME": str(folder),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    world = World(root=root, index=index, environ=environ)
    world.write("pyproject.toml", world.manifest())
    world.envctl("export", "direnv", "--output", ".envrc")
    world.run(["direnv", "allow"])
    return world


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory, index: LocalIndex) -> World:
    world = in_direnv(tmp_path_factory.mktemp("direnv"), index)
    world.envctl("lock")
    world.envctl("sync")
    return world


class TestDirenv:
    """The real direnv, in a project that is really synced."""

    def inside(self, world: World, *, env: Mapping[str, str] | None = None) -> Seen:
        done = world.run(["direnv", "exec", ".", "python3", "-c", SEE], env=env)
        return decoded(done.stdout)

    def test_without_an_environment_the_prompt_still_comes(
        self, tmp_path: Path, index: LocalIndex
    ) -> None:
        done = in_direnv(tmp_path, index).run(["direnv", "export", "bash"])
        assert "there is no finished environment" in done.stderr
        assert "run `envctl sync`" in done.stderr
        assert "DIRENV_WATCHES" in done.stdout  # it looks again once there is one
        assert "VIRTUAL_ENV" not in done.stdout

    def test_what_it_sets_and_what_comes_back(self, entered: World) -> None:
        entered.write(".envctl/local.toml", tomli_w.dumps({"env": VALUES}))
        entered.envctl("sync")
        seen = self.inside(entered, env={"V1": "mine"})
        assert {name: seen[name] for name in VALUES} == VALUES
        assert (seen[DEVICES], seen["PYTHONHASHSEED"]) == ("2", "0")
        assert seen["VIRTUAL_ENV"] == str((entered.root / ".venv").resolve())
        assert seen["PATH"].startswith(f"{seen['VIRTUAL_ENV']}/bin:")
        assert not [
            name for name in seen if name.lower().startswith(("_envctl", "envctl_", "_old"))
        ]

        assert "PS1" not in entered.run(["direnv", "export", "bash"]).stdout
        # As the hook in a prompt does: in the folder, outside it, and in it again.
        see = shlex.join(["python3", "-c", SEE])
        steps = f"""
hook () {{ eval "$(direnv export bash)"; {see}; }}
export V1=mine V2= {DEVICES}=7
unset V3
cd /; hook; cd "$OLDPWD"; hook; cd /; hook; cd "$OLDPWD"; hook
"""
        done = entered.run(["bash", "--norc", "-c", steps])
        outside, inside, left, again = map(decoded, done.stdout.splitlines())
        assert {name: inside[name] for name in VALUES} == VALUES
        assert inside[DEVICES] == "2"
        own = {"_", "SHLVL", "OLDPWD", "PWD"}
        assert {k: v for k, v in left.items() if k not in own} == {
            k: v for k, v in outside.items() if k not in own
        }
        assert (left["V1"], left["V2"], left.get("V3"), left[DEVICES]) == ("mine", "", None, "7")
        assert {name: again[name] for name in VALUES} == VALUES

    def test_it_looks_again_when_something_that_counts_has_changed(self, entered: World) -> None:
        entered.write(".envctl/local.toml", '[env]\nV1 = "one"\n')
        entered.envctl("sync")
        steps = entered.root.parent / "steps"
        steps.mkdir()
        (steps / "two").write_text('[env]\nV1 = "two"\n')
        (steps / "three").write_text("env-file = [\n  \"other.env\", 'my secrets.env',\n]\n")
        (entered.root / "other.env").write_text("")
        (entered.root / "my secrets.env").write_text("V2=three\n")
        # direnv compares times in seconds.
        script = """
hook () { eval "$(direnv export bash)"; printf "%s|" "${V1-}${V2-}"; }
put () { cp ../steps/"$1" "$2"; touch -d "+$3 seconds" "$2"; }
hook
put two .envctl/local.toml 10; hook
put three .envctl/local.toml 20; hook
echo V2=four > "my secrets.env"; touch -d "+30 seconds" "my secrets.env"; hook
hook
"""
        done = entered.run(["bash", "--norc", "-c", script])
        assert done.stdout == "one|two|three|four|four|"

    def test_inside_a_job_the_devices_are_the_schedulers(self, entered: World) -> None:
        assert DEVICES not in self.inside(entered, env={"SLURM_JOB_ID": "7"})
        assert self.inside(entered, env={"SLURM_JOB_ID": "7", DEVICES: "3"})[DEVICES] == "3"

    def test_without_envctl_it_says_so(self, entered: World) -> None:
        path = ":".join(
            folder
            for folder in entered.environ["PATH"].split(":")
            if not (Path(folder) / "envctl").exists()
        )
        done = entered.run(["direnv", "export", "bash"], env={"PATH": path})
        assert "envctl is not on PATH" in done.stderr
        assert "VIRTUAL_ENV" not in done.stdout


def read_settings(text: str) -> dict[str, object]:
    comment, _, rest = text.partition("\n")
    assert comment.startswith("// ")
    found: dict[str, object] = json.loads(rest)
    return found


class TestVscode:
    def test_the_settings(self, bare: World) -> None:
        done = bare.envctl("export", "vscode")
        settings = read_settings(done.stdout)
        assert settings["python.defaultInterpreterPath"] == "${workspaceFolder}/.venv/bin/python"
        for key in ("terminal.integrated.env.linux", "terminal.integrated.env.osx"):
            kept = {name: value for name, value in VALUES.items() if "${" not in value}
            assert settings[key] == kept
        left = next(name for name, value in VALUES.items() if "${" in value)
        assert f"warning: {left} has `${{`" in done.stderr
        assert f"warning: {DEVICES} means something on one machine only" in done.stderr

    def test_the_profile_decides(self, bare: World) -> None:
        text = manifest({"A": "all", "B": "all"})
        profiles = {"one": {"env": {"B": "1"}}, "two": {"env": {"B": "2"}}}
        text += tomli_w.dumps({"tool": {"envctl": {"profiles": profiles}}})
        bare.write("pyproject.toml", text)
        settings = read_settings(bare.envctl("export", "vscode", "--profile", "two").stdout)
        assert settings["terminal.integrated.env.linux"] == {"A": "all", "B": "2"}

    def test_nothing_declared(self, bare: World) -> None:
        bare.write("pyproject.toml", manifest({}))
        assert set(read_settings(bare.envctl("export", "vscode").stdout)) == {
            "python.defaultInterpreterPath",
            "python.terminal.activateEnvironment",
        }


FILES = {"kernel": "kernel/kernel.json", "direnv": ".envrc", "vscode": ".vscode/settings.json"}


@pytest.mark.parametrize(("name", "file"), FILES.items())
class TestEach:
    def test_the_same_bytes_each_time(self, bare: World, name: str, file: str) -> None:
        text = bare.envctl("export", name).stdout
        assert f"wrote {file}" in bare.envctl("export", name, "--output", file).stderr
        assert bare.read(file) == text
        assert f"{file} is up to date" in bare.envctl("export", name, "--output", file).stderr
        report = bare.json("export", name)
        assert (report["ok"], report["result"]["text"]) == (True, text)

    def test_only_what_envctl_wrote_is_replaced(self, bare: World, name: str, file: str) -> None:
        bare.write(file, "mine\n")
        done = bare.envctl("export", name, "--output", file, code=3)
        assert "it is not replaced" in done.stderr
        assert f"`envctl export {name}`" in done.stderr
        assert bare.read(file) == "mine\n"

        (bare.root / file).unlink()
        bare.envctl("export", name, "--output", file)
        written = bare.read(file)
        bare.write(file, written.replace("\n", "\r\n"))  # git may do that
        bare.envctl("export", name, "--output", file)
        assert bare.read(file) == written
        bare.write(file, f"{written}\n")
        bare.envctl("export", name, "--output", file, code=3)

    def test_a_name_that_the_tool_would_not_find(self, bare: World, name: str, file: str) -> None:
        wrong = "sub/.envrc" if name == "direnv" else "other.json"
        done = bare.envctl("export", name, "--output", wrong, code=2)
        assert "cannot name such a file" in done.stderr
        assert not (bare.root / wrong).exists()

    def test_a_manifest_that_changed_is_written_anew(
        self, bare: World, name: str, file: str
    ) -> None:
        bare.envctl("export", name, "--output", file)
        bare.write("pyproject.toml", manifest({"A": "1"}, name="other"))
        done = bare.envctl("export", name, "--output", file)
        said = f"{file} is up to date" if name == "direnv" else f"replaced {file}"
        assert said in done.stderr

    def test_no_secret_of_ones_own_stands_in_it(self, bare: World, name: str, file: str) -> None:
        bare.write(".envctl/local.toml", '[env]\nHF_TOKEN = "hf_secret"\nMINE = "my own"\n')
        text = bare.envctl("export", name, "--output", file)
        assert "hf_secret" not in bare.read(file) + text.stderr
        assert "my own" not in bare.read(file)
