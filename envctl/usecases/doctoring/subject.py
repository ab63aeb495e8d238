"""What is examined, each door opened only when a check needs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from envctl.domain.indexes.mirrors import Transport
from envctl.domain.manifest import Manifest
from envctl.domain.resolution import Interpreter
from envctl.errors import ProjectError
from envctl.ports import Checkup, Environments, Project
from envctl.usecases import load
from envctl.usecases.doctor import Patient


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One machine, seen from a folder. Outside of a project ``patient.project`` raises ``ProjectError``.

    ``offline``: the network is not asked. ``parent_shell``: the program of the shell that started envctl.
    """

    checkup: Checkup
    patient: Patient
    environ: Mapping[str, str]
    transport: Callable[[], Transport]
    environments: Callable[[], Environments]
    interpreter: Callable[[Manifest], Interpreter]
    default_index: Callable[[], str]
    parent_shell: Callable[[], str | None]
    offline: bool = False

    def project(self) -> Project | None:
        """Return the project; ``None`` outside of one."""
        try:
            return self.patient.project()
        except ProjectError:
            return None

    def manifest(self) -> Manifest | None:
        """Return the project's manifest; ``None`` outside of a project, or where it has none yet."""
        project = self.project()
        if project is None or project.read(load.MANIFEST) is None:
            return None
        return load.manifest(project)

    def has(self, name: str) -> bool:
        """Whether the project has a file."""
        project = self.project()
        return project is not None and project.read(name) is not None
