"""What a hook does at a commit, in one project after the other: judge what is staged, or write what is out of date."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from envctl.bootstrap import Services
from envctl.cli.render import say, show
from envctl.domain.hooks import Hook
from envctl.emitters.printable import printable
from envctl.errors import EnvctlError
from envctl.usecases.hooked import mending, noted, touched

if TYPE_CHECKING:  # a commit in order needs none of it
    from envctl.usecases.verify import Report


@dataclass(frozen=True, slots=True)
class Commit:
    """One hook of a commit or a push, at work on one project after the other; ``of``: what it judges."""

    services: Services
    hook: Hook
    of: Literal["index", "folder", "push"]

    def judge(self, folder: str) -> int:
        """Say what disagrees in a project, and return 1 for it; nothing is said of one that is in order."""
        if self._is_noted(folder):
            return 0
        from envctl.cli import verify_report  # noqa: PLC0415  # see above

        report, apart = self._look(folder, staged=self.of != "folder")
        if report is None or not report.fails():
            return 0
        at, push = self.services.from_here(folder), self.of == "push"
        findings = mending.told(report.findings, at, push=push)
        report = replace(report, weighed=replace(report.weighed, findings=findings))
        show(heading(folder) + verify_report.as_text(report))
        if apart and push:
            say(f"note: this is about the commits that are pushed; {_differ(apart)}")
        elif apart:
            say(
                f"note: this is about what is staged; {_differ(apart)}\n"
                f"      to commit them as they are there: `{printable(mending.add(sorted(apart), at))}`"
            )
        return 1

    def mend(self, folder: str) -> int:
        """Write what is out of date in a project, and return 1 for it: what was written is not staged yet."""
        report, apart = self._look(folder, staged=self.of != "folder")
        wanted = list(self._commands(report))
        # Here the folder was as it is staged until a hook before this one wrote something.
        framework = "PRE_COMMIT" in self.services.environ
        there = self._look(folder, staged=False)[0] if wanted or framework else None
        commands = list(self._commands(there))
        if not (wanted or commands):
            return 0
        at = self.services.from_here(folder)
        if not commands:
            add = printable(mending.add(sorted(apart), at))
            say(f"{heading(folder)}right in the folder, and not staged: `{add}`")
            return 1
        if "pyproject.toml" in apart:
            say(
                f"{heading(folder)}pyproject.toml is staged in part: nothing was written\n"
                f"next: stage all of it or set the rest aside (`git stash --keep-index`), "
                f"then `{printable(mending.command(commands[0], at))}`"
            )
            return 1
        findings = there.findings if there else ()
        names = (name for fix in commands for name in mending.written(fix, findings))
        return self._run(folder, commands, mending.add(dict.fromkeys(names), at))

    def _is_noted(self, folder: str) -> bool:
        """Whether the fast path of ``verify`` knows that a project is in order, and what is staged is what it knows."""
        layers = ",".join(sorted(self.hook.layers))
        project = self.services.in_folder(folder)
        note = project.read(noted.name(layers))
        at = self.services.staged(folder) if self.of != "folder" else None
        if note is None or (at is not None and not noted.is_as_noted(at, note)):
            return False
        return self.services.again(project.root, "verify", "--only", layers).code == 0

    def _run(self, folder: str, commands: list[str], add: str) -> int:
        root = self.services.repository.top / folder
        for each in commands:
            say(f"{heading(folder)}running `{printable(each)}`")
            done = self.services.again(root, *shlex.split(each)[1:], attended=True)
            if done.code != 0:
                return done.code if done.code > 0 else 1
        say(f"next: look at what was written, then `{printable(add)}`, and commit again")
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


def heading(folder: str) -> str:
    """Return the line under which stands what is said of a project; none for the one at the top."""
    return f"in {printable(folder, names=True)}:\n" if folder else ""


def _differ(names: Iterable[str]) -> str:
    return f"these differ in the folder: {printable(shlex.join(sorted(names)))}"
