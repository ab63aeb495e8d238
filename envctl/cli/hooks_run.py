"""``envctl hooks run``: what the hooks do, for each project of the repository that a commit or a checkout touches."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import say, show, step
from envctl.domain.hooks import GIT_HOOKS, NAMES, Hook, hook
from envctl.emitters.printable import printable
from envctl.errors import EnvctlError
from envctl.usecases.hooked import noted, touched

if TYPE_CHECKING:  # a commit in order needs none of it
    from envctl.usecases.verify import Report


@click.command(epilog="Example: envctl hooks run verify -- pyproject.toml pylock.toml")
@click.argument("name", metavar="HOOK", type=click.Choice(list(NAMES)))
@click.option("--project", "folders", multiple=True, metavar="DIR", help="Look at this project.")
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
    """Do what a hook does, once for each project that FILES or the index touch.

    verify, lock and dockerfile judge what is staged; where FILES are more than
    that, as with `pre-commit run --all-files`, what the folder has. A file of
    no project starts nothing.
    """
    chosen = hook(name)
    if chosen.at_commit:
        judged = _judged(services, folders, files)
        look = _Commit(services, chosen, judged.staged).mend if chosen.mends else None
        calls = look or _Commit(services, chosen, judged.staged).judge
        if not judged.folders:
            step("nothing that is staged belongs to a project of envctl's")
        ctx.exit(max((calls(each) for each in judged.folders), default=0))
    said_old, said_new, said_stage = touched.checkout(services.environ)
    ctx.exit(_environments(services, chosen, old or said_old, new or said_new, stage or said_stage))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    """The projects that are touched, and whether what is staged of them is meant."""

    folders: tuple[str, ...]
    staged: bool


def _judged(services: Services, named: tuple[str, ...], files: tuple[str, ...]) -> _Judged:
    staged = services.repository.staged_names()
    given = services.placed(files)
    found = services.placed(named) if named else touched.folders((*given, *staged))
    every = ("" if each == "." else each for each in found)
    return _Judged(folders=tuple(dict.fromkeys(every)), staged=set(given) <= set(staged))


@dataclass(frozen=True, slots=True)
class _Commit:
    """One hook of a commit, at work on one project after the other."""

    services: Services
    hook: Hook
    staged: bool

    def judge(self, folder: str) -> int:
        """Say what disagrees in a project, and return 1 for it; nothing is said of one that is in order."""
        if self._is_noted(folder):
            return 0
        from envctl.cli import verify_report  # noqa: PLC0415  # see above

        report, apart = self._look(folder, staged=self.staged)
        if report is None or not report.fails():
            return 0
        show(_heading(folder) + verify_report.as_text(report))
        if apart:
            names = shlex.join(sorted(apart))
            say(
                f"note: this is about what is staged; these differ in the folder: {printable(names)}\n"
                f"      to commit them as they are there: {_in(folder)}`git add -- {printable(names)}`"
            )
        return 1

    def mend(self, folder: str) -> int:
        """Write what is out of date in a project, and return 1 for it: what was written is not staged yet."""
        report, apart = self._look(folder, staged=self.staged)
        wanted = list(self._commands(report))
        # Here the folder was as it is staged until a hook before this one wrote something.
        framework = "PRE_COMMIT" in self.services.environ
        there = self._look(folder, staged=False)[0] if wanted or framework else None
        commands = list(self._commands(there))
        if not (wanted or commands):
            return 0
        if not commands:
            names = printable(shlex.join(sorted(apart)))
            say(f"{_heading(folder)}right in the folder, and not staged: `git add -- {names}`")
            return 1
        if "pyproject.toml" in apart:
            say(
                f"{_heading(folder)}pyproject.toml is staged in part: nothing was written\n"
                f"next: stage all of it or set the rest aside (`git stash --keep-index`), "
                f"then {_in(folder)}`{commands[0]}`"
            )
            return 1
        return self._run(folder, commands)

    def _is_noted(self, folder: str) -> bool:
        """Whether the fast path of ``verify`` knows that a project is in order, and what is staged is what it knows."""
        layers = ",".join(sorted(self.hook.layers))
        project = self.services.in_folder(folder)
        note = project.read(noted.name(layers))
        at = self.services.staged(folder) if self.staged else None
        if note is None or (at is not None and not noted.is_as_noted(at, note)):
            return False
        return self.services.again(project.root, "verify", "--only", layers).code == 0

    def _run(self, folder: str, commands: list[str]) -> int:
        root = self.services.repository.top / folder
        for each in commands:
            say(f"{_heading(folder)}running `{printable(each)}`")
            done = self.services.again(root, *shlex.split(each)[1:], attended=True)
            if done.code != 0:
                return done.code if done.code > 0 else 1
        say("next: look at what was written, `git add` it, and commit again")
        return 1

    def _commands(self, report: "Report | None") -> Iterator[str]:
        """Yield the commands of this hook's kind that mend what disagrees; none that adopts or upgrades anything."""
        found = report.findings if report else ()
        fixes = dict.fromkeys(each.fix for each in found if each.severity == "error" and each.fix)
        for fix in fixes:
            words = shlex.split(fix)
            if words[:2] == ["envctl", self.hook.mends] and not {"--adopt", "--upgrade-base"} & {
                *words
            }:
                yield fix

    def _look(self, folder: str, *, staged: bool) -> "tuple[Report | None, frozenset[str]]":
        """Return what is found in a project, and the files that are otherwise in its folder; ``None``: not ours."""
        from envctl.cli import verify  # noqa: PLC0415  # see above

        services = self.services
        at = services.staged(folder) if staged else services.in_folder(folder)
        try:
            if not touched.is_ours(at, services.in_folder(folder)):
                return None, frozenset()
            within = services.within(at)
            report = verify.looked(within, only=self.hook.layers, skip=(), full=False)
        except EnvctlError as error:
            if folder and error.where and not Path(error.where).is_absolute():
                error.where = f"{folder}/{error.where}"
            raise
        return report, frozenset(getattr(at, "apart", ()))


def _environments(
    services: Services, chosen: Hook, old: str | None, new: str | None, stage: str | None
) -> int:
    """Say which environments are no longer what the lock says; a rebase or a bisection is not to be ended by it."""
    repository = services.repository
    midway = repository.midway()
    if midway and stage == "post-checkout":
        return 0
    worst = 0
    there = touched.with_environment(
        repository, services.in_folder, services.has_environment, old=old, new=new
    )
    for folder in there:
        words = ("verify", "--only", ",".join(chosen.layers))
        done = services.again(repository.top / folder, *words)
        if done.code != 0:
            show(_heading(folder) + done.stdout)
            if done.stderr.strip():
                say(done.stderr.rstrip("\n"), whole=True)
            worst = 1
    return worst


def _heading(folder: str) -> str:
    return f"in {printable(folder, names=True)}:\n" if folder else ""


def _in(folder: str) -> str:
    return f"in {printable(folder, names=True)}, " if folder else ""
