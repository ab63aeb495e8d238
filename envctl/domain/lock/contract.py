"""The contract of a lock, and what is to be said of it when it is made."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from envctl.domain import contract as contracts
from envctl.domain.contract.evidence import conflicts, evidence
from envctl.domain.gpu.facts import date
from envctl.domain.lock import Lock
from envctl.domain.lock.cuda_closure import gaps
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.selections import selections

_ASIDE = {"sources", "tables", "cudnn", "nccl"}
"""Keys of a contract that no verdict rests on."""


def contract_of(new: Lock) -> Mapping[str, object]:
    """Derive the contract of a lock, as the table that the lock carries.

    The contract that it has already stays while it says the same of a machine: newer tables, with another date or
    more words, must not make a lock new. Nor does an envctl with older tables take back what newer ones said.
    """
    derived = derived_contract(new).to_table()
    old = new.contract
    if old and (str(old.get("tables", "")) > date() or _judged(old) == _judged(derived)):
        return old
    return derived


def derived_contract(lock: Lock) -> contracts.Contract:
    """Return the contract by today's tables, whatever the lock carries."""
    found = contracts.derive(locked_packages(lock))
    return replace(found, conflicts=_conflicts(lock, found)) if found.conflicts else found


def names_cuda(lock: Lock) -> bool:
    """Whether any package of a lock says something about CUDA: most projects' locks have no more to be asked."""
    packages = ((package.name, version_of(package), ()) for package in lock.pylock.packages)
    return bool(evidence(packages))


def locked_packages(lock: Lock) -> tuple[contracts.LockedPackage, ...]:
    """Return each package as the contract's rules take it: name, version, wheel file names."""
    return tuple(
        (package.name, version_of(package), tuple(wheel.filename for wheel in package.wheels or ()))
        for package in lock.pylock.packages
    )


def remarks(lock: Lock) -> tuple[str, ...]:
    """Return what whoever makes the lock must know of its CUDA: conflicts, gaps, what was assumed."""
    contract = contracts.from_table(lock.contract)
    return (*contract.conflicts, *(gap.sentence for gap in gaps(lock)), *contract.assumed)


def _conflicts(lock: Lock, whole: contracts.Contract) -> tuple[str, ...]:
    """Return the conflicts within what is installed together: a lock may hold two builds that exclude each other."""
    together = list(selections(lock, lambda _: True))
    if not together:  # nothing for Linux
        return whole.conflicts
    each = (
        conflicts(evidence((name, version, ()) for name, version in selection.versions.items()))
        for selection in together
    )
    return tuple(dict.fromkeys(sentence for found in each for sentence in found))


def _judged(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in _ASIDE}
