"""A machine in memory: the port ``Checkup`` with answers that a test chooses."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from envctl.adapters.checkup import patience
from envctl.domain.checkup.engines import EngineFacts, Engines
from envctl.domain.checkup.indexes import IndexAnswer, IndexQuestion
from envctl.domain.checkup.network import Network
from envctl.domain.checkup.places import Place
from envctl.domain.checkup.redaction import Person, secrets
from envctl.domain.checkup.settings import SettingsFile
from envctl.domain.checkup.shell import ShellFacts
from envctl.domain.checkup.tools import Tool, Tools
from envctl.domain.diagnosis import Diagnosis
from envctl.domain.environment import Current
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.resolution import Interpreter
from envctl.errors import ProjectError
from envctl.ports import Environments, Project
from envctl.usecases import load
from envctl.usecases.doctor import Patient
from envctl.usecases.doctoring import FAMILIES, examine
from envctl.usecases.doctoring.subject import Subject
from tests import machines
from tests.in_memory import InMemoryProject

_T = TypeVar("_T")
GIB = 1 << 30
MANIFEST = (
    '[project]\nname = "demo"\n[tool.envctl]\npython = "3.11"\n'
    '[[tool.envctl.index]]\nname = "team"\nurl = "https://index.example/simple"\n'
)
TOOLS = Tools(
    envctl="0.1.0",
    python="3.11.2",
    prefix="/opt/envctl",
    tools=(
        Tool(name="uv", path="/opt/envctl/bin/uv", version="0.13.8"),
        Tool(name="pip", path="/opt/envctl", version="26.3"),
        Tool(name="pip-tools", path="/opt/envctl", version="7.6.2"),
        Tool(name="git", path="/usr/bin/git", version="2.39.5"),
    ),
)
PLACES = (
    Place(role="the project", path="/project", device=1, free=50 * GIB, files=1_000_000),
    Place(role="uv's cache", path="/cache/uv", device=1, free=50 * GIB, used=3 * GIB),
    Place(role="envctl's cache", path="/cache/envctl", device=1, free=50 * GIB, there=False),
    Place(role="temporary files", path="/tmp", device=2, free=20 * GIB),
)


@dataclass
class InMemoryCheckup:
    """What is found; ``heard`` keeps which indexes were asked for what."""

    found_tools: Tools = TOOLS
    found_hook: Tool = field(default_factory=lambda: Tool(name="hook", path=None, problem="none"))
    answers: Mapping[str, IndexAnswer] = field(default_factory=dict)
    files: tuple[SettingsFile, ...] = ()
    found_places: tuple[Place, ...] = PLACES
    found_network: Network = field(default_factory=Network)
    found_shell: ShellFacts = field(default_factory=ShellFacts)
    found_engines: Engines = field(default_factory=Engines)
    environ: Mapping[str, str] = field(default_factory=dict)
    heard: list[IndexQuestion] = field(default_factory=list)

    def together(
        self, calls: Mapping[str, Callable[[], _T]], seconds: float
    ) -> Mapping[str, _T | Exception | None]:
        return patience.together(calls, seconds)

    def tools(self) -> Tools:
        return self.found_tools

    def hook(self, root: Path) -> Tool:
        return self.found_hook

    def asked(
        self, questions: Sequence[IndexQuestion], transport: Transport
    ) -> tuple[IndexAnswer, ...]:
        self.heard += questions
        plain = IndexAnswer(name="", host="index.example")
        return tuple(replace(self.answers.get(q.name, plain), name=q.name) for q in questions)

    def settings(self, root: Path | None) -> tuple[SettingsFile, ...]:
        return self.files

    def places(self, root: Path | None) -> tuple[Place, ...]:
        return tuple(each for each in self.found_places if root or each.role != "the project")

    def network(self) -> Network:
        return self.found_network

    def shell(self, parent: str | None, environment: str | None) -> ShellFacts:
        return self.found_shell

    def engines(self) -> Engines:
        return self.found_engines

    def person(self, more: Collection[str]) -> Person:
        return Person(homes=("/home/alice",), users=("alice",), secrets=secrets(self.environ))


class _Environments:
    def __init__(self, current: Current) -> None:
        self._current = current

    def current(self) -> Current:
        return self._current


def subject(
    checkup: InMemoryCheckup,
    files: Mapping[str, str] | None,
    environ: Mapping[str, str],
    current: Current,
    *,
    offline: bool = False,
) -> Subject:
    """Return the subject; ``files`` is ``None`` outside a project."""

    def project() -> Project:
        if files is None:
            raise ProjectError("this is no project", where="/tmp", hint="go to one")
        return InMemoryProject(files)

    def transport() -> Transport:
        found = project()
        return Transport(indexes=load.manifest(found).indexes, mirrors=load.local(found).mirrors)

    def environments() -> Environments:
        return _Environments(current)  # type: ignore[return-value]  # nothing else is asked

    python = Interpreter(path="/usr/bin/python3.11", version="3.11.2")
    return Subject(
        checkup=checkup,
        patient=Patient(project=project, record=lambda: machines.load("no-gpu")),
        environ=environ,
        transport=transport,
        environments=environments,
        interpreter=lambda _: python,
        default_index=lambda: "https://default.example/simple",
        parent_shell=lambda: None,
        offline=offline,
    )


def look(
    checkup: InMemoryCheckup | None = None,
    files: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    current: Current | None = None,
    *,
    offline: bool = False,
) -> dict[str, list[Diagnosis]]:
    """Examine it; return the diagnoses of each family."""
    checkup = checkup or InMemoryCheckup()
    checkup.environ = environ or {}
    given = subject(
        checkup, files, environ or {}, current or Current(kind="absent"), offline=offline
    )
    found = examine(given)
    names = dict.fromkeys([*FAMILIES, *(each.check for each in found)])
    return {name: [each for each in found if each.check == name] for name in names}


def docker(**more: object) -> Engines:
    """Return a machine with Docker."""
    nvidia = bool(more.pop("nvidia", False))
    plain = EngineFacts(name="docker", where="its default socket", version="28.0", buildkit=True)
    return Engines(engines=(replace(plain, **more),), nvidia=nvidia)  # type: ignore[arg-type]
