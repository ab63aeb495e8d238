"""A lock's contract: derived, kept while it says the same, and its conflicts only within what is installed together."""

from dataclasses import replace
from typing import Any

import pytest

from envctl.domain import contract as contracts
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.lock import Lock
from envctl.domain.lock.contract import contract_of, derived_contract, remarks
from tests.unit.domain.cuda_locks import lock, package

TORCH = package("torch", "2.9.1+cu128")


def table(found: Lock, **changed: Any) -> dict[str, Any]:
    return dict(contract_of(found)) | {key.replace("_", "-"): v for key, v in changed.items()}


class TestKept:
    def test_a_contract_of_older_tables_that_says_the_same(self) -> None:
        made = lock(TORCH)
        old = table(made, tables="2026-01", sources=["as of 2026-01"])
        assert contract_of(replace(made, contract=old)) == old

    def test_a_contract_of_an_older_envctl_that_knew_less(self) -> None:
        made = lock(TORCH)
        old = {key: v for key, v in table(made).items() if key not in ("tables", "cudnn", "nccl")}
        assert contract_of(replace(made, contract=old)) == old

    @pytest.mark.parametrize(
        "changed",
        [
            {"cuda": "12.6"},
            {"driver_full": "999.1"},
            {"driver_limited": "450.80.02"},
            {"ptx": ["9.0"]},
            {"compute_capabilities": ["8.0"]},
            {"conflicts": ["what a merge left"]},
            {"assumed": ["torch 2.9 is newer than the tables"]},
            {"libc": "2.17"},
            {"accelerator": "cpu"},
        ],
    )
    def test_a_contract_that_says_otherwise_is_made_anew(self, changed: dict[str, Any]) -> None:
        made = lock(TORCH)
        old = table(made, tables="2026-01", **changed)
        assert contract_of(replace(made, contract=old)) == contract_of(made)

    def test_kernels_that_are_known_by_now(self) -> None:
        made = lock(TORCH)
        old = {k: v for k, v in table(made).items() if k != "compute-capabilities"}
        assert contract_of(replace(made, contract=old)) == contract_of(made)

    def test_what_newer_tables_said_is_not_taken_back(self) -> None:
        made = lock(TORCH)
        newer = table(made, tables="2031-01", compute_capabilities=["8.0", "14.0"])
        assert contract_of(replace(made, contract=newer)) == newer

    def test_other_packages_make_it_anew(self) -> None:
        old = table(lock(TORCH))
        other = replace(lock(package("torch", "2.9.1+cu130")), contract=old)
        assert contract_of(other)["cuda"] == "13.0"


class TestConflicts:
    def test_within_one_environment(self) -> None:
        found = lock(TORCH, package("cupy-cuda13x", "14.0"))
        assert contract_of(found)["conflicts"] == [
            "CUDA 12 (torch 2.9.1+cu128) and CUDA 13 (cupy-cuda13x 14.0) in one lock"
        ]

    def test_builds_that_are_never_installed_together(self) -> None:
        found = lock(
            package("torch", "2.9.1+cu126", "'cu126' in extras and 'cu130' not in extras"),
            package("torch", "2.9.1+cu130", "'cu130' in extras and 'cu126' not in extras"),
            extras=["cu126", "cu130"],
        )
        assert "conflicts" not in contract_of(found)

    def test_two_extras_that_may_be_asked_for_together(self) -> None:
        found = lock(
            package("torch", "2.9.1+cu126", "'train' in extras"),
            package("cupy-cuda13x", "14.0", "'fast' in extras"),
            extras=["fast", "train"],
        )
        assert derived_contract(found).conflicts != ()

    def test_builds_of_two_architectures(self) -> None:
        found = lock(
            package("torch", "2.9.1+cu126", "platform_machine == 'x86_64'"),
            package("cupy-cuda13x", "14.0", "platform_machine == 'aarch64'"),
        )
        assert derived_contract(found).conflicts == ()

    def test_a_lock_for_windows_alone(self) -> None:
        here = "sys_platform == 'win32' and platform_machine == 'AMD64'"
        found = lock(TORCH, package("cupy-cuda13x", "14.0"), environments=[here])
        assert len(derived_contract(found).conflicts) == 1


def test_remarks_are_conflicts_gaps_and_assumptions() -> None:
    found = lock(
        package("torch", "2.99.0+cu132"),
        package("jax-cuda12-plugin", "0.7.0"),
    )
    said = remarks(replace(found, contract=contract_of(found)))
    assert [each.split(" ")[0] for each in said] == [
        "CUDA",
        "jax-cuda12-plugin",
        "the",
    ]
    assert remarks(replace(lock(TORCH), contract=contract_of(lock(TORCH)))) == ()


def test_what_is_derived_is_read_back() -> None:
    found = contracts.from_table(contract_of(lock(TORCH)))
    assert found == derived_contract(lock(TORCH))
    assert found.tables == gpu_facts.date()
