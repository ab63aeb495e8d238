"""Every recorded machine against locks of every build: who runs what, and how far torch must be held back."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock

from envctl.domain.fleet import Fit, fits
from envctl.domain.fleet.hold import Hold, hold, mends
from envctl.domain.fleet.room import allowed
from envctl.domain.fleet.view import Offer
from envctl.domain.fleet.words import advice, refusal
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.lock import Lock
from envctl.domain.profile import variants
from envctl.domain.record import OperatingSystem, Python, Record
from envctl.usecases import load
from tests import machines

CARDS = ("lab-v100", "hpc-a100", "h100", "t4", "h200", "rtx4090", "b200")
WHEEL = "cp311-cp311-manylinux_2_28_x86_64"
PLAIN = """\
[project]
name = "vision"
[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]
"""
PROFILES = "".join(
    f'[tool.envctl.profiles.{build}]\ntorch = "{build}"\n' for build in ("cpu", "cu126", "cu130")
)


def lock(*packages: tuple[str, str], tag: str = WHEEL, **more: object) -> Lock:
    """Make a lock of packages by name and version, each with one wheel."""
    tables = []
    for name, version in packages:
        file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        wheel = {"name": file, "url": f"https://index.example/{file}", "hashes": {"sha256": "00"}}
        tables.append({"name": name, "version": version, "wheels": [wheel]})
    table = {"lock-version": "1.0", "created-by": "test", "packages": tables, **more}
    return Lock(pylock=Pylock.from_dict(table))


def plain(version: str, text: str = PLAIN, tag: str = WHEEL) -> tuple[Offer, ...]:
    return (Offer(manifest=load.parsed(text), lock=lock(("torch", version), tag=tag)),)


def profiles(text: str = PLAIN + PROFILES, **versions: str) -> tuple[Offer, ...]:
    return tuple(
        Offer(manifest=each, lock=lock(("torch", versions[each.profile or ""])))
        for each in variants(load.parsed(text))
        if each.profile in versions
    )


def team(*names: str) -> tuple[Record, ...]:
    return tuple(replace(machines.load(name), name=name) for name in names)


def refused(found: Sequence[Fit]) -> list[str]:
    return [fit.name for fit in found if fit.chosen is None]


def codes(fit: Fit) -> set[str]:
    return {each.code for trial in fit.trials for each in trial.obstacles}


# The sentence


FIVE = ("lab-v100", "hpc-a100", "h100", "rtx4090", "no-gpu")
V100 = "lab-v100 (driver 535, no kernels for sm_70)"


BOTH = "torch 2.11 needs driver ≥ 580: fails on"
CU126 = "newest that runs on all: torch 2.14 with cu126"
SENTENCES: dict[tuple[str, tuple[str, ...]], str | None] = {
    ("2.10.0", FIVE): None,
    ("2.11.0", FIVE): f"{BOTH} {V100} and hpc-a100 (driver 550); {CU126}",
    ("2.11.0+cu128", FIVE): (
        "torch 2.11+cu128 does not have kernels for every GPU: fails on lab-v100 "
        f"(no kernels for sm_70); {CU126}"
    ),
    ("2.14.1+cu126", FIVE): None,
    ("2.11.0+cpu", (*FIVE, "t4", "b200")): None,
    ("2.11.0", ("lab-v100", "b200")): (
        f"{BOTH} {V100}; newest that runs on all: torch 2.10 with cu128"
    ),
    ("2.11.0", ("t4", "b200", "no-gpu")): (
        f"{BOTH} t4 (driver 470); no build of torch for Python 3.11 runs on both t4 and b200 "
        "(tables as of 2026-10)"
    ),
}


@pytest.mark.parametrize(("version", "names"), SENTENCES)
def test_one_sentence_for_the_whole_fleet(version: str, names: tuple[str, ...]) -> None:
    offers = plain(version)
    assert refusal(offers, fits(offers, team(*names))) == SENTENCES[version, names]


def test_a_lock_without_torch_goes_by_its_cuda() -> None:
    manifest = load.parsed(PLAIN)
    packages = (("jax-cuda13-plugin", "0.10.2"), ("nvidia-cuda-runtime", "13.0.48"))
    offers = (Offer(manifest=manifest, lock=lock(*packages)),)
    said = refusal(offers, fits(offers, team(*FIVE)))
    assert said == (
        "CUDA 13.0 needs driver ≥ 580: fails on lab-v100 (driver 535, no kernels for sm_70) "
        "and hpc-a100 (driver 550)"
    )


def test_many_machines_are_counted() -> None:
    many = [replace(machines.load("t4"), name=f"t4-{number}") for number in range(9)]
    offers = plain("2.11.0")
    said = refusal(offers, fits(offers, many)) or ""
    assert "t4-5 (driver 470) and 3 more; newest" in said
    assert "t4-6" not in said


# Who gets which profile


BUILDS = {"cpu": "2.11.0+cpu", "cu126": "2.11.0+cu126", "cu130": "2.11.0+cu130"}


@pytest.mark.parametrize(
    ("name", "profile", "idle"),
    [
        ("lab-v100", "cu126", False),
        ("hpc-a100", "cu126", False),
        ("h100", "cu130", False),
        ("b200", "cu130", False),
        ("t4", "cpu", True),  # its driver is too old for both
        ("no-gpu", "cpu", False),
    ],
)
def test_each_machine_gets_the_newest_profile_that_runs(
    name: str, profile: str, idle: bool
) -> None:
    [fit] = fits(profiles(**BUILDS), team(name))
    assert fit.chosen is not None
    assert (fit.chosen.profile, fit.idle) == (profile, idle)


def test_without_a_cpu_profile_some_run_nothing() -> None:
    offers = profiles(cu126=BUILDS["cu126"], cu130=BUILDS["cu130"])
    found = fits(offers, team("h100", "t4", "no-gpu"))
    assert refused(found) == ["t4", "no-gpu"]
    assert refusal(offers, found) == (
        "no profile runs on t4 (driver 470) and no-gpu (no GPU); "
        "newest that runs on the others: torch 2.0 with cu118"
    )


def test_what_the_manifest_asks_of_gpus_counts_but_for_cpu() -> None:
    four = "[tool.envctl.gpu]\nrequired = true\ncount = 4\n"
    found = fits(profiles(PLAIN + four + PROFILES, **BUILDS), team("lab-v100", "rtx4090"))
    assert [(f.chosen.profile if f.chosen else None, f.idle) for f in found] == [
        ("cu126", False),
        ("cpu", True),
    ]
    [alone] = fits(plain("2.10.0", PLAIN + four), team("rtx4090"))
    assert alone.chosen is None
    assert codes(alone) == {"gpu-missing"}
    assert "2 GPUs, 4 GPUs needed" in (refusal(plain("2.10.0", PLAIN + four), [alone]) or "")


def test_a_profile_for_another_vendor_is_not_taken_for_nvidia() -> None:
    text = PLAIN + '[tool.envctl.profiles.rocm]\ntorch = "rocm6.4"\n'
    [fit] = fits(profiles(text, rocm="2.9.0+rocm6.4"), team("h100"))
    assert fit.chosen is None
    assert codes(fit) == {"gpu-missing"}


# Platforms, C libraries, Pythons


def changed(machine: str, **fields: object) -> Record:
    return replace(team(machine)[0], **fields)  # type: ignore[arg-type]


def test_a_platform_that_the_lock_does_not_cover() -> None:
    marker = "platform_machine == 'x86_64' and sys_platform == 'linux'"
    offers = (
        Offer(
            manifest=load.parsed(PLAIN),
            lock=lock(("torch", "2.10.0"), environments=[marker]),
        ),
    )
    mac = OperatingSystem(name="macOS 15", id="darwin", version="15")
    windows = OperatingSystem(name="Windows", id="windows")
    records = (
        *team("h100", "jetson-orin"),
        changed("no-gpu", name="mac", os=mac, architecture="arm64", libc=None),
        changed("no-gpu", name="pc", os=windows, architecture="AMD64", libc=None),
        changed("no-gpu", name="power", architecture="ppc64le"),
    )
    found = fits(offers, records)
    assert refused(found) == ["jetson-orin", "mac", "pc", "power"]
    reasons = [each.trials[0].obstacles[0].reason for each in found[1:]]
    assert reasons == [
        f"the lock has nothing for {place}"
        for place in ("linux-aarch64", "macos-arm64", "windows-x86_64", "linux-ppc64le")
    ]
    assert {code for each in found[1:] for code in codes(each)} == {"platform-unserved"}


def test_a_package_that_has_no_file_for_a_platform() -> None:
    offers = plain("2.10.0", PLAIN.replace("x86_64", "aarch64"))
    [fit] = fits(offers, team("jetson-orin"))
    assert fit.chosen is None
    assert fit.trials[0].obstacles[0].reason == (
        "the lock has no file of `torch` for linux-aarch64 and Python 3.11"
    )


@pytest.mark.parametrize(
    ("libc", "tag", "code"),
    [
        ("glibc 2.28", WHEEL, None),
        ("glibc 2.27", WHEEL, "libc-too-old"),
        ("glibc 2.17", "cp311-cp311-manylinux2014_x86_64", None),
        ("musl 1.2.4", WHEEL, "platform-unserved"),
        ("musl 1.2.4", "cp311-cp311-musllinux_1_2_x86_64", None),
        ("musl 1.2.4", "py3-none-any", None),
        (None, WHEEL, None),
    ],
)
def test_the_c_library(libc: str | None, tag: str, code: str | None) -> None:
    [fit] = fits(plain("2.10.0", tag=tag), [changed("no-gpu", libc=libc)])
    assert codes(fit) == ({code} if code else set())
    assert (fit.chosen is None) is (code is not None)


@pytest.mark.parametrize("version", ["3.13.1", "3.13.1+", "3", "abc", "", "9" * 5000])
def test_another_python_is_worth_a_word_and_no_more(version: str) -> None:
    record = changed("h100", python=Python(version=version, implementation="CPython"))
    [fit] = fits(plain("2.10.0"), [record])
    assert fit.chosen is not None
    assert fit.python == "==3.11.*"


def test_the_locks_python_needs_no_word() -> None:
    record = changed("h100", python=Python(version="3.11.0rc1", implementation="CPython"))
    [fit] = fits(plain("2.10.0"), [record])
    assert fit.python is None


# Held back


fleets = st.lists(st.sampled_from(CARDS), min_size=1, unique=True).map(tuple)
locked = st.sampled_from(
    ["2.9.1", "2.10.0", "2.11.0", "2.12.1", "2.14.1", "2.15.0"]
    + [f"{minor}.0+{tag}" for minor, tag in gpu_builds.torch_builds()]
)


def older(version: str) -> list[str]:
    """Return the same build of every older torch that the tables know well, the newest first."""
    local = version.partition("+")[2]
    found = []
    for minor in dict.fromkeys(minor for minor, _ in gpu_builds.torch_builds()):
        cuda = gpu_builds.cuda_of(local) if local else gpu_builds.torch_default(minor)
        there = not local or (minor, local) in gpu_builds.torch_builds()
        known = cuda and there and gpu_builds.torch_kernels(minor, cuda, "x86_64")
        first, last = gpu_builds.torch_pythons(minor)
        own = tuple(map(int, version.split(".")[:2]))
        fits_python = tuple(map(int, first.split("."))) <= (3, 11) and (
            last is None or tuple(map(int, last.split("."))) >= (3, 11)
        )
        if known and fits_python and tuple(map(int, minor.split("."))) < own:
            found.append(f"{minor}.0" + (f"+{local}" if local else ""))
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(version=locked, names=fleets)
def test_the_least_limit_that_every_machine_runs_with(version: str, names: tuple[str, ...]) -> None:
    """Real locks of each older torch are judged: the first that all run is what `hold` must name."""
    offers, records = plain(version), team(*names)
    now = fits(offers, records)
    held = hold(offers, records, now, Hold())
    if not refused(now):
        assert held is None
        return
    enough = [each for each in older(version) if not refused(fits(plain(each), records))]
    if not enough:
        assert held is None
    else:
        assert held is not None
        assert held.minor == gpu_builds.minor(enough[0])
        assert held.machines == tuple(refused(now))
        major, minor = enough[0].split(".")[:2]
        assert held.limit == f"torch<{major}.{int(minor) + 1}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(version=locked, name=st.sampled_from(CARDS))
def test_what_mends_one_machine(version: str, name: str) -> None:
    offers, records = plain(version), team(name)
    assume(refused(fits(offers, records)))
    helps = any(not refused(fits(plain(each), records)) for each in older(version))
    assert mends(offers, records[0]) is helps
    assert advice(offers, fits(offers, records)[0])


def test_all_profiles_are_held_back_for_a_gpu_that_would_be_idle() -> None:
    text = PLAIN + PROFILES.replace("cu126", "cu128")
    offers = profiles(text, cpu="2.11.0+cpu", cu128="2.11.0+cu128", cu130="2.11.0+cu130")
    records = team("lab-v100", "h100")
    now = fits(offers, records)
    assert [fit.idle for fit in now] == [True, False]
    held = hold(offers, records, now, Hold())
    assert held is not None
    assert (held.limit, held.profiles) == ("torch<2.11", ("cu128", "cu130"))
    assert held.machines == ("lab-v100",)


def test_a_gpu_that_no_torch_serves_holds_nobody_back() -> None:
    offers, records = profiles(**BUILDS), team("t4", "h100")
    now = fits(offers, records)
    assert now[0].idle
    assert hold(offers, records, now, Hold()) is None


def test_a_c_library_is_a_floor_where_the_manifest_names_the_platform() -> None:
    records = (changed("no-gpu", name="old", libc="glibc 2.17"), *team("h100"))
    offers = plain("2.10.0")
    held = hold(offers, records, fits(offers, records), Hold())
    assert held == Hold(profiles=(None,), floors={("linux", "x86_64"): (2, 17)}, machines=("old",))
    [platform] = held.platforms(offers[0].manifest.platforms)
    assert platform.name == "linux-x86_64-glibc2.17"
    everywhere = plain("2.10.0", PLAIN.replace('platforms = ["linux-x86_64"]\n', ""))
    assert hold(everywhere, records, fits(everywhere, records), Hold()) is None
    assert hold(offers, records, fits(offers, records), held) is None  # it did not help


@pytest.mark.parametrize(
    ("asked", "minor", "room"),
    [
        ('dependencies = ["torch"]', "2.10", True),
        ('dependencies = ["Torch>=2.10.1"]', "2.10", True),
        ('dependencies = ["torch>=2.11"]', "2.10", False),
        ("dependencies = [\"torch==2.11.*; sys_platform == 'linux'\"]", "2.10", False),
        ('optional-dependencies.gpu = ["torch~=2.11.0"]', "2.10", False),
        ('dependencies = ["zz-made-net>=3"]', "2.10", True),
    ],
)
def test_whether_the_manifest_leaves_room(asked: str, minor: str, room: bool) -> None:
    text = PLAIN.replace('name = "vision"', f'name = "vision"\n{asked}')
    assert allowed(plain("2.11.0", text)[0], minor) is room
