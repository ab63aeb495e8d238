"""The contract of a lock."""

from collections.abc import Mapping

from envctl.domain import contract as contracts
from envctl.domain.lock import Lock
from envctl.domain.lock_entry import version_of


def contract_of(new: Lock) -> Mapping[str, object]:
    """Derive the contract of a lock, as the table that the lock carries."""
    return contracts.derive(locked_packages(new)).to_table()


def locked_packages(lock: Lock) -> tuple[contracts.LockedPackage, ...]:
    """Return each package as the contract's rules take it: name, version, wheel file names."""
    return tuple(
        (package.name, version_of(package), tuple(wheel.filename for wheel in package.wheels or ()))
        for package in lock.pylock.packages
    )
