"""This machine: what it has, who uses its devices, and how it is examined."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from envctl.bootstrap.project import ProjectDoors

if TYPE_CHECKING:
    from envctl.domain.devices import Usage
    from envctl.domain.record import Record
    from envctl.ports import Checkup, Leases, Probe


@dataclass(frozen=True, kw_only=True)
class MachineDoors(ProjectDoors):
    """This machine: what it has, who uses its devices, and how it is examined."""

    def probes(self) -> "tuple[Probe, ...]":
        """Return the probes that look at this machine."""
        from envctl.adapters.probes import PROBES

        return tuple(PROBES.values())

    def record(self, name: str | None = None) -> "Record":
        """Look at this machine."""
        from envctl.usecases.record import take

        return take(self.probes(), run=self.run, sysroot=self.sysroot, name=name)

    def gpu_usage(self) -> "Usage":
        """Ask who uses this machine's devices; no device and no driver are values, and a broken one cannot hang us."""
        from envctl.adapters.gpu_usage import usage

        return usage(run=self.run, sysroot=self.sysroot)

    @cached_property
    def checkup(self) -> "Checkup":
        """What ``doctor`` looks at beside the project."""
        from envctl.adapters.checkup import Examiner

        return Examiner(run=self.run, environ=self.environ, sysroot=self.sysroot)

    @cached_property
    def leases(self) -> "Leases":
        """Who holds which device of this machine."""
        from envctl.adapters.leases.folder import place
        from envctl.adapters.leases.shared import SharedLeases

        return SharedLeases(place(self.environ.get("ENVCTL_LEASES"), self.sysroot))
