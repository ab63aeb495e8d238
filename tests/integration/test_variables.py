"""Whose word counts, for every pair of sources, through the real program and in a real shell; secrets stay secret."""

import hashlib
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.index.server import LocalIndex
from tests.integration.world import MINOR, STOCK, World

MANIFEST = """\
[project]
name = "demo"
version = "0.1.0"
dependencies = ["zz-made-lib"]

[tool.envctl]
python = "{minor}"
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "team"
url = "{index}"

[tool.envctl.env]
{manifest}

[tool.envctl.profiles.lab.env]
{profile}
"""
SECRET = "hunter2-é-s3cret"
ENVCTL = f"'{sys.executable}' -m envctl"
NAMES = {"host": "CUDA_VISIBLE_DEVICES", "plain": "PLAIN", "secret": "MY_TOKEN"}

# The rules, weakest first. The caller's word on anything but a host variable is what was there before.
RUN = {
    "host": ("manifest", "profile", "env-file", "local", "caller", "scheduler", "command line"),
    "plain": ("caller", "manifest", "profile", "env-file", "local", "command line"),
    "secret": ("caller", "env-file", "local", "command line"),
}
EVAL = {
    "host": ("caller", "manifest", "profile", "env-file", "local", "scheduler"),
    "plain": ("caller", "manifest", "profile", "env-file", "local"),
    "secret": ("caller", "env-file", "local"),
}
# A secret is in no file, and so neither an env-file nor a secret of local.toml reaches a plain `source`.
SOURCE = {
    "host": ("env-file", "caller", "manifest", "profile", "local"),
    "plain": ("env-file", "caller", "manifest", "profile", "local"),
    "secret": ("env-file", "local", "caller"),
}


def pairs(rules: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str, str]]:
    return [(kind, *pair) for kind, order in rules.items() for pair in combinations(order, 2)]


@dataclass(kw_only=True)
class Sources:
    """What each source says; ``lay`` makes it so, and returns the caller's variables and the options of ``run``."""

    said: dict[str, dict[str, str]] = field(default_factory=dict)

    def say(self, source: str, name: str, value: str) -> None:
        self.said.setdefault(source, {})[name] = value

    def lay(self, world: World) -> tuple[dict[str, str], list[str]]:
        def lines(source: str) -> str:
            words = self.said.get(source, {}).items()
            return "\n".join(f'{name} = "{value}"' for name, value in words)

        text = MANIFEST.format(
            minor=MINOR, index=world.index.url, manifest=lines("manifest"), profile=lines("profile")
        )
        world.write("pyproject.toml", text)
        first = 'profile = "lab"\n'
        if "env-file" in self.said:
            world.write("my.env", lines("env-file").replace(" = ", "="))
            first += 'env-file = "my.env"\n'
        world.write(".envctl/local.toml", f"{first}[env]\n{lines('local')}\n")
        caller = self.said.get("caller", {}) | self.said.get("scheduler", {})
        job = {"SLURM_JOB_ID": "7"} if "scheduler" in self.said else {}
        cli = self.said.get("command line", {}).items()
        return caller | job, [part for k, v in cli for part in ("--env", f"{k}={v}")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a project with one profile, locked and synced."""
    folder = tmp_path_factory.mktemp("variables")
    root = folder / "pro ject é"
    root.mkdir()
    environ = {
        "UV_CACHE_DIR": str(folder / "cache"),
        "UV_HTTP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
        "HOME": str(folder / "home"),
    }
    (folder / "home").mkdir()
    with LocalIndex(mode="html") as index:
        index.add(*STOCK)
        world = World(root=root, index=index, environ=environ)
        Sources().lay(world)
        world.envctl("lock")
        world.envctl("sync")
        yield world


@pytest.fixture
def world(made: World) -> World:
    """Give it with nothing said, and no note of what was said before."""
    Sources().lay(made)
    for name in ("my.env", ".env"):
        (made.root / name).unlink(missing_ok=True)
    shutil.rmtree(made.root / ".envctl" / "cache", ignore_errors=True)
    return made


def show(*names: str) -> list[str]:
    code = "import json, os, sys; print(json.dumps([os.environ.get(n) for n in sys.argv[1:]]))"
    return ["python", "-c", code, *names]


# For each pair of sources


@pytest.mark.parametrize(("kind", "weak", "strong"), pairs(RUN))
def test_run(world: World, kind: str, weak: str, strong: str) -> None:
    name, sources = NAMES[kind], Sources()
    sources.say(weak, name, "weak")
    sources.say(strong, name, "strong")
    caller, options = sources.lay(world)
    first, second = (
        world.envctl("run", *options, "--", *show(name), env=caller).stdout for _ in range(2)
    )
    # The second may be the fast path's.
    assert (json.loads(first), second) == (["strong"], first)
    explained = json.loads(world.envctl("run", *options, "--explain", "--json", env=caller).stdout)
    found = {each["name"]: each for each in explained["result"]["variables"]}
    if {weak, strong} == {"caller", "scheduler"}:  # one place, and nobody declares it
        assert name not in found
        return
    assert found[name]["source"] == strong
    assert [each["source"] for each in found[name]["over"]] == [weak]
    hidden = kind == "secret" or strong == "env-file"
    hidden = hidden or (weak == "env-file" and strong in ("caller", "scheduler", "command line"))
    assert found[name]["value"] == (None if hidden else "strong")


@pytest.mark.parametrize("weak", ["manifest", "profile", "env-file", "local"])
def test_run_where_a_scheduler_left_the_devices_unset(world: World, weak: str) -> None:
    sources = Sources()
    sources.say(weak, NAMES["host"], "2")
    sources.say("scheduler", "SLURM_JOB_ID", "7")
    caller, _ = sources.lay(world)
    for _ in range(2):
        assert json.loads(world.envctl("run", "--", *show(NAMES["host"]), env=caller).stdout) == [
            None
        ]
    said = world.envctl("run", "--explain", env=caller)
    assert "scheduler (slurm)" in said.stdout
    assert "(unset)" in said.stdout
    assert "in a job of slurm" in said.stderr


def bash(world: World, script: str, *names: str, env: Mapping[str, str]) -> list[Any]:
    """Return the variables after ``script``, and after the ``deactivate`` that follows."""
    look = " ".join(f"'{part}'" for part in [sys.executable, *show(*names)[1:]])
    done = world.run(["bash", "-c", f"{script} && {look} && deactivate && {look}"], env=env)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("kind", "weak", "strong"), pairs(EVAL))
def test_activate(world: World, kind: str, weak: str, strong: str) -> None:
    name, sources = NAMES[kind], Sources()
    sources.say(weak, name, "weak")
    sources.say(strong, name, "strong")
    caller, _ = sources.lay(world)
    evaluated = f'eval "$({ENVCTL} activate --shell bash)"'
    before = caller.get(name)
    assert bash(world, evaluated, name, env=caller) == [["strong"], [before]]


SCHEDULED = [
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "ZE_AFFINITY_MASK",
]
HOSTS = [
    *SCHEDULED,
    "NCCL_SOCKET_IFNAME",
    "CUDA_HOME",
    "ONEAPI_DEVICE_SELECTOR",
    "NVIDIA_DRIVER_CAPABILITIES",
]


def own_name(kind: str, weak: str, strong: str) -> str:
    """Return a variable that only this pair speaks about: one sync for all of them."""
    number = list(combinations(SOURCE[kind], 2)).index((weak, strong))
    names = {"host": HOSTS[number], "plain": f"PLAIN_{number}", "secret": f"SECRET_{number}"}
    return names[kind]


@pytest.fixture(scope="module")
def sourced(made: World) -> dict[str, Any]:
    """Give each pair's variable after ``source``, and after ``deactivate``; outside a job, and in one."""
    sources = Sources()
    names = {own_name(*pair): pair for pair in pairs(SOURCE)}
    assert len(names) == len(pairs(SOURCE))
    for name, (_, weak, strong) in names.items():
        sources.say(weak, name, "weak")
        sources.say(strong, name, "strong")
    caller, _ = sources.lay(made)
    made.envctl("lock")
    made.envctl("sync")
    found: dict[str, Any] = {}
    for place, more in {"outside": {}, "job": {"SLURM_JOB_ID": "7"}}.items():
        env = caller | more
        during, after = bash(made, "source .venv/bin/activate", *names, env=env)
        found[place] = dict(zip(names, during, strict=True))
        assert dict(zip(names, after, strict=True)) == {name: caller.get(name) for name in names}
    Sources().lay(made)
    made.envctl("lock")
    made.envctl("sync")
    return found | {"caller": caller}


@pytest.mark.parametrize(("kind", "weak", "strong"), pairs(SOURCE))
def test_source(sourced: dict[str, Any], kind: str, weak: str, strong: str) -> None:
    name = own_name(kind, weak, strong)
    said = {weak: "weak", strong: "strong"}
    heard = [
        each
        for each in (weak, strong)
        if each != "env-file" and (kind, each) != ("secret", "local")
    ]
    expected = said[heard[-1]] if heard else None
    assert sourced["outside"][name] == expected
    if name in SCHEDULED:
        expected = sourced["caller"].get(name)
    assert sourced["job"][name] == expected


# Profiles


@pytest.mark.parametrize(
    ("name", "word"), [("PATH", "the environment sets it itself"), ("HF_TOKEN", "is a secret")]
)
def test_a_profile_may_set_no_more_than_the_manifest(world: World, name: str, word: str) -> None:
    sources = Sources()
    sources.say("profile", name, SECRET)
    sources.lay(world)
    done = world.envctl("run", "--", "true", code=3)
    assert word in done.stderr
    assert f"pyproject.toml: tool.envctl.profiles.lab.env.{name}" in done.stderr
    assert SECRET not in done.stderr


# Secrets


def secret(world: World, *, lines: str = f"PLAIN='{SECRET}'\nHF_TOKEN='{SECRET} 2'\n") -> None:
    sources = Sources()
    sources.say("manifest", "PLAIN", "public")
    sources.say("env-file", "PLAIN", "")
    sources.lay(world)
    world.write("my.env", lines)


def test_a_secret_reaches_a_command_and_a_shell(world: World) -> None:
    secret(world)
    for _ in range(2):
        out = world.envctl("run", "--", *show("PLAIN", "HF_TOKEN")).stdout
        assert json.loads(out) == [SECRET, f"{SECRET} 2"]
    evaluated = f'eval "$({ENVCTL} activate --shell bash)"'
    during, after = bash(world, evaluated, "PLAIN", "HF_TOKEN", env={})
    assert (during, after) == ([SECRET, f"{SECRET} 2"], [None, None])


def test_a_secret_is_in_no_file_and_no_report(world: World) -> None:
    secret(world)
    said = [world.envctl("lock"), world.envctl("sync")]
    for arguments in (["run", "--", "true"], ["run", "--explain"], ["run", "--explain", "--json"]):
        said += [world.envctl("--verbose", *arguments) for _ in range(2)]
    said.append(world.envctl("verify", "--only", "environment,lock", "--json"))
    said.append(world.envctl("--verbose", "run", "--", "zz-no-such-program", code=4))
    assert not any(SECRET in each.stdout + each.stderr for each in said)
    content = (world.root / "my.env").read_bytes()
    digests = [hashlib.blake2b(content, digest_size=n).hexdigest() for n in (20, 32, 64)]
    digests += [hashlib.sha256(content).hexdigest(), hashlib.sha1(content).hexdigest()]
    for path in world.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != "my.env":
            text = path.read_bytes()
            assert SECRET.encode() not in text, path
            assert not any(digest.encode() in text for digest in digests), path
    # What the others declare stands there, as for a plain `source`.
    activate = (world.root / ".venv" / "bin" / "activate").read_text(encoding="utf-8")
    assert "PLAIN 'public'" in activate


VERIFY = ("verify", "--only", "variables", "--json")


def test_verify_says_nothing_of_what_an_env_file_sets(world: World) -> None:
    secret(
        world, lines=f"PLAIN={SECRET}\nOMP_NUM_THREADS={SECRET}\nCUDA_VISIBLE_DEVICES={SECRET}\n"
    )
    world.envctl("lock")
    inside = world.envctl("run", "--", sys.executable, "-m", "envctl", *VERIFY)
    assert json.loads(inside.stdout)["result"]["findings"] == []
    # A file that cannot be read any more: then no value is shown at all.
    world.write("my.env", f"PLAIN={SECRET}\nbroken")
    stale = {"PLAIN": SECRET, "OMP_NUM_THREADS": SECRET}
    done = world.envctl(*VERIFY, code=1, env=stale)
    assert "variable-differs" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_local_toml_counts_more_than_the_manifest_for_verify_too(world: World) -> None:
    sources = Sources()
    sources.say("manifest", "PYTHONHASHSEED", "0")
    sources.say("local", "PYTHONHASHSEED", "8")
    sources.lay(world)
    world.envctl("lock")
    inside = world.envctl("run", "--", sys.executable, "-m", "envctl", *VERIFY)
    (found,) = json.loads(inside.stdout)["result"]["findings"]
    assert (found["severity"], found["expected"], found["actual"]) == ("warning", "0", "8")


LOGIN = "postgres://user:hunter2@db.example/x"


def test_an_address_with_a_login_is_a_secret_whatever_its_name(world: World) -> None:
    sources = Sources()
    sources.say("local", "DATABASE", LOGIN)
    sources.lay(world)
    world.envctl("sync")
    for _ in range(2):
        assert json.loads(world.envctl("run", "--", *show("DATABASE")).stdout) == [LOGIN]
    assert "hunter2" not in world.envctl("run", "--explain").stdout
    for path in (world.root / ".envctl").rglob("*"):
        if path.is_file() and path.name != "local.toml":
            assert b"hunter2" not in path.read_bytes(), path
    sources.say("manifest", "DATABASE", LOGIN)
    sources.lay(world)
    done = world.envctl("lock", code=3)
    assert "holds an address with a login, and this file is committed" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_changed_env_file_is_heard_at_once(world: World) -> None:
    secret(world, lines="PLAIN=1\n")
    run = ["run", "--", *show("PLAIN", "NEW", "CUDA_VISIBLE_DEVICES")]
    assert json.loads(world.envctl(*run).stdout) == ["1", None, None]
    for lines, expected in (
        ("PLAIN=2\nNEW='a b'\n", ["2", "a b", None]),
        ('PLAIN="a\nb"\n', ["a\nb", None, None]),
        ("CUDA_VISIBLE_DEVICES=3\n", ["public", None, "3"]),
        ("", ["public", None, None]),
    ):
        world.write("my.env", lines)
        assert json.loads(world.envctl(*run).stdout) == expected
    world.write("my.env", "CUDA_VISIBLE_DEVICES=3\n")
    mine = world.envctl(*run, env={"CUDA_VISIBLE_DEVICES": "7"})
    assert json.loads(mine.stdout) == ["public", None, "7"]


@pytest.mark.parametrize(
    ("lines", "where", "word"),
    [
        (None, ".envctl/local.toml: env-file", "`my.env` is not there"),
        (f"A=1\n{SECRET}\n", "my.env:2", "does not begin with a name"),
        (f'A=1\nB="{SECRET}\n', "my.env:2", "no line of a dotenv file"),
        (f"PATH={SECRET}\n", "my.env:1", "`PATH` cannot be declared"),
        (f"_X={SECRET}\nUID=1\n", "my.env:2", "`UID` cannot be declared"),
    ],
)
def test_what_needs_the_secrets_stops_without_them(
    world: World, lines: str | None, where: str, word: str
) -> None:
    secret(world, lines="PLAIN=1\n")
    world.envctl("run", "--", "true")  # leaves a note
    if lines is None:
        (world.root / "my.env").unlink()
    else:
        world.write("my.env", lines)
    for arguments in (["run", "--", "true"], ["activate", "--shell", "bash"], ["shell"]):
        done = world.envctl("--verbose", *arguments, code=3)
        assert done.stdout == ""
        assert word in done.stderr
        assert where in done.stderr
        assert "next:" in done.stderr
        assert SECRET not in done.stderr
    # They write no secret, and so need none.
    world.envctl("sync", "--check", code=None)
    world.envctl("verify", "--only", "environment", code=None)


def test_odd_env_files(world: World) -> None:
    secret(world)
    path = world.root / "my.env"
    path.write_bytes(b"A=1\nB=caf\xe9\n")
    done = world.envctl("--verbose", "run", "--", "true", code=3)
    assert "not UTF-8" in done.stderr
    assert "xe9" not in done.stderr
    path.unlink()
    path.mkdir()
    assert "my.env" in world.envctl("run", "--", "true", code=3).stderr
    path.rmdir()
    os.mkfifo(path)
    try:
        assert "a pipe" in world.envctl("run", "--", "true", code=3).stderr
    finally:
        path.unlink()
    if os.geteuid():
        path.write_text("A=1", encoding="utf-8")
        path.chmod(0)
        assert "my.env" in world.envctl("run", "--", "true", code=3).stderr
    with suppress(FileNotFoundError):
        path.chmod(stat.S_IRWXU)
        path.unlink()


def test_env_files_at_home_and_elsewhere_the_last_counts_most(world: World, tmp_path: Path) -> None:
    home = Path(world.environ["HOME"])
    (home / "a.env").write_text("ONE=home\nTWO=home\n", encoding="utf-8")
    (tmp_path / "b ü.env").write_text("TWO=far\n", encoding="utf-8")
    files = json.dumps(["~/a.env", str(tmp_path / "b ü.env")], ensure_ascii=False)
    world.write(".envctl/local.toml", f'profile = "lab"\nenv-file = {files}\n')
    run = ["run", "--", *show("ONE", "TWO")]
    for _ in range(2):
        assert json.loads(world.envctl(*run).stdout) == ["home", "far"]
    # The note was made for that HOME.
    other = world.envctl(*run, env={"HOME": str(tmp_path)}, code=3)
    assert "`~/a.env` is not there" in other.stderr
    below = world.root / "src"
    below.mkdir(exist_ok=True)
    assert json.loads(world.envctl(*run, cwd=below).stdout) == ["home", "far"]


# Isolation


def test_isolated_gives_the_environments_variables_and_few_of_the_callers(world: World) -> None:
    sources = Sources()
    sources.say("manifest", "LD_LIBRARY_PATH", "/declared")
    sources.say("manifest", NAMES["host"], "2")
    sources.say("env-file", "PLAIN", SECRET)
    sources.lay(world)
    mine = {"LD_LIBRARY_PATH": "/mine", "PYTHONPATH": "/mine", "MINE": "1", "LC_TIME": "C"}
    mine |= {"PYTHONHOME": sys.base_prefix, "PIP_INDEX_URL": "https://mirror.example/simple"}
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    run = ["run", "--isolated", "--env", "SEED=1", "--", "python", "-c", code]
    found = json.loads(world.envctl(*run, env=mine).stdout)
    assert not {"PYTHONPATH", "PYTHONHOME", "MINE", "PIP_INDEX_URL", "UV_CACHE_DIR"} & found.keys()
    root = os.path.realpath(world.root / ".venv")
    assert found["PATH"] == f"{root}/bin:{os.defpath}"
    assert (found["VIRTUAL_ENV"], found["HOME"]) == (root, world.environ["HOME"])
    assert (found["LD_LIBRARY_PATH"], found["PLAIN"], found["SEED"]) == ("/declared", SECRET, "1")
    assert (found[NAMES["host"]], found["LC_TIME"]) == ("2", "C")
    chosen = json.loads(world.envctl(*run, env={NAMES["host"]: "7"}).stdout)
    assert chosen[NAMES["host"]] == "7"
    job = {"SLURM_JOB_ID": "7", "SLURM_PROCID": "3"}
    within = json.loads(world.envctl(*run, env=job).stdout)
    assert within["SLURM_PROCID"] == "3"
    assert NAMES["host"] not in within


def test_an_isolated_command_is_looked_for_on_its_own_path(world: World, tmp_path: Path) -> None:
    tool = tmp_path / "zz-my-tool"
    tool.write_text("#!/bin/sh\n", encoding="utf-8")
    tool.chmod(0o755)
    mine = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    world.envctl("run", "--", "zz-my-tool", env=mine)
    world.envctl("run", "--isolated", "--", "zz-my-tool", env=mine, code=4)
    world.envctl("run", "--isolated", "--", str(tool), env=mine)


# Explanation


def test_an_explanation_runs_nothing_and_names_the_program(world: World, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    done = world.envctl("run", "--explain", "--", "touch", str(trace))
    assert not trace.exists()
    assert done.stderr.endswith(f"would start {shutil.which('touch')}\n")
    found = json.loads(world.envctl("run", "--explain", "--json", "--", "python").stdout)["result"]
    assert found["program"] == f"{os.path.realpath(world.root / '.venv')}/bin/python"
    assert found["environment"] == os.path.realpath(world.root / ".venv")
    missing = world.envctl("run", "--explain", "--", "zz-\x1b[31mno-such")
    assert "`zz-\\x1b[31mno-such` is not to be found" in missing.stderr


def test_a_commands_own_json_is_not_ours(world: World) -> None:
    """What a pipe behind `run -- tool --json` reads is the tool's, or nothing."""
    for arguments in (
        ["run", "--", "zz-no-such-program", "--json"],
        ["run", "zz-no-such-program", "--json"],
    ):
        assert world.envctl(*arguments, code=4).stdout == ""
    assert world.envctl("run", "--", "echo", "--json", "--explain").stdout == "--json --explain\n"
    refused = world.envctl("run", "--json", "--", "true", code=2)
    assert refused.stdout == ""
    assert "`--explain`" in refused.stderr
    (world.root / ".venv").rename(world.root / ".venv away")
    try:
        failed = world.envctl("run", "--explain", "--json", code=3)
        assert json.loads(failed.stdout)["error"]["code"] == "environment"
    finally:
        (world.root / ".venv away").rename(world.root / ".venv")


def test_without_a_command_nothing_is_started(world: World) -> None:
    for arguments in (["run"], ["run", "--"], ["run", "--env", "A=1"], ["run", "--isolated", "--"]):
        done = world.envctl(*arguments, code=2)
        assert "there is no command to run" in done.stderr
