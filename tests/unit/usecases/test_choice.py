"""Which profile a machine gets."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from packaging.pylock import Package, Pylock

from envctl.domain.lock import assemble
from envctl.domain.lock.contract import contract_of
from envctl.domain.lock.table import lock_table
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform, parse_platform
from envctl.domain.profile import variants
from envctl.domain.record import Gpu, OperatingSystem, Python, Record
from envctl.domain.resolution import Resolution
from envctl.emitters import pylock
from envctl.errors import EnvironmentFailure, LockError, UsageError
from envctl.usecases import load
from envctl.usecases.choice import Choice, choose
from tests import machines
from tests.in_memory import InMemoryProject

LINUX = parse_platform("linux-x86_64")
HERE = Record(
    python=Python(version="3.11.7", implementation="CPython"),
    os=OperatingSystem(name="Debian GNU/Linux 12", id="debian", version="12"),
    kernel="6.1.0",
    libc="glibc 2.36",
    architecture="x86_64",
)
MANIFEST = """\
[project]
name = "vision"
dependencies = ["torch"]
[tool.envctl]
python = "3.11"
[tool.envctl.profiles.cpu]
torch = "cpu"
[tool.envctl.profiles.cu126]
torch = "cu126"
[tool.envctl.profiles.cu130]
torch = "cu130"
"""


def torch(version: str) -> Package:
    name = f"torch-{version}-cp311-cp311-manylinux_2_28_x86_64.whl"
    wheel = {
        "name": name,
        "url": f"https://index.example/{name}",
        "hashes": {"sha256": "0" * 64},
    }
    table = {"name": "torch", "version": version, "wheels": [wheel]}
    lock = Pylock.from_dict({"lock-version": "1.0", "created-by": "test", "packages": [table]})
    return lock.packages[0]


def project(text: str = MANIFEST, **versions: str) -> tuple[InMemoryProject, Manifest]:
    manifest = load.parsed(text)
    locked = versions or {"cpu": "2.9.1+cpu", "cu126": "2.9.1+cu126", "cu130": "2.9.1+cu130"}
    files = {}
    for each in variants(manifest):
        if each.profile in locked:
            resolution = Resolution(
                packages=(torch(locked[each.profile]),),
                edges={},
                environments=tuple(platform.marker for platform in each.platforms),
                requires_python="==3.11.*",
                made_by="uv 0",
            )
            lock = assemble(resolution, each, {})
            files[each.lock_name] = pylock.emit(
                lock_table(replace(lock, contract=contract_of(lock)))
            )
    return InMemoryProject(files), manifest


def machine(driver: str, capability: str) -> Record:
    gpu = Gpu(index=0, name="GPU", compute_capability=capability)
    return replace(HERE, driver=driver, gpus=(gpu,), gpu_source="nvml")


def chosen(
    record: Record = HERE,
    *,
    option: str | None = None,
    environ: Mapping[str, str] | None = None,
    platform: Platform = LINUX,
    made: tuple[InMemoryProject, Manifest] | None = None,
) -> Choice:
    files, manifest = made or project()
    return choose(
        files,
        manifest,
        option=option,
        environ=environ or {},
        platform=platform,
        record=lambda: record,
    )


@pytest.mark.parametrize(
    ("driver", "capability", "profile", "words"),
    [
        ("580.65.06", "8.0", "cu130", "speaks CUDA 13.0 itself"),
        # too old for 13, new enough for 12.6
        ("560.35.05", "8.0", "cu126", "speaks CUDA 12.6 itself"),
        # 12.6 by minor-version compatibility
        ("535.104.05", "8.0", "cu126", "minor-version compatibility"),
        # a V100: no kernels in cu130, a driver that speaks both
        ("580.65.06", "7.0", "cu126", "speaks CUDA 12.6 itself"),
        ("470.82.01", "8.0", "cpu", "needs driver"),
        # a B200 on a driver for 12.6: nothing has kernels for it there
        ("560.35.05", "10.0", "cpu", "no kernels"),
    ],
)
def test_the_newest_that_passes_here(
    driver: str, capability: str, profile: str, words: str
) -> None:
    found = chosen(machine(driver, capability))
    assert found.manifest.profile == profile
    assert words in found.reason
    assert found.remember


def test_a_full_pass_of_an_older_one_is_better_than_a_limited_pass() -> None:
    made = project(cpu="2.9.1+cpu", cu126="2.9.1+cu126", cu130="2.9.1+cu128")
    assert chosen(machine("560.35.05", "8.0"), made=made).manifest.profile == "cu126"


def test_without_a_gpu_it_is_cpu() -> None:
    found = chosen()
    assert (found.manifest.profile, found.remember) == ("cpu", True)
    assert "no GPU" in found.reason
    broken = replace(machine("580.65.06", "8.0"), driver=None)
    assert chosen(broken).manifest.profile == "cpu"


def test_a_driver_that_does_not_answer_gives_the_cpu_and_the_reason() -> None:
    found = chosen(machines.load("broken-driver"))
    assert found.manifest.profile == "cpu"
    assert found.reason.startswith("the NVIDIA driver does not answer")


def test_the_kernels_of_another_architecture_count() -> None:
    """torch for CUDA 13 has kernels for Thor and none for a T4 on aarch64; on x86_64 it is the other way round."""
    files, manifest = project(cpu="2.11.0+cpu", cu130="2.11.0+cu130")
    made = InMemoryProject(
        {
            name: text.replace("manylinux_2_28_x86_64", "manylinux_2_28_aarch64")
            for name, text in files.files.items()
        }
    )
    server = replace(HERE, architecture="aarch64", driver="580.95.05", gpu_source="nvml")
    for capability, profile in (("11.0", "cu130"), ("7.5", "cpu")):
        gpu = Gpu(index=0, name="GPU", compute_capability=capability)
        record = replace(server, gpus=(gpu,))
        platform = parse_platform("linux-aarch64")
        assert chosen(record, platform=platform, made=(made, manifest)).manifest.profile == profile


def test_the_platform_counts() -> None:
    found = chosen(machine("580.65.06", "8.0"), platform=parse_platform("macos-arm64"))
    assert found.manifest.profile == "cpu"


def test_nothing_that_fits_is_an_error_with_the_reasons() -> None:
    text = MANIFEST.replace('[tool.envctl.profiles.cpu]\ntorch = "cpu"\n', "")
    made = project(text, cu126="2.9.1+cu126", cu130="2.9.1+cu130")
    with pytest.raises(EnvironmentFailure) as caught:
        chosen(machine("470.82.01", "8.0"), made=made)
    assert "cu126: CUDA 12.6 needs driver" in caught.value.message
    assert "cu130: CUDA 13.0 needs driver" in caught.value.message
    assert "--profile" in (caught.value.hint or "")


def test_another_accelerator_is_never_taken_for_the_cpu() -> None:
    text = MANIFEST.replace('torch = "cpu"', 'torch = "rocm6.4"')
    with pytest.raises(EnvironmentFailure):
        chosen(made=project(text, cpu="2.9.1+rocm6.4"))


def test_the_order_of_words() -> None:
    files, manifest = project()
    files.write({load.LOCAL: 'profile = "cu126"\n'})
    made = files, manifest
    assert chosen(made=made).manifest.profile == "cu126"
    assert not chosen(made=made).remember
    by_variable = chosen(made=made, environ={"ENVCTL_PROFILE": "cu130"})
    assert (by_variable.manifest.profile, by_variable.remember) == ("cu130", False)
    asked = chosen(made=made, option="cpu", environ={"ENVCTL_PROFILE": "cu130"})
    assert (asked.manifest.profile, asked.remember) == ("cpu", True)
    assert not chosen(made=made, option="cu126").remember


@pytest.mark.parametrize(("option", "environ"), [("cup", {}), (None, {"ENVCTL_PROFILE": "cup"})])
def test_an_unknown_name_is_refused(option: str | None, environ: Mapping[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(option=option, environ=environ)
    assert caught.value.hint == "did you mean `cpu`?"


def test_a_remembered_profile_that_is_gone_is_chosen_anew_and_said() -> None:
    files, manifest = project()
    files.write({load.LOCAL: 'profile = "cup"\n'})
    found = chosen(made=(files, manifest))
    assert (found.manifest.profile, found.remember) == ("cpu", True)
    assert "no profile `cup` any more" in found.reason


def test_without_a_lock_there_is_nothing_to_choose_from() -> None:
    with pytest.raises(LockError) as caught:
        chosen(made=(InMemoryProject(), load.parsed(MANIFEST)))
    assert caught.value.hint == "run `envctl lock`"


def test_a_project_without_profiles_has_no_choice() -> None:
    manifest = load.parsed('[project]\nname = "x"\n')
    made = InMemoryProject(), manifest
    assert chosen(made=made, environ={"ENVCTL_PROFILE": "cpu"}).manifest is manifest
    with pytest.raises(UsageError):
        chosen(made=made, option="cpu")
