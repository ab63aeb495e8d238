"""``envctl remove``."""

import click

from envctl.bootstrap import Services
from envctl.cli import completers, editing, options
from envctl.usecases import remove as usecase


@click.command(epilog="Example: envctl remove numpy --group dev")
@click.argument("names", nargs=-1, required=True, shell_complete=completers.requirements)
@editing.where
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    names: tuple[str, ...],
    group: str | None,
    extra: str | None,
    profile: str | None,
    no_sync: bool,
    as_json: bool,
) -> None:
    """Take packages out of pyproject.toml, lock, and sync.

    Every requirement of that NAME goes, from one list: the project's own,
    or that of a group, an extra or a profile.
    """
    edited, list_ = editing.edit(
        services,
        {"group": group, "extra": extra, "profile": profile},
        lambda manifest, where, make: usecase.remove(
            services.project, manifest, names, where=where, editor=services.editor, make=make
        ),
    )
    editing.finish(ctx, services, edited, list_, sync=not no_sync, as_json=as_json)
