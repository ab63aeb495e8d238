"""Make a folder a project, or an existing project one of envctl's; what is there already stays as it is."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from envctl.domain.gitignore import hides_records, with_unseen
from envctl.domain.imported import Additions, Imported, Note
from envctl.domain.platforms import Platform
from envctl.domain.record import Record
from envctl.domain.resolution import Interpreter
from envctl.ports import Project
from envctl.usecases import init_manifest
from envctl.usecases import record as records
from envctl.usecases.init_folder import MANIFEST, look

NEXT = ("envctl lock", "envctl sync")
_IGNORE = ".gitignore"


@dataclass(frozen=True, kw_only=True, slots=True)
class InitPlan:
    """The files whose text changes, what the user must know, and the name under which this machine is recorded.

    ``next``: the commands to type now.
    """

    files: Mapping[str, str]
    notes: tuple[Note, ...]
    machine: str
    next: tuple[str, ...] = NEXT


def init(
    project: Project,
    *,
    interpreter: Interpreter,
    platform: Platform,
    record: Record,
    extend: Callable[[str, Additions], str],
    default_index: str | None = None,
    source: str | None = None,
    group: str | None = None,
) -> InitPlan:
    """Carry ``plan`` out: all of its files, or none. Nothing is touched where nothing changes."""
    found = plan(
        project,
        interpreter=interpreter,
        platform=platform,
        record=record,
        extend=extend,
        default_index=default_index,
        source=source,
        group=group,
    )
    if found.files:
        project.write(found.files)
    return found


def plan(
    project: Project,
    *,
    interpreter: Interpreter,
    platform: Platform,
    record: Record,
    extend: Callable[[str, Additions], str],
    default_index: str | None = None,
    source: str | None = None,
    found: Imported | None = None,
    group: str | None = None,
) -> InitPlan:
    """Say what is to be written; raises ``ManifestError``, ``ProjectError``, ``RecordError``.

    ``extend`` edits a manifest's text. ``default_index`` is the resolvers' own default, needed where a project
    names only additional ones. A ``record`` without a name gets a suggested one. ``source`` is another tool's file
    to import, by its path from the project's folder, or the name of what ``found`` was read from; ``group`` the
    dependency group that takes what it asks for.
    """
    folder = look(project, source, found)
    wanted, notes = init_manifest.additions(
        folder,
        interpreter=interpreter,
        platform=platform,
        default_index=default_index,
        group=group,
    )
    manifest = extend(folder.text, wanted)
    init_manifest.check(manifest, folder)
    old_ignore = project.read(_IGNORE) or ""
    ignore = with_unseen(old_ignore)
    machine, machine_files = _record(record, project)
    if hides_records(ignore):
        said = "it hides all of .envctl: machine records and image files will not be shared"
        notes = (*notes, Note(where=_IGNORE, message=said))
    files = {} if manifest == folder.text else {MANIFEST: manifest}
    files |= {} if ignore == old_ignore else {_IGNORE: ignore}
    return InitPlan(files=files | machine_files, notes=notes, machine=machine)


def _record(record: Record, project: Project) -> tuple[str, dict[str, str]]:
    """Return this machine's name and, unless it is recorded already, the file that records it."""
    saved = records.load_all(project)
    known = records.this_machine(saved, record.machine_id)
    name = record.name or records.suggested_name(record)
    if known is None and record.machine_id is None:  # a container: only its name can tell
        known = next((each for each in saved if each.name == name), None)
    if known is not None:
        return known.name or name, {}
    gathered = _Gathered(project)
    records.save(replace(record, name=name), gathered)
    return name, gathered.files


@dataclass(frozen=True, slots=True)
class _Gathered:
    """A project whose writes are only gathered, so that ``init`` can write all of its files as one."""

    inner: Project
    files: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.inner.root

    def read(self, name: str) -> str | None:
        return self.files.get(name, self.inner.read(name))

    def read_secret(self, name: str) -> str | None:
        return self.inner.read_secret(name)

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        changed = {name: text for name, text in files.items() if self.read(name) != text}
        self.files.update(changed)
        return tuple(changed)

    def remove(self, names: Collection[str]) -> None:
        self.inner.remove(names)

    def listing(self, folder: str) -> tuple[str, ...]:
        return self.inner.listing(folder)

    def entries(self, folder: str) -> tuple[str, ...]:
        return self.inner.entries(folder)

    @contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        with self.inner.locked(purpose):
            yield
