"""A lock as one of two things that are compared."""

from collections.abc import Iterable, Iterator, Mapping

from packaging.pylock import Package, PylockValidationError

from envctl.domain import contract as contracts
from envctl.domain.contract import Contract
from envctl.domain.difference import settings
from envctl.domain.difference.packages import Held
from envctl.domain.difference.side import Needs, Side
from envctl.domain.lock import Lock
from envctl.domain.lock.contract import derived_contract
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.slices import Slice
from envctl.domain.platforms import Platform

_ASKED = ("requires ", "extra ", "group ", "constraint ", "resolver ", "exclude-newer ")


def side_of(lock: Lock, name: str) -> Side:
    """Return all of a lock, for every platform, extra and group; raises ``LockError`` for a contract that is none."""
    return Side(
        kind="lock",
        name=name,
        packages=dict(_held(lock.pylock.packages)),
        needs=Needs(contract=_contract(lock), basis="lock"),
        variables=settings.declared(lock.env) if lock.ours else None,
        facts=_facts(lock),
        asked=tuple(line for line in lock.inputs if line.startswith(_ASKED)) if lock.ours else None,
    )


def narrowed(
    lock: Lock,
    name: str,
    taken: Slice,
    *,
    platform: Platform | None = None,
    spare: Iterable[str] = (),
) -> Side:
    """Return the slice of a lock. ``platform``: its name is in the slice's label; ``spare``: what counts as well."""
    whole = side_of(lock, name)
    own = dict(_held(item.package for item in taken.items))
    more = {
        each: whole.packages[each] for each in spare if whole.packages and each in whole.packages
    }
    label = {"slice": taken.digest} if platform else {}
    return Side(
        kind="lock",
        name=name,
        packages=more | own,
        needs=whole.needs,
        variables=whole.variables,
        facts={"profile": lock.profile, **label},
    )


def _contract(lock: Lock) -> Contract:
    return contracts.from_table(lock.contract) if lock.contract else derived_contract(lock)


def _facts(lock: Lock) -> Mapping[str, str | None]:
    pylock = lock.pylock
    asked = sorted(
        line.removeprefix("platform ") for line in lock.inputs if line.startswith("platform ")
    )
    return {
        "requires-python": str(pylock.requires_python) if pylock.requires_python else "any",
        "platforms": (", ".join(asked) or "any") if lock.ours else None,
    }


def _held(packages: Iterable[Package]) -> Iterator[tuple[str, Held]]:
    forks: dict[str, list[Package]] = {}
    for package in packages:
        forks.setdefault(package.name, []).append(package)
    for name, each in forks.items():
        versions = sorted({version_of(package) or "(source)" for package in each})
        yield (
            name,
            Held(
                version="" if versions == ["(source)"] else ", ".join(versions),
                files={file: digest for package in each for file, digest in _files(package)},
                source=", ".join(
                    sorted({source for package in each if (source := _source(package))})
                )
                or None,
            ),
        )


def _files(package: Package) -> Iterator[tuple[str, str]]:
    for file in (*(package.wheels or ()), *((package.sdist,) if package.sdist else ())):
        try:
            name = file.filename
        except PylockValidationError:
            continue
        yield name, _digest(file.hashes)
    if package.archive:
        yield "archive", _digest(package.archive.hashes)


def _digest(hashes: Mapping[str, str]) -> str:
    """Return the one hash that both sides will have: SHA-256 where there is one."""
    kind = "sha256" if "sha256" in hashes else min(hashes, default="")
    return f"{kind}:{hashes[kind]}" if kind else ""


def _source(package: Package) -> str | None:
    if package.vcs:
        return f"{package.vcs.url or package.vcs.path} at {package.vcs.commit_id}"
    if package.archive:
        return package.archive.url or package.archive.path
    if package.directory:
        return package.directory.path
    return package.index.rstrip("/") if package.index else None
