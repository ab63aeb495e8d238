"""``envctl init``."""

import os
from collections.abc import Callable
from pathlib import Path

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show
from envctl.domain.environment.here import Here
from envctl.errors import ManifestError, UsageError
from envctl.usecases import load
from envctl.usecases.init import InitPlan, init, plan


@click.command(epilog="Example: cd my-project && envctl init; envctl init --from environment.yml")
@click.option("--name", metavar="NAME", help="The name under which this machine is recorded.")
@click.option(
    "--from",
    "source",
    metavar="FILE",
    help="Import from a requirements file, environment.yml, Pipfile, pyproject.toml of "
    "Poetry or PDM, setup.cfg or setup.py (read, never run).",
)
@click.option(
    "--from-environment",
    "environment",
    metavar="PATH",
    help="Capture a live environment (a folder, or its python): a manifest of its roots and a "
    "lock of its exact versions, and what of it is not proved.",
)
@click.option(
    "--group",
    metavar="NAME",
    help="The dependency group that takes what FILE asks for, instead of the project itself.",
)
@options.as_json
@options.pass_services
def command(
    services: Services,
    name: str | None,
    source: str | None,
    environment: str | None,
    group: str | None,
    as_json: bool,
) -> None:
    """Make or extend pyproject.toml and record this machine.

    Works in an empty folder, beside a requirements.txt and in an existing
    project; comments and order of what is there stay as they are.
    """
    project = services.here_project
    wanted = None if source is None else _relative(source, project.root)
    into = _group(group, source or environment)
    if environment is not None:
        from envctl.cli.init_capture import carry as captured  # noqa: PLC0415  # only for this

        _alone(source)
        captured(services, environment, name=name, group=into, as_json=as_json)
        return
    here = _here(services)
    record = services.record(name)

    def carry(act: Callable[..., InitPlan]) -> InitPlan:
        return act(
            project,
            interpreter=here.interpreter,
            platform=here.platform,
            record=record,
            extend=services.extend_manifest,
            default_index=services.default_index(),
            source=wanted,
            group=into,
        )

    # Planned once before the writer lock, whose file would make a project of a folder that cannot be one.
    carry(plan)
    with project.locked("init"):
        done = carry(init)
    _present(done, wanted, as_json=as_json)


def _present(done: InitPlan, wanted: str | None, *, as_json: bool) -> None:
    if as_json:
        result = {
            "files": sorted(done.files),
            "machine": done.machine,
            "notes": [{"where": note.where, "message": note.message} for note in done.notes],
            "next": list(done.next),
        }
        show(envelope("init", result, ok=True))
        return
    for note in done.notes:
        say(f"note: {note.where}: {note.message}")
    for file in sorted(done.files):
        say(f"  wrote {file}")
    if not done.files and wanted:
        say(f"nothing to do: pyproject.toml holds all that {wanted} asks for")
    elif not done.files:
        say("nothing to do: this is an envctl project already")
    say("next:")
    for line in done.next:
        say(f"  {line}")


def _alone(source: str | None) -> None:
    if source is not None:
        raise UsageError(
            "`--from` and `--from-environment` are two imports",
            where="--from-environment",
            hint="run one after the other: what is there already stays",
        )


def _relative(source: str, root: Path) -> str:
    """Return a file's path from the project's folder: no absolute path gets into the manifest.

    Raises ``UsageError`` for a name that no comment could hold.
    """
    if not source.isprintable() or not source.strip():
        raise UsageError(
            "that is no name of a file", where="--from", hint="name one, as `--from Pipfile`"
        )
    return Path(os.path.relpath(root / source, root)).as_posix()


def _group(group: str | None, source: str | None) -> str | None:
    """Return the normalised name of a group; raises ``UsageError``."""
    from packaging.utils import (  # noqa: PLC0415  # lazy: `--help` needs none of it
        InvalidName,
        canonicalize_name,
    )

    if group is None:
        return None
    if source is None:
        raise UsageError(
            "`--group` says where an import goes", where="--group", hint="add `--from FILE`"
        )
    try:
        return canonicalize_name(group, validate=True)
    except InvalidName as error:
        raise UsageError(
            f"`{group}` cannot name a group",
            where="--group",
            hint="use letters, digits, dashes, underscores and dots",
        ) from error


def _here(services: Services) -> Here:
    """Find the interpreter that the project allows: an existing manifest may ask for another Python."""
    text = services.here_project.read(load.MANIFEST)
    try:
        found = load.parsed(text) if text is not None else None
    except ManifestError:
        found = None  # the plan says what is wrong, unless that is just what the import mends
    python, allowed = (found.python, found.requires_python) if found else (None, None)
    return services.here_of(python, allowed)
