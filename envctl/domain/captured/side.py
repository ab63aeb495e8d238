"""An environment, whoever made it, as one of two things that are compared."""

import base64
import binascii
from collections.abc import Mapping

from envctl.domain import contract as contracts
from envctl.domain.captured.packages import Capture, Captured
from envctl.domain.difference import settings
from envctl.domain.difference.packages import Held, counts
from envctl.domain.difference.side import Needs, Side
from envctl.domain.environment import Stamp


def side_of(found: Capture, name: str, stamp: Stamp | None) -> Side:
    """Return an environment as its files tell it; ``stamp``: what envctl made it from."""
    held = {each.name: _held(each) for each in found.packages}
    held |= {
        each.name: Held(version=each.version, basis="installed", source=f"conda {each.build}".strip())
        for each in found.conda
        if each.name not in held and each.name != "python"
    }
    own = stamp.own.name if stamp and stamp.own else None
    held = {key: value for key, value in held.items() if key != own}
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
    )


def _held(each: Captured) -> Held:
    origin = each.origin
    direct = origin.kind in ("vcs", "archive", "folder", "editable")
    return Held(
        version=each.version,
        files=_installed(each.record or {}),
        basis="installed",
        source=f"{origin.kind} {origin.url or ''}".strip() if direct else None,
        edited=each.changed,
    )


def _installed(record: Mapping[str, str]) -> dict[str, str]:
    """Return the files below site-packages; what an installer writes for the place it installs to does not count."""
    return {
        path: hexadecimal(digest)
        for path, digest in record.items()
        if digest and counts(path)
    }


def hexadecimal(row: str) -> str:
    """Return a RECORD's ``sha256=<base64>`` as hex; as it is where it is another's."""
    kind, _, text = row.partition("=")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex() if kind == "sha256" else row
    except (ValueError, binascii.Error):
        return row
