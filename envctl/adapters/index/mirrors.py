"""What came through a mirror, as the index itself has it."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from packaging.pylock import Package

from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.logins import Logins, without_login
from envctl.domain.indexes import mirrors
from envctl.domain.indexes.mirrors import Place, Transport
from envctl.domain.resolution import Resolution
from envctl.errors import IndexFailure

_SHOWN = 5


def placed(
    answer: Resolution, earlier: Sequence[Package], transport: Transport, logins: Logins
) -> Resolution:
    """Say of each file that came through a mirror what the index itself says of it.

    The lock so far tells, else the index, if it answers at once, else the mirror's address is taken over.
    """
    if not any(transport.mirror(package.index) for package in answer.packages):
        return answer
    packages = mirrors.completed(answer.packages, earlier, transport)
    known = mirrors.places(earlier)
    wanted = mirrors.unplaced(packages, known, transport)
    if wanted:
        client = IndexClient(os.environ, logins, hurried=True)
        with suppress(IndexFailure):
            for found in client.projects(wanted).values():
                for file in found or ():
                    place = Place(url=file.url, size=file.size, upload_time=file.upload_time)
                    known.setdefault((file.name, file.hashes.get("sha256", "")), place)
    packages, derived = mirrors.placed(packages, known, transport, without_login)
    notes = (*answer.notes, _derived(derived)) if derived else answer.notes
    return replace(answer, packages=packages, notes=notes)


def _derived(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (
        f"the addresses of {', '.join(f'`{name}`' for name in names[:_SHOWN])}{more} were derived from "
        "those of the mirror, because the index itself did not tell them: a member without the mirror "
        "may have to lock again"
    )
