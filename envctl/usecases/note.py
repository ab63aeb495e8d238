"""The notes that the fast path (``envctl.quick``) answers from: an answer and every input that it rests on."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from envctl import __version__, quick
from envctl.domain.activation import Activation
from envctl.domain.variables import SCHEDULER_JOBS, classify
from envctl.emitters.shells import SHELLS
from envctl.errors import ProjectError
from envctl.ports import Environments, Project
from envctl.usecases import enter, load

_SITE = "lib/python{}/site-packages"


class Witness:
    """A ``Project`` that remembers which files were read: the inputs of whatever is found out through it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.names: set[str] = set()
        self.complete = True

    @property
    def root(self) -> Path:
        return self._project.root

    def read(self, name: str) -> str | None:
        self.names.add(name)
        return self._project.read(name)

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        return self._project.write(files)

    def listing(self, folder: str) -> tuple[str, ...]:
        # A file that appears later would be an input that no note can name.
        self.complete = False
        return self._project.listing(folder)

    def locked(self, purpose: str) -> AbstractContextManager[None]:
        return self._project.locked(purpose)


def verified(witness: Witness, layers: Iterable[str], text: str, as_json: str) -> None:
    """Note that these layers are all in order."""
    if witness.complete:
        only = ",".join(sorted(layers))
        inputs = _files(witness, witness.names)
        _write(
            witness,
            {f"verify-{only}": _note(inputs, text), f"verify-{only}.json": _note(inputs, as_json)},
        )


def entered(project: Project, environments: Environments, activation: Activation) -> None:
    """Note what ``run -- COMMAND`` starts with; variables that may not stand in a file leave no note."""
    if activation.secrets():
        return
    inputs = [*_files(project, (load.MANIFEST, enter.LOCAL)), *_link(project, environments)]
    inputs.append(
        f"file {quick.digest(f'{activation.environment}/envctl.json')} {activation.environment}/envctl.json"
    )
    variables = [
        "\x1f".join((each.name, classify(each.name) or "", each.value or ""))
        for each in activation.variables
    ]
    body = "\0".join(
        (activation.environment, activation.label, "\x1f".join(SCHEDULER_JOBS), *variables)
    )
    _write(project, {"run": _note(inputs, body)})


def synced(project: Project, environments: Environments, text: str) -> None:
    """Note that ``sync`` without options has nothing to do."""
    current = environments.current()
    if current.path is None or current.stamp is None:
        return
    minor = ".".join(current.stamp.python.split(".")[:2])
    site = f"{current.path}/{_SITE.format(minor)}"
    inputs = [
        *_files(project, (load.MANIFEST, load.LOCK, enter.LOCAL)),
        *_link(project, environments),
        f"file {quick.digest(f'{current.path}/envctl.json')} {current.path}/envctl.json",
        f"listing {quick.listing(site)} {site}",
        *(
            f"file {quick.digest(f'{current.path}/bin/{script}')} {current.path}/bin/{script}"
            for shell in dict.fromkeys(SHELLS.values())
            for script in shell.SCRIPTS
        ),
    ]
    _write(project, {"sync": _note(inputs, text)})


def _files(project: Project, names: Iterable[str]) -> list[str]:
    return [f"file {quick.digest(str(project.root / name))} {name}" for name in sorted(names)]


def _link(project: Project, environments: Environments) -> list[str]:
    current = environments.current()
    return (
        [f"link {Path(current.path or '').relative_to(project.root)} .venv"] if current.path else []
    )


def _note(inputs: Iterable[str], body: str) -> str:
    return "\n".join((f"envctl {__version__}", *inputs)) + "\n\n" + body


def _write(project: Project, notes: Mapping[str, str]) -> None:
    """Write the notes if they can be: a read-only project is verified all the same."""
    lines = "".join(notes.values()).partition("\n\n")[0]
    if "\r" in lines:
        return
    try:
        project.write({f"{quick.CACHE}/{name}": text for name, text in notes.items()})
    except ProjectError:
        return
