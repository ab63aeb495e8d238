"""`envctl run` leaves a description of the run and names it to the command; `describe` says the same and more."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from envctl import quick
from envctl.domain.runs.reading import from_json
from envctl.runs.pruning import KEPT
from tests import machines
from tests.integration.sharing import GPUS, shared_box
from tests.integration.trouble import (
    call,
    environment,
    fill,
    mounted,
    project,
    put_back,
    read_only,
)
from tests.integration.world import World

WAYS = {
    "fast": (sys.executable, "-m", "envctl"),
    "whole": (sys.executable, "-c", "from envctl.cli import cli; cli(prog_name='envctl')"),
}
SECRET = "hunter2-7d1e"
OWN = ("id", "time")
"""What no two runs have in common."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("run-file")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    assert call(made, "run", "true").code == 0
    shutil.rmtree(runs(made))
    return made


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def runs(world: World) -> Path:
    return world.root / ".envctl" / "runs"


def start(
    world: World,
    way: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    code: int = 0,
    cwd: Path | None = None,
) -> str:
    """Start `envctl run` one way or the other; return what the command printed."""
    done = subprocess.run(
        [*WAYS[way], "run", *arguments],
        cwd=cwd or world.root,
        env={**environment(world), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    return done.stdout


def told(
    world: World, way: str, *options: str, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the description that a command is given."""
    text = start(world, way, *options, "--", "sh", "-c", 'cat "$ENVCTL_RUN"', env=env)
    found: dict[str, Any] = json.loads(text)
    return found


def settings(found: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: each["value"] for name, each in found["variables"].items()}


def described(world: World, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    found = call(world, "describe", "--json", env=env).envelope()
    assert (found["command"], found["ok"]) == ("describe", True)
    result: dict[str, Any] = found["result"]
    return result


# What it says


def machine(world: World, name: str = "lab") -> dict[str, str]:
    """Give a machine of files: two GPUs of NVIDIA's, a system, an id that the project has recorded."""
    root = world.root.parent / "machine"
    files = {
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "etc/os-release": 'ID=x\nPRETTY_NAME="Testing \\"Linux\\" 1"\n',
        "proc/sys/kernel/osrelease": "6.1.0-test\n",
        "proc/sys/kernel/arch": "x86_64\n",
        "sys/module/nvidia/version": "550.90.07\n",
        "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  x\n",
        "proc/driver/nvidia/gpus/0000:3b:00.0/information": "Model: \t NVIDIA A\nGPU UUID: \t GPU-a\n",
        "proc/driver/nvidia/gpus/0000:af:00.0/information": "Model: \t NVIDIA B\nGPU UUID: \t GPU-b\n",
    }
    for file, text in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if name:
        own = sha256(f"envctl:{files['etc/machine-id'].strip()}".encode()).hexdigest()[:16]
        text = machines.text("hpc-a100")
        old = machines.load("hpc-a100").machine_id
        assert old
        world.write(f".envctl/machines/{name}.toml", text.replace(old, own))
    return {"ENVCTL_SYSROOT": str(root)}


STATES: dict[str, dict[str, str]] = {
    "plain": {},
    "set": {"OMP_NUM_THREADS": "4", "HF_HOME": "/hf", "XLA_FLAGS": '--x="é"\n', "ZZ": "1"},
    "bytes": {"XLA_FLAGS": os.fsdecode(b"caf\xe9")},
    "an outer run": {"ENVCTL_RUN": "/outer.json"},
    "a home": {"HOME": "/home/me", "LD_LIBRARY_PATH": "/home/me/lib:/home/meme"},
    "a login": {"XLA_FLAGS": f"https://me:{SECRET}@host", "HF_TOKEN": SECRET, "MY_API_KEY": SECRET},
}


@pytest.mark.parametrize("state", STATES)
def test_both_ways_it_says_the_same(world: World, state: str) -> None:
    env = {**machine(world), **STATES[state]}
    start(world, "whole", "true", env=env)  # the note of the machine that was recorded just now
    fast, whole = (told(world, way, "--env", "NCCL_ALGO=Ring", env=env) for way in WAYS)
    assert answered(world, env)
    assert fast.pop("id") != whole.pop("id")
    assert {**fast, "time": ""} == {**whole, "time": ""}
    assert fast["machine"]["name"] == "lab"
    assert [gpu["uuid"] for gpu in fast["gpus"]] == ["GPU-a", "GPU-b"]
    assert settings(fast)["NCCL_ALGO"] == "Ring"
    assert SECRET not in json.dumps(fast)


def answered(world: World, env: Mapping[str, str]) -> bool:
    """Whether the fast path starts the command itself."""
    only = (
        "import sys; from envctl import quick; quick.answer(['envctl', *sys.argv[1:]]); sys.exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", only, "run", "true"],
        cwd=world.root,
        env={**environment(world), **env},
        check=False,
    )
    return done.returncode == 0


def test_it_says_what_the_run_rests_on(world: World, way: str) -> None:
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        world.run(["git", *words])
    found = told(world, way)
    stamp = json.loads(world.read(".venv/envctl.json"))
    lock = sha256((world.root / "pylock.toml").read_bytes()).hexdigest()
    assert found["lock"] == {"name": "pylock.toml", "digest": f"sha256:{lock}"}
    inside = found["environment"]
    assert (inside["slice"], inside["fingerprint"]) == (stamp["slice"], stamp["fingerprint"])
    assert (inside["python"], inside["groups"]) == (stamp["python"], ["dev"])
    assert inside["packages"] == {
        "zz-made-app": "1.0",
        "zz-made-lib": "1.1",
        "zz-made-test": "3.0",
    }
    assert found["commit"] == world.run(["git", "rev-parse", "HEAD"]).stdout.strip()
    assert found["dirty"] is None
    assert settings(found) == {"CUDA_VISIBLE_DEVICES": "2", "PYTHONHASHSEED": "0"}
    assert world.run(["git", "status", "--porcelain"]).stdout == ""


def test_the_variables_are_those_of_the_command(world: World, way: str) -> None:
    more = ["--env", "CUDA_VISIBLE_DEVICES=5", "--env", "ZZ_LR=1", "--env", f"ZZ_PASS={SECRET}"]
    assert settings(told(world, way, *more))["CUDA_VISIBLE_DEVICES"] == "5"
    given = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "3", "ZZ_PASS": SECRET}
    found = told(world, way, env=given)
    assert settings(found) == {
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "3",
        "PYTHONHASHSEED": "0",
    }
    isolated = told(world, way, "--isolated", env=given)
    assert settings(isolated) == {"CUDA_VISIBLE_DEVICES": "", "PYTHONHASHSEED": "0"}


def test_leased_devices_are_told() -> None:
    with shared_box() as box:
        words = ("--gpus", "2", "--", "sh", "-c", 'cat "$ENVCTL_RUN"')
        found = json.loads(box.run("run", *words).stdout)
    assert settings(found)["CUDA_VISIBLE_DEVICES"] == ",".join(GPUS[:2])
    assert settings(found)["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert found["gpus"] is None  # only NVML tells of them: not known is not none


def test_a_declared_variable_is_told_as_committed_and_not_as_overridden(
    world: World, way: str
) -> None:
    world.edit("pyproject.toml", "[tool.envctl.env]", "[tool.envctl.env]\nZZ_EPOCHS = '1\"0'")
    found = told(world, way)
    assert found["variables"]["ZZ_EPOCHS"] == {"class": "declared", "value": '1"0'}
    assert settings(told(world, way, "--env", f"ZZ_EPOCHS={SECRET}"))["ZZ_EPOCHS"] is None
    world.write(".envctl/local.toml", f'[env]\nZZ_EPOCHS = "{SECRET}"\nZZ_MINE = "{SECRET}"\n')
    for _ in range(2):
        assert settings(told(world, way))["ZZ_EPOCHS"] is None
        assert "ZZ_MINE" not in told(world, way)["variables"]


def test_no_value_of_an_env_file_is_told(world: World) -> None:
    world.write(".envctl/local.toml", 'env-file = "my.env"\n[env]\nNCCL_ALGO = "Tree"\n')
    names = ("CUBLAS_WORKSPACE_CONFIG", "NCCL_ALGO", "OMP_NUM_THREADS", "ZZ_MINE", "HF_TOKEN")
    world.write("my.env", "".join(f"{name}={SECRET}\n" for name in names))
    start(world, "whole", "true")
    fast, whole = (told(world, way) for way in WAYS)
    assert answered(world, {})
    inner = told(world, "whole", env={"CUBLAS_WORKSPACE_CONFIG": SECRET, "ZZ_MINE": SECRET})
    for found in (fast, whole, inner, described(world)):
        assert SECRET not in json.dumps(found)
        assert settings(found)["CUBLAS_WORKSPACE_CONFIG"] is None
        assert settings(found)["OMP_NUM_THREADS"] is None
    assert settings(fast) == settings(whole)
    assert SECRET not in call(world, "describe").out


def test_describe_says_what_run_says_and_more(world: World) -> None:
    env = {**machine(world), "OMP_NUM_THREADS": "4"}
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        world.run(["git", *words])
    ran, found = told(world, "fast", env=env), described(world, env)
    more = ("id", "time", "dirty", "gpus", "machine")
    assert {k: v for k, v in found.items() if k not in more} == {
        k: v for k, v in ran.items() if k not in more
    }
    assert found["id"] is None
    assert {**found["machine"], "cpu": None} == ran["machine"]
    assert [gpu["uuid"] for gpu in found["gpus"]] == [gpu["uuid"] for gpu in ran["gpus"]]
    assert found["dirty"] is False
    world.write("notes.txt", "git does not know it\n")
    assert described(world, env)["dirty"] is False
    world.edit("pyproject.toml", "# the team's", "# the")
    assert described(world, env)["dirty"] is True
    text = call(world, "describe", env=env).out
    for word in ("and uncommitted changes", "lab", "NVIDIA A, GPU-a", "550.90.07", "semantic"):
        assert word in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_without_git_or_its_program(world: World) -> None:
    assert described(world)["commit"] is None
    world.run(["git", "init", "-q"])
    world.run(["git", "commit", "-qm", "x", "--allow-empty"])
    found = described(world, {"PATH": "/nowhere"})
    assert (len(found["commit"]), found["dirty"]) == (40, None)


def test_describe_without_an_environment_says_what_to_do(world: World) -> None:
    (world.root / ".venv").unlink()
    said = call(world, "describe")
    assert said.code == 3
    assert "envctl sync" in said.err


def test_a_foreign_environment_is_described_as_far_as_it_is_known(world: World, way: str) -> None:
    world.edit("pyproject.toml", "[tool.envctl]", "[tool.envctl]\nmanaged = false")
    (world.root / ".venv").unlink()
    world.run([sys.executable, "-m", "venv", "--without-pip", ".venv"])
    inside = told(world, way)["environment"]
    assert (inside["slice"], inside["fingerprint"], inside["packages"]) == (None, None, {})
    assert inside["python"] == ".".join(map(str, sys.version_info[:3]))


BROKEN = {
    "lock gone": ("pylock.toml", None),
    "lock not text": ("pylock.toml", b"\xff\xfe"),
    "a record is broken": (".envctl/machines/x.toml", b"<<<<<<< HEAD\n"),
    "a record is not text": (".envctl/machines/x.toml", b"\xff"),
    "a record of nobody": (".envctl/machines/x.toml", b"schema = 1\n"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_stops_no_command(world: World, name: str, way: str) -> None:
    file, content = BROKEN[name]
    path = world.root / file
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    for _ in range(2):
        found = told(world, way)
        assert (found["lock"] is None) == file.startswith("pylock")
        assert found["machine"]["name"] is None


def test_another_lock_is_told_at_once(world: World) -> None:
    before = told(world, "fast")["lock"]
    world.write("pylock.toml", world.read("pylock.toml") + "# a comment\n")
    assert told(world, "fast")["lock"] != before


def test_a_machine_that_is_recorded_later_has_its_name_at_once(world: World) -> None:
    env = machine(world, name="")
    assert told(world, "fast", env=env)["machine"]["name"] is None
    machine(world, name="lab-2")
    assert told(world, "fast", env=env)["machine"]["name"] == "lab-2"


# The file


def test_a_hundred_at_once_have_a_file_each(world: World) -> None:
    shutil.rmtree(runs(world), ignore_errors=True)
    with ThreadPoolExecutor(8) as pool:
        printed = list(
            pool.map(
                lambda n: start(world, "fast", "--", "sh", "-c", f'echo {n}; cat "$ENVCTL_RUN"'),
                range(100),
            )
        )
    found = [json.loads(text.partition("\n")[2]) for text in printed]
    names = {each["id"] for each in found}
    assert len(names) == 100
    assert {path.stem for path in runs(world).iterdir()} == names
    for path in runs(world).iterdir():
        from_json(json.loads(path.read_text()))


def test_it_stays_as_long_as_the_command_lives(world: World) -> None:
    process = subprocess.Popen(
        [*WAYS["fast"], "run", "sh", "-c", 'echo "$ENVCTL_RUN"; read x; cat "$ENVCTL_RUN"'],
        cwd=world.root,
        env=environment(world),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    path = Path(process.stdout.readline().strip())
    newer = [f"20990101T{number:06}Z-00000000.json" for number in range(KEPT)]
    for name in newer:
        (runs(world) / name).write_text("{}")
    prune = f"from envctl.runs import pruning; pruning.prune({str(runs(world))!r})"
    world.run([sys.executable, "-c", prune])
    assert path.exists()
    out, _ = process.communicate("\n", timeout=300)
    assert json.loads(out)["id"] == path.stem
    world.run([sys.executable, "-c", prune])
    assert sorted(each.name for each in runs(world).iterdir()) == newer


SHOW = 'echo "${ENVCTL_RUN-unset}"'


@pytest.mark.parametrize("where", ["command line", "caller", "manifest", "local.toml"])
def test_set_and_empty_the_variable_asks_for_none(world: World, way: str, where: str) -> None:
    options = ["--env", "ENVCTL_RUN="] if where == "command line" else []
    env = {"ENVCTL_RUN": ""} if where == "caller" else {}
    if where == "manifest":
        world.edit("pyproject.toml", "[tool.envctl.env]", '[tool.envctl.env]\nENVCTL_RUN = ""')
    if where == "local.toml":
        world.write(".envctl/local.toml", '[env]\nENVCTL_RUN = ""\n')
    for _ in range(2):
        assert start(world, way, *options, "--", "sh", "-c", SHOW, env=env) == "\n"
    assert not runs(world).exists()


def test_a_run_within_a_run_has_its_own(world: World, way: str) -> None:
    inner = " ".join(f"'{word}'" for word in WAYS[way])
    script = f"{SHOW}; {inner} run -- sh -c '{SHOW}'" if way == "fast" else SHOW
    found = start(world, way, "--", "sh", "-c", script).split("\n")
    assert len({*found} - {""}) == (2 if way == "fast" else 1)
    assert all(Path(path).is_file() for path in found if path)


@pytest.mark.parametrize("program", ["zz-no-such-program", "./no-shebang"])
def test_a_command_that_cannot_be_started_leaves_none(world: World, way: str, program: str) -> None:
    world.write("no-shebang", "echo hello\n").chmod(0o755)
    start(world, way, "--", program, code=4)
    assert not runs(world).exists() or not list(runs(world).iterdir())


def test_neither_explain_nor_a_shell_leaves_one(world: World) -> None:
    call(world, "run", "--explain", "--", "true")
    call(world, "shell", "--shell", "/bin/sh")
    assert not runs(world).exists()


def test_from_a_folder_below(world: World, way: str) -> None:
    inner = world.root / "src"
    inner.mkdir()
    assert Path(start(world, way, "--", "sh", "-c", SHOW, cwd=inner).strip()).parent == runs(world)


def test_a_full_disk_stops_no_command(world: World, way: str) -> None:
    runs(world).mkdir(exist_ok=True)
    with mounted(runs(world), size="64k"):
        fill(runs(world))
        for _ in range(2):
            assert start(world, way, "--", "sh", "-c", SHOW, env={"ENVCTL_RUN": "/x"}) == "unset\n"
        assert [path.name for path in runs(world).iterdir()] == ["filler"]


def test_a_read_only_project_stops_no_command(world: World, way: str) -> None:
    place = world.root / ".envctl" / "runs"
    place.mkdir(exist_ok=True)
    with mounted(place):
        read_only(place)
        done = subprocess.run(
            [*WAYS[way], "run", "--", "sh", "-c", SHOW],
            cwd=world.root,
            env=environment(world),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "unset\n", "")


def test_git_sees_none_of_it_in_a_project_that_init_never_saw(world: World) -> None:
    world.run(["git", "init", "-q"])
    start(world, "fast", "true")
    seen = world.run(["git", "status", "--porcelain", "--untracked-files=all"]).stdout
    assert runs(world).exists()
    assert ".envctl" not in seen


# diff


def kept(world: World, name: str, *options: str, env: Mapping[str, str] | None = None) -> str:
    start(world, "fast", *options, "--", "sh", "-c", f'cp "$ENVCTL_RUN" "{name}"', env=env)
    return name


def test_two_runs_alike_and_one_that_differs(world: World) -> None:
    a, b = kept(world, "a.json"), kept(world, "b.json")
    same = call(world, "diff", a, b)
    assert (same.code, same.out) == (0, "nothing that envctl knows of differs\n")
    c = kept(world, "c.json", "--env", "OMP_NUM_THREADS=4", "--env", "NCCL_DEBUG=INFO")
    told_apart = call(world, "diff", a, c)
    assert told_apart.code == 1
    assert told_apart.out.splitlines()[::2] == [
        "1. variables: OMP_NUM_THREADS  (not set) → 4",
        "2. variables: NCCL_DEBUG  (not set) → INFO",
    ]
    envelope = call(world, "diff", c, a, "--json").envelope()
    assert envelope["ok"] is False
    assert envelope["result"]["differences"][0] == {
        "group": "variables",
        "subject": "OMP_NUM_THREADS",
        "a": "4",
        "b": None,
        "reason": "this variable changes results",
    }


def test_a_run_and_what_describe_printed(world: World) -> None:
    kept(world, "run.json")
    world.write("described.json", call(world, "describe", "--json").out)
    said = call(world, "diff", "run.json", "described.json")
    assert (said.code, said.out) == (0, "nothing that envctl knows of differs\n")
    assert "not told by both" in said.err


def test_it_needs_no_project_and_takes_any_path(world: World, tmp_path: Path) -> None:
    path = world.root / kept(world, "a b.json")
    assert call(world, "diff", str(path), os.path.relpath(path, tmp_path), cwd=tmp_path).code == 0
    assert call(world, "-C", str(world.root), "diff", "a b.json", str(path), cwd=tmp_path).code == 0


def test_a_pipe_is_read_once(world: World) -> None:
    """As bash's `diff <(…) b.json` makes one."""
    kept(world, "a.json")
    os.mkfifo(world.root / "pipe")
    with subprocess.Popen(["sh", "-c", "cat a.json > pipe"], cwd=world.root) as writing:
        said = call(world, "diff", "pipe", "a.json")
        assert writing.wait(60) == 0
    assert (said.code, said.out) == (0, "nothing that envctl knows of differs\n")


def test_a_folder_is_not_to_be_moved_away(world: World) -> None:
    kept(world, "a.json")
    (world.root / "runs").mkdir(exist_ok=True)
    said = call(world, "diff", "a.json", "runs")
    assert said.code == 3
    assert "error: that is a folder\n  where: runs\n  next:  name the file in it" in said.err


HOSTILE = {
    "not there": (None, "there is no such file"),
    "empty": ("", "no description of a run"),
    "a lock": ("lock-version = '1.0'\n", "not a valid PEP 751 lock"),
    "cut off": ('{"kind": "envctl-run", "schema": 1, "id": "2026', "cut off"),
    "cut off later": ('{"kind": "envctl-run",', "cut off"),
    "no JSON": ("{kind: run}", "not JSON"),
    "foreign": ('{"name": "package"}', "no description of a run"),
    "a later schema": ('{"kind": "envctl-run", "schema": 2}', "reads up to 1"),
    "deep": ('{"a":' + "[" * 100_000, "nested too deeply"),
    "a long number": ('{"a":' + "9" * 5000 + "}", "not JSON"),
    "not text": (b"\xff\xfe{", "not UTF-8"),
    "NUL": ("\0", "no description of a run"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_none(world: World, name: str) -> None:
    kept(world, "good.json")
    content, words = HOSTILE[name]
    if content is not None:
        path = world.root / "bad.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for pair in (("good.json", "bad.json"), ("bad.json", "good.json")):
        said = call(world, "diff", *pair)
        assert (said.code, said.out) == (3, "")
        assert words in said.err, said.err
        assert "bad.json" in said.err
        assert "  next:  " in said.err


def test_what_stands_in_a_file_steers_no_terminal(world: World) -> None:
    data = json.loads((world.root / kept(world, "a.json")).read_text())
    evil = "\x1b]0;x\x07\x1b[2J\ud800\r\n\u202e"
    data["driver"], data["variables"]["OMP_NUM_THREADS"] = (
        evil,
        {"class": "semantic", "value": evil},
    )
    data["environment"]["packages"][evil] = evil
    data["variables"][evil] = {"class": "host", "value": evil}
    world.write("b.json", json.dumps(data))
    data["driver"] = f"{evil}2"
    world.write("c.json", json.dumps(data))
    for pair in (("a.json", "b.json"), ("b.json", "c.json")):
        said = call(world, "diff", *pair)
        assert said.code == 1
        assert all(line.isprintable() for line in (said.out + said.err).split("\n"))
        report = call(world, "diff", *pair, "--json").envelope()
        assert any(evil in (each["b"] or "") for each in report["result"]["differences"])
    data["variables"] = {evil: {"class": evil}}
    world.write("d.json", json.dumps(data))
    said = call(world, "diff", "a.json", "d.json")
    assert said.code == 3
    assert all(line.isprintable() for line in said.err.split("\n"))


def test_the_note_holds_nothing_that_diff_would_not(world: World) -> None:
    """What is settled beforehand lies in the cache: it is held to the same rules."""
    world.write(".envctl/local.toml", 'env-file = "my.env"\n')
    world.write("my.env", f"ZZ_MINE={SECRET}\nOMP_NUM_THREADS={SECRET}\n")
    start(world, "whole", "true")
    note = (world.root / quick.CACHE / "run").read_text()
    assert SECRET not in note
    assert '"fingerprint"' in note
