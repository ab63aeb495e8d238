"""Does the lock answer the manifest, and did envctl write it?"""

from collections.abc import Iterator, Mapping

from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.lock import Lock, inputs_of
from envctl.domain.lock.contract import derived_contract, names_cuda
from envctl.domain.lock.cuda_closure import gaps
from envctl.domain.lock.state import edited, incomplete, reframed
from envctl.domain.manifest import Manifest
from envctl.domain.profile import skews

_FIX = "envctl lock"


def check(
    manifest: Manifest, lock: Lock | None, *, problem: str | None = None
) -> Iterator[Finding]:
    """Yield what is wrong; ``problem`` is why the file that is there could not be read."""
    name = manifest.lock_name
    if problem is not None:
        yield _finding("lock-unreadable", name, f"the lock cannot be read: {problem}")
    elif lock is None:
        yield _finding(
            "lock-missing", name, f"there is no {name}" if manifest.profile else "there is no lock"
        )
    elif not lock.ours:
        yield _finding(
            "lock-foreign",
            name,
            f"the lock was written by {lock.pylock.created_by}, without what envctl knows of it "
            "(`envctl lock --adopt` takes it as it is)",
            expected="envctl",
            actual=str(lock.pylock.created_by),
        )
    else:
        yield from _stale(manifest, lock)
        yield from _edited(manifest, lock)
    if lock is not None:
        yield from _local(lock)
        yield from _cuda(lock)


def check_profiles(
    manifest: Manifest, locks: Mapping[str, Lock], *, plain: bool
) -> Iterator[Finding]:
    """Yield where the profiles' locks disagree; ``plain``: there is a ``pylock.toml`` beside them."""
    for skew in skews({name: lock.pylock.packages for name, lock in locks.items()}, manifest):
        each = ", ".join(f"{name} has {'/'.join(found)}" for name, found in skew.versions.items())
        message = f"`{skew.name}` is not the same in all profiles: {each}"
        yield _finding("profile-skew", skew.name, message)
    if plain:
        yield _finding(
            "lock-superfluous",
            "pylock.toml",
            "the project has profiles, each with a lock of its own: nobody keeps this one true",
        )


def _stale(manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    wanted = inputs_of(manifest)
    which = manifest.lock_name if manifest.profile else "the lock"
    for line in sorted({*wanted, *lock.inputs}):
        if line not in lock.inputs:
            yield _finding(
                "lock-stale", line, f"pyproject.toml has `{line}`, {which} does not", expected=line
            )
        elif line not in wanted:
            yield _finding(
                "lock-stale", line, f"{which} has `{line}`, pyproject.toml no longer", actual=line
            )
    for name in sorted({*manifest.env, *lock.env}):
        new, old = manifest.env.get(name), lock.env.get(name)
        if new != old:
            # Values stay out of the text: someone's shell may print it where it should not be.
            message = f"the declared variable {name} changed since {which} was written"
            yield _finding("lock-stale", f"env {name}", message)


def _edited(manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    for name in edited(lock):
        yield _finding("lock-edited", name, f"the entry of `{name}` is not as envctl wrote it")
    for sentence in incomplete(lock):
        yield _finding("lock-incomplete", manifest.lock_name, sentence)
    if inputs_of(manifest) == lock.inputs:  # else it is stale, and that has been said
        for key in reframed(lock, manifest):
            yield _finding("lock-edited", key, f"`{key}` is not as envctl wrote it")


def _local(lock: Lock) -> Iterator[Finding]:
    for package in (*lock.pylock.packages, *lock.builds.packages):
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


def _cuda(lock: Lock) -> Iterator[Finding]:
    """Yield what is wrong with the lock's CUDA on any machine, and what the tables do not know of it."""
    if not names_cuda(lock):
        return
    derived = derived_contract(lock)
    for conflict in derived.conflicts:
        advice = "make all packages of the lock agree on one CUDA major version"
        yield _advised("cuda-conflict", "error", "cuda", conflict, advice)
    for gap in gaps(lock):
        code, severity = _GAPS[gap.outside]
        yield _advised(code, severity, gap.package, gap.sentence, gap.advice)
    for sentence in derived.assumed:
        advice = "update envctl; until then that is assumed"
        yield _advised("gpu-tables-old", "note", "gpu.json", sentence, advice)
    for sentence in () if derived.assumed else lock.contract.get("assumed", ()):
        message = f"the tables know by now what the lock's contract assumed: {sentence}"
        yield _finding("gpu-contract-old", "contract", message, severity="note")


_GAPS: dict[bool, tuple[Code, Severity]] = {
    False: ("cuda-closure", "error"),
    True: ("cuda-outside", "note"),
}


def _advised(code: Code, severity: Severity, subject: str, message: str, advice: str) -> Finding:
    return Finding(
        code=code,
        layer="lock",
        severity=severity,
        subject=subject,
        message=message,
        advice=advice,
    )


def _place(file: object) -> str:
    return str(getattr(file, "path", None) or getattr(file, "url", None) or "")


def _finding(
    code: Code,
    subject: str,
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
    severity: Severity = "error",
) -> Finding:
    return Finding(
        code=code,
        layer="lock",
        severity=severity,
        subject=subject,
        message=message,
        expected=expected,
        actual=actual,
        fix=_FIX,
    )
