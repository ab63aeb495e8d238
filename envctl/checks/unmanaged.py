"""Does a ``.venv`` that another tool keeps (``managed = false``) hold what the lock says?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from envctl.checks import environment
from envctl.domain.environment import Current, FileProblem
from envctl.domain.finding import Finding
from envctl.domain.finding.codes import Code
from envctl.domain.lock.slices import Slice

_ADVICE = "have the tool that keeps .venv install what the lock says; or take `managed = false` out"
# What environments are born with, and nobody asked for.
_SEEDS = frozenset({"pip", "setuptools", "wheel"})


def check(
    current: Current,
    wanted: Slice,
    installed: Mapping[str, str],
    problems: Iterable[FileProblem],
    *,
    python: str,
    own: str | None,
) -> Iterator[Finding]:
    """Yield what differs, as far as names, versions and the packages' own RECORDs tell it.

    ``python``: the version that the environment should have; ``own``: the name of the project itself.
    """
    if current.path is None:
        found = current.found or "not there"
        yield _finding(
            "environment-missing", ".venv", f".venv is no virtual environment: it is {found}"
        )
        return
    if current.python and _minor(current.python) != _minor(python):
        message = f"the environment has Python {current.python}, it should have {python}"
        yield _finding("python-version", "python", message)
    ignored = {own, *(_SEEDS - wanted.versions().keys())}
    there = {name: version for name, version in installed.items() if name not in ignored}
    changed = [each for each in problems if each.trouble in ("modified", "missing")]
    for each in environment.packages(wanted.versions(), there, lambda _: ""):
        yield replace(each, fix=None, advice=_ADVICE)
    for each in environment.files(changed):
        yield replace(each, fix=None, advice=_ADVICE)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _finding(code: Code, subject: str, message: str) -> Finding:
    return Finding(
        code=code,
        layer="environment",
        severity="error",
        subject=subject,
        message=message,
        advice=_ADVICE,
    )
