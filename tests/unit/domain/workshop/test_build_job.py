"""What a build sees, and the key of its wheel."""

from dataclasses import replace

import pytest
from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.build.locked import Builds, LockedBuild
from envctl.domain.contract import Contract
from envctl.domain.environment.here import Here
from envctl.domain.lock import Entry, Lock
from envctl.domain.platforms import parse_platform
from envctl.domain.resolution import Interpreter
from envctl.domain.workshop.job import ARCHITECTURES, Job, Site, architectures, jobs
from envctl.errors import LockError

LINUX = parse_platform("linux-x86_64")
TAGS = (Tag("cp311", "cp311", "manylinux_2_36_x86_64"), Tag("py3", "none", "any"))
HERE = Here(
    interpreter=Interpreter(path="/usr/bin/python3.11", version="3.11.2"),
    platform=LINUX,
    environment=LINUX.environment("3.11.2"),
    tags=TAGS,
)


def wheel(
    name: str, version: str = "1", *, tag: str = "py3-none-any", marker: str | None = None
) -> Package:
    stem = f"{name.replace('-', '_')}-{version}-{tag}.whl"
    file = PackageWheel(
        url=f"https://index.example/{stem}", hashes={"sha256": f"{name}{version}".encode().hex()}
    )
    return Package(
        name=canonicalize_name(name),
        version=Version(version),
        marker=Marker(marker) if marker else None,
        wheels=[file],
    )


def compiled(name: str, version: str = "1") -> Package:
    return wheel(name, version, tag="cp311-cp311-manylinux_2_36_x86_64")


def sdist(name: str, version: str = "1", *, content: str = "") -> Package:
    file = PackageSdist(
        url=f"https://index.example/{name}-{version}.tar.gz",
        hashes={"sha256": f"{name}{version}{content}".encode().hex()},
    )
    return Package(name=canonicalize_name(name), version=Version(version), sdist=file)


def site(
    packages: list[Package],
    builds: dict[str, LockedBuild],
    *,
    extra: tuple[Package, ...] = (),
    edges: dict[str, tuple[str, ...]] | None = None,
    contract: Contract = Contract(),  # noqa: B008  # frozen
    here: Here = HERE,
) -> Site:
    lock = Lock(
        pylock=Pylock(
            lock_version=Version("1.0"),
            created_by="envctl",
            dependency_groups=["dev"],
            packages=packages,
        ),
        entries=tuple(
            Entry(
                name=each.name,
                version=str(each.version),
                digest="",
                requires=(edges or {}).get(each.name, ()),
            )
            for each in packages
        ),
    )
    return Site(
        here=here, lock=lock, builds=Builds(builds=builds, packages=extra), contract=contract
    )


def made(place: Site) -> tuple[Job, ...]:
    return jobs(place.here.slice_of(place.lock).items, place)


def within(job: Job) -> list[str]:
    return [item.name for item in job.within]


FLASH = {"flash==1": LockedBuild(requires=("ninja==1",), isolation=False, needs=("nvcc",))}
STACK = [
    sdist("flash"),
    compiled("torch", "2.8.0+cu126"),
    wheel("filelock"),
    wheel("einops"),
    wheel("pytest", marker="'dev' in dependency_groups"),
]
EDGES = {"flash": ("torch", "einops>=0.8 ; python_version > '3'"), "torch": ("filelock",)}
CUDA = Contract(accelerator="cuda", cuda="12.6", compute_capabilities=("8.0", "9.0"), ptx=("9.0",))


def flash(packages: list[Package] = STACK, contract: Contract = CUDA) -> Job:
    (job,) = made(site(packages, FLASH, extra=(wheel("ninja"),), edges=EDGES, contract=contract))
    return job


class TestSurroundings:
    def test_with_isolation_only_what_was_locked_for_it_is_there(self) -> None:
        build = LockedBuild(requires=("ninja==1", "tomli==1 ; python_version < '3.11'"))
        place = site(
            [sdist("a"), wheel("b")], {"a==1": build}, extra=(wheel("ninja"), wheel("tomli"))
        )
        (job,) = made(place)
        assert within(job) == ["ninja"]

    def test_without_it_also_what_the_package_itself_needs_and_nothing_else(self) -> None:
        assert within(flash()) == ["einops", "filelock", "ninja", "torch"]

    def test_a_requirement_may_be_a_package_of_the_lock_in_another_group(self) -> None:
        build = LockedBuild(requires=("pytest==1",), isolation=False)
        (job,) = made(site([sdist("a"), *STACK[1:]], {"a==1": build}))
        assert within(job) == ["pytest"]

    def test_a_source_that_another_is_built_with_comes_first(self) -> None:
        builds = {
            "a==1": LockedBuild(requires=("b==1",)),
            "b==1": LockedBuild(requires=("c==1",)),
            "c==1": LockedBuild(),
        }
        place = site([sdist("a")], builds, extra=(sdist("b"), sdist("c")))
        assert [job.item.name for job in made(place)] == ["c", "b", "a"]

    def test_a_circle_is_an_error(self) -> None:
        builds = {"a==1": LockedBuild(requires=("b==1",)), "b==1": LockedBuild(requires=("a==1",))}
        with pytest.raises(LockError, match="the other way round"):
            made(site([sdist("a")], builds, extra=(sdist("b"),)))

    def test_a_source_that_the_lock_does_not_know_how_to_build_has_no_job(self) -> None:
        assert made(site([sdist("a"), wheel("b")], {})) == ()

    def test_a_requirement_without_a_file_for_here_is_an_error(self) -> None:
        build = {"a==1": LockedBuild(requires=("b==1",))}
        windows = wheel("b", tag="cp311-cp311-win_amd64")
        with pytest.raises(LockError):
            made(site([sdist("a")], build, extra=(windows,)))
        with pytest.raises(LockError, match="no package `b==1`"):
            made(site([sdist("a")], build))


class TestKey:
    def test_the_same_has_the_same(self) -> None:
        assert flash().key == flash().key

    @pytest.mark.parametrize(
        ("index", "other"),
        [
            (0, sdist("flash", content="another source")),
            (1, compiled("torch", "2.8.0+cu128")),
            (1, compiled("torch", "2.9.0+cu126")),
        ],
    )
    def test_source_and_what_is_compiled_against_count(self, index: int, other: Package) -> None:
        packages = [*STACK[:index], other, *STACK[index + 1 :]]
        assert flash(packages).key != flash().key

    @pytest.mark.parametrize(
        ("index", "other"),
        [
            (2, wheel("filelock", "2")),
            (3, wheel("einops", "2")),
            (4, wheel("pytest", "2", marker="'dev' in dependency_groups")),
        ],
    )
    def test_a_package_without_compiled_code_does_not(self, index: int, other: Package) -> None:
        packages = [*STACK[:index], other, *STACK[index + 1 :]]
        assert flash(packages).key == flash().key

    @pytest.mark.parametrize(
        "contract",
        [replace(CUDA, cuda="12.8"), replace(CUDA, compute_capabilities=("8.0",), ptx=())],
    )
    def test_cuda_and_capabilities_count(self, contract: Contract) -> None:
        assert flash(contract=contract).key != flash().key

    def test_without_nvcc_they_do_not(self) -> None:
        build = {"a==1": LockedBuild(needs=("c",))}
        keys = {
            made(site([sdist("a")], build, contract=each))[0].key for each in (CUDA, Contract())
        }
        assert len(keys) == 1

    @pytest.mark.parametrize(
        "build",
        [
            LockedBuild(requires=("b==2",)),
            LockedBuild(requires=("b==1",), isolation=False),
            LockedBuild(requires=("b==1",), env={"CFLAGS": "-O3"}),
        ],
    )
    def test_how_it_is_built_counts(self, build: LockedBuild) -> None:
        extra = (wheel("b"), wheel("b", "2"))
        plain = made(site([sdist("a")], {"a==1": LockedBuild(requires=("b==1",))}, extra=extra))
        assert made(site([sdist("a")], {"a==1": build}, extra=extra))[0].key != plain[0].key

    def test_how_fast_does_not(self) -> None:
        keys = {
            made(site([sdist("a")], {"a==1": LockedBuild(env=env)}))[0].key
            for env in ({}, {"MAX_JOBS": "4"}, {"MAX_JOBS": "64", "NVCC_THREADS": "2"})
        }
        assert len(keys) == 1

    @pytest.mark.parametrize(
        "tag",
        [
            Tag("cp312", "cp312", "manylinux_2_36_x86_64"),
            Tag("cp311", "cp311", "manylinux_2_28_x86_64"),
            Tag("cp311", "cp311", "musllinux_1_2_x86_64"),
            Tag("cp311", "cp311t", "manylinux_2_36_x86_64"),
        ],
    )
    def test_python_and_libc_count(self, tag: Tag) -> None:
        build = {"a==1": LockedBuild()}
        there = replace(HERE, tags=(tag, *TAGS))
        assert (
            made(site([sdist("a")], build, here=there))[0].key
            != made(site([sdist("a")], build))[0].key
        )

    def test_another_machine_s_path_does_not(self) -> None:
        build = {"a==1": LockedBuild()}
        there = replace(HERE, interpreter=Interpreter(path="/opt/python", version="3.11.9"))
        keys = {made(site([sdist("a")], build, here=each))[0].key for each in (HERE, there)}
        assert len(keys) == 1


class TestVariables:
    def test_nvcc_is_told_the_contract_s_capabilities(self) -> None:
        assert flash().variables == {ARCHITECTURES: "8.0;9.0+PTX"}

    def test_a_declared_list_counts_more(self) -> None:
        build = {"a==1": LockedBuild(needs=("nvcc",), env={ARCHITECTURES: "9.0a"})}
        (job,) = made(site([sdist("a")], build, contract=CUDA))
        assert job.variables == {ARCHITECTURES: "9.0a"}

    def test_others_are_told_nothing(self) -> None:
        (job,) = made(site([sdist("a")], {"a==1": LockedBuild(needs=("c++",))}, contract=CUDA))
        assert job.variables == {}

    @pytest.mark.parametrize(
        ("capabilities", "ptx", "expected"),
        [
            ((), (), ""),
            (("7.5", "8.0"), (), "7.5;8.0"),
            (("8.0",), ("9.0",), "8.0;9.0+PTX"),
        ],
    )
    def test_architectures(
        self, capabilities: tuple[str, ...], ptx: tuple[str, ...], expected: str
    ) -> None:
        contract = Contract(compute_capabilities=capabilities, ptx=ptx)
        assert architectures(contract) == expected
