"""Profiles from the manifest to the environment: local indexes stand for torch's own, one per build."""

import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World

TAG = f"cp{MINOR.replace('.', '')}"
LINUX = (f"{TAG}-{TAG}-manylinux_2_28_x86_64",)
ARM = (f"{TAG}-{TAG}-manylinux_2_28_aarch64",)
WINDOWS = (f"{TAG}-{TAG}-win_amd64",)
MAC = (f"{TAG}-none-macosx_11_0_arm64",)

MANIFEST = """\
[project]
name = "vision"
version = "0.1.0"
dependencies = ["{asked}", "zz-made-lib"]

[tool.envctl]
python = "{minor}"
platforms = ["linux-x86_64", "macos-arm64", "windows-x86_64"]

[[tool.envctl.index]]
name = "open"
url = "{open}"

[tool.envctl.gpu]
required = true

[tool.envctl.env]
PYTHONHASHSEED = "0"

[tool.envctl.profiles.cpu]
torch = "cpu"
env = {{ OMP_NUM_THREADS = "4" }}
index = [{{ name = "pytorch-cpu", url = "{cpu}" }}]

[tool.envctl.profiles.cu126]
torch = "cu126"
index = [{{ name = "pytorch-cu126", url = "{cu126}" }}]

[tool.envctl.profiles.cu130]
torch = "cu130"
index = [{{ name = "pytorch-cu130", url = "{cu130}" }}]
"""


def torch(version: str, build: str, requires: tuple[str, ...] = ()) -> list[Wheel]:
    """Make one version of torch as its index has it: a wheel per platform, macOS without a local tag."""
    wheels = [
        Wheel("torch", f"{version}+{build}", requires=("zz-made-lib", *requires), tags=tags)
        for tags in (LINUX, ARM, WINDOWS)
    ]
    if build == "cpu":
        wheels.append(Wheel("torch", version, requires=("zz-made-lib",), tags=MAC))
    return wheels


@pytest.fixture
def team(tmp_path: Path) -> Iterator[tuple[World, dict[str, LocalIndex]]]:
    root = tmp_path / "pro ject"
    root.mkdir()
    with ExitStack() as stack:
        indexes = {
            name: stack.enter_context(LocalIndex(mode="html"))
            for name in ("open", "cpu", "cu126", "cu130")
        }
        linux = "; platform_system == 'Linux'"
        indexes["open"].add(
            Wheel("zz-made-lib", "1.0"),
            Wheel("zz-made-lib", "1.1"),
            Wheel("zz-made-net", "1.0", requires=("torch>=2",)),
            Wheel("nvidia-cuda-runtime-cu12", "12.6.77"),
            Wheel("nvidia-cuda-runtime", "13.0.48"),
            Wheel("triton", "3.5.0"),
            # The trap: a torch that no profile may take.
            Wheel("torch", "9.0", tags=("py3-none-any",)),
        )
        indexes["cpu"].add(*torch("2.9.0", "cpu"), *torch("2.10.0", "cpu"))
        indexes["cu126"].add(
            *torch("2.8.0", "cu126", (f"nvidia-cuda-runtime-cu12==12.6.77{linux}",)),
            *torch(
                "2.9.0", "cu126", (f"nvidia-cuda-runtime-cu12==12.6.77{linux}", f"triton{linux}")
            ),
        )
        indexes["cu130"].add(
            *torch("2.9.0", "cu130", (f"nvidia-cuda-runtime==13.0.48{linux}",)),
            *torch("2.10.0", "cu130", (f"nvidia-cuda-runtime==13.0.48{linux}",)),
        )
        world = World(
            root=root,
            index=indexes["open"],
            environ={
                "UV_CACHE_DIR": str(tmp_path / "uv cache"),
                "UV_HTTP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1",
                "HOME": str(tmp_path / "home"),
                "ENVCTL_SYSROOT": str(tmp_path / "no gpu"),
            },
        )
        (tmp_path / "no gpu").mkdir()
        world.write("pyproject.toml", manifest(indexes))
        yield world, indexes


def manifest(indexes: dict[str, LocalIndex], asked: str = "torch") -> str:
    urls = {name: index.url for name, index in indexes.items()}
    return MANIFEST.format(minor=MINOR, asked=asked, **urls)


def versions(world: World, profile: str) -> dict[str, str]:
    lock = Pylock.from_dict(tomllib.loads(world.read(f"pylock.{profile}.toml")))
    found: dict[str, set[str]] = {}
    for package in lock.packages:
        found.setdefault(package.name, set()).add(str(package.version))
    return {name: "/".join(sorted(each)) for name, each in found.items()}


Team = tuple[World, dict[str, LocalIndex]]


@pytest.mark.parametrize("asked", ["torch", "zz-made-net"])
def test_every_profile_gets_its_build_of_the_same_version(team: Team, asked: str) -> None:
    world, indexes = team
    world.write("pyproject.toml", manifest(indexes, asked))
    world.envctl("lock")
    assert not (world.root / "pylock.toml").exists()
    # 2.10 is on two of the indexes, 2.8 on one: 2.9 is what all have.
    assert versions(world, "cpu")["torch"] == "2.9.0/2.9.0+cpu"
    assert versions(world, "cu126")["torch"] == "2.9.0+cu126"
    assert versions(world, "cu130")["torch"] == "2.9.0+cu130"
    assert versions(world, "cu126")["nvidia-cuda-runtime-cu12"] == "12.6.77"
    assert versions(world, "cu130")["nvidia-cuda-runtime"] == "13.0.48"
    assert "nvidia-cuda-runtime" not in versions(world, "cpu")
    assert {versions(world, each)["zz-made-lib"] for each in ("cpu", "cu126", "cu130")} == {"1.1"}
    assert not any("torch" in path for _, path in indexes["open"].requests)
    assert world.codes("--only", "lock", code=0) == []


def test_the_locks_are_for_the_platforms_that_have_the_build(team: Team) -> None:
    world, _ = team
    world.envctl("lock")
    for profile, count in (("cpu", 3), ("cu126", 2), ("cu130", 2)):
        lock = Pylock.from_dict(tomllib.loads(world.read(f"pylock.{profile}.toml")))
        assert len(lock.environments or ()) == count, profile


def test_locking_again_changes_nothing_and_asks_nobody(team: Team) -> None:
    world, indexes = team
    world.envctl("lock")
    before = world.snapshot("pylock.cpu.toml", "pylock.cu126.toml", "pylock.cu130.toml")
    asked = [len(index.requests) for index in indexes.values()]
    report = world.json("lock")
    assert report["result"]["resolved"] is False
    assert world.snapshot(*before) == before
    assert [len(index.requests) for index in indexes.values()] == asked


def test_a_profile_alone_follows_the_others(team: Team) -> None:
    world, indexes = team
    world.envctl("lock")
    others = world.snapshot("pylock.cpu.toml", "pylock.cu126.toml")
    world.envctl("lock", "--profile", "cu130", "--upgrade")
    assert world.snapshot(*others) == others
    assert versions(world, "cu130")["torch"] == "2.9.0+cu130"
    indexes["cu126"].add(*torch("2.10.0", "cu126"))
    world.envctl("lock", "--upgrade")
    assert {versions(world, each)["torch"] for each in ("cu126", "cu130")} == {
        "2.10.0+cu126",
        "2.10.0+cu130",
    }


def test_profiles_that_cannot_agree_are_an_error_that_says_so(team: Team) -> None:
    world, indexes = team
    indexes["cu126"].remove("torch", "2.9.0+cu126")
    indexes["cpu"].remove("torch", "2.9.0+cpu")
    indexes["cpu"].remove("torch", "2.9.0")
    done = world.envctl("lock", code=3)
    assert "the profiles cannot agree" in done.stderr
    assert "`torch" in done.stderr
    assert not list(world.root.glob("pylock*"))


def test_what_a_profile_names_itself_may_differ(team: Team) -> None:
    world, _ = team
    world.edit(
        "pyproject.toml",
        'torch = "cu126"\n',
        'torch = "cu126"\ndependencies = ["zz-made-lib<1.1"]\n',
    )
    world.envctl("lock")
    assert versions(world, "cu126")["zz-made-lib"] == "1.0"
    assert versions(world, "cpu")["zz-made-lib"] == "1.1"
    assert world.codes("--only", "lock", code=0) == []


def test_a_skew_that_somebody_made_is_found_and_mended(team: Team) -> None:
    world, indexes = team
    world.envctl("lock")
    saved = world.read("pylock.cpu.toml")
    indexes["open"].add(Wheel("zz-made-lib", "1.2"))
    world.envctl("lock", "--upgrade", "zz-made-lib")
    assert versions(world, "cpu")["zz-made-lib"] == "1.2"
    world.write("pylock.cpu.toml", saved)
    findings = world.findings("--only", "lock")
    assert [each["code"] for each in findings] == ["profile-skew"]
    assert findings[0]["subject"] == "zz-made-lib"
    world.envctl(*findings[0]["fix"].split()[1:])
    assert world.codes("--only", "lock", code=0) == []
    assert len({versions(world, each)["zz-made-lib"] for each in ("cpu", "cu126", "cu130")}) == 1


def test_a_lock_from_before_the_profiles_gives_its_versions_and_goes(team: Team) -> None:
    world, indexes = team
    plain = manifest(indexes, "zz-made-lib")
    world.write("pyproject.toml", plain[: plain.index("[tool.envctl.profiles.cpu]")])
    world.envctl("lock")
    indexes["open"].add(Wheel("zz-made-lib", "1.2"))
    world.write("pyproject.toml", manifest(indexes))
    assert "lock-superfluous" in world.codes("--only", "lock")
    world.envctl("lock")
    assert not (world.root / "pylock.toml").exists()
    assert versions(world, "cpu")["zz-made-lib"] == "1.1"


def test_sync_without_a_gpu_takes_cpu_says_why_and_keeps_it(team: Team) -> None:
    world, _ = team
    world.envctl("lock")
    done = world.envctl("sync")
    assert "profile cpu: there is no GPU here" in done.stderr
    assert 'profile = "cpu"' in world.read(".envctl/local.toml")
    assert "torch-2.9.0+cpu" in world.installed()
    again = world.envctl("sync")
    assert "profile cpu: chosen in .envctl/local.toml" in again.stderr
    # From here on the fast path answers, with the same words.
    assert world.envctl("sync").stderr == again.stderr
    assert set(world.codes(code=0)) == {"variable-unset"}  # nothing is activated: notes
    shown = world.envctl(
        "run", "--", "python", "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"
    )
    assert shown.stdout == "4\n"


def test_a_profile_can_be_asked_for(team: Team) -> None:
    world, _ = team
    world.envctl("lock")
    world.envctl("sync", "--profile", "cu126")
    assert "torch-2.9.0+cu126" in world.installed()
    assert 'profile = "cu126"' in world.read(".envctl/local.toml")
    world.envctl("sync")
    assert "torch-2.9.0+cu126" in world.installed()
    # The variable counts more than what is remembered, and is not itself remembered.
    world.envctl("sync", env={"ENVCTL_PROFILE": "cu130"})
    assert "torch-2.9.0+cu130" in world.installed()
    assert 'profile = "cu126"' in world.read(".envctl/local.toml")
    refused = world.envctl("run", "--", "true", code=3, env={"ENVCTL_PROFILE": "cpu"})
    assert "ENVCTL_PROFILE asks for `cpu`" in refused.stderr
    world.envctl("run", "--", "true")
    world.envctl("run", "--", "true")
    world.envctl("run", "--", "true", code=3, env={"ENVCTL_PROFILE": "cpu"})


def test_an_unknown_profile_is_refused_everywhere(team: Team) -> None:
    world, _ = team
    world.envctl("lock")
    for arguments in (
        ["sync", "--profile", "cup"],
        ["lock", "--profile", "cup"],
        ["dockerize", "--profile", "cup"],
    ):
        assert "did you mean `cpu`?" in world.envctl(*arguments, code=2).stderr
    world.envctl("sync", code=2, env={"ENVCTL_PROFILE": "cup"})


def test_the_machine_is_judged_by_the_profile_that_is_synced(team: Team) -> None:
    world, _ = team
    world.envctl("lock")
    assert "environment-missing" in world.codes()
    world.envctl("sync", "--profile", "cu126")
    assert "gpu-missing" in world.codes("--only", "machine")
    # What is locked already and runs here, mends it.
    report = world.json("verify", "--only", "machine", code=1)
    assert {each["fix"] for each in report["result"]["findings"]} <= {
        None,
        "envctl sync --profile cpu",
    }
    world.envctl("sync", "--profile", "cpu")
    assert world.codes("--only", "machine", code=0) == []


def test_each_profile_has_its_dockerfile(team: Team) -> None:
    world, _ = team
    world.edit("pyproject.toml", '"macos-arm64", "windows-x86_64"', '"macos-arm64"')
    world.envctl("lock")
    world.write(".envctl/image/cpu/uv.txt", "uv==0.9.0 --hash=sha256:" + "0" * 64 + "\n")
    for profile in ("cu126", "cu130"):
        world.write(f".envctl/image/{profile}/uv.txt", "uv==0.9.0 --hash=sha256:" + "0" * 64 + "\n")
    world.envctl("dockerize")
    for profile in ("cpu", "cu126", "cu130"):
        assert "FROM" in world.read(f"Dockerfile.{profile}")
    assert "+cu126" in world.read(".envctl/image/cu126/pylock.heavy.toml")
    assert not (world.root / "Dockerfile").exists()
    assert world.codes("--only", "image", code=0) == []
    # Another profile's news is no news for this image.
    world.edit("pyproject.toml", 'torch = "cpu"', 'torch = "cpu"\ndependencies = ["zz-made-more"]')
    world.index.add(Wheel("zz-made-more", "1.0"))
    world.envctl("lock")
    # Whether a registry has pinned the base image is this machine's affair (see `World.codes`).
    found = [each for each in world.findings("--only", "image") if each["code"] != "base-unpinned"]
    assert [(each["code"], each["subject"]) for each in found] == [
        ("dockerfile-stale", "Dockerfile.cpu")
    ]


@pytest.mark.parametrize("profile", ["cpu", "cu126", "cu130"])
def test_pip_and_uv_take_each_lock(team: Team, tmp_path: Path, profile: str) -> None:
    world, _ = team
    world.envctl("lock")
    world.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")])
    python = str(tmp_path / "bare" / "bin" / "python")
    name = f"pylock.{profile}.toml"
    done = world.run(
        [
            *(sys.executable, "-m", "uv", "pip", "sync", "--dry-run", "--no-config"),
            *("--preview-features", "pylock", "--python", python, name),
        ]
    )
    assert f"+ torch==2.9.0+{profile}" in done.stderr
    done = world.run(
        [
            *(sys.executable, "-m", "pip", "--isolated", "--python", python, "install"),
            *("--dry-run", "--no-deps", "-r", name),
        ],
        env={"PIP_CONFIG_FILE": "/dev/null"},
    )
    assert f"torch-2.9.0+{profile}" in done.stdout


def test_what_differs_by_platform_stays_when_something_else_is_added(team: Team) -> None:
    """On macOS there is a newer torch: a second lock must not take it because of another change."""
    world, indexes = team
    world.envctl("lock")
    before = versions(world, "cpu")
    indexes["open"].add(Wheel("zz-made-more", "1.0"))
    world.edit("pyproject.toml", '"zz-made-lib"]', '"zz-made-lib", "zz-made-more"]')
    world.envctl("lock")
    assert versions(world, "cpu") == before | {"zz-made-more": "1.0"}


def test_a_fork_keeps_its_versions(world: World) -> None:
    for version in ("1.0", "1.1", "2.0", "2.1"):
        world.index.add(Wheel("zz-made-fork", version))
    world.edit("pyproject.toml", '["linux-x86_64"]', '["linux-x86_64", "windows-x86_64"]')
    world.edit(
        "pyproject.toml",
        '"zz-made-app<2",',
        "\"zz-made-fork==1.0; sys_platform == 'linux'\", \"zz-made-fork>=2; sys_platform == 'win32'\",",
    )
    world.edit(
        "pyproject.toml", "[tool.envctl.env]", "[tool.envctl.profiles.one]\n[tool.envctl.env]"
    )
    world.envctl("lock")
    assert versions(world, "one")["zz-made-fork"] == "1.0/2.1"
    world.edit("pyproject.toml", "zz-made-fork==1.0;", "zz-made-fork<2;")
    world.envctl("lock")
    assert versions(world, "one")["zz-made-fork"] == "1.0/2.1"


def test_a_profile_that_is_gone_leaves_nothing_behind(team: Team) -> None:
    world, _ = team
    world.envctl("lock")
    world.envctl("sync", "--profile", "cu130")
    text = world.read("pyproject.toml")
    world.write("pyproject.toml", text[: text.index("[tool.envctl.profiles.cu130]")])
    kept = world.read("pylock.cpu.toml")
    world.write("pylock.mine.toml", kept)  # somebody's own copy
    done = world.envctl("lock")
    assert "removed pylock.cu130.toml" in done.stderr
    assert not (world.root / "pylock.cu130.toml").exists()
    assert world.read("pylock.mine.toml") == kept
    (finding,) = [each for each in world.findings() if each["code"] == "environment-missing"]
    done = world.envctl(*finding["fix"].split()[1:])
    assert "no profile `cu130` any more" in done.stderr
    assert "torch-2.9.0+cpu" in world.installed()


def test_git_does_not_see_what_is_this_machines(team: Team) -> None:
    world, _ = team
    world.run(["git", "init", "-q"])
    world.envctl("lock")
    world.envctl("sync")
    seen = world.run(["git", "status", "--short", "--untracked-files=all"]).stdout
    assert not [line for line in seen.splitlines() if ".envctl" in line], seen


def test_a_profile_that_is_not_for_linux_has_no_image(team: Team) -> None:
    world, _ = team
    world.write(
        "pyproject.toml",
        world.read("pyproject.toml") + '[tool.envctl.profiles.mac]\nplatforms = ["macos-arm64"]\n'
        'torch = "cpu"\nindex = [{ name = "pytorch-cpu", url = "' + team[1]["cpu"].url + '" }]\n',
    )
    world.envctl("lock")
    for profile in ("cpu", "cu126", "cu130"):
        world.write(f".envctl/image/{profile}/uv.txt", "uv==0.9.0 --hash=sha256:" + "0" * 64 + "\n")
    done = world.envctl("dockerize")
    assert "profile mac is not for Linux" in done.stderr
    assert (world.root / "Dockerfile.cpu").exists()
    assert not (world.root / "Dockerfile.mac").exists()
    refused = world.envctl("sync", "--profile", "mac", code=3)
    assert "pylock.mac.toml" in refused.stderr
