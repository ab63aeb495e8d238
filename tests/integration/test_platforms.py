"""Platforms: a lock made here is proved for each declared platform, or there is no lock."""

import tomllib

import pytest
from packaging.markers import Environment
from packaging.pylock import PackageSdist, PackageWheel, Pylock

from envctl.domain.lock.slices import Target
from envctl.domain.platforms import parse_platform
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World

TAG = f"cp{MINOR.replace('.', '')}"
LINUX = f"{TAG}-{TAG}-manylinux_2_17_x86_64"
NEWER_LINUX = f"{TAG}-{TAG}-manylinux_2_34_x86_64"
ARM = f"{TAG}-{TAG}-manylinux_2_17_aarch64"
MAC = f"{TAG}-{TAG}-macosx_11_0_arm64"
WINDOWS = f"{TAG}-{TAG}-win_amd64"
ALL = ("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64")

MANIFEST = """\
[project]
name = "demo"
version = "0.1.0"
dependencies = [{dependencies}]

[tool.envctl]
python = "{minor}"
platforms = [{platforms}]

[[tool.envctl.index]]
name = "team"
url = "{index}"
"""


def project(world: World, *dependencies: str, platforms: tuple[str, ...] = ALL) -> None:
    text = MANIFEST.format(
        dependencies=", ".join(f'"{each}"' for each in dependencies),
        platforms=", ".join(f'"{each}"' for each in platforms),
        minor=MINOR,
        index=world.index.url,
    )
    world.write("pyproject.toml", text)


def selected(world: World, platform: str) -> dict[str, str]:
    """Ask packaging alone what that platform installs: name → file name."""
    lock = Pylock.from_dict(tomllib.loads(world.read("pylock.toml")))
    target = Target(platform=parse_platform(platform), python=f"{MINOR}.0")
    environment = Environment(**target.environment())  # type: ignore[typeddict-item]
    found = {}
    for package, artefact in lock.select(environment=environment, tags=target.tags()):
        assert isinstance(artefact, PackageWheel | PackageSdist)
        found[str(package.name)] = artefact.filename
    return found


def test_each_platform_gets_its_wheels_and_its_packages(world: World) -> None:
    for tag in (LINUX, ARM, MAC, WINDOWS):
        world.index.add(
            Wheel(
                "zz-made-native",
                "1.0",
                tags=(tag,),
                requires=("zz-made-win; sys_platform == 'win32'", "zz-made-lib"),
            )
        )
    project(world, "zz-made-native")
    world.envctl("lock")
    tags = dict(zip(ALL, (LINUX, ARM, MAC, WINDOWS), strict=True))
    for platform in ALL:
        found = selected(world, platform)
        assert found["zz-made-native"] == f"zz_made_native-1.0-{tags[platform]}.whl"
        assert ("zz-made-win" in found) == (platform == "windows-x86_64")
        assert "zz-made-lib" in found


def test_a_package_that_a_platform_cannot_install_is_an_error_with_its_name(world: World) -> None:
    world.index.add(Wheel("zz-made-native", "1.0", tags=(LINUX,)))
    project(world, "zz-made-native", platforms=("linux-x86_64", "macos-arm64"))
    done = world.envctl("lock", code=3)
    assert "on macos-arm64" in done.stderr
    assert "zz-made-native" in done.stderr
    assert not (world.root / "pylock.toml").exists()


def test_an_older_version_is_taken_where_the_newest_has_no_wheel(world: World) -> None:
    for version in ("1.0", "1.1"):
        for tag in (LINUX, MAC):
            world.index.add(Wheel("zz-made-native", version, tags=(tag,)))
    for version in ("1.2", "2.0", "3.0"):
        world.index.add(Wheel("zz-made-native", version, tags=(LINUX,)))
    project(world, "zz-made-native", platforms=("linux-x86_64", "macos-arm64"))
    report = world.json("lock")
    assert report["result"]["notes"] == [
        "`zz-made-native` is not the same everywhere: 3.0 on linux-x86_64, 1.1 on macos-arm64"
    ]
    assert selected(world, "linux-x86_64")["zz-made-native"].startswith("zz_made_native-3.0-")
    assert selected(world, "macos-arm64")["zz-made-native"].startswith("zz_made_native-1.1-")
    # What was found is kept: the second time, nothing is asked.
    assert world.json("lock")["result"]["resolved"] is False


def test_where_only_a_compiler_could_an_older_wheel_is_better(world: World) -> None:
    for tag in (LINUX, MAC):
        world.index.add(Wheel("zz-made-native", "1.0", tags=(tag,)))
    newer = Wheel("zz-made-native", "2.0", tags=(LINUX,))
    world.index.add(newer)
    world.index.add_sdist(newer)
    project(world, "zz-made-native", platforms=("linux-x86_64", "macos-arm64"))
    done = world.envctl("lock")
    assert "only a compiler could install it there" in done.stderr
    assert "`zz-made-native` 1.0 is taken on macos-arm64" in done.stderr
    assert selected(world, "macos-arm64")["zz-made-native"].startswith("zz_made_native-1.0-")
    assert selected(world, "linux-x86_64")["zz-made-native"].startswith("zz_made_native-2.0-")


def test_where_no_version_helps_the_source_is_taken_and_said(world: World) -> None:
    newer = Wheel("zz-made-native", "2.0", tags=(LINUX,))
    world.index.add(newer)
    world.index.add_sdist(newer)
    project(world, "zz-made-native", platforms=("linux-x86_64", "macos-arm64"))
    report = world.json("lock")
    (note,) = report["result"]["notes"]
    assert "has no wheel for macos-arm64: only a compiler could install it there" in note
    assert selected(world, "macos-arm64")["zz-made-native"] == "zz_made_native-2.0.tar.gz"


@pytest.mark.parametrize(
    ("floor", "version"), [("", "2.0"), ("-glibc2.34", "2.0"), ("-glibc2.28", "1.0")]
)
def test_a_libc_floor_counts(world: World, floor: str, version: str) -> None:
    world.index.add(
        Wheel("zz-made-native", "1.0", tags=(LINUX,)),
        Wheel("zz-made-native", "2.0", tags=(NEWER_LINUX,)),
    )
    project(world, "zz-made-native", platforms=(f"linux-x86_64{floor}",))
    world.envctl("lock")
    lock = tomllib.loads(world.read("pylock.toml"))
    assert [package["version"] for package in lock["packages"]] == [version]


def test_a_package_behind_an_extra_or_a_group_is_judged_too(world: World) -> None:
    world.index.add(Wheel("zz-made-native", "1.0", tags=(LINUX,)))
    for table in ("[project.optional-dependencies]\nx", "[dependency-groups]\nx"):
        project(world, "zz-made-lib", platforms=("linux-x86_64", "macos-arm64"))
        world.edit(
            "pyproject.toml", "[tool.envctl]", f'{table} = ["zz-made-native"]\n\n[tool.envctl]'
        )
        assert "macos-arm64" in world.envctl("lock", code=3).stderr


def test_a_floor_that_nothing_reaches_is_an_error_with_its_name(world: World) -> None:
    world.index.add(Wheel("zz-made-native", "2.0", tags=(NEWER_LINUX,)))
    project(world, "zz-made-native", platforms=("linux-x86_64-glibc2.28",))
    done = world.envctl("lock", code=3)
    assert "`zz-made-native` 2.0 has no wheel for linux-x86_64-glibc2.28" in done.stderr
    assert "nothing could install it there" in done.stderr
