"""The notes that the fast path (``envctl.quick``) answers from: an answer and every input that it rests on."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from envctl import quick
from envctl.domain.activation import Activation
from envctl.domain.variables import SCHEDULER_JOBS, classify
from envctl.emitters.shells import FAMILIES
from envctl.errors import ProjectError
from envctl.ports import Environments, Project

_SITE = "lib/python{}/site-packages"
_SEARCHED = ("PATH", "PYENV_ROOT", "HOME")
Inputs = list[tuple[str, str, str]]


class Witness:
    """A ``Project`` that remembers what it was asked to read: the inputs of whatever is found out through it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._seen: dict[str, str] = {}
        self._complete = True

    @property
    def root(self) -> Path:
        return self._project.root

    def read(self, name: str) -> str | None:
        now = self._digest(name)
        if self._seen.setdefault(name, now) != now:
            self._complete = False
        return self._project.read(name)

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        return self._project.write(files)

    def remove(self, names: Collection[str]) -> None:
        self._project.remove(names)

    def listing(self, folder: str) -> tuple[str, ...]:
        # A file that appears later would be an input that no note can name.
        self._complete = False
        return self._project.listing(folder)

    def locked(self, purpose: str) -> AbstractContextManager[None]:
        return self._project.locked(purpose)

    def inputs(self) -> Inputs | None:
        """Return the files read; ``None`` where one of them has been changed since, or they are not all."""
        same = all(self._digest(name) == seen for name, seen in self._seen.items())
        if not (self._complete and same):
            return None
        files = [("file", seen, self._path(name)) for name, seen in sorted(self._seen.items())]
        return [("here", "yes", str(self.root)), *files]

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _digest(self, name: str) -> str:
        try:
            return quick.digest(self._path(name))
        except (OSError, ValueError):
            self._complete = False
            return ""


def verified(witness: Witness, layers: Iterable[str], text: str, as_json: str) -> None:
    """Note that these layers are all in order."""
    only = ",".join(sorted(layers))
    bodies = {f"verify-{only}": text, f"verify-{only}.json": as_json}
    _write(witness, bodies, ())


def locked(witness: Witness, names: Iterable[str], text: str) -> None:
    """Note that ``lock`` without options has nothing to do: these locks answer the manifest that was read."""
    for name in names:
        witness.read(name)
    _write(witness, {"lock": text}, ())


def entered(witness: Witness, activation: Activation) -> None:
    """Note what ``run -- COMMAND`` starts with; variables that may not stand in a file leave no note."""
    if activation.secrets():
        return
    variables = [
        "\x1f".join((each.name, classify(each.name) or "", each.value or ""))
        for each in activation.variables
    ]
    marks = "\x1f".join(SCHEDULER_JOBS)
    body = "\0".join((activation.environment, activation.label, marks, *variables))
    more = [("link", f"{witness.root}/.venv"), *_intact(activation.environment)]
    _write(witness, {"run": body}, more)


def synced(
    witness: Witness, environments: Environments, path: str | None, text: str, *, searched: str = ""
) -> None:
    """Note that ``sync`` without options has nothing to do: the environment at ``path`` is as it must be.

    ``searched`` is an interpreter that was searched for: then it, and what the search depends on, are inputs too.
    """
    current = environments.current()
    if current.path is None or current.path != path or current.stamp is None:
        return
    site = _SITE.format(".".join(current.stamp.python.split(".")[:2]))
    scripts = [name for family in FAMILIES for name in family.SCRIPTS]
    more = [
        ("link", f"{witness.root}/.venv"),
        *_intact(current.path),
        ("listing", f"{current.path}/{site}"),
        *(("file", f"{current.path}/bin/{script}") for script in scripts),
    ]
    if searched:
        more += [("stat", searched), *(("variable", name) for name in _SEARCHED)]
    _write(witness, {"sync": text}, more)


def _intact(environment: str) -> list[tuple[str, str]]:
    """Return the inputs that say that an environment is finished and has its interpreter still."""
    return [
        ("file", f"{environment}/envctl.json"),
        ("file", f"{environment}/pyvenv.cfg"),
        ("stat", f"{environment}/bin/python"),
    ]


def _write(witness: Witness, bodies: Mapping[str, str], more: Iterable[tuple[str, str]]) -> None:
    """Write the notes if they can be: a read-only project is verified all the same."""
    inputs = witness.inputs()
    if inputs is None:
        return
    try:
        every = (*more, ("variable", "ENVCTL_PROFILE"))
        lines = [*inputs, *((kind, quick.look(kind, name), name) for kind, name in every)]
        notes = {name: quick.seal(name, lines, text) for name, text in bodies.items()}
        witness.write({f"{quick.CACHE}/{name}": text for name, text in notes.items()})
    except (ProjectError, OSError, ValueError):  # ValueError: a path that no UTF-8 text can hold
        return
