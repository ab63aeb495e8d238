"""What ``verify`` may look at, each asked only when a layer needs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from envctl.domain.environment import Inspection, Stamp
from envctl.domain.environment.here import Here
from envctl.domain.image.libraries import Linked
from envctl.domain.manifest import Manifest
from envctl.domain.record import Record
from envctl.ports import Environments, Project, Workshop


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """The project, its environments, this machine and the caller's variables."""

    project: Project
    environments: Environments
    here: Callable[[Manifest], Here]
    inspect: Callable[[str], Inspection]
    record: Callable[[], Record]
    environ: Mapping[str, str]
    workshop: Callable[[], Workshop]
    libraries: Callable[[str, Stamp], Linked] | None = None
    today: date | None = None
