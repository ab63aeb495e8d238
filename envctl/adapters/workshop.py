"""Where wheels are built: from a locked source, in a locked environment, kept for the next time."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from packaging.pylock import PackageSdist
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envctl.adapters import archives, build_backend, toolchain
from envctl.adapters.environments import EnvironmentFolder
from envctl.adapters.sdists import SdistFolder
from envctl.adapters.wheel_store import WheelStore
from envctl.domain.build import PROJECT, BuildSystem
from envctl.domain.environment.here import Here
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.resolution import Interpreter
from envctl.domain.workshop.built import Built
from envctl.domain.workshop.job import Job
from envctl.domain.workshop.toolchain import Toolchain
from envctl.errors import EnvironmentFailure
from envctl.ports import Runner
from envctl.readers.source_tree import SourceTree

_PYPROJECT = "pyproject.toml"


class Workshop:
    """Builds with this machine's compilers (``envctl.ports.Workshop``). ``folder`` is the user's cache."""

    def __init__(
        self,
        run: Runner,
        environ: Mapping[str, str],
        sdists: SdistFolder,
        folder: Path,
        transport: Callable[[], Transport] = Transport,
    ) -> None:
        self._transport = transport
        self._run = run
        self._environ = environ
        self._sdists = sdists
        self._store = WheelStore(folder / "wheels")
        self._logs = folder / "logs"

    @classmethod
    def of_user(
        cls, run: Runner, environ: Mapping[str, str], transport: Callable[[], Transport]
    ) -> Self:
        """Return the workshop in this user's cache."""
        from platformdirs import user_cache_path  # noqa: PLC0415  # lazy: few commands need it

        sdists = SdistFolder.of_user(run, environ, transport)
        return cls(run, environ, sdists, user_cache_path("envctl"), transport)

    def kept(self, job: Job) -> Built | None:
        """Return the wheel that was built from just these inputs, if there is one."""
        return self._store.find(job.key)

    def toolchain(self, interpreter: Interpreter, variables: Mapping[str, str]) -> Toolchain:
        """Look at this machine's compilers, as a build that is told these variables finds them."""
        return toolchain.look(self._run, {**self._environ, **variables}, interpreter)

    def build(self, job: Job, within: str, here: Here) -> Built:
        """Build a job's wheel and keep it; ``within`` is the lock text of its environment.

        Somebody else may be building the same: then theirs is taken. Raises ``EnvironmentFailure``,
        ``IndexFailure``, ``HashMismatchError``.
        """
        with self._store.locked(job.key):
            if (ready := self._store.find(job.key)) is not None:
                return ready
            with _workbench() as folder:
                wheel = self._build(job, within, here, folder)
                return self._store.keep(job.key, wheel, job.inputs)

    @contextmanager
    def editable(
        self, root: Path, within: str, variables: Mapping[str, str], here: Here
    ) -> Iterator[Built]:
        """Lend the wheel through which an environment leads to the project's own source (PEP 660)."""
        with _workbench() as folder:
            build = build_backend.Build(
                label="the project itself",
                key=PROJECT,
                source=root,
                system=_system(root, _PYPROJECT),
                environment=self._environment(within, here, folder),
                variables=variables,
                markers=here.environment,
                log=self._logs / "project.log",
            )
            out = folder / "out"
            out.mkdir()
            wheel = build_backend.editable(build, out, self._run, self._environ)
            _named(wheel, build.label)
            with wheel.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            yield Built(path=str(wheel), sha256=sha256)

    def _build(self, job: Job, within: str, here: Here, folder: Path) -> Path:
        label = f"`{job.item.name}=={job.item.version}`"
        source, out = folder / "source", folder / "out"
        source.mkdir()
        out.mkdir()
        assert isinstance(job.item.artefact, PackageSdist)  # noqa: S101  # `jobs` makes no other
        archives.unpack(self._sdists.file(job.item.artefact), source)
        build = build_backend.Build(
            label=label,
            key=job.item.name,
            source=source,
            system=_system(source, f"{job.item.name}=={job.item.version}: {_PYPROJECT}"),
            environment=self._environment(within, here, folder),
            variables=job.variables,
            markers=here.environment,
            log=self._logs / f"{job.item.name}-{job.item.version}.log",
        )
        wheel = build_backend.wheel(build, out, self._run, self._environ)
        _right(wheel, job, here)
        return wheel

    def _environment(self, within: str, here: Here, folder: Path) -> Path:
        environments = EnvironmentFolder(folder, self._run, self._transport)
        return Path(environments.build("build", here.interpreter, within))


@contextmanager
def _workbench() -> Iterator[Path]:
    with TemporaryDirectory(prefix="envctl-build-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _system(source: Path, where: str) -> BuildSystem:
    path = source / _PYPROJECT
    texts = (
        {_PYPROJECT: path.read_text(encoding="utf-8", errors="replace")} if path.is_file() else {}
    )
    return SourceTree(members=(), texts=texts).build_system(where)


def _right(wheel: Path, job: Job, here: Here) -> None:
    """Refuse a wheel that is not what the lock has, or not for here: the installer would take it at its word."""
    label = f"`{job.item.name}=={job.item.version}`"
    name, version, tags = _named(wheel, label)
    if name != job.item.name or version != job.item.version:
        raise _wrong(label, f"made {name} {version}")
    if tags.isdisjoint(here.tags):
        raise _wrong(label, f"made `{wheel.name}`, which this Python does not take")


def _named(wheel: Path, label: str) -> tuple[str, str, frozenset[Tag]]:
    """Return what a wheel's name says: package, version, tags."""
    try:
        name, version, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise _wrong(label, f"made `{wheel.name}`, which is no wheel's name") from error
    if not wheel.is_file():
        raise _wrong(label, f"says that it made `{wheel.name}`, which is not there")
    return name, str(version), tags


def _wrong(label: str, what: str) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"the build of {label} {what}",
        where=label.strip("`"),
        hint="take another version of that package or of its build backend, or tell its publisher",
    )
