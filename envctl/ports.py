"""The doors: one page of protocols, through which alone the use cases reach the outside world."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from packaging.pylock import PackageSdist

from envctl.domain.devices.lease import Chosen, Lease, Refused, Waiter
from envctl.domain.environment import Current, FileProblem, Inspection, Stamp
from envctl.domain.environment.activation import Activation
from envctl.domain.environment.here import Here
from envctl.domain.indexes.fetching import Heard
from envctl.domain.manifest import Index
from envctl.domain.resolution import Interpreter, Question, Resolution
from envctl.domain.workshop.built import Built
from envctl.domain.workshop.job import Job
from envctl.domain.workshop.toolchain import Toolchain
from envctl.readers.source_tree import SourceTree

if TYPE_CHECKING:  # its folder brings the tables of the contract, which few commands need
    from envctl.domain.checkup.engines import Engines
    from envctl.domain.checkup.indexes import IndexAnswer, IndexQuestion
    from envctl.domain.checkup.network import Network
    from envctl.domain.checkup.places import Place
    from envctl.domain.checkup.redaction import Person
    from envctl.domain.checkup.settings import SettingsFile
    from envctl.domain.checkup.shell import ShellFacts
    from envctl.domain.checkup.tools import Tool, Tools
    from envctl.domain.image.bundle import Bundled
    from envctl.domain.image.described import Described
    from envctl.domain.image.order import Assembled, Layer, Listener, Order
    from envctl.domain.image.starting import HostFacts, ImageFacts, Start
    from envctl.domain.indexes.mirrors import Transport

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A process that has ended: its exit code (negative: the signal) and what it wrote."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """Starts a program and waits for it.

    ``env`` replaces the whole environment (``None``: inherit ours). Raises ``ToolMissingError`` when the program
    is not there; a non-zero exit code is a value, not an error. A run past ``timeout`` seconds is killed and has
    code 124. ``heard`` is given each line of stderr while the program runs, from another thread.
    """

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> Completed: ...


class Project(Protocol):
    """The files of one project. Writes are staged beside the target and swapped in (``os.replace``)."""

    @property
    def root(self) -> Path: ...

    def read(self, name: str) -> str | None:
        """Return a file's text, or ``None`` when it is not there; raises ``ProjectError`` when it cannot be read."""
        ...

    def read_secret(self, name: str) -> str | None:
        """Return a file's text as ``read`` does; nothing of it, not even a digest, is noted or shown anywhere."""
        ...

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        """Write the files whose text differs, all or none; return the names that changed."""
        ...

    def remove(self, names: Collection[str]) -> None:
        """Remove files that may be there; raises ``ProjectError``."""
        ...

    def listing(self, folder: str) -> tuple[str, ...]:
        """Return the names of the files in a folder of the project, sorted; empty when there is no such folder."""
        ...

    def entries(self, folder: str) -> tuple[str, ...]:
        """Return every name in a folder, sorted, whatever it stands for; raises ``ProjectError`` for no folder."""
        ...

    def locked(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the project's one writer lock (``.envctl/state.lock``)."""
        ...


class Engine(Protocol):
    """A resolver: a module with these names."""

    NAME: str

    def resolve(self, question: Question, *, run: Runner, workspace: Path) -> Resolution:
        """Answer the question; ``workspace`` is a folder of the engine's own: it makes it.

        Raises ``ResolutionError``, ``IndexFailure``.
        """
        ...


class Probe(Protocol):
    """Looks at one side of this machine: a module with these names. Absence is a value, not an error."""

    NAME: str

    def probe(self, *, run: Runner, sysroot: Path) -> Mapping[str, Any]: ...


class Environments(Protocol):
    """The environments of one project and the link ``.venv`` (see ``envctl.adapters.environments``)."""

    def current(self) -> Current: ...

    def finished(self) -> Mapping[str, Stamp]: ...

    def packages(self, path: str) -> Mapping[str, str]: ...

    def inspect(self, path: str, *, full: bool = False) -> Inspection: ...

    def activation_differs(self, path: str, activation: Activation) -> str | None:
        """Return why entering the environment at ``path`` does not set these variables; ``None``: it does."""
        ...

    def made_elsewhere(self, path: str) -> bool: ...

    def edited_scripts(self, path: str) -> tuple[str, ...]:
        """Return the activation scripts that are not as envctl left them."""
        ...

    def previous(self) -> Current | None:
        """Return what was at ``.venv`` before: ours, or foreign and adopted; ``None``: nothing that is known."""
        ...

    def installer(self, path: str, name: str) -> str: ...

    def entered_at(self, path: str) -> str: ...

    def surroundings(self) -> tuple[str, ...]: ...

    def build(
        self,
        name: str,
        interpreter: Interpreter,
        slice_text: str,
        *,
        own: str | None = None,
        heard: Heard | None = None,
        say: Callable[[str], None] | None = None,
        distrusted: Collection[str] = (),
    ) -> str: ...

    def finish(self, path: str, stamp: Stamp, activation: Activation) -> None: ...

    def use(self, path: str, *, forgo: bool = False) -> str:
        """Give ``.venv`` to an environment; ``forgo``: what it was before is not to come back."""
        ...

    def give_back(self, path: str) -> str:
        """Give ``.venv`` back to what was adopted."""
        ...

    def discard(self, path: str) -> None: ...

    def mend(
        self, path: str, fresh: str, problems: Iterable[FileProblem]
    ) -> tuple[FileProblem, ...]:
        """Put right, from a fresh environment, the files that others share; return those that could not be."""
        ...

    def forget(self, packages: tuple[str, ...]) -> None: ...

    def clean(self) -> tuple[str, ...]: ...


class Catalogue(Protocol):
    """What package indexes have."""

    def versions(
        self, names: Collection[str], indexes: Sequence[Index]
    ) -> Mapping[str, Mapping[str, str]]:
        """Return each project's versions, with the index to take it from; raises ``IndexFailure``."""
        ...

    def records(self, urls: Iterable[str]) -> Mapping[str, Mapping[str, str] | None]:
        """Return the hashes in the RECORD of each wheel; ``None`` for one that could not be looked into."""
        ...


class Registry(Protocol):
    """Image registries, asked without a pull (see ``envctl.adapters.registry``)."""

    def described(self, reference: str, platform: str | None = None) -> "Described | None":
        """Return what a registry says of an image; ``None``: it has no such image.

        What differs by platform is of ``platform`` (``linux/arm64``), else of linux/amd64, else of the first.
        Raises ``ImageError`` for what is no name, ``RegistryFailure`` when nobody answers.
        """
        ...


class Builder(Protocol):
    """Builds images: a module with these names (see ``envctl.adapters.builders``)."""

    NAME: str
    FLAVOURS: tuple[str, ...]

    def build(
        self, order: "Order", *, run: Runner, heard: "Listener", workspace: Path
    ) -> "Assembled":
        """Build; raises ``ContainerError``, ``ToolMissingError``."""
        ...

    def layers(self, reference: str, *, run: Runner) -> "tuple[Layer, ...]":
        """Return an image's layers, lowest first, without the instructions that made none."""
        ...


class Starter(Protocol):
    """Starts containers: a module with these names (see ``envctl.adapters.starters``)."""

    NAME: str

    def facts(self, run: Runner) -> "HostFacts": ...

    def inspect(self, reference: str, run: Runner) -> "ImageFacts | None": ...

    def command(self, start: "Start", environ: Mapping[str, str]) -> tuple[str, ...]: ...


class Sdists(Protocol):
    """The sources that a lock names (see ``envctl.adapters.sdists``)."""

    def tree(self, sdist: PackageSdist) -> SourceTree:
        """List one and read its texts, running nothing; raises ``IndexFailure``, ``HashMismatchError``."""
        ...


class Shelves(Protocol):
    """The files that a hermetic image's build reads (see ``envctl.adapters.shelves``)."""

    def amiss(self, wanted: Mapping[str, str]) -> Mapping[str, str]:
        """Return which of these files (path in the project → sha256) are ``missing`` or ``altered``."""
        ...

    def fetch(
        self, folder: str, files: "Sequence[Bundled]", heard: Heard | None = None
    ) -> tuple[str, ...]:
        """Fetch those that are not there; return their names. Raises ``IndexFailure``, ``HashMismatchError``."""
        ...

    def keep(self, folder: str, wanted: Collection[str]) -> tuple[str, ...]:
        """Remove every other file of the image's bundle (paths below its folder); return their names."""
        ...


class Workshop(Protocol):
    """Where wheels are built from source, and kept (see ``envctl.adapters.workshop``)."""

    def kept(self, job: Job) -> Built | None: ...

    def toolchain(self, interpreter: Interpreter, variables: Mapping[str, str]) -> Toolchain:
        """Look at this machine's compilers, as a build that is told these variables finds them."""
        ...

    def build(self, job: Job, within: str, here: Here) -> Built: ...

    def editable(
        self, root: Path, within: str, variables: Mapping[str, str], here: Here
    ) -> AbstractContextManager[Built]:
        """Lend the wheel through which an environment leads to the project's own source (PEP 660)."""
        ...


class Editor(Protocol):
    """Edits the text of a manifest, keeping the user's style (see ``envctl.adapters.toml.requirements``)."""

    def with_requirement(self, text: str, path: tuple[str, ...], requirement: str) -> str: ...

    def without_requirement(self, text: str, path: tuple[str, ...], name: str) -> str | None: ...


class Decide(Protocol):
    """Chooses devices; given who holds which, and which others wait for already (``None``: any)."""

    def __call__(
        self, held: Mapping[str, Lease], ahead: frozenset[str] | None
    ) -> Chosen | Refused: ...


class Turn(Protocol):
    """A place in the line of those who wait for devices."""

    def ahead(self) -> tuple[Waiter, ...]: ...

    def wait(self, devices: frozenset[str], wanted: int) -> None:
        """Sleep until nobody who came before can, by himself, leave fewer than ``wanted`` of these."""
        ...


class Leases(Protocol):
    """Who holds which device of this machine, among all its users. Raises ``LeaseError``."""

    def held(self) -> Mapping[str, Lease]:
        """Return who holds which device, by UUID, and which can be held by nobody."""
        ...

    def waiting(self) -> tuple[Waiter, ...]:
        """Return who waits, in order."""
        ...

    def inherited(self) -> frozenset[str]:
        """Return the devices that this process was started with: it lives within their lease."""
        ...

    def take(self, decide: Decide, command: str) -> Chosen | Refused:
        """Take what ``decide`` chooses, all or nothing, for the program that takes this process's place."""
        ...

    def line(
        self, wanted: int, devices: frozenset[str], command: str
    ) -> AbstractContextManager[Turn]:
        """Wait in line for some of these devices."""
        ...


class Checkup(Protocol):
    """What ``doctor`` looks at beside the project (see ``envctl.adapters.checkup``). Nothing is changed."""

    def together(
        self, calls: Mapping[str, Callable[[], _T]], seconds: float
    ) -> Mapping[str, _T | Exception | None]:
        """Make the calls at once; ``None`` for one without an answer in time, the exception for one that failed."""
        ...

    def tools(self) -> "Tools": ...

    def hook(self, root: Path) -> "Tool": ...

    def asked(
        self, questions: "Sequence[IndexQuestion]", transport: "Transport"
    ) -> "tuple[IndexAnswer, ...]": ...

    def settings(self, root: Path | None) -> "tuple[SettingsFile, ...]": ...

    def places(self, root: Path | None) -> "tuple[Place, ...]": ...

    def network(self) -> "Network": ...

    def shell(self, parent: str | None, environment: str | None) -> "ShellFacts": ...

    def engines(self) -> "Engines": ...

    def person(self, more: Collection[str]) -> "Person": ...
