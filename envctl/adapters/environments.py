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
from envctl.adapters.venv import filesystem, history, making, pending, place, removal, swap, taking
from envctl.domain.activation import Activation
from envctl.domain.environment import STAMP, Current, FileProblem, Inspection, Stamp
from envctl.domain.fetching import Heard
from envctl.domain.mirrors import Transport
from envctl.domain.resolution import Interpreter
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
        current = self.current()
        name = self._name(current)
        if current.kind == "foreign" and name is None:
            return None  # nobody knows what it took the place of
        for before in history.before(self._home, name):
            path = self._named(before)
            if path is None:
                continue
            if before.startswith(place.ADOPTED):
                return Current(kind="foreign", path=str(path), found="what was at .venv before")
            pending.complete(path)
            return place.ours(path)
        return None

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

    def scripts_differ(self, path: str, activation: Activation) -> bool:
        """Whether an activation script does not carry these variables (another tool wrote it anew)."""
        return (
            self.made_elsewhere(path)
            or bool(activators.outdated(Path(path), activation))
            or injection.outdated(Path(path), activation)
        )

    def made_elsewhere(self, path: str) -> bool:
        """Whether its scripts lead to another folder: the project was moved or copied."""
        return activators.made_elsewhere(Path(path), Path(self.entered_at(path)))

    def surroundings(self) -> tuple[str, ...]:
        """Say what this file system cannot do, and what is done instead: for whoever is about to build."""
        notes = []
        if not filesystem.has_links(self._home):
            what = f"the file system of {self._root} has no symbolic links"
            notes.append(f"{what}: .venv is a folder of its own, replaced by renaming")
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
                names = ", ".join(damaged)
                say(f"note: files of {names} were changed in uv's cache: they are fetched anew")
            self.forget(damaged)
            path = self._filled(name, interpreter, slice_text, own=own, heard=heard)
            damaged = self._sealed(path, own, {*damaged, *distrusted})
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
        path = self._free(name)
        while path.name == place.name_of(self._root / place.LINK):
            path = self._free(f"{path.name}-2")
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
        self, path: Path, own: str | None, distrusted: Collection[str]
    ) -> tuple[str, ...]:
        """Write the snapshot; or remove the environment, and return the packages with damaged files."""
        damaged: tuple[str, ...] | None = None
        try:
            damaged = sealing.seal(path, own, distrusted=distrusted)
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
        contents = {
            **activators.changes(environment, activation),
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
            with suppress(
                OSError
            ):  # from this moment an activated shell's environment counts as left
                os.utime(Path(current.path) / STAMP)
        slot = self._slot(current, forgo=forgo)
        name = self._name(current)
        before = slot if current.kind == "foreign" else name
        if forgo or (current.kind == "ours" and current.stamp is None):
            before = None  # it is not to come back
        with history.recorded(self._home, self._own_name(Path(path)), before, after=name):
            return str(taking.take(self._root, Path(path), slot=slot))

    def give_back(self, path: str) -> str:
        """Give ``.venv`` back to what was adopted; return its new place. Raises ``EnvctlError``."""
        aside = Path(path)
        name = self._name(self.current())
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
        uv.call(self._run, ["cache", "clean", "--quiet", *packages], cwd=self._root)

    def clean(self) -> tuple[str, ...]:
        """Remove what was never finished, and finished environments that nobody uses.

        The one in use and the one before it are kept.
        """
        before = self.previous()
        found = (self.current().path, before.path if before else None)
        return removal.clean(self._home, [path for path in found if path])

    def _name(self, current: Current) -> str | None:
        """Return the name by which history knows what ``.venv`` is."""
        if current.kind == "ours" and current.path:
            return self._own_name(Path(current.path))
        last = history.latest(self._home)
        back = last and last.startswith(place.ADOPTED) and self._named(last) is None
        return last if current.kind == "foreign" and back else None

    def _own_name(self, path: Path) -> str:
        return place.name_of(path) or path.name

    def _named(self, name: str) -> Path | None:
        """Return the environment of that name that lies aside."""
        path = self._home / name
        if name.startswith(place.ADOPTED):
            return path if os.path.lexists(path) and not removal.is_staged(path) else None
        every = removal.environments(self._home)
        return next((each for each in every if self._own_name(each) == name), None)

    def _slot(self, current: Current, *, forgo: bool) -> str | None:
        """Return where what is at ``.venv`` goes; ``None``: it is a link of ours, or nothing."""
        link = self._root / place.LINK
        if current.kind == "absent" or (current.kind == "ours" and link.is_symlink()):
            return None
        name = place.name_of(link)
        if current.kind == "foreign":
            return (
                f"{removal.REPLACED}{os.getpid()}"
                if forgo
                else self._free(f"{place.ADOPTED}1").name
            )
        return self._free(name).name if name else f"{removal.REPLACED}{os.getpid()}"

    def _free(self, name: str) -> Path:
        """Return a path that is not there yet. One that is unfinished may still be written to by a killed one's uv."""
        for number in range(1, 1000):
            path = self._home / (name if number == 1 else f"{name}-{number}")
            if not os.path.lexists(path):
                return path
        raise EnvironmentFailure("too many environments", where=str(self._home))
