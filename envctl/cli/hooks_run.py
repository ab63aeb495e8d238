"""``envctl hooks run``: what the hooks do, for each project of the repository that a commit or a checkout touches."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.hooks_commit import Commit, heading
from envctl.cli.render import say, show, step
from envctl.domain.hooks import GIT_HOOKS, NAMES, Hook, hook
from envctl.errors import UsageError
from envctl.usecases.hooked import mending, touched


@click.command(epilog="Example: envctl hooks run verify -- pyproject.toml pylock.toml")
@click.argument("name", metavar="HOOK", type=click.Choice(list(NAMES)))
@click.option(
    "--project",
    "folders",
    multiple=True,
    metavar="DIR",
    help="Look at no project but this (may be repeated).",
)
@click.option("--stage", type=click.Choice(list(GIT_HOOKS)), help="The git hook that this is.")
@click.option("--from", "old", metavar="REV", help="The commit before a checkout.")
@click.option("--to", "new", metavar="REV", help="The commit after it.")
@click.argument("files", nargs=-1, type=click.Path())
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    name: str,
    folders: tuple[str, ...],
    stage: str | None,
    old: str | None,
    new: str | None,
    files: tuple[str, ...],
) -> None:
    """Do what a hook does, in each project that is touched.

    verify, lock and dockerfile judge what is staged; where FILES are more than
    that, as with `pre-commit run --all-files`, what the folder has. At a push
    by pre-commit or prek the commits that are pushed are judged, and nothing
    is written. A file of no project starts nothing.
    """
    chosen = hook(name)
    if chosen.at_commit:
        push = touched.pushed(services.environ) if stage is None else None
        code = _push(services, chosen, folders, *push) if push else None
        ctx.exit(_commit(services, chosen, folders, files) if code is None else code)
    only = _named(services, folders)
    if stage is None:  # by a configuration: what the caller says is in variables
        said_old, said_new, stage = touched.checkout(services.environ)
        old, new = old or said_old, new or said_new
    ctx.exit(_environments(services, chosen, only, (old, new), stage))


def _named(services: Services, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Return the projects that are named, as the top sees them; raises ``UsageError`` for what is none."""
    named: list[str] = []
    for folder in folders:
        found = ["" if each == "." else each for each in services.placed([folder])]
        at = (look(each) for each in found for look in (services.staged, services.in_folder))
        if not any(touched.is_ours(each) for each in at):
            raise UsageError(
                "there is no project of envctl's in this repository",
                where=f"--project {folder}",
                hint="name a folder with a pyproject.toml that has `[tool.envctl]`",
            )
        named += found
    return tuple(named)


def _commit(
    services: Services, chosen: Hook, named: tuple[str, ...], files: tuple[str, ...]
) -> int:
    """Judge or mend each project that is touched; what is staged is meant, unless FILES are more than that."""
    only = _named(services, named)
    staged = services.repository.staged_names()
    given = services.placed(files)
    found = touched.folders((*given, *staged))
    there = [each for each in found if each in only or not only]
    if not there:
        step("nothing that is staged belongs to a project of envctl's")
    work = Commit(services, chosen, "index" if set(given) <= set(staged) else "folder")
    return max((work.mend(each) if chosen.mends else work.judge(each) for each in there), default=0)


def _push(
    services: Services, chosen: Hook, named: tuple[str, ...], old: str | None, new: str
) -> int | None:
    """Judge each project that a push touches, as the commit has it; ``None``: the commit is none of this repository."""
    with services.pushed(new) as doors:
        if doors is None:
            return None
        only = _named(doors, named)
        changed = doors.repository.changed(old, new) if old else None
        found = touched.folders(doors.repository.manifests() if changed is None else changed)
        work = Commit(doors, chosen, "push")
        return max((work.judge(each) for each in found if each in only or not only), default=0)


def _environments(
    services: Services,
    chosen: Hook,
    only: tuple[str, ...],
    commits: tuple[str | None, str | None],
    stage: str | None,
) -> int:
    """Say which environments are no longer what the lock says; a rebase or a bisection is not to be ended by it."""
    repository = services.repository
    midway = repository.midway()
    if midway and stage == "post-checkout":
        return 0
    worst, (old, new) = 0, commits
    there = touched.with_environment(
        repository, services.in_folder, services.has_environment, old=old, new=new
    )
    for folder in (each for each in there if each in only or not only):
        words = ("verify", "--only", ",".join(chosen.layers))
        done = services.again(repository.top / folder, *words)
        if done.code != 0:
            said = mending.from_there(done.stdout, services.from_here(folder))
            show(heading(folder) + said)
            if done.stderr.strip():
                say(done.stderr.rstrip("\n"), whole=True)
            worst = 1
    return worst
