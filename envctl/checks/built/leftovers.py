"""Secrets and caches that stayed in an image: in any layer, however many others hide it, and in the history."""

import re
from collections.abc import Iterable, Iterator

from envctl.checks.built.below import base_height
from envctl.checks.built.findings import differs, listed
from envctl.domain.finding import Finding
from envctl.domain.image import secrets
from envctl.domain.image.contents import Contents, Mark
from envctl.domain.image.proof import ENVIRONMENT, Evidence, Promise

_REVOKE = (
    "revoke it: whoever has the image can read it. Give it to the build as a secret "
    "(`--secret`), then build again without the cache"
)
_CACHES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:root|home/[^/]+|var/cache/app)/\.cache/.*"), "caches of a home folder"),
    (re.compile(r"root/\.(?:local|npm|conda|cargo)/.*"), "caches of a home folder"),
    (re.compile(r"var/lib/apt/lists/(?!lock$|partial$|auxfiles$).+"), "apt's lists"),
    (re.compile(r"var/cache/(?:apt|debconf)/.*(?:\.deb|\.bin|-old)"), "apt's packages"),
    (re.compile(r"(?:var/)?tmp/.+"), "temporary files"),
    (re.compile(r"(?:.*/)?\.git/.*"), "a repository's history"),
    (re.compile(r"(?!opt/venv/)(?:.*/)?[^/]+\.whl"), "wheels"),
    (
        re.compile(r"usr/(?:local/)?lib/python3[^/]*/.*__pycache__/.*"),
        "byte-compiled files of Python itself",
    ),
)


def check(contents: Contents, promise: Promise, evidence: Evidence) -> Iterator[Finding]:
    """Yield what should not be in any layer above the base."""
    height = base_height(contents, evidence) or 0
    accepted = evidence.accepted()
    seen: dict[tuple[str, str], Mark] = {}
    for mark in contents.marks:
        if mark.layer >= height and not _of_a_wheel(contents, mark, accepted):
            seen.setdefault((mark.path, mark.what), mark)
    for mark in seen.values():
        yield _secret(contents, mark)
    yield from history(contents.history)
    yield from _caches(contents, height, promise)


def history(steps: Iterable[str]) -> Iterator[Finding]:
    """Yield the secrets that stand in what an image's layers were made by."""
    for number, text in enumerate(steps, 1):
        for what in dict.fromkeys(secrets.in_history(text)):
            yield _finding(f"history, step {number}", f"the image's history shows {what}")


def _of_a_wheel(
    contents: Contents, mark: Mark, accepted: dict[str, tuple[str, tuple[str, ...]]]
) -> bool:
    """Whether it is a file that its wheel brings: keys for tests, examples in documentation."""
    entry = contents.layers[mark.layer].entries.get(mark.path)
    row = accepted.get(mark.path.removeprefix(f"{ENVIRONMENT}/"))
    return bool(entry and row and entry.digest in row[1])


def _secret(contents: Contents, mark: Mark) -> Finding:
    now = contents.files.get(mark.path)
    hidden = now is None or now.layer != mark.layer
    how = "; a later layer hides it, and it is there all the same" if hidden else ""
    return _finding(
        f"/{mark.path}", f"/{mark.path} in layer {mark.layer + 1} holds {mark.what}{how}"
    )


def _finding(subject: str, message: str) -> Finding:
    return differs(subject, message, code="image-secret", advice=_REVOKE)


def _caches(contents: Contents, height: int, promise: Promise) -> Iterator[Finding]:
    found: dict[str, dict[str, int]] = {}
    for layer in contents.layers[height:]:
        for path, entry in layer.entries.items():
            if entry.kind == "file":
                for form, what in _CACHES:
                    if form.fullmatch(path):
                        found.setdefault(what, {})[path] = entry.size
                        break
    known = height or promise.system_packages
    for what, sizes in found.items():
        if not known and what in ("temporary files", "byte-compiled files of Python itself"):
            continue  # without its base image it is not known whose they are
        size = sum(sizes.values())
        said = f"{what} stayed in the image, {_bytes(size)}: {listed([f'/{path}' for path in sorted(sizes)])}"
        yield differs(
            what,
            said,
            code="image-leftover",
            severity="warning",
            advice="remove them in the step that makes them, or give that step a cache mount",
        )


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size} bytes"
