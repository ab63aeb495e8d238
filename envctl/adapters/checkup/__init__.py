"""What ``doctor`` looks at: the port ``Checkup``. Nothing is changed, and whatever may not answer has a limit."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from envctl.adapters.checkup import patience
from envctl.domain.checkup.engines import Engines
from envctl.domain.checkup.indexes import IndexAnswer, IndexQuestion
from envctl.domain.checkup.network import Network
from envctl.domain.checkup.places import Place
from envctl.domain.checkup.redaction import Person
from envctl.domain.checkup.settings import SettingsFile
from envctl.domain.checkup.shell import ShellFacts
from envctl.domain.checkup.tools import Tool, Tools
from envctl.domain.indexes.mirrors import Transport
from envctl.ports import Runner

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """Looks at this machine as ``environ`` has it."""

    run: Runner
    environ: Mapping[str, str]
    sysroot: Path

    def together(
        self, calls: Mapping[str, Callable[[], _T]], seconds: float
    ) -> Mapping[str, _T | Exception | None]:
        """Make the calls at once; ``None`` for one without an answer in time, the exception for one that failed."""
        return patience.together(calls, seconds)

    def tools(self) -> Tools:
        """Look for the programs that envctl calls, and ask their versions."""
        from envctl.adapters.checkup import tools  # noqa: PLC0415  # one command only

        return tools.look(self.run, self.environ)

    def hook(self, root: Path) -> Tool:
        """Look at the commit hook of the repository that a folder lies in; its path is ``None`` where it has none."""
        from envctl.adapters.checkup import tools  # noqa: PLC0415  # as above

        return tools.hook(self.run, self.environ, root)

    def asked(
        self, questions: Sequence[IndexQuestion], transport: Transport
    ) -> tuple[IndexAnswer, ...]:
        """Ask each index once, all at the same time."""
        from envctl.adapters.checkup import indexes  # noqa: PLC0415  # as above

        return indexes.ask(questions, transport, self.environ, self.run)

    def settings(self, root: Path | None) -> tuple[SettingsFile, ...]:
        """Return the configuration files of pip and uv that those would read here."""
        from envctl.adapters.checkup import settings  # noqa: PLC0415  # as above

        return settings.look(self.environ, root)

    def places(self, root: Path | None) -> tuple[Place, ...]:
        """Look at the folders that envctl writes to."""
        from envctl.adapters.checkup import places  # noqa: PLC0415  # as above

        return places.look(self.environ, root)

    def network(self) -> Network:
        """Look at the CA bundles and the file of logins."""
        from envctl.adapters.checkup import network  # noqa: PLC0415  # as above

        return network.look(self.environ)

    def shell(self, parent: str | None, environment: str | None) -> ShellFacts:
        """Look at the shell that started envctl; ``environment``: the project's."""
        from envctl.adapters.checkup import shell  # noqa: PLC0415  # as above

        return shell.look(self.environ, parent, environment)

    def engines(self) -> Engines:
        """Ask the container engines."""
        from envctl.adapters.checkup import engines  # noqa: PLC0415  # as above

        return engines.look(self.run, self.environ, self.sysroot)

    def person(self, more: Collection[str]) -> Person:
        """Return what no report may hold; ``more``: secrets that the project knows of."""
        from envctl.adapters.checkup import person  # noqa: PLC0415  # as above

        return person.look(self.environ, more)
