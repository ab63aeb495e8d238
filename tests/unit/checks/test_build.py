"""Which compilers a build lacks."""

from collections.abc import Iterable

import pytest

from envctl.checks.build import check
from envctl.domain.build import Need
from envctl.domain.finding import Finding
from envctl.domain.platforms import parse_platform
from envctl.domain.workshop.toolchain import Toolchain

FULL = Toolchain(
    c="/usr/bin/cc", cxx="/usr/bin/c++", rust="/x/cargo", nvcc="/c/nvcc", nvcc_version="12.6"
)


def found(
    needs: Iterable[Need],
    there: Toolchain,
    *,
    cuda: str | None = "12.8",
    platform: str = "linux-x86_64",
) -> list[Finding]:
    return list(
        check(
            [("zz==1", needs)],
            there,
            platform=parse_platform(platform),
            python="3.11",
            cuda=cuda,
        )
    )


def test_nothing_is_missing_where_all_is_there() -> None:
    assert found(("c", "c++", "nvcc", "rust"), FULL) == []


def test_what_is_not_needed_is_not_missed() -> None:
    assert found((), Toolchain(headers=False)) == []
    assert found(("rust",), Toolchain(rust="/x/cargo", headers=False)) == []


@pytest.mark.parametrize(
    ("needs", "codes"),
    [
        (("c",), ["compiler-missing", "python-headers-missing"]),
        (("c++",), ["compiler-missing", "python-headers-missing"]),
        (("rust",), ["compiler-missing"]),
        (("nvcc",), ["nvcc-missing", "compiler-missing", "python-headers-missing"]),
    ],
)
def test_each_need_is_missed(needs: tuple[Need, ...], codes: list[str]) -> None:
    findings = found(needs, Toolchain(headers=False))
    assert [each.code for each in findings] == codes
    assert all(each.layer == "machine" and each.severity == "error" for each in findings)
    assert all("zz==1" in each.message and "linux-x86_64" in each.message for each in findings)
    assert all(each.advice for each in findings)


def test_the_advice_names_what_to_install() -> None:
    advice = {each.code: each.advice or "" for each in found(("c", "nvcc"), Toolchain(cxx="x"))}
    assert "apt-get install gcc" in advice["compiler-missing"]
    assert "cuda-toolkit-12-8" in advice["nvcc-missing"]
    (mac,) = found(("c",), Toolchain(), platform="macos-arm64")
    assert "xcode-select" in (mac.advice or "")


@pytest.mark.parametrize(
    ("nvcc", "cuda", "fine"),
    [
        ("12.6", "12.8", True),
        ("13.0", "12.8", False),
        ("12.6", "12", True),
        ("11.8", "12", False),
        (None, "12.8", True),
        ("13.0", None, True),
    ],
)
def test_nvcc_is_of_the_contract_s_major(nvcc: str | None, cuda: str | None, fine: bool) -> None:
    there = Toolchain(cxx="x", nvcc="/c/nvcc", nvcc_version=nvcc)
    findings = found(("nvcc",), there, cuda=cuda)
    assert [each.code for each in findings] == ([] if fine else ["nvcc-missing"])
    if not fine:
        assert (findings[0].expected, findings[0].actual) == (cuda, nvcc)
        assert "/c/nvcc" in findings[0].message
