"""Environments on disk: ``.envctl/envs/<name>/`` and the link ``.venv`` that leads to the one in use.

An environment is complete when its stamp is there; the stamp is written last. The link is replaced atomically. Where
there are no links, ``.venv`` is the environment itself (see ``envctl.adapters.venv.place``).
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from envctl.adapters import activators, dist_info, injection, installed
from envctl.adapters.integrity import inspection, mending, sealing, snapshot
from envctl.adapters.uv import install as uv_install
from envctl.adapters.uv import program as uv
from envctl.adapters.venv import (
    filesystem,
    history,
    making,
    names,
    pending,
    place,
    removal,
    swap,
    taking,
)
from envctl.domain.environment import STAMP, Current, FileProblem, Inspection, Stamp
from envctl.domain.environment.activation import Activation
from envctl.domain.indexes.fetching import Heard
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.resolution import Interpreter
from envctl.emitters import inject
from envctl.errors import EnvironmentFailure
from envctl.ports import Runner


class EnvironmentFolder:
    """The environments of one project (``envctl.ports.Environments``)."""

    def __init__(
        self, root: Path, run: Runner, transport: Callable[[], Transport] = Transport
    ) -> None:
        self._root = root
        self._home = root / place.HOME
        self._run = run
        self._transport = transport

    def current(self) -> Current:
        """Say what ``.venv`` is; what a killed envctl has left half done there is completed first."""
        swap.recover(self._root / place.LINK, self._home)
        found = place.look(self._root)
        if found.kind == "ours" and found.path and pending.complete(Path(found.path)):
            return place.look(self._root)
        return found

    def previous(self) -> Current | None:
        """Return the environment that was in use before, or what it has become; ``None``: there was none."""
        return names.before(self._home, self.current())

    def finished(self) -> dict[str, Stamp]:
        """Return every finished environment by its path."""
        paths = removal.environments(self._home)
        if place.name_of(self._root / place.LINK):
            paths.append(self._root / place.LINK)
        stamps = {str(path): place.stamp(path) for path in paths}
        return {path: stamp for path, stamp in stamps.items() if stamp}

    def packages(self, path: str) -> dict[str, str]:
        """Return what is installed, name → version."""
        return installed.packages(Path(path))

    def inspect(self, path: str, *, full: bool = False) -> Inspection:
        """Look at every file: by size and time, or with ``full`` by every byte."""
        return inspection.inspect(Path(path), place.stamp(Path(path)), full=full)

    def installer(self, path: str, name: str) -> str:
        """Return the tool that installed a package, as it says itself (``INSTALLER``); empty: it does not say."""
        return dist_info.installer(installed.site_packages(Path(path)) or Path(path), name)

    def entered_at(self, path: str) -> str:
        """Return the path by which an environment is entered once it is in use."""
        folder = Path(path)
        return str(self._root / place.LINK) if place.name_of(folder) else path

    def activation_differs(self, path: str, activation: Activation) -> str | None:
        """Return why entering the environment at ``path`` does not set these variables; ``None``: it does."""
        if scripts := self.edited_scripts(path):
            names = ", ".join(f"bin/{name}" for name in scripts)
            return f"not as envctl left them: {names}"
        if self.made_elsewhere(path):
            return "the activation scripts lead to another folder: the project was moved or copied"
        if scripts := activators.outdated(Path(path), activation):
            names = ", ".join(f"bin/{name}" for name in scripts)
            return f"without the declared variables: {names}"
        if injection.outdated(Path(path), activation):
            return f"{inject.NAME} is not as `inject` in [tool.envctl] asks for it"
        return None

    def made_elsewhere(self, path: str) -> bool:
        """Whether its scripts lead to another folder: the project was moved or copied."""
        return activators.made_elsewhere(Path(path), Path(self.entered_at(path)))

    def edited_scripts(self, path: str) -> tuple[str, ...]:
        """Return the activation scripts that are not as envctl left them."""
        stamp = place.stamp(Path(path))
        return activators.edited(Path(path), stamp.scripts) if stamp else ()

    def surroundings(self) -> tuple[str, ...]:
        """Say what this file system cannot do, and what is done instead: for whoever is about to build."""
        notes = []
        if not filesystem.has_links(self._home):
            what = f"the file system of {self._root} has no symbolic links"
            notes.append(f"{what}: .venv is a folder of its own, replaced by renaming")
        if os.environ.get("UV_LINK_MODE") == "symlink":
            notes.append("UV_LINK_MODE=symlink is not honoured: an edit would reach uv's cache")
        cache = filesystem.cache_of_uv(os.environ)
        if cache and (copied := filesystem.copying(cache, self._home)):
            notes.append(copied)
        return tuple(notes)

    def build(
        self,
        name: str,
        interpreter: Interpreter,
        slice_text: str,
        *,
        own: str | None = None,
        heard: Heard | None = None,
        say: Callable[[str], None] | None = None,
        distrusted: Collection[str] = (),
    ) -> str:
        """Make the environment ``name`` and fill it with exactly that lock; return its path. It has no stamp yet.

        ``own`` is the package in it that is the project itself, installed editable. ``heard`` is told what is fetched,
        ``say`` that uv's cache was damaged. Every file of the ``distrusted`` packages is compared with its RECORD.
        """
        path = self._filled(name, interpreter, slice_text, own=own, heard=heard)
        damaged = self._sealed(path, own, distrusted)
        if damaged:
            if say:
                said = ", ".join(damaged)
                say(f"note: files of {said} were changed in uv's cache: they are fetched anew")
            self.forget(damaged)
            path = self._filled(name, interpreter, slice_text, own=own, heard=heard)
            damaged = self._sealed(path, own, {*damaged, *distrusted}, fetched=damaged)
        if damaged:
            raise EnvironmentFailure(
                f"files of {', '.join(damaged)} are changed in uv's cache again and again",
                where=str(filesystem.cache_of_uv(os.environ) or "uv's cache"),
                hint="run `uv cache clean`, and look which program writes there",
            )
        return str(path)

    def _filled(
        self,
        name: str,
        interpreter: Interpreter,
        slice_text: str,
        *,
        own: str | None,
        heard: Heard | None,
    ) -> Path:
        path = names.new(self._root, name)
        itself = None if filesystem.has_links(self._home) else path.name
        try:
            making.make(path, interpreter, prompt=self._root.name, named=itself)
            uv_install.install(
                self._run, path, slice_text, self._transport(), root=self._root, heard=heard
            )
            site = installed.site_packages(path) or path
            dist_info.tidy(site)
            if own is not None:
                dist_info.lead(site, own, self._root)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return path

    def _sealed(
        self,
        path: Path,
        own: str | None,
        distrusted: Collection[str],
        fetched: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Write the snapshot; or remove the environment, and return the packages with damaged files."""
        damaged: tuple[str, ...] | None = None
        try:
            damaged = sealing.seal(path, own, distrusted=distrusted, fetched=fetched)
        finally:
            if damaged != ():
                shutil.rmtree(path, ignore_errors=True)
        return damaged

    def finish(self, path: str, stamp: Stamp, activation: Activation) -> None:
        """Put the variables into the activation scripts, then the stamp: after this the environment is complete."""
        environment = Path(path)
        # One that is used again keeps its snapshot: a new one would take what was changed since for right.
        before = place.stamp(environment)
        seal = (before.fingerprint, before.files) if before else snapshot.sealed(environment)
        stamp = replace(stamp, fingerprint=seal[0], files=seal[1])
        scripts = activators.changes(environment, activation)
        stamp = replace(stamp, scripts=activators.digests(environment, scripts))
        contents = {
            **scripts,
            **injection.changes(environment, activation),
            STAMP: stamp.to_json().encode(),
        }
        pending.replace(environment, contents)

    def use(self, path: str, *, forgo: bool = False) -> str:
        """Give ``.venv`` to an environment, atomically; return where it is entered. Raises ``EnvctlError``.

        What was there before is kept; ``forgo``: it is not to come back, and what is foreign is removed.
        """
        current = self.current()
        if current.path == path:
            return path
        if current.stamp and current.path:
            with suppress(OSError):  # from now on an activated shell's environment counts as left
                os.utime(Path(current.path) / STAMP)
        slot = names.slot(self._root, current, forgo=forgo)
        name = names.known(self._home, current)
        before = slot if current.kind == "foreign" else name
        if forgo or (current.kind == "ours" and current.stamp is None):
            before = None  # it is not to come back
        with history.recorded(self._home, names.own(Path(path)), before, after=name):
            return str(taking.take(self._root, Path(path), slot=slot))

    def give_back(self, path: str) -> str:
        """Give ``.venv`` back to what was adopted; return its new place. Raises ``EnvctlError``."""
        aside = Path(path)
        name = names.known(self._home, self.current())
        with history.recorded(self._home, aside.name, name, after=name):
            taking.put_back(self._root, aside)
        return str(self._root / place.LINK)

    def discard(self, path: str) -> None:
        """Remove an environment that did not come into use."""
        if self.current().path != path:
            removal.remove(Path(path))

    def mend(
        self, path: str, fresh: str, problems: Iterable[FileProblem]
    ) -> tuple[FileProblem, ...]:
        """Put right, from a fresh environment, the files that others share; return those that could not be."""
        stamp = place.stamp(Path(path))
        return mending.mend(Path(path), stamp, Path(fresh), problems) if stamp else ()

    def forget(self, packages: tuple[str, ...]) -> None:
        """Drop packages from uv's cache: hard links carry an edited file from an environment into it."""
        # Forced: a `uv run` holds the cache for as long as its command lives, which may be days.
        uv.call(self._run, ["cache", "clean", "--quiet", "--force", *packages], cwd=self._root)

    def clean(self) -> tuple[str, ...]:
        """Remove what was never finished, and finished environments that nobody uses.

        The one in use and the one before it are kept.
        """
        before = self.previous()
        found = (self.current().path, before.path if before else None)
        # Where `.envctl` is a link, a copy of this project may have the same environments.
        shared = self._home.parent.is_symlink()
        return removal.clean(
            self._home,
            [path for path in found if path],
            lambda path: shared and self.made_elsewhere(str(path)),
        )
