"""Which way a resolver takes to the indexes, and its answer in their own addresses.

Straight is as fast as the resolver is. The gate is needed where an index claims names, where this machine has a
mirror, and for logins that the resolver cannot find by itself.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar
from urllib.error import HTTPError

from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.requirements import Requirement

from envctl.adapters.index.way import Way, straight
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.indexes.routing import complete
from envctl.domain.resolution import Question, Resolution
from envctl.errors import EnvctlError, IndexFailure, ResolutionError
from envctl.ports import Runner

if TYPE_CHECKING:
    from envctl.adapters.index.client import IndexClient
    from envctl.adapters.index.gate import Gate

_F = TypeVar("_F", PackageSdist, PackageWheel)
Ask = Callable[[Way], Resolution]


def resolved(question: Question, ask: Ask, *, run: Runner, finds_logins: bool) -> Resolution:
    """Let a resolver answer the question on the right way; ``finds_logins``: it reads the environment's itself."""
    transport = Transport(indexes=question.indexes, mirrors=question.mirrors)

    @cache
    def client() -> "IndexClient":
        from envctl.adapters.index.client import IndexClient  # noqa: PLC0415  # lazy: urllib and ssl
        from envctl.adapters.index.logins import Logins  # noqa: PLC0415

        return IndexClient(os.environ, Logins(os.environ, transport, run=run))

    declared = not finds_logins and any(client().logins.known(i.url) for i in question.indexes)
    if not (declared or question.mirrors or any(index.packages for index in question.indexes)):
        try:
            return ask(straight(question.indexes, client))
        except (IndexFailure, ResolutionError):
            if not _unlocked(question, client):
                raise
    return _through_gate(question, ask, client(), strict=not finds_logins)


def _unlocked(question: Question, client: "Callable[[], IndexClient]") -> bool:
    """Whether the keyring has opened an index to us; raises for one that stays closed.

    To resolvers, an index that asks for a login is one that has nothing.
    """
    texts = (*question.requirements, *(t for texts in question.groups.values() for t in texts))
    if not texts or os.environ.get("UV_OFFLINE"):
        return False
    for index in question.indexes:
        try:
            client().page(index.url, Requirement(texts[0]).name)
        except IndexFailure as failure:
            cause = failure.__cause__
            if isinstance(cause, HTTPError) and cause.code in (401, 403):
                raise
    return bool(question.indexes) and client().logins.learned()


def _through_gate(
    question: Question, ask: Ask, client: "IndexClient", *, strict: bool
) -> Resolution:
    from envctl.adapters.index.default import default_index  # noqa: PLC0415  # lazy: pip
    from envctl.adapters.index.mirrors import placed  # noqa: PLC0415  # lazy: HTTP
    from envctl.adapters.index.server import opened  # noqa: PLC0415

    indexes = complete(question.indexes, default_index())
    transport = Transport(indexes=indexes, mirrors=question.mirrors)
    with opened(transport, client) as gate:
        way = Way(indexes=tuple(gate.entrances()), client=lambda: client, gate=gate)
        try:
            answer = ask(way)
        except EnvctlError:
            gate.raise_failure()
            raise
        if strict:  # pip takes an index that fails for one that has nothing
            gate.raise_failure()
        packages = tuple(_real(package, gate) for package in answer.packages)
    answer = replace(answer, packages=packages)
    return placed(answer, question.earlier, transport, client.logins)


def _real(package: Package, gate: "Gate") -> Package:
    """Put the real addresses in the place of the gate's."""

    def moved(file: _F) -> _F:
        return replace(file, url=gate.canonical(file.url)) if file.url else file

    return replace(
        package,
        index=package.index and gate.canonical(package.index),
        sdist=package.sdist and moved(package.sdist),
        wheels=package.wheels and [moved(wheel) for wheel in package.wheels],
    )
