"""What ``init`` finds in a folder before it adds anything."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from envctl.domain import reading
from envctl.domain.imported import Imported
from envctl.ports import Project
from envctl.readers.projects import read_project
from envctl.readers.toml import read_toml
from envctl.readers.uv_settings import read_uv_settings

MANIFEST = "pyproject.toml"
REQUIREMENTS = "requirements.txt"
_SOURCE = "requirements.in"
_OTHERS = re.compile(
    r"requirements.*\.(txt|in)|environment\.ya?ml|Pipfile|(Pipfile|uv|poetry|pdm)\.lock"
)
_SETUPTOOLS = re.compile(r"^\[(metadata|options(\.[^\]\n]*)?)\]", re.MULTILINE)
_NOTHING = Imported()


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """What ``init`` found: the manifest's text and table, the folder's name and files, another tool's settings.

    ``packaged``: something else than ``[project]`` describes the project to its build (setup.py, poetry), which
    a ``[project]`` table would override. ``found``: what is to be carried over from ``origin``, the file that was
    named (``source``), else a requirements file. ``others``: what other tools say and nobody read, each with the
    file that is to be named. ``locked``: envctl has locked the project already.
    """

    name: str
    text: str
    data: reading.Table
    packaged: bool
    python: str | None
    source: str | None = None
    origin: str | None = None
    found: Imported = _NOTHING
    uv: Imported = _NOTHING
    unread: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    locked: bool = False

    @property
    def project(self) -> reading.Table:
        """The ``[project]`` table."""
        return reading.table(self.data, "project", "")

    @property
    def own(self) -> reading.Table:
        """The ``[tool.envctl]`` table."""
        return reading.table(reading.table(self.data, "tool", ""), "envctl", "tool")

    @property
    def initialised(self) -> bool:
        """Whether ``init`` was here: it always leaves these two keys, and no other table needs them."""
        return not self.own.keys().isdisjoint(("python", "platforms"))

    @property
    def dynamic(self) -> bool:
        """Whether the dependencies are the build backend's secret."""
        return "dependencies" in reading.texts(self.project, "dynamic", "project")

    @property
    def outside(self) -> bool:
        """Whether ``[project]`` is not the place for dependencies: they go into a group then."""
        return self.packaged or self.dynamic

    @property
    def takes_requirements(self) -> bool:
        """Whether nothing but the requirements file says what the project depends on."""
        return not (self.initialised or self.dynamic or self.project.get("dependencies"))


def look(project: Project, source: str | None = None, given: Imported | None = None) -> Folder:
    """Read what is there, and the file that is named; raises ``ManifestError`` for broken files.

    ``given``: what was found in ``source`` already, which is then no file to be read.
    """
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
        source=source,
        locked=any(re.fullmatch(r"pylock(\.[^.]+)?\.toml", file) for file in files),
    )
    if bare.initialised and source is None:
        return bare
    wanted = source or (_requirements(files) if bare.takes_requirements else None)
    found = given or (read_project(wanted, reader) if wanted else _NOTHING)
    return replace(
        bare,
        origin=wanted,
        found=found,
        uv=read_uv_settings(data) if not bare.initialised else _NOTHING,
        unread=tuple(file for file in files if _OTHERS.fullmatch(file) and file not in read),
        others=() if source else tuple(_others(project, data, files, packaged=bare.packaged)),
    )


def _requirements(files: Iterable[str]) -> str | None:
    """Return what is read where nothing is named; with pip-tools the ``.in`` is the source of the ``.txt``."""
    return next((file for file in (_SOURCE, REQUIREMENTS) if file in files), None)


def _others(
    project: Project, data: reading.Table, files: Iterable[str], *, packaged: bool
) -> Iterator[tuple[str, str]]:
    """Yield what else lists dependencies, each with the file to name to ``init --from``."""
    tools = reading.table(data, "tool", "")
    for tool, keys in (
        ("poetry", ("dependencies", "group", "dev-dependencies", "source")),
        ("pdm", ("dev-dependencies", "source")),
    ):
        if any(key in reading.table(tools, tool, "tool") for key in keys):
            yield f"{MANIFEST}: tool.{tool}", MANIFEST
    if packaged and "poetry" not in tools:
        if "setup.py" in files:
            yield "setup.py", "setup.py"
        elif _configured(project, files):
            yield "setup.cfg", "setup.cfg"


def _packaged(project: Project, data: reading.Table, files: Iterable[str]) -> bool:
    if "project" in data:
        return False
    tools = reading.table(data, "tool", "")
    if "build-system" in data or "poetry" in tools or "setup.py" in files:
        return True
    return _configured(project, files)


def _configured(project: Project, files: Iterable[str]) -> bool:
    """Whether ``setup.cfg`` describes a project: other tools have their settings there too."""
    return "setup.cfg" in files and _SETUPTOOLS.search(project.read("setup.cfg") or "") is not None


def _python_version(text: str) -> str | None:
    """Return the minor version that ``.python-version`` names, as pyenv and uv read it."""
    lines = [line.strip() for line in text.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    found = re.fullmatch(r"(?:cpython-?|python-?)?(3\.\d+)(?:\.\d+)?", first)
    return found[1] if found else None
