"""The workflows of a project's continuous integration: written, or compared with those that are there."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from envctl.domain import seal
from envctl.domain.workflow import Choice, Workflow, secret_variable
from envctl.emitters.exports import ci
from envctl.emitters.workflows import upgrade
from envctl.emitters.workflows.steps import logins
from envctl.errors import ExportError, UsageError
from envctl.ports import Project
from envctl.usecases.ci_flow import Place, workflow

State = Literal["wrote", "replaced", "same", "missing", "stale", "yours", "printed"]
Mode = Literal["write", "check", "print"]
_FOLDER = re.compile(r"[A-Za-z0-9._-][A-Za-z0-9._/-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One workflow, by its path as seen from the repository's top."""

    path: str
    text: str
    state: State


@dataclass(frozen=True, kw_only=True, slots=True)
class CiOutcome:
    """The files, and what a person should do or know; ``secrets``: the names that the workflows refer to."""

    files: tuple[File, ...]
    notes: tuple[str, ...]
    secrets: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Whether a file is missing, or is not what would be written now; one that was changed by hand is neither."""
        return any(file.state in ("missing", "stale") for file in self.files)


def export_ci(
    project: Project,
    place: Place,
    asked: Choice,
    *,
    kinds: tuple[ci.Kind, ...] = ci.KINDS,
    folder: str = ci.FOLDER,
    mode: Mode = "write",
) -> CiOutcome:
    """Write the workflows into a folder of the repository.

    Raises ``UsageError`` for what was asked for and cannot be, ``ExportError`` where a file stands that was changed by
    hand, or for names that no workflow can hold, ``LockError`` where there is no lock.
    """
    if not _FOLDER.fullmatch(folder) or {"..", ".git", ".envctl", ".venv"} & set(folder.split("/")):
        raise UsageError(
            "the workflows cannot be put there", where="--output", hint=f"name it `{ci.FOLDER}`"
        )
    flow = workflow(project, place, asked, folder)
    texts = ci.emit(flow, folder, kinds)
    states = {path: _state(place.top.read(path), text) for path, text in texts.items()}
    if mode == "write":
        _write(project, place.top, texts, states)
        states = {path: _WRITTEN[state] for path, state in states.items()}
    own = {secret_variable(name): None for each in flow.variants for name in each.secrets}
    return CiOutcome(
        files=tuple(
            File(path=path, text=text, state="printed" if mode == "print" else states[path])
            for path, text in texts.items()
        ),
        notes=tuple(_notes(flow, kinds)),
        secrets=(*logins(flow), *own),
    )


_WRITTEN: Mapping[State, State] = {"missing": "wrote", "stale": "replaced", "same": "same"}


def _state(there: str | None, text: str) -> State:
    if there is None:
        return "missing"
    if there.replace("\r\n", "\n") == text:
        return "same"
    return "stale" if seal.intact(there) else "yours"


def _write(
    project: Project, top: Project, texts: Mapping[str, str], states: Mapping[str, State]
) -> None:
    mine = [path for path, state in states.items() if state == "yours"]
    if mine:
        kind = "upgrade" if mine[0].rpartition("/")[2].startswith(upgrade.FILE) else "check"
        other = next(each for each in ci.KINDS if each != kind)
        raise ExportError(
            "another file stands there, or one that was changed by hand: it is not replaced",
            where=mine[0],
            hint=f"put into it what you need of `envctl export ci --print --only {kind}`, or move it away; "
            f"`--only {other}` writes the other one",
        )
    with project.locked("export"):
        top.write({path: text for path, text in texts.items() if states[path] != "same"})


def _notes(flow: Workflow, kinds: Collection[ci.Kind]) -> list[str]:
    notes = []
    if not flow.managed:
        notes.append("the environment is another tool's: it is neither made nor looked at")
    if flow.choice.source is None:
        notes.append(
            "where envctl comes from is not known: set the repository's variable ENVCTL_FROM "
            "(Settings, Secrets and variables, Actions), or name it with `--from`"
        )
    if "check" in kinds and not any(each.dockerfile for each in flow.variants):
        notes.append(
            "no image is built: no Dockerfile is envctl's; `envctl dockerize`, then `envctl export ci` again"
        )
    if any(each.blind for each in flow.variants):
        notes.append(
            "the runner has no GPU, so the layer `machine` is left out where one is required; "
            "`--runner LABEL` names one that has"
        )
    return notes
