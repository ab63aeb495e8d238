"""``doctor`` as a whole: every family of checks at once, none of which can stop or hold up the others."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from envctl.domain.checkup.redaction import Person, redacted
from envctl.domain.diagnosis import Diagnosis
from envctl.errors import EnvctlError, ProjectError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases.doctor import doctor
from envctl.usecases.doctoring import (
    container,
    index,
    network,
    places,
    project,
    settings,
    shell,
    tools,
)
from envctl.usecases.doctoring.subject import Subject

LIMIT = 45.0
"""Seconds that a family may take; each asks with shorter limits of its own."""

_MOMENT = 3.0
_REPORT = "this is a bug in envctl: please report it; the other checks hold"


def examine(subject: Subject) -> tuple[Diagnosis, ...]:
    """Make every check and take out what must not be pasted into an issue; raises nothing.

    What several families stumble over, a manifest that cannot be read, is said once.
    """
    calls = {name: partial(_whole, family, subject) for name, family in FAMILIES.items()}
    found = subject.checkup.together(calls, LIMIT)
    every = [each for name in FAMILIES for each in _settled(name, found[name])]
    once = {(each.state, each.message): each for each in reversed(every)}
    person = subject.checkup.person(_mirrors(subject))
    return tuple(_fit(each, person) for each in every if once[each.state, each.message] is each)


def _fit(each: Diagnosis, person: Person) -> Diagnosis:
    """Return it as it may be shown to anyone."""
    mend = None if each.mend is None else redacted(each.mend, person)
    return replace(each, message=redacted(each.message, person), mend=mend)


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
        return tuple(each if each.check else replace(each, check=name) for each in came)
    if came is None:
        message = f"did not answer within {LIMIT:.0f} seconds"
        mend = "look at what hangs: a disk that is gone, a driver, a name server"
    else:
        message, mend = f"this check could not be made ({type(came).__name__})", _REPORT
    return (Diagnosis(check=name, state="fail", message=message, mend=mend),)


def _mirrors(subject: Subject) -> tuple[str, ...]:
    """Return the addresses that may hold a login; nothing where the project does not tell."""
    call = {"mirrors": lambda: tuple(subject.transport().mirrors.values())}
    came = subject.checkup.together(call, _MOMENT)["mirrors"]
    return came if isinstance(came, tuple) else ()


def _gpu(subject: Subject) -> Iterator[Diagnosis]:
    """Look at the GPU stack; a project without a manifest has no lock that could be judged."""
    patient, project = subject.patient, subject.project()
    if project is not None and project.read(load.MANIFEST) is None:
        patient = replace(patient, project=_nowhere)
    yield from doctor(patient)


def _nowhere() -> Project:
    raise ProjectError("there is no pyproject.toml", where=load.MANIFEST, hint="run `envctl init`")


Family = Callable[[Subject], Iterator[Diagnosis]]
FAMILIES: Mapping[str, Family] = {
    "project": project.look,
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
