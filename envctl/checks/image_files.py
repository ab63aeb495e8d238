"""Which Dockerfiles are there: envctl's, somebody's own, or one of a profile that is no more?"""

from collections.abc import Mapping
from typing import Literal

from envctl.domain import blocks
from envctl.domain.finding import Finding, Severity
from envctl.domain.image import Names
from envctl.errors import ImageError

Kind = Literal["ours", "foreign", "none"]


def kind(text: str | None, name: str) -> Kind:
    """Return whose a Dockerfile is; one with damaged markers is envctl's."""
    try:
        ours = blocks.find(text or "", name) is not None
    except ImageError:
        ours = True
    return "ours" if ours else "none" if text is None else "foreign"


def nothing(kinds: Mapping[str, Kind]) -> str:
    """Return why there is nothing to look at; ``kinds``: by file, none of them envctl's."""
    foreign = [name for name, each in kinds.items() if each == "foreign"]
    if foreign:
        verb = "is" if len(foreign) == 1 else "are"
        return f"{', '.join(foreign)} {verb} not envctl's (envctl dockerize --adopt)"
    return "there is no Dockerfile (envctl dockerize)"


def missing(name: str, *, there: bool, severity: Severity = "error") -> Finding:
    """Return the finding that a Dockerfile of envctl's is not there; ``there``: one of somebody's is."""
    return Finding(
        code="dockerfile-foreign" if there else "dockerfile-missing",
        layer="image",
        severity=severity,
        subject=name,
        message=f"`{name}` was not written by envctl" if there else f"there is no `{name}`",
        fix="envctl dockerize --adopt" if there else "envctl dockerize",
    )


def superfluous(names: Names) -> Finding:
    """Return the finding that a Dockerfile of envctl's is of no profile of the project."""
    if names.profile:
        why = f"is of profile `{names.profile}`, which there is no more: nobody keeps it true"
        advice = f"delete `{names.dockerfile}` and `{names.folder}`"
    else:
        why = "is of a project without profiles, and there are some now: nobody keeps it true"
        advice = f"delete `{names.dockerfile}`: each profile has its own"
    return Finding(
        code="dockerfile-superfluous",
        layer="image",
        severity="warning",
        subject=names.dockerfile,
        message=f"`{names.dockerfile}` {why}",
        advice=advice,
        file=names.dockerfile,
    )
