"""What a captured environment means: its roots, what stands for a version, and what is proved."""

import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.captured.needs import Needs
from envctl.domain.captured.packages import SEEDS, Captured, Kind, Origin
from envctl.domain.captured.proof import Judged, another, candidates, judged, same_build
from envctl.domain.captured.roots import Roots, roots
from envctl.domain.captured.standing import Standing, of_torch, standing
from envctl.domain.lock.slices import Item

LINUX = {"sys_platform": "linux", "python_version": "3.11", "platform_machine": "x86_64"}


def package(
    name: str,
    *requires: str,
    asked: bool = False,
    installer: str = "pip",
    extras: tuple[str, ...] = (),
    kind: Kind = "index",
    url: str = "",
) -> Captured:
    return Captured(
        name=name,
        version="1.0",
        requires=requires,
        requested=asked,
        installer=installer,
        extras=extras,
        origin=Origin(kind=kind, url=url),
    )


def found(*packages: Captured, outside: Sequence[str] = ()) -> Roots:
    return roots(Needs(packages, LINUX), outside=outside)


def names(result: Roots) -> list[str]:
    return [
        f"{name}[{','.join(sorted(extras))}]" if extras else name
        for name, extras in result.names.items()
    ]


class TestRoots:
    def test_what_pip_was_asked_for(self) -> None:
        packages = (package("app", "lib", asked=True), package("lib"), package("more", asked=True))
        assert names(found(*packages)) == ["app", "more"]

    def test_what_pip_was_asked_for_is_a_root_though_others_need_it(self) -> None:
        packages = (package("app", "lib", asked=True), package("lib", asked=True), package("deep"))
        result = found(*packages)
        assert names(result) == ["app", "deep", "lib"]
        assert result.strays == ("deep",)

    @pytest.mark.parametrize("asked", [True, False])
    def test_marks_that_tell_nothing_apart_are_not_taken_for_an_answer(self, asked: bool) -> None:
        packages = [
            package("app", "lib", asked=asked, installer="uv"),
            package("lib", asked=asked, installer="uv"),
        ]
        result = found(*packages)
        assert names(result) == ["app"]
        assert result.strays == ()

    def test_each_installer_s_marks_count_for_its_own(self) -> None:
        packages = (
            package("app", "lib", "other", asked=True),
            package("lib"),
            package("other", asked=True, installer="uv"),
            package("single", asked=True, installer="uv"),
        )
        assert names(found(*packages)) == ["app", "single"]

    def test_markers_of_other_machines_need_nothing_here(self) -> None:
        packages = (package("app", "lib; sys_platform == 'win32'"), package("lib"))
        assert names(found(*packages)) == ["app", "lib"]

    def test_a_circle_has_its_first_by_name_as_root(self) -> None:
        packages = (package("b", "c"), package("c", "b", "a"), package("a"))
        assert names(found(*packages)) == ["b"]

    def test_what_came_with_the_environment_is_no_root_unless_needed(self) -> None:
        packages = (
            package("pip", asked=True),
            package("setuptools", asked=True),
            package("wheel", "packaging", asked=True),
            package("packaging"),
            package("app", "setuptools", asked=True),
        )
        result = found(*packages)
        assert names(result) == ["app"]
        assert result.seeds == ("packaging", "pip", "wheel")

    def test_an_extra_that_explains_what_nobody_asked_for(self) -> None:
        both = ("fast; extra == 'fast'", "fast; extra == 'all'", "absent; extra == 'all'")
        web = package("web", *both, asked=True, extras=("all", "fast"))
        result = found(web, package("fast", "deep"), package("deep"))
        assert names(result) == ["web[fast]"]
        assert result.inferred == ("web",)

    def test_no_extra_is_concluded_where_nobody_knows_what_was_asked_for(self) -> None:
        frame = package("frame", "plot; extra == 'plot'", installer="uv", extras=("plot",))
        assert names(found(frame, package("plot", installer="uv"))) == ["frame", "plot"]

    def test_an_extra_that_another_package_asks_for(self) -> None:
        web = package("web", "fast; extra == 'fast'", extras=("fast",), installer="uv")
        top = package("top", "web[FAST]", installer="uv")
        assert names(found(top, web, package("fast", installer="uv"))) == ["top"]

    def test_what_a_package_needs_that_is_left_out(self) -> None:
        packages = (package("mine", "lib[x]", asked=True), package("lib", extras=("x",)))
        assert names(found(*packages, outside=["mine"])) == ["lib[x]"]

    def test_a_repository_is_a_root_unless_its_address_comes_from_another(self) -> None:
        git = package("thing", kind="vcs", url="git+https://git.example/thing@abcdef1")
        assert names(found(package("app", "thing", asked=True), git)) == ["app", "thing"]
        app = package("app", "thing @ git+https://git.example/thing", asked=True)
        assert names(found(app, git)) == ["app"]

    @given(st.data())
    def test_a_way_leads_from_the_roots_to_everything(self, data: st.DataObject) -> None:
        every = [*"abcdefgh", "pip", "wheel"]
        packages = [
            package(
                name,
                *data.draw(st.lists(st.sampled_from(every), max_size=3)),
                *(
                    f"{n}; extra == 'x'"
                    for n in data.draw(st.lists(st.sampled_from(every), max_size=2))
                ),
                extras=("x",),
                asked=data.draw(st.booleans()),
                installer=data.draw(st.sampled_from(["pip", "uv"])),
            )
            for name in data.draw(st.lists(st.sampled_from(every), unique=True, min_size=1))
        ]
        outside = data.draw(st.lists(st.sampled_from(every), max_size=2))
        needs = Needs(packages, LINUX)
        result = roots(needs, outside=outside)
        reached = needs.reached(result.names).keys()
        left = set(outside) - SEEDS
        assert needs.packages.keys() - left - set(result.seeds) == reached - left
        assert not (result.names.keys() & (SEEDS | left))
        shuffled = random.Random(0).sample(packages, len(packages))
        assert roots(Needs(shuffled, LINUX), outside=outside) == result


def stands(version: str, *offered: str, sure: bool = False) -> tuple[str | None, bool]:
    offer = dict.fromkeys(offered, "https://index.example/simple")
    package_ = Captured(name="x", version=version)
    result = standing(package_, offer, sure=sure)
    return result.version, result.exact


class TestStanding:
    @pytest.mark.parametrize(
        ("version", "offered", "sure", "expected"),
        [
            ("1.0", ["1.0", "2.0"], False, ("1.0", True)),
            ("1.0.0", ["1.0"], False, ("1.0", True)),
            ("1.0+cu126", ["1.0", "1.0+cu126"], False, ("1.0+cu126", True)),
            ("1.0+cu126", ["1.0"], False, ("1.0", False)),
            ("1.0", ["1.0+cu126", "2.0"], False, (None, False)),
            ("1.0.post207", ["1.0"], False, (None, False)),
            ("1.0.post207", ["1.0"], True, ("1.0", False)),
            ("4.10.0", ["4.10.0.84", "4.10.0.82", "4.11"], True, ("4.10.0.84", False)),
            ("4.10.0", ["4.10.0.84"], False, (None, False)),
            ("1.0", [], True, (None, False)),
        ],
    )
    def test_only_what_must_be_the_same_project_stands_for_a_version(
        self, version: str, offered: list[str], sure: bool, expected: tuple[str | None, bool]
    ) -> None:
        assert stands(version, *offered, sure=sure) == expected

    def test_builds_of_torch(self) -> None:
        packages = [
            Captured(name="torch", version="2.4.1+cu126"),
            Captured(name="torchvision", version="0.19+cu126"),
            Captured(name="torchaudio", version="2.4.1+cpu"),
            Captured(name="torch-geometric", version="2.4.1+cu126"),
            Captured(name="torchdata", version="1.0+mine"),
            Captured(name="torchtext", version="1.0"),
        ]
        assert of_torch(packages) == {"cpu": ("torchaudio",), "cu126": ("torch", "torchvision")}


URL = "https://index.example/x-1.0-py3-none-any.whl"
RECORD = {
    "x/__init__.py": "sha256=a",
    "x/more.py": "sha256=b",
    "x-1.0.dist-info/METADATA": "sha256=c",
    "x-1.0.dist-info/WHEEL": "sha256=d",
}


def item(version: str = "1.0", *, wheels: Sequence[str] = (URL,), source: bool = False) -> Item:
    made = [
        PackageWheel(url=url, name=url.rpartition("/")[2], hashes={"sha256": "0"}) for url in wheels
    ]
    sdist = PackageSdist(url="https://index.example/x-1.0.tar.gz", hashes={"sha256": "0"})
    entry = Package(
        name=canonicalize_name("x"),
        version=Version(version),
        wheels=made,
        sdist=sdist,
    )
    return Item(package=entry, artefact=sdist if source else made[0])


def judge(
    captured: Captured,
    locked: Item | None,
    wheels: Mapping[str, Mapping[str, str] | None] = {URL: RECORD},
    *,
    stands_for: Standing | None = None,
) -> Judged:
    exact = Standing(name="x", version=captured.version, exact=True, known=True)
    return judged(captured, locked, standing=stands_for or exact, root=True, wheels=wheels)


def codes(result: Judged) -> list[str]:
    return [doubt.code for doubt in result.doubts]


X = Captured(
    name="x",
    version="1.0",
    record={**RECORD, "x-1.0.dist-info/INSTALLER": "sha256=z"},
    tags=("py3-none-any",),
)


class TestProof:
    def test_the_files_of_the_locked_wheel(self) -> None:
        assert judge(X, item()).proved

    @pytest.mark.parametrize(
        ("locked", "wheels", "expected"),
        [
            (None, {URL: RECORD}, ["not-locked"]),
            (item("2.0"), {URL: RECORD}, ["other-version"]),
            (item(source=True), {URL: RECORD}, ["local-build"]),
            (item(), {URL: None}, ["not-compared"]),
            (item(), {}, ["not-compared"]),
            (item(), {URL: RECORD | {"x/more.py": "sha256=other"}}, ["other-build"]),
            (item(), {URL: RECORD | {"x/new.py": "sha256=other"}}, ["other-build"]),
            (item(), {URL: RECORD | {"x-1.0.data/scripts/run": "sha256=other"}}, []),
            (item(), {URL: dict.fromkeys(RECORD, "sha256=other")}, ["stranger"]),
        ],
    )
    def test_what_stands_against_it(
        self,
        locked: Item | None,
        wheels: Mapping[str, Mapping[str, str] | None],
        expected: list[str],
    ) -> None:
        assert codes(judge(X, locked, wheels)) == expected

    def test_empty_files_and_wheel_files_prove_no_kinship(self) -> None:
        empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
        theirs = {"x/__init__.py": empty, "x/a.py": "sha256=1", "x-1.dist-info/WHEEL": "sha256=d"}
        ours = {"x/__init__.py": empty, "x/b.py": "sha256=2", "x-1.dist-info/WHEEL": "sha256=d"}
        assert another(ours, theirs)
        assert not another(
            ours | {"x-1.dist-info/METADATA": "sha256=m"},
            theirs | {"x-1.dist-info/METADATA": "sha256=m"},
        )
        assert same_build(ours, theirs) == ("x/a.py",)

    def test_changed_files_are_counted(self) -> None:
        changed = Captured(name="x", version="1.0", record=RECORD, changed=("a", "b", "c", "d"))
        (doubt,) = judge(changed, item()).doubts
        assert doubt.code == "files-differ"
        assert doubt.said == "4 files differ from RECORD (a, b, c, and 1 more)"

    def test_the_wheel_with_the_installed_tags_is_compared_first(self) -> None:
        urls = [
            f"https://index.example/x-1.0-cp311-cp311-{platform}.whl"
            for platform in ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64")
        ]
        captured = Captured(
            name="x", version="1.0", record=RECORD, tags=("cp311-cp311-manylinux2014_x86_64",)
        )
        locked = item(wheels=urls)
        assert [wheel.url for wheel in candidates(captured, locked)] == [urls[1], urls[0]]
        other = dict.fromkeys(RECORD, "sha256=other")
        # The lock has the installed wheel, and yet this machine is given the other one.
        (doubt,) = judge(captured, locked, {urls[0]: other, urls[1]: RECORD}).doubts
        assert doubt.code == "other-wheel"
        assert "manylinux_2_28_x86_64.whl now" in doubt.said
        assert judge(captured, locked, {urls[0]: RECORD, urls[1]: RECORD}).proved

    @pytest.mark.parametrize("tag", ["", "a", "a-b-c-d", "py3-none-any.x..y", "-", "\0-\0-\0"])
    def test_tags_that_are_none(self, tag: str) -> None:
        captured = Captured(name="x", version="1.0", record=RECORD, tags=(tag,))
        assert judge(captured, item()).proved

    def test_a_package_without_record(self) -> None:
        assert codes(judge(Captured(name="x", version="1.0"), item())) == ["no-record"]

    def test_conda_s_build_is_another_even_of_the_same_version(self) -> None:
        conda = Captured(name="x", version="1.0", record=RECORD, origin=Origin(kind="conda"))
        sure = Standing(name="x", version="1.0", exact=True, sure=True)
        assert codes(judge(conda, item(), stands_for=sure)) == ["conda"]
        (doubt,) = judge(conda, item()).doubts
        assert "if that is the same project" in doubt.said


@pytest.mark.parametrize(
    ("kind", "url", "local", "direct"),
    [
        ("index", "", False, False),
        ("vcs", "git+https://git.example/x@abc", False, True),
        ("vcs", "git+file:///srv/x@abc", True, False),
        ("archive", "file:///srv/x.whl", True, False),
        ("archive", "https://x.example/x.whl", False, True),
        ("editable", "/srv/x", True, False),
        ("folder", "/srv/x", True, False),
        ("conda", "file", False, False),
    ],
)
def test_what_means_something_on_this_machine_only(
    kind: Kind, url: str, local: bool, direct: bool
) -> None:
    origin = Origin(kind=kind, url=url)
    assert (origin.local, origin.direct) == (local, direct)
