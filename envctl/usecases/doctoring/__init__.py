"""``doctor`` as a whole: every family of checks at once, none of which can stop or hold up the others."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from envctl.domain.checkup.redaction import redacted
from envctl.domain.diagnosis import Diagnosis
from envctl.errors import EnvctlError
from envctl.usecases.doctor import doctor
from envctl.usecases.doctoring import (
    container,
    index,
    network,
    places,
    settings,
    shell,
    tools,
)
from envctl.usecases.doctoring.subject import Subject

LIMIT = 45.0
"""Seconds that a family may take; each asks with shorter limits of its own."""

_REPORT = "this is a bug in envctl: please report it; the other checks hold"


def examine(subject: Subject) -> tuple[Diagnosis, ...]:
    """Make every check and take out what must not be pasted into an issue; raises nothing."""
    calls = {name: partial(_whole, family, subject) for name, family in FAMILIES.items()}
    found = subject.checkup.together(calls, LIMIT)
    person = subject.checkup.person(_mirrors(subject))
    return tuple(
        Diagnosis(
            check=each.check,
            state=each.state,
            message=redacted(each.message, person),
            mend=None if each.mend is None else redacted(each.mend, person),
        )
        for name in FAMILIES
        for each in _settled(name, found[name])
    )


def _whole(family: "Family", subject: Subject) -> tuple[Diagnosis, ...]:
    """Keep what was found before a check fails."""
    found: list[Diagnosis] = []
    name = ""
    try:
        for each in family(subject):
            found.append(each)
            name = each.check
    except EnvctlError as error:
        found.append(_cannot(name, error))
    return tuple(found)


def _cannot(name: str, error: EnvctlError) -> Diagnosis:
    where = f" ({error.where})" if error.where else ""
    message = f"{error.message}{where}"
    return Diagnosis(check=name, state="fail", message=message, mend=error.hint)


def _settled(name: str, came: tuple[Diagnosis, ...] | Exception | None) -> tuple[Diagnosis, ...]:
    if isinstance(came, tuple):
        return tuple(each if each.check else _renamed(each, name) for each in came)
    if came is None:
        message = f"did not answer within {LIMIT:.0f} seconds"
        mend = "look at what hangs: a disk that is gone, a driver, a name server"
    else:
        message, mend = f"this check could not be made ({type(came).__name__})", _REPORT
    return (Diagnosis(check=name, state="fail", message=message, mend=mend),)


def _renamed(each: Diagnosis, name: str) -> Diagnosis:
    return Diagnosis(check=name, state=each.state, message=each.message, mend=each.mend)


def _mirrors(subject: Subject) -> tuple[str, ...]:
    """Return the addresses that may hold a login."""
    try:
        return tuple(subject.transport().mirrors.values())
    except EnvctlError:
        return ()


def _gpu(subject: Subject) -> Iterator[Diagnosis]:
    yield from doctor(subject.patient)


Family = Callable[[Subject], Iterator[Diagnosis]]
FAMILIES: Mapping[str, Family] = {
    "tools": tools.look,
    "python": tools.python,
    "index": index.look,
    "settings": settings.look,
    "network": network.look,
    "cache": places.cache,
    "disk": places.disk,
    "shell": shell.look,
    "gpu": _gpu,
    "container": container.look,
}
"""Every family by its name, in the order in which they are shown."""
