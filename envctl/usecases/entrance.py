"""A file through which another tool enters the environment: Jupyter, direnv, an editor."""

import re
from dataclasses import dataclass

from envctl.domain import seal
from envctl.domain.environment.entrance import Entrance
from envctl.domain.export import Exported
from envctl.domain.manifest import Manifest
from envctl.emitters.exports import Door, Named
from envctl.errors import ExportError, LockError, UsageError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases import output as outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class EntranceOutcome:
    """The text, what came of it in a file (``None``: there is none), and what a person should know."""

    text: str
    delivery: outputs.Delivery | None
    warnings: tuple[str, ...]


def entrance(
    project: Project, manifest: Manifest, door: Door, *, output: str | None = None
) -> EntranceOutcome:
    """Write the door's file; into the project's file ``output``, if there is one.

    Raises ``UsageError`` for a name that such a file cannot have, ``ExportError`` where a file stands that envctl did
    not write, or that somebody has changed since.
    """
    check_name(output, door)
    made = door.emit(
        Entrance(
            project=manifest.name or project.root.name,
            root=str(project.root),
            env=dict(sorted(manifest.env.items())),
            packages=_packages(project, manifest),
        )
    )
    return delivered(project, made, door, output)


def check_name(output: str | None, kind: Named) -> None:
    """Raise ``UsageError`` for a name that such a file cannot have."""
    if output is not None and not re.fullmatch(kind.FILES, output):
        raise UsageError(
            f"`{output}` cannot name such a file",
            where="--output",
            hint=f"name it `{kind.FILE}`",
        )


def delivered(project: Project, made: Exported, kind: Named, output: str | None) -> EntranceOutcome:
    """Put a sealed text into the project's file ``output``, if there is one; raises as ``entrance`` does."""
    delivery: outputs.Delivery | None = None
    if output is not None:
        outputs.check(output, example=kind.FILE)
        with project.locked("export"):
            _replaceable(project, output, made.text, kind)
            delivery = outputs.write(project, output, made.text)
    return EntranceOutcome(text=made.text, delivery=delivery, warnings=made.warnings)


def _packages(project: Project, manifest: Manifest) -> frozenset[str] | None:
    try:
        lock = load.lock(project, manifest.lock_name)
    except LockError:  # it says nothing that this file needs
        return None
    return frozenset(str(package.name) for package in lock.pylock.packages) if lock else None


def _replaceable(project: Project, output: str, text: str, kind: Named) -> None:
    there = project.read(output)
    if there is not None and there != text and not seal.intact(there):
        raise ExportError(
            "another file stands there, or one that was changed by hand: it is not replaced",
            where=output,
            hint=f"put into it what you need of `envctl export {kind.NAME}`, or move it away",
        )
