"""``envctl init --from-environment``."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from envctl.bootstrap import Services
from envctl.cli.render import envelope, say, show, step
from envctl.domain.captured.proof import Judged
from envctl.emitters.plural import many
from envctl.errors import UsageError
from envctl.usecases.capture.attempt import CaptureOutcome, Doors
from envctl.usecases.capture.capture import capture, carry_out

_SHOWN = 30


def carry(
    services: Services, path: str, *, name: str | None, group: str | None, as_json: bool
) -> None:
    """Capture the environment at ``path`` and say what came of it; exit 1 where there can be no lock."""
    project = services.here_project
    place = project.root / path
    step(f"reading {path} …")
    found = services.live_environment(place, _label(place, project.root))
    here = services.here_behind(found)
    record = services.record(name)
    step(f"resolving {many(len(found.packages))} for Python {found.minor} …")
    doors = Doors(
        catalogue=services.catalogue,
        engine=services.engine,
        run=services.run,
        sdists=services.sdists,
        extend=services.extend_manifest,
        here=here,
        record=record,
        own_folder=os.path.realpath(project.root),
        default_index=services.default_index(),
    )
    with services.workspace() as workspace:
        # Not under the writer lock, whose file would be a trace of what may yet fail.
        outcome = capture(project, found, doors=doors, workspace=workspace / "1", group=group)
        with project.locked("init"):
            written = carry_out(project, outcome)
            if written is None:
                again = workspace / "2"
                outcome = capture(project, found, doors=doors, workspace=again, group=group)
                written = carry_out(project, outcome) or ()
    following = _next(outcome, project.root)
    if as_json:
        result = _result(outcome) | {"files": sorted(written), "next": [following]}
        show(envelope("init", result, ok=outcome.lock is not None))
    else:
        for line in (*_lines(outcome, written), "next:", f"  {following}"):
            say(line)
    if outcome.lock is None:
        click.get_current_context().exit(1)


def _label(path: Path, root: Path) -> str:
    """Name an environment: by its path inside the project, else by its folder's name alone."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would lead from bin/python to another place
    if whole.parent.name == "bin":
        whole = whole.parent.parent
    label = whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.name
    if not label.isprintable() or not label.strip():
        raise UsageError(
            "that is no name of an environment",
            where="--from-environment",
            hint="name one, as `--from-environment .venv`",
        )
    return label


def _lines(outcome: CaptureOutcome, written: Iterable[str]) -> Iterator[str]:
    for note in outcome.plan.notes:
        yield f"note: {note.where}: {note.message}"
    for said in (*outcome.notes, *(outcome.lock.notes if outcome.lock else ())):
        yield f"note: {said}"
    for file in sorted(written):
        yield f"  wrote {file}"
    yield from _proofs(outcome)
    if outcome.blocked:
        yield "pylock.toml is not written:"
        yield from (f"  {reason}" for reason in outcome.blocked)


def _proofs(outcome: CaptureOutcome) -> Iterator[str]:
    whole = len(outcome.packages)
    open_ones = [each for each in outcome.packages if _worth_saying(each, outcome)]
    if outcome.lock is not None:
        count = f"{whole - len(open_ones)} of {many(whole)}"
        yield f"proved: {count} (the lock has the very files that are installed)"
    if open_ones:
        yield "not proved:"
        yield from (_line(each) for each in open_ones[:_SHOWN])
    if len(open_ones) > _SHOWN:
        yield f"  … and {len(open_ones) - _SHOWN} more (see --json)"
    if outcome.added:
        listed = ", ".join(f"`{name}` {version}" for name, version in outcome.added.items())
        yield f"the lock has what the environment lacks: {listed}"


def _worth_saying(each: Judged, outcome: CaptureOutcome) -> bool:
    """Leave out what is said of all at once: that there is no lock."""
    codes = {doubt.code for doubt in each.doubts}
    return bool(codes if outcome.lock else codes - {"not-locked"})


def _line(each: Judged) -> str:
    said = "; ".join(doubt.said for doubt in each.doubts)
    return f"  {each.package.name} {each.package.version}: {said}"


def _next(outcome: CaptureOutcome, root: Path) -> str:
    if outcome.lock is None:
        return "correct pyproject.toml, then run this command again"
    there = root / ".venv"
    foreign = there.exists() and not there.is_symlink()
    return "envctl sync --adopt" if foreign else "envctl sync"


def _result(outcome: CaptureOutcome) -> dict[str, Any]:
    return {
        "machine": outcome.plan.machine,
        "notes": [
            *({"where": note.where, "message": note.message} for note in outcome.plan.notes),
            *({"where": "pylock.toml", "message": said} for said in outcome.notes),
            *(
                {"where": "pylock.toml", "message": said}
                for said in (outcome.lock.notes if outcome.lock else ())
            ),
        ],
        "environment": {
            "path": outcome.capture.label,
            "python": outcome.capture.python,
            "packages": [_package(each) for each in outcome.packages],
            "seeds": list(outcome.sorted.roots.seeds),
            "added": dict(outcome.added),
        },
        "locked": outcome.lock is not None,
        "blocked": list(outcome.blocked),
    }


def _package(each: Judged) -> dict[str, Any]:
    package = each.package
    return {
        "name": package.name,
        "version": package.version,
        "locked": each.locked,
        "root": each.root,
        "installer": package.installer or None,
        "from": package.origin.kind,
        "proved": each.proved,
        "doubts": [{"code": doubt.code, "message": doubt.said} for doubt in each.doubts],
        "changed": list(package.changed),
    }
