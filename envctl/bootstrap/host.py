"""The folder that envctl was started for, this machine's programs and files, and the process itself."""

import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from envctl.ports import Completed, Runner


@dataclass(frozen=True, kw_only=True)
class Host:
    """The folder that envctl was started for, this machine's programs and files, and the process itself."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def run(self) -> "Runner":
        """Start a program."""
        from envctl.adapters.process import run

        return run

    @property
    def sysroot(self) -> Path:
        """Where ``/proc`` and ``/sys`` are looked for: tests name a fixture tree."""
        return Path(self.environ.get("ENVCTL_SYSROOT") or "/")

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Lend an empty folder that is gone afterwards, whatever ends us: it may hold logins."""
        from envctl.adapters.unwinding import unwound

        with unwound(), tempfile.TemporaryDirectory(prefix="envctl-") as folder:
            yield Path(folder)

    def shell_folder(self) -> AbstractContextManager[Path]:
        """Lend an empty folder that only this user may enter; who becomes another program within leaves it to that."""
        from envctl.adapters.shell_folder import shell_folder

        return shell_folder()

    def given(self, name: str) -> str | None:
        """Return the text of a file that is named on the command line; ``None``: there is none."""
        from envctl.adapters.given import given

        return given(self.folder, name)

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return Path(path).exists()

    def is_file(self, path: str) -> bool:
        """Whether there is such a file."""
        return Path(path).is_file()

    def write_private(self, files: Mapping[str, str]) -> None:
        """Write files outside the project that only this user may read."""
        for path, text in files.items():
            Path(path).touch(mode=0o600)
            Path(path).write_text(text, encoding="utf-8")

    def moment(self) -> str:
        """Return the time in UTC (RFC 3339, seconds)."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def svg(self, graph: str) -> str:
        """Lay a graph in Graphviz' language out as an SVG; raises ``ToolMissingError``."""
        from envctl.adapters.graphviz import svg

        return svg(graph, run=self.run)

    def parent_shell(self) -> str | None:
        """Return the program of the shell that started envctl; ``None``: there is none."""
        from envctl.adapters.parent_shell import parent_shell

        return parent_shell()

    def program(self, name: str, env: Mapping[str, str]) -> str | None:
        """Return the path of the program that ``name`` means in these variables; ``None``: there is none."""
        from envctl.adapters.process import program

        return program(name, env)

    def keep(self, environment: str) -> None:
        """Keep an environment from being cleaned away while this process lives, and what takes its place."""
        from envctl.adapters.process import keep

        keep(environment)

    def attend(self, argv: Sequence[str], env: Mapping[str, str]) -> "Completed":
        """Start a program on our own terminal, pass signals on, wait; raises ``ToolMissingError``."""
        from envctl.adapters.process import attend

        return attend(argv, env)

    def itself(self, words: Sequence[str], heard: Callable[[str], None]) -> "Completed":
        """Run envctl in a process of its own; what ends this one ends that one first."""
        from envctl.adapters.process import follow

        return follow([*self.own, *words], self.environ, heard)

    @property
    def own(self) -> tuple[str, ...]:
        """What starts this very envctl; `-P`: a folder of the project's that is called `envctl` is not it."""
        return sys.executable, "-P", "-m", "envctl"

    def become(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        lease: str | None = None,
        about: str = "",
        hidden: Collection[str] = (),
    ) -> NoReturn:
        """Replace this process; ``lease`` is an environment that the new one needs while it lives.

        ``about``: what is known of the run that begins, to be left for the command (``usecases.describe.about``).
        """
        from envctl.adapters.process import replace

        replace(argv, env, lease=lease, about=about, hidden=hidden)
