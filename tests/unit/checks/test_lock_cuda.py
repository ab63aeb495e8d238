"""What `verify` says of a lock's CUDA, whatever the machine."""

from collections.abc import Mapping
from dataclasses import replace

from envctl.checks.lock import check
from envctl.domain.finding import Finding
from envctl.domain.lock import Lock, inputs_of
from envctl.domain.lock.contract import contract_of
from envctl.domain.manifest import Manifest
from envctl.usecases import load
from tests.unit.domain.cuda_locks import lock, package

MANIFEST: Manifest = load.parsed('[project]\nname = "vision"\n')


def findings(found: Lock, *, contract: Mapping[str, object] | None = None) -> list[Finding]:
    made = replace(found, inputs=inputs_of(MANIFEST), contract=contract or contract_of(found))
    cuda = ("cuda-", "gpu-")
    return [each for each in check(MANIFEST, made) if each.code.startswith(cuda)]


def test_two_majors() -> None:
    both = lock(package("torch", "2.9.1+cu128"), package("nvidia-cudnn-cu13", "9.13"))
    (found,) = findings(both)
    assert (found.code, found.layer, found.severity) == ("cuda-conflict", "lock", "error")
    assert found.message.startswith("CUDA 12 (torch 2.9.1+cu128) and CUDA 13 (nvidia-cudnn-cu13")
    assert found.fix is None
    assert found.advice


def test_a_library_that_is_not_locked() -> None:
    edges = {"torch": ["nvidia-cudnn-cu12 ; sys_platform == 'linux'"]}
    (found,) = findings(lock(package("torch", "2.9.1+cu128"), edges=edges))
    assert (found.code, found.severity) == ("cuda-closure", "error")
    assert found.subject == "torch 2.9.1+cu128"
    assert found.advice == "add `nvidia-cudnn-cu12` to what brings torch, then run `envctl lock`"


def test_libraries_that_the_machine_has() -> None:
    (found,) = findings(lock(package("cupy-cuda12x", "13.6.0")))
    assert (found.code, found.severity) == ("cuda-outside", "note")


def test_another_tools_lock_is_looked_at_as_well() -> None:
    found = findings(lock(package("torch", "2.9.1"), created_by="zz-made-tool"))
    assert {each.code for each in found} == {"cuda-closure"}


def test_a_release_that_is_newer_than_the_tables() -> None:
    (found,) = findings(lock(package("torch", "2.99.0+cu132")))
    assert (found.code, found.severity) == ("gpu-tables-old", "note")
    assert "assumed" in found.message
    assert found.advice is not None
    assert found.advice.startswith("update envctl")


def test_a_build_whose_kernels_nobody_published() -> None:
    (found,) = findings(lock(package("torch", "2.6.0+cu124")))
    assert (found.code, found.severity) == ("gpu-tables-old", "note")
    assert found.message.startswith("the kernels of torch 2.6.0+cu124 for CUDA 12.4 are not in the")


def test_an_assumption_that_the_tables_know_better_by_now() -> None:
    made = lock(package("torch", "2.9.1+cu128"))
    old = {**contract_of(made), "assumed": ["torch 2.9.1 is newer than the tables"]}
    (found,) = findings(made, contract=old)
    assert (found.code, found.severity, found.fix) == ("gpu-contract-old", "note", "envctl lock")


def test_a_lock_in_order_has_nothing_to_hear() -> None:
    assert findings(lock(package("numpy", "2.3.0"))) == []
    assert findings(lock(package("torch", "2.9.1+cu128"))) == []
