"""An environment, whoever made it, as one of two things that are compared."""

from collections.abc import Iterator, Mapping

from envctl.domain import contract as contracts
from envctl.domain.captured.packages import SEEDS, Capture, Captured
from envctl.domain.difference import settings
from envctl.domain.difference.packages import Held, counts
from envctl.domain.difference.side import Needs, Side
from envctl.domain.environment import Stamp
from envctl.domain.image.proof import hexadecimal


def side_of(found: Capture, name: str, stamp: Stamp | None) -> Side:
    """Return an environment as its files tell it; ``stamp``: what envctl made it from."""
    held = {each.name: _held(each) for each in found.packages}
    held |= {
        each.name: Held(
            version=each.version, basis="installed", source=f"conda {each.build}".strip()
        )
        for each in found.conda
        if each.name not in held and each.name != "python"
    }
    versions = ((key, each.version, ()) for key, each in held.items())
    return Side(
        kind="environment",
        name=name,
        packages=held,
        needs=Needs(contract=contracts.derive(versions), basis="versions"),
        variables=settings.declared(stamp.env) if stamp else None,
        facts={
            "python": stamp.python if stamp else found.python,
            "profile": stamp.profile if stamp else None,
        },
        remarks=found.remarks,
        aside=frozenset(_aside(found, stamp)),
    )


def _aside(found: Capture, stamp: Stamp | None) -> Iterator[str]:
    if stamp and stamp.own:
        yield stamp.own.name
    for each in found.packages:
        if each.origin.kind == "editable" or (each.name in SEEDS and not each.requested):
            yield each.name


def _held(each: Captured) -> Held:
    origin = each.origin
    direct = origin.kind in ("vcs", "archive", "folder", "editable")
    return Held(
        version=each.version,
        files=_installed(each.record or {}),
        basis="installed",
        source=f"{origin.kind} {origin.url or ''}".strip() if direct else None,
        edited=tuple(path for path in each.changed if counts(path)),
    )


def _installed(record: Mapping[str, str]) -> dict[str, str]:
    """Return the files below site-packages; what an installer writes for the place it installs to does not count."""
    return {path: hexadecimal(digest) for path, digest in record.items() if digest and counts(path)}
