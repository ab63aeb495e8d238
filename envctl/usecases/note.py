"""The notes that the fast path (``envctl.quick``) answers from: an answer and every input that it rests on."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

from envctl import quick
from envctl.disk import inputs
from envctl.domain.environment.activation import OWN_NAMES, SHELLS_OWN, Activation, Assignment
from envctl.domain.variables import KNOWN, SCHEDULER_JOBS
from envctl.errors import ProjectError
from envctl.ports import Environments, Project
from envctl.usecases.watch import Heard, Watch, intact, standing

_SEARCHED = ("PATH", "PYENV_ROOT", "HOME")
Inputs = Sequence[tuple[str, str, str]]


class Witness:
    """A ``Project`` that remembers what it was asked to read: the inputs of whatever is found out through it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._seen: dict[tuple[str, str], str] = {}
        self._complete = True
        self.secrets = False
        """Whether a file was read of which nothing may be noted."""

    @property
    def root(self) -> Path:
        return self._project.root

    def read(self, name: str) -> str | None:
        self._look("file", name)
        return self._project.read(name)

    def read_secret(self, name: str) -> str | None:
        # No input: a digest of a short password gives it away.
        self.secrets = True
        return self._project.read_secret(name)

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        return self._project.write(files)

    def remove(self, names: Collection[str]) -> None:
        self._project.remove(names)

    def listing(self, folder: str) -> tuple[str, ...]:
        self._look("names", folder)
        return self._project.listing(folder)

    def entries(self, folder: str) -> tuple[str, ...]:
        self._look("entries", folder)
        return self._project.entries(folder)

    def locked(self, purpose: str) -> AbstractContextManager[None]:
        return self._project.locked(purpose)

    def inputs(self) -> Inputs | None:
        """Return the files read and the folders listed; ``None`` where one has been changed since."""
        same = all(self._now(*what) == seen for what, seen in self._seen.items())
        if not (self._complete and same):
            return None
        seen = [(kind, was, self._path(name)) for (kind, name), was in sorted(self._seen.items())]
        return [("here", "yes", str(self.root)), *seen]

    def _look(self, kind: str, name: str) -> None:
        now = self._now(kind, name)
        if self._seen.setdefault((kind, name), now) != now:
            self._complete = False

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _now(self, kind: str, name: str) -> str:
        try:
            return inputs.look(kind, self._path(name))
        except (OSError, ValueError):
            self._complete = False
            return ""


def verified(
    witness: Witness,
    layers: Iterable[str],
    texts: Mapping[str, str],
    *,
    watch: Watch,
    heard: Heard,
    full: bool,
    days: tuple[date, date] | None = None,
) -> None:
    """Note that these layers are all in order; ``watch`` has seen the environment and the machine, if they are asked.

    ``texts``: the answer by the ending of its note, none for plain text, ``.tty`` for a terminal, ``.json``. ``days``
    are the first and the last on which that can be said.
    """
    names = sorted(layers)
    seen = _seen(names, watch, heard)
    if seen is None or (witness.secrets and "variables" in names):
        return
    if days is not None:
        first, last = (day.isoformat() for day in days)
        seen = [("since", "yes", first), ("until", "yes", last), *seen]
    name = f"verify-{','.join(names)}{'.full' if full else ''}"
    _write(witness, {name + ending: text for ending, text in texts.items()}, (), seen)


def _seen(names: Sequence[str], watch: Watch, heard: Heard) -> Inputs | None:
    """Return what the answer rests on beside the project's files; ``None``: more than can be noted."""
    asked = {"machine", "variables"} & set(names)
    if asked and "environment" not in names:  # what they say depends on what is in use
        return None
    parts = [
        heard.inputs(),
        watch.machine() if asked else [],
        watch.inputs() if "environment" in names else [],
    ]
    whole = [part for part in parts if part is not None]
    return [each for part in whole for each in part] if len(whole) == len(parts) else None


def locked(witness: Witness, names: Iterable[str], text: str) -> None:
    """Note that ``lock`` without options has nothing to do: these locks answer the manifest that was read."""
    for name in names:
        witness.read(name)
    _write(witness, {"lock": text}, ())


def entered(witness: Witness, activation: Activation, *, about: str) -> None:
    """Note what ``run -- COMMAND`` starts with; variables that may not stand in a file leave no note.

    Of an ``env-file`` its path is noted: what stands in it is read at each start. ``about``: what is known of the run
    (``envctl.usecases.describe``).
    """
    words = [word for each in activation.variables if (word := _beside_env_files(each))]
    if any(word.secret for word in words):
        return
    files = activation.env_files
    hosts = (name for name, known in KNOWN.items() if known.kind == "host")
    refused = sorted(OWN_NAMES | SHELLS_OWN) if files else ()
    lists = ("\x1f".join(each) for each in (SCHEDULER_JOBS, hosts, refused, files))
    variables = ("\x1f".join((word.name, word.source, word.value or "")) for word in words)
    body = "\0".join((activation.environment, activation.label, *lists, about, *variables))
    more = [("link", f"{witness.root}/.venv"), *intact(activation.environment)]
    if files:
        more.append(("variable", "HOME"))  # `~/secrets.env`
    _write(witness, {"run": body}, more)


def _beside_env_files(each: Assignment) -> Assignment | None:
    """Return the strongest word of the other files."""
    return next((word for word in (each, *each.over) if word.source != "env-file"), None)


def synced(
    witness: Witness, environments: Environments, path: str | None, text: str, *, searched: str = ""
) -> None:
    """Note that ``sync`` without options has nothing to do: the environment at ``path`` is as it must be.

    ``searched`` is an interpreter that was searched for: then it, and what the search depends on, are inputs too.
    """
    current = environments.current()
    if current.path is None or current.path != path or current.stamp is None:
        return
    more = [
        *standing(str(witness.root), current.path, current.stamp),
        # A killed sync may have left something to clear away.
        ("entries", f"{witness.root}/.envctl/envs"),
        ("machine", "-"),
    ]
    if searched:
        more += [("stat", searched), *(("variable", name) for name in _SEARCHED)]
    _write(witness, {"sync": text}, more)


def _write(
    witness: Witness,
    bodies: Mapping[str, str],
    more: Iterable[tuple[str, str]],
    seen: Inputs = (),
) -> None:
    """Write the notes if they can be: a read-only project is verified all the same.

    ``more``: inputs that are looked at now, ``seen``: those that have been.
    """
    read = witness.inputs()
    if read is None:
        return
    try:
        every = (*more, ("variable", "ENVCTL_PROFILE"))
        lines = [*read, *seen, *((kind, inputs.look(kind, name), name) for kind, name in every)]
        notes = {name: quick.seal(name, lines, text) for name, text in bodies.items()}
        witness.write({f"{quick.CACHE}/{name}": text for name, text in notes.items()})
    except (ProjectError, OSError, ValueError):  # ValueError: a path that no UTF-8 text can hold
        return
