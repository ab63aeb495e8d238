"""``envctl export``: one command for each module of ``envctl.emitters.exports``."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

import click
from packaging.utils import canonicalize_name

from envctl.bootstrap import Services
from envctl.cli import completers, export_ci, options
from envctl.cli.render import delivered, envelope, say, show
from envctl.domain.export import Option
from envctl.domain.manifest import restricted
from envctl.emitters.exports import COMPANIONS, DOORS, EXPORTS, Accompanying, Door, Format
from envctl.emitters.plural import many
from envctl.usecases import image, load
from envctl.usecases.companion import companion
from envctl.usecases.entrance import EntranceOutcome, entrance
from envctl.usecases.export import Choice, ExportOutcome, export


@click.group(epilog="Example: envctl export requirements --output requirements.txt")
@options.as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Write what the lock says, or how to enter, in another tool's format.

    To stdout, or into a file with --output; `ci` writes its two files by
    itself. The same lock and options give the same bytes.
    """
    ctx.meta[__name__] = as_json


def _added(form: Format) -> None:
    """Make the command of one format of the lock."""

    @options.selection
    @options.profile
    @click.option(
        "--platform",
        metavar="NAME",
        shell_complete=completers.platforms,
        help="For this platform only: linux-x86_64, …",
    )
    @click.option("--python", metavar="VERSION", help="The Python there, if the lock allows more.")
    @click.option("-o", "--output", metavar="FILE", help=f"For example {form.FILE}.")
    @options.as_json
    @click.pass_context
    def one(ctx: click.Context, /, **given: Any) -> None:
        _export(ctx, ctx.obj, form, given)

    made = command.command(
        form.NAME,
        help=f"Write the lock as {form.SUMMARY[0].lower()}{form.SUMMARY[1:]}",
        short_help=form.SUMMARY,
        epilog=f"Example: {form.EXAMPLE}",
    )(one)
    made.params[-1:-1] = [_option(option) for option in form.OPTIONS]


def _option(option: Option) -> click.Option:
    if not option.choices:
        return click.Option([f"--{option.name}"], is_flag=True, help=option.help)
    return click.Option(
        [f"--{option.name}"],
        type=click.Choice(option.choices),
        default=option.choices[0],
        show_default=True,
        help=option.help,
    )


def _export(ctx: click.Context, services: Services, form: Format, given: dict[str, Any]) -> None:
    for several in ("groups", "extras"):
        given[several] = tuple(dict.fromkeys(canonicalize_name(each) for each in given[several]))
    manifest = services.variant(load.manifest(services.project), given["profile"])
    lock = load.required_lock(services.project, manifest.lock_name)
    manifest = restricted(manifest, lock.only)
    groups, extras = options.chosen(
        manifest,
        lock,
        given["groups"],
        given["extras"],
        no_default=given["no_default_groups"],
    )
    choice = Choice(
        groups=groups,
        extras=extras,
        platform=given["platform"],
        python=given["python"],
        settings={name: given[name] for each in form.OPTIONS if (name := _key(each)) in given},
        words=(form.NAME, *_words(ctx.command.params, given)),
    )
    output = given["output"]
    if output is not None:
        output = options.inside(services, output, example=form.FILE)
    outcome = export(
        services.project,
        manifest,
        form,
        choice=choice,
        pip_index=services.default_index(),
        output=output,
        lock_name=manifest.lock_name,
    )
    _present(form, outcome, output, as_json=given["as_json"] or ctx.meta[__name__])


def _key(option: Option) -> str:
    return option.name.replace("-", "_")


def _words(params: Iterable[click.Parameter], given: dict[str, Any]) -> Iterator[str]:
    """Yield the options in one spelling, so that the same choice leaves the same words in the file."""
    for param in params:
        value = given.get(param.name or "")
        if param.name in ("output", "as_json") or not value or value == param.default:
            continue
        if value is True:
            yield param.opts[0]
            continue
        for each in sorted(value) if isinstance(value, tuple) else [value]:
            yield f"{param.opts[0]} {shlex.quote(each)}"


def _present(form: Format, outcome: ExportOutcome, name: str | None, *, as_json: bool) -> None:
    if outcome.stale:
        say(f"note: {load.STALE}")
    for warning in outcome.warnings:
        say(f"warning: {warning}")
    if as_json:
        _as_json(form.NAME, outcome, name, packages=outcome.packages)
    elif name is None:
        show(outcome.text)
    else:
        say(f"{delivered(outcome.delivery, name)}: {many(outcome.packages)}")


def _as_json(
    kind: str, outcome: ExportOutcome | EntranceOutcome, name: str | None, **more: int
) -> None:
    result = {
        "format": kind,
        **more,
        "output": name,
        "written": outcome.delivery in ("wrote", "replaced"),
        "warnings": list(outcome.warnings),
        "text": outcome.text if name is None else None,
    }
    show(envelope("export", result, ok=True))


def _opened(door: Door) -> None:
    """Make the command of one way for another tool into the environment."""

    @click.option("-o", "--output", metavar="FILE", help=f"For example {door.FILE}.")
    @options.as_json
    @click.pass_context
    def one(ctx: click.Context, /, **given: Any) -> None:
        _enter(ctx, ctx.obj, door, given)

    command.command(
        door.NAME,
        help=door.HELP,
        short_help=door.SUMMARY,
        epilog=f"Example: {door.EXAMPLE}",
    )(options.profile(one) if door.HOLDS_VALUES else one)


def _enter(ctx: click.Context, services: Services, door: Door, given: dict[str, Any]) -> None:
    manifest = load.manifest(services.project)
    if door.HOLDS_VALUES:
        manifest = services.variant(manifest, given["profile"])
    output = given["output"]
    if output is not None:
        output = options.inside(services, output, example=door.FILE)
    outcome = entrance(services.project, manifest, door, output=output)
    _presented(door.NAME, outcome, output, as_json=given["as_json"] or ctx.meta[__name__])


def _presented(kind: str, outcome: EntranceOutcome, name: str | None, *, as_json: bool) -> None:
    for warning in outcome.warnings:
        say(f"warning: {warning}")
    if as_json:
        _as_json(kind, outcome, name)
    elif name is None:
        show(outcome.text)
    else:
        say(delivered(outcome.delivery, name))


def _accompanied(kind: Accompanying) -> None:
    """Make the command of one file by which another tool starts the image."""

    @options.profile
    @click.option(
        "--image", "reference", metavar="NAME", help="What the image is called where it is started."
    )
    @click.option("-o", "--output", metavar="FILE", help=f"For example {kind.FILE}.")
    @options.as_json
    @click.pass_context
    def one(ctx: click.Context, /, **given: Any) -> None:
        _accompany(ctx, ctx.obj, kind, given)

    command.command(
        kind.NAME,
        help=kind.HELP,
        short_help=kind.SUMMARY,
        epilog=f"Example: {kind.EXAMPLE}",
    )(one)


def _accompany(
    ctx: click.Context, services: Services, kind: Accompanying, given: dict[str, Any]
) -> None:
    manifest, lock = image.of(services.project, services.variant, given["profile"])
    output = given["output"]
    if output is not None:
        output = options.inside(services, output, example=kind.FILE)
    outcome = companion(
        services.project,
        manifest,
        lock,
        kind,
        python=services.environment_python(),
        reference=given["reference"],
        output=output,
    )
    for note in image.notes(manifest, lock):
        say(f"note: {note}")
    _presented(kind.NAME, outcome, output, as_json=given["as_json"] or ctx.meta[__name__])


for _format in EXPORTS.values():
    _added(_format)
for _door in DOORS.values():
    _opened(_door)
for _companion in COMPANIONS.values():
    _accompanied(_companion)
command.add_command(export_ci.command)
