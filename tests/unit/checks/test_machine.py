"""What `verify` says of a machine, with the remedy."""

from dataclasses import replace

import pytest

from envctl.checks.machine import check
from envctl.domain.contract import Contract, derive
from envctl.domain.finding import Finding
from envctl.domain.manifest import GpuNeed
from envctl.domain.record import Record
from tests import machines

ANY = GpuNeed()


def torch(version: str) -> Contract:
    return derive([("torch", version, (f"torch-{version}-cp311-cp311-manylinux_2_28_x86_64.whl",))])


def found(version: str, record: Record, need: GpuNeed = ANY) -> list[Finding]:
    return list(check(torch(version), record, need, torch=version))


def test_a_machine_that_runs_it_has_nothing_to_hear() -> None:
    assert found("2.15.0", machines.load("b200")) == []


@pytest.mark.parametrize(
    ("name", "version", "codes", "advice"),
    [
        (
            "lab-v100",
            "2.11.0",
            ["driver-too-old", "no-kernel-for-gpu"],
            "lock torch 2.11 with cu126",
        ),
        (
            "hpc-a100",
            "2.11.0",
            ["driver-too-old"],
            "install driver 580.65.06 or newer, or lock torch 2.11 with cu128",
        ),
        (
            "hpc-a100",
            "2.9.1+cu128",
            ["driver-limited"],
            "install driver 570.26 or newer for the full feature set",
        ),
        # JetPack brings the driver: there is no better one to be installed
        (
            "jetson-orin",
            "2.9.1+cu128",
            ["driver-limited"],
            "nothing must be done; a newer driver brings the full feature set",
        ),
    ],
)
def test_the_remedy_is_the_advice(name: str, version: str, codes: list[str], advice: str) -> None:
    findings = found(version, machines.load(name))
    assert [finding.code for finding in findings] == codes
    assert {finding.advice for finding in findings} == {advice}
    assert {finding.layer for finding in findings} == {"machine"}
    limited = codes == ["driver-limited"]
    assert {f.severity for f in findings} == {"warning" if limited else "error"}


def test_a_dropped_card() -> None:
    record = replace(machines.load("lab-v100"), driver="595.45.04", cuda_level="13.2")
    (finding,) = found("2.9.1+cu126", record)
    assert (finding.code, finding.subject) == ("driver-too-new", "Tesla V100-SXM2-32GB")
    assert finding.advice == "go back to a driver of branch R580 (such as 580.95.05)"


def test_forward_compatibility_is_a_warning() -> None:
    record = replace(machines.load("hpc-a100"), driver="535.183.01", cuda_compat="13.0")
    (finding,) = found("2.11.0", record)
    assert (finding.code, finding.severity) == ("driver-forward", "warning")
    assert "cuda-compat-13-0" in finding.message


def test_what_no_driver_changes_has_its_own_advice() -> None:
    record = replace(machines.load("hpc-a100"), libc="glibc 2.17")
    by_code = {finding.code: finding for finding in found("2.11.0", record)}
    assert by_code["libc-too-old"].advice == (
        "use a newer operating system, or add a libc floor to tool.envctl.platforms"
    )
    assert by_code["driver-too-old"].advice == (  # from torch 2.7 on the wheels need glibc 2.28
        "install driver 580.65.06 or newer, or lock torch 2.4 with cu124"
    )


def test_a_gpu_that_is_not_there() -> None:
    (finding,) = found("2.11.0", machines.load("no-gpu"), GpuNeed(required=True, count=2))
    assert finding.code == "gpu-missing"
    assert finding.advice == (
        "use a machine with a GPU, or take `required` out of [tool.envctl.gpu]"
    )


def test_a_profile_that_is_locked_and_runs_here_is_the_fix() -> None:
    said = list(check(torch("2.11.0"), machines.load("lab-v100"), ANY, other=lambda: "cu126"))
    assert {each.code for each in said} == {"driver-too-old", "no-kernel-for-gpu"}
    assert {(each.fix, each.advice) for each in said} == {("envctl sync --profile cu126", None)}
    # No profile brings a GPU.
    need = GpuNeed(required=True)
    said = list(check(torch("2.11.0"), machines.load("no-gpu"), need, other=lambda: "cpu"))
    assert [each.fix for each in said] == [None]


def test_other_profiles_are_looked_at_only_where_something_fails() -> None:
    def asked() -> str | None:
        raise AssertionError("nobody needs to know")

    assert list(check(torch("2.15.0"), machines.load("b200"), ANY, other=asked)) == []
    (limited,) = check(torch("2.9.1+cu128"), machines.load("hpc-a100"), ANY, other=asked)
    assert (limited.code, limited.fix) == ("driver-limited", None)
