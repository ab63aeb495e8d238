"""Is ``.venv`` exactly its slice of the lock, down to the files?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from envctl.domain.environment import Current, FileProblem
from envctl.domain.finding import Finding
from envctl.domain.finding.codes import Code
from envctl.domain.lock.slices import Slice

_SYNC = "envctl sync"
_REPAIR = "envctl sync --repair"
_CODES: Mapping[str, Code] = {
    "modified": "file-modified",
    "missing": "file-missing",
    "added": "file-added",
    "record": "record-modified",
}
_SAID = {
    "modified": "was changed after it was installed",
    "missing": "is gone",
    "added": "belongs to no installed package",
    "record": "was rewritten: it says which files the package brought, with their hashes",
}
_SAID_OF_MANY = {
    "modified": "were changed after they were installed",
    "missing": "are gone",
    "added": "belong to no installed package",
    "record": "were rewritten",
}
_MANY, _SHOWN = 10, 3


def check(
    current: Current,
    wanted: Slice,
    installed: Mapping[str, str],
    problems: Iterable[FileProblem],
    *,
    python: str,
    stale: str | None,
    own: str | None = None,
    by: Callable[[str], str] = lambda _: "",
) -> Iterator[Finding]:
    """Yield what differs between the environment and the slice.

    ``python`` is the version that it should have; ``stale``: why entering it does not set the declared variables;
    ``own``: how the project itself is not installed as it should be; ``by`` tells who installed a package.
    """
    if current.kind == "foreign":
        yield _foreign(current)
        return
    if current.kind == "absent":
        yield _finding("environment-missing", ".venv", "there is no environment")
        return
    if current.stamp is None:
        message = current.found or "the environment was never finished"
        yield _finding("environment-unfinished", ".venv", message)
        return
    if current.stamp.python != python:
        yield _finding(
            "python-version",
            "python",
            f"the environment has Python {current.stamp.python}, it should have {python}",
            expected=python,
            actual=current.stamp.python,
        )
    differences = list(packages(wanted.versions(), installed, by))
    yield from differences
    if not differences and current.stamp.slice_digest != wanted.digest:
        yield _finding(
            "environment-stale",
            ".venv",
            "the environment was made from other files of these versions",
        )
    if own:
        yield _finding("project-stale", "the project itself", own)
    if stale:
        yield _finding("activation-stale", ".venv", stale)
    # What the packages' own findings mend need not be said file by file.
    named = {each.subject for each in differences}
    yield from files(each for each in problems if each.package not in named)


def no_profile(current: Current) -> Finding:
    """Return the finding that ``.venv`` is of none of the project's profiles."""
    if current.kind == "foreign":
        return _foreign(current)
    if current.stamp is None or current.stamp.profile is None:
        return _finding("environment-missing", ".venv", "there is no environment of any profile")
    message = f"the environment is of profile `{current.stamp.profile}`, which there is no more"
    return _finding("environment-missing", ".venv", message)


def unserved(message: str, *, advice: str | None) -> Finding:
    """Return the finding that the lock has nothing for this machine."""
    return Finding(
        code="platform-unserved",
        layer="environment",
        severity="error",
        subject="pylock.toml",
        message=message,
        advice=advice,
    )


def _foreign(current: Current) -> Finding:
    found = _finding(
        "environment-foreign", ".venv", f".venv is {current.found}", fix="envctl sync --adopt"
    )
    if current.movable:
        return found
    advice = (
        "unmount it or move it away, or leave it as it is with `managed = false` in [tool.envctl]"
    )
    return replace(found, fix=None, advice=advice)


def packages(
    wanted: Mapping[str, str], installed: Mapping[str, str], by: Callable[[str], str]
) -> Iterator[Finding]:
    """Yield the packages that differ, name → version; ``by`` tells who installed one."""
    for name in sorted({*wanted, *installed}):
        new, old = wanted.get(name), installed.get(name)
        if old is None:
            yield _finding(
                "package-missing", name, f"`{name}` {new} is not installed", expected=new
            )
        elif new is None:
            yield _finding(
                "package-extra",
                name,
                f"`{name}` {old} is installed{_by(by(name))}, the lock has none",
                actual=old,
            )
        elif new and new != old:
            yield _finding(
                "package-version",
                name,
                f"`{name}` is {old}{_by(by(name))}, the lock has {new}",
                expected=new,
                actual=old,
            )


def _by(tool: str) -> str:
    return f" (by {tool})" if tool else ""


def files(problems: Iterable[FileProblem]) -> Iterator[Finding]:
    """Yield the files that are not as they were installed; many of one package as one finding."""
    alike: dict[tuple[str, str], list[FileProblem]] = {}
    for each in problems:
        alike.setdefault((each.package, each.trouble), []).append(each)
    for (package, trouble), some in alike.items():
        if len(some) > _MANY:
            listed = ", ".join(each.path for each in some[:_SHOWN])
            what = f"{len(some)} files {_SAID_OF_MANY[trouble]}: {listed}, …"
            message = f"`{package}`: {what}{_shared(some)}"
            yield _finding(_CODES[trouble], package, message, fix=_REPAIR)
        else:
            for each in some:
                message = f"{each.path} {_SAID[trouble]}{_shared([each])}"
                yield _finding(_CODES[trouble], each.path, message, fix=_REPAIR)


def _shared(problems: Iterable[FileProblem]) -> str:
    if any(each.shared for each in problems):
        return "; uv's cache and other environments share it"
    return ""


def _finding(
    code: Code,
    subject: str,
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
    fix: str = _SYNC,
) -> Finding:
    return Finding(
        code=code,
        layer="environment",
        severity="error",
        subject=subject,
        message=message,
        expected=expected,
        actual=actual,
        fix=fix,
    )
