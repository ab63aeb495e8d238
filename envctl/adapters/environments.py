"""Environments on disk: ``.envctl/envs/<id>/`` and the link ``.venv`` that names the one in use.

An environment is complete when its stamp is there; the stamp is written last. The link is replaced atomically.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from envctl.adapters import activators, dist_info, in_use, installed
from envctl.adapters.staging import refused, replace_all
from envctl.adapters.uv import install as uv_install
from envctl.adapters.uv import program as uv
from envctl.domain.activation import Activation
from envctl.domain.environment import STAMP, Current, FileProblem, Stamp, parse_stamp
from envctl.domain.mirrors import Transport
from envctl.domain.resolution import Interpreter
from envctl.errors import EnvironmentFailure
from envctl.ports import Runner

_LINK = ".venv"
_HOME = Path(".envctl") / "envs"
_GRACE = 24 * 60 * 60  # seconds


class EnvironmentFolder:
    """The environments of one project (``envctl.ports.Environments``)."""

    def __init__(
        self, root: Path, run: Runner, transport: Callable[[], Transport] = Transport
    ) -> None:
        self._root = root
        self._run = run
        self._transport = transport

    def current(self) -> Current:
        """Say what ``.venv`` is; it is ours when it is a link into ``.envctl/envs``."""
        link = self._root / _LINK
        if not link.is_symlink():
            if not link.exists():
                return Current(kind="absent")
            what = "a folder" if link.is_dir() else "a file"
            return Current(kind="foreign", found=f"{what} that envctl did not make")
        target = Path(os.path.normpath(self._root / link.readlink()))
        if target.parent != self._root / _HOME:
            return Current(kind="foreign", found=f"a link to {link.readlink()}")
        if not target.is_dir():
            return Current(kind="absent")
        return Current(kind="ours", path=str(target), stamp=self.stamp(str(target)))

    def stamp(self, path: str) -> Stamp | None:
        """Return the stamp of an environment; ``None``: unfinished, or from another envctl."""
        folder = Path(path)
        if not (folder / "pyvenv.cfg").is_file() or not os.access(
            folder / "bin" / "python", os.X_OK
        ):
            return None  # its interpreter was removed, or somebody took it apart
        try:
            return parse_stamp((folder / STAMP).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            return None

    def finished(self) -> dict[str, Stamp]:
        """Return every finished environment by its path."""
        stamps = {str(path): self.stamp(str(path)) for path in self._all()}
        return {path: stamp for path, stamp in stamps.items() if stamp}

    def packages(self, path: str) -> dict[str, str]:
        """Return what is installed, name → version."""
        return installed.packages(Path(path))

    def problems(self, path: str) -> tuple[FileProblem, ...]:
        """Return every file that is not as its RECORD has it."""
        return installed.problems(Path(path))

    def scripts_differ(self, path: str, activation: Activation) -> bool:
        """Whether an activation script does not carry these variables (another tool wrote it anew)."""
        return self.made_elsewhere(path) or bool(activators.outdated(Path(path), activation))

    def made_elsewhere(self, path: str) -> bool:
        """Whether its scripts lead to another folder: the project was moved or copied."""
        return activators.made_elsewhere(Path(path))

    def build(
        self, name: str, interpreter: Interpreter, slice_text: str, *, own: str | None = None
    ) -> str:
        """Make the environment ``name`` and fill it with exactly that lock; return its path. It has no stamp yet.

        ``own`` is the package in it that is the project itself, installed editable.
        """
        path = self._free(name)
        try:
            self._create(path, interpreter)
            self._install(path, slice_text)
            site = installed.site_packages(path) or path
            dist_info.tidy(site)
            if own is not None:
                dist_info.lead(site, own, self._root)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return str(path)

    def finish(self, path: str, stamp: Stamp, activation: Activation) -> None:
        """Put the variables into the activation scripts, then the stamp: after this the environment is complete."""
        activators.install(Path(path), activation)
        replace_all({Path(path) / STAMP: stamp.to_json().encode()})

    def use(self, path: str, *, recreate: bool = False) -> None:
        """Point ``.venv`` at an environment, atomically."""
        link = self._root / _LINK
        aside = self._root / _HOME / f".link-{os.getpid()}"
        try:
            aside.unlink(missing_ok=True)
            aside.symlink_to(os.path.relpath(path, self._root))
            # A link's text is relative to where it lies: made for the root, moved there.
            if recreate and link.exists() and not link.is_symlink() and link.is_dir():
                link.rename(self._root / _HOME / f".replaced-{os.getpid()}")
            if link.is_symlink():
                with suppress(
                    OSError
                ):  # the moment from which an activated shell's environment counts as left
                    os.utime(link / STAMP)
            aside.replace(link)
        except OSError as error:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise refused(error, link, "replaced") from error

    def forget(self, packages: tuple[str, ...]) -> None:
        """Drop packages from uv's cache: hard links carry an edited file from an environment into it."""
        uv.call(self._run, ["cache", "clean", "--quiet", *packages], cwd=self._root)

    def clean(self, keep: tuple[str, ...]) -> tuple[str, ...]:
        """Remove unfinished environments, and finished ones that are not to be kept and that nobody uses."""
        candidates = [path for path in self._all(hidden=True) if str(path) not in keep]
        busy = in_use.mentioned(str(self._root / _HOME)) if candidates else set()
        removed = []
        for path in candidates:
            text = str(path)
            if path.name in busy or in_use.leased(path) or self._fresh(path):
                continue
            removed.append(text)
            with suppress(OSError):
                (path / STAMP).unlink(missing_ok=True)  # first: half removed is unfinished
            shutil.rmtree(path, ignore_errors=True)
        return tuple(removed)

    def _fresh(self, path: Path) -> bool:
        """Whether a finished environment was in use within a day: a shell that activated it says so nowhere."""
        if self.stamp(str(path)) is None:
            return False
        return time.time() - (path / STAMP).stat().st_mtime < _GRACE

    def _all(self, *, hidden: bool = False) -> list[Path]:
        home = self._root / _HOME
        if not home.is_dir():
            return []
        return sorted(p for p in home.iterdir() if p.is_dir() and (hidden or p.name[0] != "."))

    def _free(self, name: str) -> Path:
        """Return a path that is not there yet; an unfinished leftover of that name is removed."""
        for number in range(1, 1000):
            path = self._root / _HOME / (name if number == 1 else f"{name}-{number}")
            if path.exists() and self.stamp(str(path)) is None and not in_use.leased(path):
                shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                return path
        raise EnvironmentFailure("too many environments", where=str(self._root / _HOME))

    def _create(self, path: Path, interpreter: Interpreter) -> None:
        from virtualenv import session_via_cli  # noqa: PLC0415  # lazy: 80 ms

        _quiet("virtualenv")
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise EnvironmentFailure(
                "no environment can be made in a folder whose name this locale cannot spell",
                where=str(self._root),
                hint="rename that folder, or use a locale such as LC_ALL=C.UTF-8",
            ) from error
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            session = session_via_cli(
                [
                    *("--no-seed", "--no-venv-redirect", "--no-vcs-ignore"),
                    *("--python", interpreter.path, f"--prompt={self._root.name}", str(path)),
                ],
                setup_logging=False,
                env=_impersonal(),
            )
            session.run()
            self._bare(path)
            # Read by uv: launchers that name no path, so that scripts and RECORDs are the same everywhere.
            with (path / "pyvenv.cfg").open("a", encoding="utf-8") as configuration:
                configuration.write("relocatable = true\n")
        except OSError as error:
            raise refused(error, path, "made") from error
        except (RuntimeError, SystemExit) as error:
            raise EnvironmentFailure(
                f"virtualenv could not make an environment with {interpreter.path}: {error}",
                where=str(path),
                hint="check that this interpreter starts",
            ) from error

    def _bare(self, path: Path) -> None:
        """Remove what virtualenv adds of its own: the image's environment has none of it."""
        (path / "CACHEDIR.TAG").unlink(missing_ok=True)
        for stray in ("_virtualenv.py", "_virtualenv.pth"):  # older virtualenv
            (installed.site_packages(path) or path).joinpath(stray).unlink(missing_ok=True)

    def _install(self, path: Path, slice_text: str) -> None:
        uv_install.install(self._run, path, slice_text, self._transport(), root=self._root)


def _quiet(name: str) -> None:
    """Keep a library's warnings to itself: where nothing handles them, Python prints them on stderr.

    virtualenv warns of scripts for shells that envctl has no part for, such as xonsh in a path with a ``$``.
    """
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _impersonal() -> dict[str, str]:
    """Return our variables without virtualenv's own: personal settings would change what is made."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIRTUALENV_")}
    return kept | {"VIRTUALENV_CONFIG_FILE": os.devnull}
