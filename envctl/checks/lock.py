"""Does the lock answer the manifest, and did envctl write it?"""

from collections.abc import Iterator

from envctl.domain.finding import Finding
from envctl.domain.lock import Lock, edited, incomplete, inputs_of, reframed
from envctl.domain.manifest import Manifest

_FIX = "envctl lock"


def check(
    manifest: Manifest, lock: Lock | None, *, problem: str | None = None
) -> Iterator[Finding]:
    """Yield what is wrong; ``problem`` is why the file that is there could not be read."""
    if problem is not None:
        yield _finding("lock-unreadable", "pylock.toml", f"the lock cannot be read: {problem}")
    elif lock is None:
        yield _finding("lock-missing", "pylock.toml", "there is no lock")
    elif not lock.ours:
        yield _finding(
            "lock-foreign",
            "pylock.toml",
            f"the lock was written by {lock.pylock.created_by}, without what envctl knows of it",
            expected="envctl",
            actual=str(lock.pylock.created_by),
        )
    else:
        yield from _stale(manifest, lock)
        yield from _edited(manifest, lock)
    if lock is not None:
        yield from _local(lock)


def _stale(manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    wanted = inputs_of(manifest)
    for line in sorted({*wanted, *lock.inputs}):
        if line not in lock.inputs:
            yield _finding(
                "lock-stale", line, f"pyproject.toml has `{line}`, the lock does not", expected=line
            )
        elif line not in wanted:
            yield _finding(
                "lock-stale", line, f"the lock has `{line}`, pyproject.toml no longer", actual=line
            )
    for name in sorted({*manifest.env, *lock.env}):
        new, old = manifest.env.get(name), lock.env.get(name)
        if new != old:
            # Values stay out of the text: someone's shell may print it where it should not be.
            yield _finding(
                "lock-stale", f"env {name}", f"the declared variable {name} changed since the lock"
            )


def _edited(manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    for name in edited(lock):
        yield _finding("lock-edited", name, f"the entry of `{name}` is not as envctl wrote it")
    for sentence in incomplete(lock):
        yield _finding("lock-incomplete", "pylock.toml", sentence)
    if inputs_of(manifest) == lock.inputs:  # else it is stale, and that has been said
        for key in reframed(lock, manifest):
            yield _finding("lock-edited", key, f"`{key}` is not as envctl wrote it")


def _local(lock: Lock) -> Iterator[Finding]:
    for package in lock.pylock.packages:
        others = (package.sdist, package.archive, package.directory, package.vcs)
        files = [*(package.wheels or ()), *(each for each in others if each)]
        local = [place for place in map(_place, files) if place.startswith(("/", "file:"))]
        if local:
            yield Finding(
                code="lock-local-url",
                layer="lock",
                severity="error",
                subject=package.name,
                message=f"`{package.name}` comes from a path that only one machine has",
                actual=local[0],
                advice="put the file on an index that the whole team reaches, then run `envctl lock`",
            )


def _place(file: object) -> str:
    return str(getattr(file, "path", None) or getattr(file, "url", None) or "")


def _finding(
    code: str,
    subject: str,
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
) -> Finding:
    return Finding(
        code=code,
        layer="lock",
        severity="error",
        subject=subject,
        message=message,
        expected=expected,
        actual=actual,
        fix=_FIX,
    )
