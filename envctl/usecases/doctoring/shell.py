"""The shell: is the environment that is active the project's, as it is now, and are words completed?"""

from collections.abc import Iterator, Mapping

from envctl.domain.checkup.shell import ShellFacts
from envctl.domain.diagnosis import Diagnosis
from envctl.domain.environment import Current, Stamp
from envctl.domain.variables import classify
from envctl.usecases.doctoring.subject import Subject

_NAME = "shell"
_AGAIN = "`deactivate`, then `source .venv/bin/activate`"
_COMPLETED = ("bash", "zsh", "fish")
_LEAKS: Mapping[str, str] = {
    "PYTHONPATH": "every Python imports from there, packages of the lock included",
    "PYTHONHOME": "no environment's Python finds its own library",
}


def look(subject: Subject) -> Iterator[Diagnosis]:
    """Look at what is active, at variables that reach into every environment, and at the completion."""
    current = _current(subject)
    facts = subject.checkup.shell(subject.parent_shell(), current.path if current else None)
    yield _active(facts, current, subject.environ)
    for name, harm in _LEAKS.items():
        if subject.environ.get(name):
            yield Diagnosis(
                check=_NAME, state="warn", message=f"{name} is set: {harm}", mend=f"`unset {name}`"
            )
    yield _completion(facts)


def _current(subject: Subject) -> Current | None:
    return subject.environments().current() if subject.manifest() is not None else None


def _active(facts: ShellFacts, current: Current | None, environ: Mapping[str, str]) -> Diagnosis:
    if facts.active is None:
        return Diagnosis(check=_NAME, state="ok", message="no environment is active")
    what = f"the active environment {facts.active}"
    found = _wrong(facts, current, environ)
    if found is None:
        own = " is the project's" if current else ""
        return Diagnosis(check=_NAME, state="ok", message=f"{what}{own}")
    why, mend = found
    return Diagnosis(check=_NAME, state="warn", message=f"{what} {why}", mend=mend)


def _wrong(
    facts: ShellFacts, current: Current | None, environ: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return what is wrong with the active environment, and what mends it; ``None``: nothing."""
    stale = _stale(current.stamp, environ) if current and facts.same else ()
    if not facts.there:
        return "is not there any more", "`deactivate`, or start a new shell"
    if current is not None and not facts.same:
        if current.path is None:
            return "is not the project's, which is not made yet", "`envctl sync`"
        return "is not the project's as it is now", _AGAIN
    if current is not None and facts.first is False:
        return "is the project's, but `python` is found elsewhere before it", _AGAIN
    if stale:
        listed = ", ".join(f"`{name}`" for name in stale)
        return f"is the project's, but {listed} differ from what it declares", _AGAIN
    return None


def _stale(stamp: Stamp | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the declared variables that this shell has otherwise; a host variable is the caller's to change."""
    declared = stamp.env if stamp else {}
    return tuple(
        name
        for name, value in sorted(declared.items())
        if classify(name) not in ("host", "secret") and environ.get(name) != value
    )


def _completion(facts: ShellFacts) -> Diagnosis:
    if facts.shell not in _COMPLETED:
        named = f"`{facts.shell}`" if facts.shell else "this shell"
        message = f"envctl's words are completed in {', '.join(_COMPLETED)}, not in {named}"
    elif facts.completes:
        message = f"{facts.shell} completes envctl's words"
    elif facts.shell == "fish":
        message = "fish does not complete envctl's words yet: `envctl completion fish | source`"
    else:
        name = facts.shell
        message = (
            f"{name} does not complete envctl's words yet: "
            f'put `eval "$(envctl completion {name})"` into ~/.{name}rc'
        )
    return Diagnosis(check=_NAME, state="ok", message=message)
