"""Where to look for what a finding says: a file of the project, and the line in it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from envctl.domain.finding import Finding

MANIFEST = "pyproject.toml"
_MACHINES = ".envctl/machines"
_MANIFESTS = ("lock-stale", "platform-unserved")
"""What the lock disagrees with there is the word of a person here."""


def at(
    findings: Iterable[Finding], *, lock: str = "pylock.toml", dockerfile: str = "Dockerfile"
) -> Iterator[Finding]:
    """Name with each finding the file to look at; ``lock`` and ``dockerfile``: those of the profile."""
    for each in findings:
        file = file_of(each, lock=lock, dockerfile=dockerfile)
        yield each if file == each.file else replace(each, file=file)


def file_of(finding: Finding, *, lock: str, dockerfile: str) -> str | None:
    """Return the file; ``None``: what is wrong is no file that is committed. ``lock``: that of the profile."""
    if finding.file is not None:
        return finding.file
    if finding.code in _MANIFESTS or finding.layer == "variables":
        return MANIFEST
    if finding.layer == "fleet":
        return _of_team(finding)
    return {"lock": lock, "machine": lock, "image": dockerfile}.get(finding.layer)


def _of_team(finding: Finding) -> str:
    if finding.code.startswith("devices-"):
        return MANIFEST
    if finding.code == "record-unreadable":
        whole = finding.subject.startswith(_MACHINES)
        return finding.subject if whole else f"{_MACHINES}/{finding.subject}"
    return f"{_MACHINES}/{finding.subject}.toml"


def line_of(finding: Finding, text: str) -> int | None:
    """Return the first line (from 1) that names what the finding is about; ``None``: none does."""
    lines = text.splitlines()
    for word in _words(finding.subject):
        found = re.compile(rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w)", re.IGNORECASE)
        for number, line in enumerate(lines, 1):
            if found.search(line):
                return number
    return None


def _words(subject: str) -> Iterator[str]:
    """Yield what to look for, the closest first: ``requires numpy<3`` is about ``numpy<3``, or else about numpy."""
    last = subject.rsplit(" ", maxsplit=1)[-1]
    name = re.match(r"[A-Za-z0-9][\w.-]*", last)
    yield from dict.fromkeys(each for each in (subject, last, name and name[0]) if each)
