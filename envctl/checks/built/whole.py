"""Everything about a built image, in the order in which a person wants to read it."""

from collections.abc import Iterator

from envctl.checks.built import below, leftovers, packages, python, starting
from envctl.domain.finding import Finding
from envctl.domain.image.contents import Contents
from envctl.domain.image.proof import Evidence, Promise


def check(contents: Contents, promise: Promise, evidence: Evidence) -> Iterator[Finding]:
    """Yield what differs."""
    yield from starting.check(contents.start, promise)
    yield from packages.check(contents, promise, evidence)
    yield from python.check(contents, promise, evidence)
    yield from below.check(contents, promise, evidence)
    yield from leftovers.check(contents, promise, evidence)
