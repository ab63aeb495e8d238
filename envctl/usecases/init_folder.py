"""What ``init`` finds in a folder before it adds anything."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from envctl.domain import reading
from envctl.domain.imported import Imported
from envctl.ports import Project
from envctl.readers.requirements import read_requirements
from envctl.readers.toml import read_toml
from envctl.readers.uv_settings import read_uv_settings

MANIFEST = "pyproject.toml"
REQUIREMENTS = "requirements.txt"
_OTHERS = re.compile(
    r"requirements.*\.(txt|in)|environment\.ya?ml|Pipfile|Pipfile\.lock|uv\.lock|poetry\.lock"
)
_NOTHING = Imported()


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """What ``init`` found: the manifest's text and table, the folder's name and files, another tool's settings.

    ``packaged``: something else than ``[project]`` describes the project to its build (setup.py, poetry), which
    a ``[project]`` table would override.
    """

    name: str
    text: str
    data: reading.Table
    packaged: bool
    python: str | None
    requirements: Imported = _NOTHING
    uv: Imported = _NOTHING
    unread: tuple[str, ...] = ()

    @property
    def project(self) -> reading.Table:
        """The ``[project]`` table."""
        return reading.table(self.data, "project", "")

    @property
    def own(self) -> reading.Table:
        """The ``[tool.envctl]`` table."""
        return reading.table(reading.table(self.data, "tool", ""), "envctl", "tool")

    @property
    def dynamic(self) -> bool:
        """Whether the dependencies are the build backend's secret."""
        return "dependencies" in reading.texts(self.project, "dynamic", "project")

    @property
    def takes_requirements(self) -> bool:
        """Whether nothing but the requirements file says what the project depends on."""
        return not (self.own or self.dynamic or self.project.get("dependencies"))


def look(project: Project) -> Folder:
    """Read what is there; raises ``ManifestError`` for broken files."""
    text = project.read(MANIFEST) or ""
    data = read_toml(text, MANIFEST)
    read: set[str] = set()

    def reader(name: str) -> str | None:
        read.add(name)
        return project.read(name)

    files = project.listing(".")
    bare = Folder(
        name=project.root.name,
        text=text,
        data=data,
        packaged=_packaged(project, data, files),
        python=_python_version(project.read(".python-version") or ""),
    )
    if bare.own:
        return bare
    wanted = REQUIREMENTS in files and bare.takes_requirements
    return replace(
        bare,
        requirements=read_requirements(REQUIREMENTS, reader) if wanted else Imported(),
        uv=read_uv_settings(data),
        unread=tuple(file for file in files if _OTHERS.fullmatch(file) and file not in read),
    )


def _packaged(project: Project, data: reading.Table, files: Iterable[str]) -> bool:
    if "project" in data:
        return False
    tools = reading.table(data, "tool", "")
    configured = "setup.cfg" in files and "[metadata]" in (project.read("setup.cfg") or "")
    return "build-system" in data or "poetry" in tools or "setup.py" in files or configured


def _python_version(text: str) -> str | None:
    """Return the minor version that ``.python-version`` names, as pyenv and uv read it."""
    lines = [line.strip() for line in text.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    found = re.fullmatch(r"(?:cpython-?|python-?)?(3\.\d+)(?:\.\d+)?", first)
    return found[1] if found else None
