"""`[tool.envctl.builds]` and `[tool.envctl.build-packages]`."""

import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.build import NEEDS
from envctl.domain.build.locked import Builds, LockedBuild, from_tables, package_key
from envctl.errors import ManifestError

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).map(canonicalize_name)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,2}){0,2}(\+cu126)?", fullmatch=True).map(Version)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
hashes = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@st.composite
def packages(draw: st.DrawFn) -> Package:
    name, version = draw(names), draw(versions)
    stem = f"{name.replace('-', '_')}-{version}"
    path = "https://index.example/files/" + draw(st.sampled_from(["", "a%20b/", "x y/"]))
    wheels = [
        PackageWheel(
            name=f"{stem}-{tag}.whl",
            url=f"{path}{stem}-{tag}.whl",
            hashes={"sha256": draw(hashes)},
        )
        for tag in draw(
            st.lists(st.sampled_from(["py3-none-any", "cp311-cp311-win32"]), unique=True)
        )
    ]
    sdist = PackageSdist(
        name=f"{stem}.tar.gz", url=f"{path}{stem}.tar.gz", hashes={"sha256": draw(hashes)}
    )
    return Package(
        name=name,
        version=version,
        index=draw(st.sampled_from([None, "https://index.example/simple"])),
        wheels=wheels or None,
        sdist=sdist if not wheels or draw(st.booleans()) else None,
    )


@st.composite
def tables(draw: st.DrawFn) -> Builds:
    found = draw(st.lists(packages(), max_size=4, unique_by=package_key))
    builds = draw(
        st.dictionaries(
            st.sampled_from([".", "a==1", "b==2+cu126"]),
            st.builds(
                LockedBuild,
                requires=st.lists(st.sampled_from([package_key(p) for p in found])).map(tuple)
                if found
                else st.just(()),
                isolation=st.booleans(),
                needs=st.sets(st.sampled_from(NEEDS)).map(
                    lambda some: tuple(need for need in NEEDS if need in some)
                ),
                env=st.dictionaries(st.sampled_from(["A", "B"]), texts),
            ),
        )
    )
    return Builds(builds=builds, packages=tuple(sorted(found, key=package_key)))


@given(tables())
def test_what_is_written_is_read_back(builds: Builds) -> None:
    text = tomli_w.dumps(builds.to_tables())
    assert from_tables(tomllib.loads(text)) == builds


def test_a_file_is_one_line() -> None:
    wheel = PackageWheel(
        url="https://index.example/f/ninja-1-py3-none-any.whl", hashes={"sha256": "a" * 64}
    )
    package = Package(
        name=canonicalize_name("ninja"),
        version=Version("1"),
        index="https://index.example/simple",
        wheels=[wheel],
    )
    assert Builds(packages=(package,)).to_tables() == {
        "build-packages": {
            "ninja==1": {
                "index": "https://index.example/simple",
                "files": [
                    f"ninja-1-py3-none-any.whl sha256:{'a' * 64} {wheel.url}",
                ],
            }
        }
    }


def test_requirements_are_found_among_both_and_take_their_line_s_marker() -> None:
    ninja, torch = (
        Package(
            name=canonicalize_name(name),
            version=Version("1"),
            marker=Marker("'dev' in dependency_groups") if name == "torch" else None,
            wheels=[
                PackageWheel(
                    url=f"https://x.example/{name}-1-py3-none-any.whl", hashes={"sha256": "0"}
                )
            ],
        )
        for name in ("ninja", "torch")
    )
    build = LockedBuild(requires=("ninja==1 ; sys_platform == 'linux'", "torch==1"))
    found = Builds(packages=(ninja,)).required(build, [torch])
    assert [(each.name, each.marker) for each in found] == [
        ("ninja", Marker("sys_platform == 'linux'")),
        ("torch", None),
    ]
    with pytest.raises(ManifestError, match="ninja==1"):
        Builds().required(build, [torch])


@pytest.mark.parametrize(
    ("own", "where"),
    [
        ({"builds": []}, "tool.envctl.builds"),
        ({"builds": {"a==1": {"require": []}}}, "tool.envctl.builds.a==1.require"),
        ({"builds": {"a==1": {"requires": ["b==1 ; x"]}}}, "tool.envctl.builds.a==1.requires[0]"),
        ({"build-packages": {"a": {"files": []}}}, "tool.envctl.build-packages.a"),
        ({"build-packages": {"A B==1": {"files": []}}}, "tool.envctl.build-packages.A B==1"),
        (
            {"build-packages": {"a==1": {"files": ["../a.whl sha256:0 https://x/"]}}},
            "tool.envctl.build-packages.a==1.files[0]",
        ),
        (
            {"build-packages": {"a==1": {"files": ["a.whl sha256:0 /etc/passwd"]}}},
            "tool.envctl.build-packages.a==1.files[0]",
        ),
        (
            {"build-packages": {"a==1": {"files": ["a.whl"]}}},
            "tool.envctl.build-packages.a==1.files[0]",
        ),
    ],
)
def test_what_is_wrong_is_named(own: dict[str, object], where: str) -> None:
    with pytest.raises(ManifestError) as caught:
        from_tables(own)
    assert caught.value.where == where


def test_a_need_that_a_later_envctl_knows_is_passed_over() -> None:
    found = from_tables({"builds": {"a==1": {"requires": [], "needs": ["fortran", "c"]}}})
    assert found.builds["a==1"].needs == ("c",)
