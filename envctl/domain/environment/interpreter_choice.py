"""Which of a machine's interpreters serves a project, and why another does not."""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import Version

OLDEST = ">=3.9"
"""What envctl makes environments for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An interpreter that lies on this machine.

    ``version`` is its full one (``3.12.1``, ``3.15.0a2``), empty where it did not say. ``source``: who put it there
    (``pyenv``), or where it was come upon (``PATH``). ``defect``: why no environment is made with it, whatever its
    version (``a free-threaded build``); one without a version has one.
    """

    path: str
    version: str
    source: str
    defect: str | None = None

    @property
    def minor(self) -> tuple[int, ...]:
        """``(3, 12)``; empty where it did not say."""
        return Version(self.version).release[:2] if self.version else ()

    @property
    def early(self) -> bool:
        """Whether it is an alpha, a beta or a release candidate."""
        return bool(self.version) and Version(self.version).is_prerelease


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What a project asks for: ``python`` (``3.11``, ``3.11.7``), or else any of the range ``requires_python``."""

    python: str | None = None
    requires_python: str | None = None

    @property
    def allowed(self) -> SpecifierSet:
        """The range; all that envctl knows where nothing is said."""
        return SpecifierSet(self.requires_python or ("" if self.python else OLDEST))

    @property
    def what(self) -> str:
        """The demand in a sentence: ``Python 3.13``, ``Python >=3.12``."""
        return f"Python {self.python or self.allowed}"

    @property
    def where(self) -> str:
        """The key that says so."""
        key = "tool.envctl.python" if self.python else "project.requires-python"
        return f"pyproject.toml: {key}"

    def takes(self, version: str) -> bool:
        """Whether a version answers it; a pre-release only where the demand names its minor, or a pre-release."""
        if self.python is None:
            return self.allowed.contains(version, prereleases=bool(self.allowed.prereleases))
        if self.python.count(".") > 1:
            return version == self.python and self.allowed.contains(version)
        base = Version(version).base_version
        return base.startswith(f"{self.python}.") and self.allowed.contains(base)

    def could_take(self, version: str) -> bool:
        """Whether the key that stands against a version could name it: no other key does."""
        if self.python is None:
            return SpecifierSet(OLDEST).contains(version)
        return (self.allowed & OLDEST).contains(version)

    def near(self, candidate: Candidate) -> bool:
        """Whether that version would have done, were it finished; one that did not say goes by its file's name."""
        if not candidate.version:
            return self.may_take(candidate.path.rpartition("python")[2])
        return self.takes(Version(candidate.version).base_version)

    def may_take(self, said: str) -> bool:
        """Whether what is called ``said`` may answer it; a name that is no version (or a part of one) may be any."""
        minor = said.split(".")[:2]
        if len(minor) < 2 or not all(part.isdigit() for part in minor):
            return True
        if self.python is not None:
            return minor == self.python.split(".")[:2]
        return takes_minor(self.allowed, ".".join(minor))


def takes_minor(allowed: SpecifierSet, minor: str) -> bool:
    """Whether a range has some version of a minor."""
    patches = (f"{minor}.{patch}" for patch in range(60))
    return any(allowed.contains(version, prereleases=True) for version in patches)


def choose(demand: Demand, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the one to use: a finished release before an early one, the newest minor, then the first in order."""
    fitting = [
        each
        for each in candidates
        if each.version and not each.defect and demand.takes(each.version)
    ]
    newest_first = sorted(fitting, key=lambda each: each.minor, reverse=True)
    return min(newest_first, key=lambda each: each.early, default=None)


def listed(demand: Demand, candidates: Iterable[Candidate]) -> tuple[list[str], list[str]]:
    """Return a line for each interpreter: those that the project could name instead, and those that are of no use.

    The first are sorted, newest first; the second are the near ones only: of a version that would have done, or of
    none that is known.
    """
    usable: list[Candidate] = []
    useless: list[str] = []
    for each in candidates:
        defect = each.defect or ("a pre-release" if each.early else None)
        if defect is None and demand.could_take(each.version):
            usable.append(each)
        elif defect and demand.near(each):
            useless.append(f"{each.version or '?'}  {each.path}  ({each.source}): {defect}")
    usable.sort(key=lambda each: Version(each.version), reverse=True)
    return [f"{each.version}  {each.path}  ({each.source})" for each in usable], useless
