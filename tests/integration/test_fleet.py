"""The fleet gate: locks against the machines that the team recorded, and locks that heed them.

The packages are made up and come from the local index alone, `torch` included: the contract goes by that name.
"""

import os
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from tests import machines
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World

TAG = f"cp{MINOR.replace('.', '')}"
LINUX = (f"{TAG}-{TAG}-manylinux_2_28_x86_64",)
TEAM = ("lab-v100", "hpc-a100", "h100", "rtx4090", "no-gpu")
MANIFEST = """\
[project]
name = "vision"
version = "0.1.0"
dependencies = ["torch{asked}", "zz-made-lib"]

[tool.envctl]
python = "{minor}"
resolver = "{resolver}"
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "team"
url = "{index}"
"""


CU12 = ("nvidia-cudnn-cu12", "nvidia-nccl-cu12", "nvidia-cublas-cu12", "nvidia-cuda-runtime-cu12")
CU13 = ("nvidia-cudnn-cu13", "nvidia-nccl-cu13", "nvidia-cublas", "nvidia-cuda-runtime")
STOCK = (
    Wheel("zz-made-lib", "1.0"),
    *(Wheel(name, "12.8.90") for name in CU12),
    *(Wheel(name, "13.0.48") for name in CU13),
)
"""What a torch for each CUDA brings; versions of cuDNN and NCCL play no part here."""


def torch(version: str, requires: tuple[str, ...] = CU12) -> Wheel:
    return Wheel("torch", version, requires=("zz-made-lib", *requires), tags=LINUX)


OLD = (torch("2.9.1"), torch("2.10.0"))
NEW = torch("2.11.0", CU13)


def record(world: World, *names: str) -> None:
    """Put machines into the project, each with this Python: notes on others are tested elsewhere."""
    for name in names:
        lines = machines.text(name).splitlines(keepends=True)
        text = "".join(
            f'version = "{MINOR}.2"\n' if before == "[python]\n" else line
            for before, line in zip(["", *lines], lines, strict=False)
        )
        world.write(f".envctl/machines/{name}.toml", text)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[World]:
    """Give a project with a lock that runs on five machines, and an index that has a newer torch."""
    root = tmp_path / "pro ject"
    root.mkdir()
    with LocalIndex(mode="html") as index:
        index.add(*STOCK, *OLD)
        world = World(
            root=root,
            index=index,
            environ={
                "UV_CACHE_DIR": str(tmp_path / "uv cache"),
                "UV_HTTP_RETRIES": "0",
                "PIP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1",
                "HOME": str(tmp_path / "home"),
            },
        )
        write(world)
        record(world, *TEAM)
        yield world


def write(world: World, asked: str = "", resolver: str = "uv", more: str = "") -> None:
    url = world.index.url
    text = MANIFEST.format(asked=asked, minor=MINOR, resolver=resolver, index=url)
    world.write("pyproject.toml", text + more)


def version(world: World, name: str = "torch", lock: str = "pylock.toml") -> str:
    found = Pylock.from_dict(tomllib.loads(world.read(lock)))
    return "/".join(sorted(str(p.version) for p in found.packages if p.name == name))


# One upgrade breaks two of five machines

UPGRADED = """\
note: torch 2.11 needs driver ≥ 580: fails on hpc-a100 (driver 550) and lab-v100 (driver 535, no kernels for sm_70); \
newest that runs on all: torch 2.14 with cu126 (`envctl lock --fleet` holds torch back instead)
"""
REFUSED = """\
lock         ok
fleet        3 errors
  torch 2.11 needs driver ≥ 580: fails on hpc-a100 (driver 550) and lab-v100 (driver 535, no kernels for sm_70); \
newest that runs on all: torch 2.14 with cu126
  error   driver-too-old: hpc-a100: CUDA 13.0 needs driver 580 or newer, this is 550.90.07
  error   driver-too-old: lab-v100: CUDA 13.0 needs driver 580 or newer, this is 535.183.01
  error   no-kernel-for-gpu: lab-v100: no kernels for Tesla V100-SXM2-32GB (compute capability 7.0): the wheels have \
7.5 8.0 8.6 9.0 10.0 12.0 12.0+PTX
            expected one of 7.5 8.0 8.6 9.0 10.0 12.0 12.0+PTX, found 7.0
    mend it with: envctl lock --fleet
"""
HELD = """\
note: limited to `torch<2.11` for hpc-a100 (driver 550) and lab-v100 (driver 535, no kernels for sm_70)
note: runs on every recorded machine: 5 of 5
"""


def test_an_upgrade_that_breaks_two_of_five_machines(team: World) -> None:
    team.envctl("lock")
    assert version(team) == "2.10.0"
    assert team.codes("--only", "lock,fleet", code=0) == ["driver-limited"] * 2  # notes

    page = (Path(__file__).parents[2] / "docs/how-to/fleet.md").read_text(encoding="utf-8")
    assert all(said in page for said in (UPGRADED, REFUSED, HELD))
    team.index.add(NEW)
    done = team.envctl("lock", "--upgrade", "torch")
    assert done.stderr.startswith(UPGRADED)
    assert team.envctl("verify", "--only", "lock,fleet", code=1).stdout == REFUSED
    assert team.envctl("lock", "--fleet", "--check", code=1).stdout == REFUSED
    assert team.envctl("lock").stderr == "pylock.toml is up to date: 6 packages\n"

    [fix] = {each["fix"] for each in team.findings("--only", "fleet")}
    done = team.envctl(*shlex.split(fix)[1:])
    assert done.stderr.startswith(HELD)
    assert "~ torch 2.11.0 → 2.10.0" in done.stderr
    assert team.envctl("lock", "--fleet", "--check").stdout.startswith("lock         ok\n")

    before = team.snapshot("pylock.toml")
    report = team.json("lock", "--fleet")["result"]
    assert (report["resolved"], report["written"]) == (False, False)
    assert report["notes"] == ["runs on every recorded machine: 5 of 5"]
    team.envctl("lock")  # the versions of the lock are kept
    team.envctl("lock", "--fleet", "--upgrade")
    assert team.snapshot("pylock.toml") == before
    team.envctl("lock", "--upgrade")  # asks nobody
    assert version(team) == "2.11.0"


def test_a_first_lock_heeds_the_machines(team: World) -> None:
    """The newest two are for too new a driver, and of the one that the tables would take there is none."""
    team.index.remove("torch", "2.10.0")
    team.index.add(NEW, torch("2.12.1", CU13))
    report = team.json("lock", "--fleet")["result"]
    assert version(team) == "2.9.1"
    assert report["notes"][0].startswith("limited to `torch<2.11` for hpc-a100 (driver 550)")
    assert "nvidia-cublas" not in team.read("pylock.toml").replace("nvidia-cublas-cu12", "")


def test_pip_tools_heeds_the_machines_too(team: World) -> None:
    team.index.add(NEW)
    write(team, resolver="pip-tools")
    team.envctl("lock")
    assert version(team) == "2.11.0"
    assert team.envctl("lock", "--fleet").stderr.startswith(HELD)
    assert version(team) == "2.10.0"
    assert set(team.codes("--only", "lock,fleet", code=0)) == {"driver-limited"}
    team.envctl("lock", "--fleet", "--upgrade")
    assert version(team) == "2.10.0"


def test_a_requirement_that_leaves_no_room_is_named_and_nothing_is_written(team: World) -> None:
    team.envctl("lock")
    before = team.snapshot("pylock.toml")
    team.index.add(NEW)
    write(team, ">=2.11")
    done = team.envctl("lock", "--fleet", code=3)
    assert done.stdout == ""
    assert "hpc-a100 (driver 550) and lab-v100 (driver 535, no kernels for sm_70)" in done.stderr
    assert "with `torch<2.11` there is no solution" in done.stderr
    assert "torch>=2.11" in done.stderr
    assert "next:  ease the requirement" in done.stderr
    assert team.snapshot("pylock.toml") == before
    # What `lock --fleet` cannot mend is not said to be mended by it.
    assert UPGRADED.partition(" (`envctl lock")[0] in team.envctl("lock").stderr
    fixes = [(each["fix"], each["advice"]) for each in team.findings("--only", "fleet")]
    assert [fix for fix, _ in fixes] == [None] * 3
    assert fixes[0][1] == "install driver 580.65.06 or newer, or lock torch 2.11 with cu128"


def test_a_version_on_the_command_line_is_named_as_what_stands_against_it(team: World) -> None:
    team.envctl("lock")
    team.index.add(NEW)
    done = team.envctl("lock", "--fleet", "--upgrade", "torch==2.11", code=3)
    assert "cannot run torch==2.11, and with `torch<2.11` there is no solution" in done.stderr
    assert "where: --upgrade torch==2.11" in done.stderr
    assert "leave the version out (`--upgrade torch`)" in done.stderr
    done = team.envctl("lock", "--fleet", "torch", code=2)
    assert "`envctl lock --fleet --upgrade torch`" in done.stderr


def test_a_package_that_wants_the_new_torch_makes_it_uncertain(team: World) -> None:
    team.index.add(NEW, Wheel("zz-made-net", "1.0", requires=("torch>=2.11",)))
    write(team)
    text = team.read("pyproject.toml").replace('"zz-made-lib"]', '"zz-made-lib", "zz-made-net"]')
    team.write("pyproject.toml", text)
    said = team.envctl("lock").stderr
    assert "newest that runs on all: torch 2.14 with cu126\n" in said
    assert "holds torch back" not in said
    found = team.findings("--only", "fleet")
    assert {each["fix"] for each in found} == {None}
    assert found[0]["advice"].startswith(
        "`envctl lock --fleet` may help: `zz-made-net` 1.0 needs `torch`, and which of its releases"
    )
    assert "with `torch<2.11` there is no solution" in team.envctl("lock", "--fleet", code=3).stderr
    # and where there is an older release, it does
    team.index.add(Wheel("zz-made-net", "0.9", requires=("torch>=2.9",)))
    team.envctl("lock", "--fleet")
    assert (version(team), version(team, "zz-made-net")) == ("2.10.0", "0.9")


def test_a_requirement_for_another_system_is_no_obstacle(team: World) -> None:
    team.index.add(NEW)
    text = team.read("pyproject.toml")
    more = text.replace('["torch"', '["torch", "torch>=2.11; sys_platform == \'win32\'"')
    team.write("pyproject.toml", more)
    team.envctl("lock")
    assert {each["fix"] for each in team.findings("--only", "fleet")} == {"envctl lock --fleet"}
    assert team.envctl("lock", "--fleet").stderr.startswith(HELD)


def test_without_torch_nothing_is_said_of_torch(team: World) -> None:
    plugin = Wheel("jax-cuda13-plugin", "0.10.2", requires=CU13)
    team.index.add(plugin)
    text = team.read("pyproject.toml").replace('"torch"', '"jax-cuda13-plugin"')
    team.write("pyproject.toml", text)
    said = team.envctl("lock", "--fleet", code=3).stderr
    assert "CUDA 13.0 needs driver ≥ 580: fails on hpc-a100 (driver 550) and lab-v100" in said
    assert "hpc-a100: install driver 580.65.06 or newer, or lock packages for CUDA 12" in said
    assert "bring them up to date" in said
    assert "torch" not in said


def test_a_machine_without_a_gpu_that_is_needed_hears_of_no_torch(team: World) -> None:
    write(team, more="[tool.envctl.gpu]\nrequired = true\n")
    said = team.envctl("lock", "--fleet", code=3).stderr
    assert "needs 1 GPU: fails on no-gpu (no GPU)\n" in said
    assert "take `required` out of [tool.envctl.gpu]" in said
    assert "another build of torch" not in said


def test_a_machine_that_no_torch_serves_is_named_and_nothing_is_written(team: World) -> None:
    team.index.add(NEW)
    record(team, "t4")
    done = team.envctl("lock", "--fleet", code=3)
    assert "no lock runs on every recorded machine: torch 2.11 needs driver ≥ 580" in done.stderr
    assert "no older version of torch whose kernels are known helps t4" in done.stderr
    assert "where: .envctl/machines/t4.toml" in done.stderr
    assert "t4: install driver 580.65.06 or newer, or lock torch 2.0 with cu118" in done.stderr
    assert not (team.root / "pylock.toml").exists()
    report = team.json("lock", "--fleet", code=3)
    assert report["error"]["code"] == "resolution"


def test_an_older_c_library_takes_older_wheels(team: World) -> None:
    """The newest library is for glibc 2.39, which one machine has."""
    tag = f"{TAG}-{TAG}-manylinux_2_39_x86_64"
    team.index.add(Wheel("zz-made-lib", "2.0", tags=(tag,)))
    team.envctl("lock")
    assert version(team, "zz-made-lib") == "2.0"
    assert "libc-too-old" in team.codes("--only", "fleet", code=1)
    done = team.envctl("lock", "--fleet")
    assert "limited to glibc 2.28 on linux-x86_64 for" in done.stderr
    assert version(team, "zz-made-lib") == "1.0"
    assert set(team.codes("--only", "lock,fleet", code=0)) == {"driver-limited"}
    write(team, more="\n[tool.envctl.profiles]\n")  # nothing that counts
    team.envctl("lock")
    assert version(team, "zz-made-lib") == "1.0"


# Profiles

PROFILES = """
[tool.envctl.profiles.cpu]
torch = "cpu"
index = [{{ name = "pytorch-cpu", url = "{cpu}" }}]
[tool.envctl.profiles.cu128]
torch = "cu128"
index = [{{ name = "pytorch-cu128", url = "{cu128}" }}]
"""


def test_profiles_are_held_back_together_for_a_gpu_that_would_be_idle(team: World) -> None:
    with ExitStack() as stack:
        indexes = {name: stack.enter_context(LocalIndex(mode="html")) for name in ("cpu", "cu128")}
        for build, needs in (("cpu", ()), ("cu128", CU12)):
            indexes[build].add(*(torch(f"2.{n}.0+{build}", needs) for n in (10, 11)))
        write(team, more=PROFILES.format(**{name: each.url for name, each in indexes.items()}))
        done = team.envctl("lock", "--fleet", "--profile", "cu128", code=3)
        assert "no profile runs on lab-v100 (no kernels for sm_70) and no-gpu" in done.stderr
        assert "leave `--profile` out" in done.stderr
        done = team.envctl("lock")
        assert "note: no profile" not in done.stderr  # the V100 can do without its GPU
        done = team.envctl("lock", "--fleet", "--profile", "cu128")
        assert "lab-v100 (no kernels for sm_70): these profiles alone cannot" in done.stderr
        [unused] = [
            each for each in team.findings("--only", "fleet") if each["code"] != "driver-limited"
        ]
        assert (unused["code"], unused["severity"]) == ("gpu-unused", "warning")
        assert unused["message"] == (
            "lab-v100: only the profile cpu runs, its GPUs stay unused (no kernels for sm_70)"
        )
        assert team.codes("--only", "fleet", code=0)
        team.envctl("verify", "--only", "fleet", "--strict", code=1)
        done = team.envctl(*shlex.split(unused["fix"])[1:])
        assert "limited to `torch<2.11` for lab-v100 (no kernels for sm_70)" in done.stderr
        for build in ("cpu", "cu128"):
            assert version(team, lock=f"pylock.{build}.toml") == f"2.10.0+{build}"
        team.envctl("verify", "--only", "lock,fleet", "--strict")
        # A GPU that nothing helps is no reason to hold anybody back.
        record(team, "t4")
        (team.root / ".envctl/machines/lab-v100.toml").unlink()
        done = team.envctl("lock", "--fleet", "--upgrade")
        assert "the GPUs stay unused on t4 (driver 470): no limit mends that" in done.stderr
        assert version(team, lock="pylock.cu128.toml") == "2.11.0+cu128"


# Records


def test_no_machine_is_recorded(team: World) -> None:
    for name in TEAM:
        (team.root / f".envctl/machines/{name}.toml").unlink()
    done = team.envctl("lock", "--fleet")
    assert "no machine is recorded in .envctl/machines" in done.stderr
    done = team.envctl("verify", "--only", "fleet")
    assert done.stdout == "fleet        ok: no machine is recorded\n"
    (team.root / ".envctl/machines").rmdir()
    assert team.envctl("verify", "--only", "fleet").stdout == done.stdout


BROKEN = {
    "conflict.toml": (
        b"schema = 1\n<<<<<<< HEAD\nlibc = 'a'\n=======\n>>>>>>> b\n",
        "merge conflict at line 2",
    ),
    "latin.toml": (b'schema = 1\nname = "caf\xe9"\n', "not UTF-8: byte 0xe9 in line 2"),
    "later.toml": (b"schema = 99\n", "this envctl reads up to 1"),
    "short.toml": (b"schema = 1\n", "missing"),
    "empty.toml": (b"", "missing"),
    "text.toml": (b"hello\n", "not TOML"),
    "huge.toml": (b"schema = " + b"9" * 5000, "not TOML"),
}


ODD = {
    "folder.toml": "is a directory",
    "nowhere.toml": "a link leads nowhere",
    "loop.toml": "symbolic links",
    "pipe.toml": "a pipe",
}


def odd(folder: Path) -> None:
    """Put names there that look like records."""
    (folder / "folder.toml").mkdir()
    (folder / "nowhere.toml").symlink_to("gone")
    (folder / "loop.toml").symlink_to("loop.toml")
    os.mkfifo(folder / "pipe.toml")


def test_no_name_stops_the_others(team: World) -> None:
    team.index.add(NEW)
    odd(team.root / ".envctl/machines")
    assert UPGRADED.partition(" (`envctl")[0] in team.envctl("lock").stderr
    report = team.json("verify", "--only", "fleet", code=1)["result"]
    assert "fails on hpc-a100 (driver 550)" in report["said"]["fleet"]
    team.envctl("add", "--no-sync", "zz-made-lib>=1")


@pytest.mark.parametrize("kind", ["file", "dangling"])
def test_a_folder_of_machines_that_is_none_is_an_error(team: World, kind: str) -> None:
    team.envctl("lock")
    team.envctl("verify", "--only", "fleet")
    folder = team.root / ".envctl/machines"
    folder.rename(team.root / ".envctl/aside")
    assert "no machine is recorded" in team.envctl("verify", "--only", "fleet").stdout
    if kind == "file":
        folder.write_text("")
    else:
        folder.symlink_to("../machines-of-a-submodule")
    [finding] = team.findings("--only", "fleet")
    assert (finding["code"], finding["subject"]) == ("record-unreadable", ".envctl/machines")
    assert "that is not a folder" in finding["message"]
    done = team.envctl("lock", "--fleet", code=3)
    assert "where: .envctl/machines\n" in done.stderr
    team.envctl("lock")


def test_a_lock_that_cannot_be_read_does_not_open_the_gate(team: World) -> None:
    team.envctl("lock")
    team.envctl("verify", "--only", "fleet")
    team.write("pylock.toml", "<<<<<<< HEAD\n" + team.read("pylock.toml"))
    [finding] = team.findings("--only", "fleet")
    assert (finding["code"], finding["layer"]) == ("lock-unreadable", "fleet")
    assert finding["severity"] == "error"
    done = team.envctl("verify", "--only", "lock,fleet", code=1)
    assert "fleet        skipped: the lock cannot be read: merge conflict" in done.stdout
    assert done.stdout.count("lock-unreadable") == 1


def test_one_of_several_locks_that_cannot_be_read_does_not_open_the_gate(team: World) -> None:
    with ExitStack() as stack:
        indexes = {name: stack.enter_context(LocalIndex(mode="html")) for name in ("cpu", "cu128")}
        for build, needs in (("cpu", ()), ("cu128", CU12)):
            indexes[build].add(torch(f"2.10.0+{build}", needs))
        write(team, more=PROFILES.format(**{name: each.url for name, each in indexes.items()}))
        team.envctl("lock")
    team.envctl("verify", "--only", "fleet")
    team.write("pylock.cu128.toml", "=======\n" + team.read("pylock.cu128.toml"))
    errors = [each for each in team.findings("--only", "fleet") if each["severity"] == "error"]
    assert [(each["code"], each["subject"]) for each in errors] == [
        ("lock-unreadable", "pylock.cu128.toml")
    ]


def test_records_that_cannot_be_read_are_findings(team: World) -> None:
    team.envctl("lock")
    folder = team.root / ".envctl/machines"
    for name, (content, _) in BROKEN.items():
        (folder / name).write_bytes(content)
    odd(folder)
    (folder / "notes.txt").write_text("no record")
    found = {
        each["subject"]: each
        for each in team.findings("--only", "fleet")
        if each["code"] == "record-unreadable"
    }
    expected = {**{name: why for name, (_, why) in BROKEN.items()}, **ODD}
    assert found.keys() == expected.keys()
    for name, why in expected.items():
        assert why in found[name]["message"], found[name]
        assert found[name]["severity"] == "error"
        assert "envctl record --save" in found[name]["advice"]
    assert "`envctl record --save conflict`" in found["conflict.toml"]["advice"]
    total = 5 + len(expected)
    said = team.envctl("verify", "--only", "fleet", code=1).stdout
    assert f"runs on 5 of {total} machines, {len(expected)} cannot be read" in said
    layers = team.json("verify", code=1)["result"]["layers"]
    assert "variables" in layers  # which looks for this machine's record among them
    done = team.envctl("lock", "--fleet", code=3)
    assert "the record cannot be read: merge conflict at line 2" in done.stderr
    assert "where: .envctl/machines/conflict.toml" in done.stderr


def test_names_cannot_steer_a_terminal(team: World) -> None:
    team.index.add(NEW)
    text = machines.text("t4").replace('"Tesla T4"', '"\\u001b[2JTesla\\nT4"')
    text = text.replace('"7.5"', '"3.7"')
    team.write(".envctl/machines/\x1b[2J$(x)`y`.toml", text)
    for done in (
        team.envctl("lock"),
        team.envctl("verify", "--only", "fleet", code=1),
        team.envctl("lock", "--fleet", code=3),
        team.envctl("add", "--no-sync", "zz-made-lib>=1"),
    ):
        said = done.stdout + done.stderr
        assert "\x1b[2J" not in said
        assert "\\x1b[2J$(x)`y`" in said


def test_another_platform_and_another_python(team: World) -> None:
    record(team, "jetson-orin")
    team.write(".envctl/machines/rtx4090.toml", machines.text("rtx4090").replace("3.13.1", "3.4.1"))
    team.envctl("lock")
    found = {each["code"]: each for each in team.findings("--only", "fleet")}
    assert found.keys() == {"platform-unserved", "python-version", "driver-limited"}
    assert found["platform-unserved"]["message"] == (
        "jetson-orin: the lock has nothing for linux-aarch64"
    )
    assert found["python-version"]["severity"] == "note"
    assert found["python-version"]["subject"] == "rtx4090"
    done = team.envctl("lock", "--fleet", code=3)
    assert "jetson-orin (linux-aarch64 is not in the lock)" in done.stderr


def test_what_goes_together(team: World) -> None:
    done = team.envctl("lock", "--fleet", "--adopt", code=2)
    assert "no other option fits" in done.stderr
    done = team.envctl("verify", "--only", "fleet")
    assert done.stdout == "fleet        skipped: there is no lock to compare with\n"


def test_a_machine_without_a_profile_is_one_where_sync_finds_none(team: World) -> None:
    with LocalIndex(mode="html") as cu128:
        cu128.add(torch("2.10.0+cu128"))
        only = PROFILES.partition("[tool.envctl.profiles.cu128]")
        write(team, more=("".join(only[1:])).format(cu128=cu128.url))
        team.envctl("lock")
        [alone] = [f for f in team.findings("--only", "fleet") if f["severity"] == "error"]
        assert (alone["code"], alone["subject"]) == ("gpu-missing", "no-gpu")
        refused = team.envctl("sync", code=3, env={"ENVCTL_SYSROOT": str(team.root / "no gpu")})
        assert "no profile fits this machine" in refused.stderr
