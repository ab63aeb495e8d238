"""``envctl add``."""

import click

from envctl.bootstrap import Services
from envctl.cli import editing, options
from envctl.usecases import add as usecase


@click.command(epilog="Example: envctl add 'numpy>=2' --group dev")
@click.argument("requirements", nargs=-1, required=True)
@editing.where
@click.option(
    "--bounds",
    type=click.Choice(["lower", "exact", "none"]),
    default="lower",
    show_default=True,
    help="What a bare name gets: >= the version that is found, == it, or nothing.",
)
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    requirements: tuple[str, ...],
    group: str | None,
    extra: str | None,
    profile: str | None,
    no_sync: bool,
    bounds: usecase.Bounds,
    as_json: bool,
) -> None:
    """Add REQUIREMENTS (PEP 508) to pyproject.toml, lock, and sync.

    Nothing is written unless they resolve; then manifest and lock change
    together. A requirement of the same name is replaced.
    """
    edited, list_ = editing.edit(
        services,
        {"group": group, "extra": extra, "profile": profile},
        lambda manifest, where, make: usecase.add(
            services.project,
            manifest,
            requirements,
            where=where,
            bounds=bounds,
            editor=services.editor,
            make=make,
        ),
    )
    editing.finish(ctx, services, edited, list_, sync=not no_sync, as_json=as_json)
