"""``envctl hooks``: put into a repository what keeps its commits in order, take it out, show it, and run it."""

from dataclasses import asdict

import click

from envctl.bootstrap import Services
from envctl.cli import hooks_run, options
from envctl.cli.render import envelope, say, show
from envctl.domain.hooks import DEFAULT, NAMES, Origin, in_order
from envctl.domain.hooks.state import Active, Done, Means, Wish
from envctl.emitters.printable import printable
from envctl.errors import UsageError

_BY = click.option(
    *("--by", "means"),
    type=click.Choice(["pre-commit", "git"]),
    help="By pre-commit's (or prek's) configuration, or by git alone.",
)


@click.group(epilog="Example: envctl hooks install && envctl hooks show")
def command() -> None:
    """Put hooks into a git repository that keep its commits in order.

    Where .pre-commit-config.yaml is, or pre-commit or prek is used, they are
    written there; else git starts them by itself.
    """


@command.command(epilog="Example: envctl hooks install --hook verify --hook lock")
@click.option(
    *("--hook", "names"),
    multiple=True,
    type=click.Choice(list(NAMES)),
    help=f"Put in this hook (may be repeated; default: {', '.join(DEFAULT)}).",
)
@_BY
@click.option("--repo", metavar="URL", help="Let pre-commit install envctl from this repository.")
@click.option("--rev", metavar="REV", help="The tag or commit of it that is meant.")
@click.option(
    *("--print", "only_print"), is_flag=True, help="Only print the lines for a configuration."
)
@options.as_json
@options.pass_services
def install(
    services: Services,
    names: tuple[str, ...],
    means: Means | None,
    repo: str | None,
    rev: str | None,
    only_print: bool,
    as_json: bool,
) -> None:
    """Put the hooks in, or bring them up to date.

    verify and environment look; lock and dockerfile write what is out of
    date, and refuse that one commit. Without --repo the envctl of each
    machine is started. Nothing of others is lost: `uninstall` gives it back.
    """
    if (repo is None) != (rev is None):
        raise UsageError(
            "`--repo` and `--rev` belong together",
            where="--repo" if rev is None else "--rev",
            hint="name both: `envctl hooks install --repo URL --rev v0.1.0`",
        )
    wish = Wish(
        hooks=in_order(names) if names else None,
        origin=Origin(repo=repo, rev=rev) if repo else None,
        means=means,
    )
    if only_print:
        from envctl.usecases.hooks.configuration import printed  # noqa: PLC0415  # seldom

        show(printed(wish.hooks or in_order(DEFAULT), wish.origin or Origin()))
        return
    from envctl.usecases import hooks  # noqa: PLC0415  # what runs at each commit needs no YAML

    _tell(hooks.install(services.hook_doors(), wish), "wrote", "install", as_json=as_json)


@command.command(epilog="Example: envctl hooks uninstall --by git")
@_BY
@options.as_json
@options.pass_services
def uninstall(services: Services, means: Means | None, as_json: bool) -> None:
    """Take the hooks out, and give back what was there before."""
    from envctl.usecases import hooks  # noqa: PLC0415  # as above

    done = hooks.uninstall(services.hook_doors(), means)
    _tell(done, "took envctl's hooks out of", "uninstall", as_json=as_json)


@command.command("show", epilog="Example: envctl hooks show --json")
@options.as_json
@options.pass_services
def show_hooks(services: Services, as_json: bool) -> None:
    """Say which hooks are there, by which means, and how they are.

    That is, whether git starts them and whether they are up to date.
    """
    from envctl.usecases import hooks  # noqa: PLC0415  # as above

    found = hooks.show(services.hook_doors())
    if as_json:
        show(envelope("hooks show", asdict(found), ok=True))
        return
    show(
        "\n".join(_line(each) for each in found.active)
        or "no hook of envctl's is in this repository"
    )
    for step in found.next:
        say(f"next: {printable(step)}")


def _line(each: Active) -> str:
    by = f"by {each.means}" if each.means != "by hand" else "written by hand"
    state = "up to date" if each.current else "not up to date"
    starts = f"at {', '.join(each.started)}" if each.started else "not installed in git"
    lacking = f", not at {', '.join(each.lacking)}" if each.lacking and each.started else ""
    about = f"{starts}{lacking}" if each.means == "by hand" else f"{starts}{lacking}; {state}"
    return f"{each.hook}: {by} ({printable(each.where, names=True)}), {about}"


def _tell(done: Done, verb: str, name: str, *, as_json: bool) -> None:
    if as_json:
        show(envelope(f"hooks {name}", asdict(done), ok=True))
        return
    for path in done.changed:
        say(f"{verb} {printable(path, names=True)}")
    if not done.changed and done.next:
        say(
            "nothing to write: the hooks are in the configuration, and git does not start all of them yet"
        )
    elif not done.changed:
        say("nothing to do: the hooks are as they should be")
    for note in done.notes:
        say(f"note: {printable(note)}")
    if done.next:
        say(f"next: {printable(done.next)}")


command.add_command(hooks_run.command, "run")
