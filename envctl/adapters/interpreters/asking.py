"""Ask interpreters what they are, by ``python_discovery``: it starts each once and remembers the answer by its mtime.

A broken one is no error here. One that does not answer is killed after a while (``PY_DISCOVERY_TIMEOUT`` seconds),
asked once more, and then given up.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path
from python_discovery import ContentStore, DiskCache, PythonInfo, iter_interpreters

from envctl.adapters.interpreters.places import Place, programs, source
from envctl.domain.environment.interpreter_choice import Candidate

_LIMIT = "5"
_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc"}
_MUTE = "does not start, or does not say what it is"


class Inquiry:
    """One search. ``candidates``: all that were asked so far, by real path, in the order in which they were found."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        logging.getLogger("python_discovery").addHandler(logging.NullHandler())
        self._environ = environ
        self._cache = _Notebook(user_cache_path("envctl") / "interpreters")
        # A personal PYTHONHOME or PYTHONPATH is not for every interpreter.
        plain = {key: text for key, text in environ.items() if not key.startswith("PYTHON")}
        limit = environ.get("PY_DISCOVERY_TIMEOUT") or _LIMIT
        self._env = plain | {"PATH": programs(environ), "PY_DISCOVERY_TIMEOUT": limit}
        self.candidates: dict[str, Candidate] = {}

    def search(self, key: str | None) -> None:
        """Look on the ``PATH``, in uv's folder and in the registry for ``cpython3.12``; ``None``: for all there are."""
        self._each(lambda: iter_interpreters(key, cache=self._cache, env=self._env))

    def ask(self, places: Iterable[Place]) -> None:
        """Ask those at these places."""
        for place in places:
            if os.access(place.path, os.X_OK):
                self._each(partial(self._one, place.path))

    def at(self, path: str) -> Candidate | None:
        """Return what the interpreter at a path says it is; ``None``: there is none, or it does not answer."""
        self.ask([Place(path=path, said="")])
        return self.candidates.get(os.path.realpath(path))

    def mute(self) -> list[Candidate]:
        """Return those that were asked and did not answer, but for ``python2`` and its like."""
        answered = {os.path.realpath(path) for path in self._cache.answered}
        return [
            Candidate(path=path, version="", source=source(path, self._environ), defect=_MUTE)
            for path in {
                os.path.realpath(path): path for path in reversed(self._cache.asked)
            }.values()
            if os.path.realpath(path) not in answered and not Path(path).name.startswith("python2")
        ]

    def _one(self, path: str) -> Iterable[PythonInfo | None]:
        yield PythonInfo.from_exe(path, self._cache, raise_on_error=False, env=self._env)

    def _each(self, found: Callable[[], Iterable[PythonInfo | None]]) -> None:
        answers: list[PythonInfo] = []
        # RuntimeError: our own interpreter does not answer, or a place names a broken one.
        with suppress(RuntimeError), redirect_stdout(sys.stderr):  # some print when they start
            answers.extend(each for each in found() if each is not None)
        for each in answers:
            path = _plain(each.system_executable or each.executable)
            self._cache.answered += [path, each.executable]
            self.candidates.setdefault(os.path.realpath(path), self._candidate(path, each))

    def _candidate(self, path: str, info: PythonInfo) -> Candidate:
        level = info.version_info
        early = f"{_LEVELS[level.releaselevel]}{level.serial}" if level[3] in _LEVELS else ""
        return Candidate(
            path=path,
            version=f"{info.version_str}{early}",
            source=source(path, self._environ),
            defect=_defect(info, PythonInfo.current(self._cache)),
        )


class _Notebook(DiskCache):
    """The cache of the answers, which also remembers who was asked in this run."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[str] = []
        self.answered: list[str] = []

    def py_info(self, path: Path) -> ContentStore:
        self.asked.append(str(path))
        return super().py_info(path)


def _defect(info: PythonInfo, own: PythonInfo) -> str | None:
    """Say why no environment is made with an interpreter: wheels are chosen for a plain CPython like our own."""
    if info.implementation != "CPython":
        return f"{info.implementation}, not CPython"
    if info.free_threaded:
        return "a free-threaded build"
    if info.debug_build:
        return "a debug build"
    if (info.machine, info.architecture) != (own.machine, own.architecture):
        return f"a {info.architecture}-bit build for {info.machine}"
    if _musl(info) != _musl(own):
        return f"built for {'musl' if _musl(info) else 'glibc'}"
    return None


def _musl(info: Any) -> bool:
    return "-linux-musl" in (info.sysconfig.get("makefile_filename") or "")


def _plain(path: str) -> str:
    """Return ``…/bin/python3.12`` for ``…/bin/python``, where that is a link beside it: a link may be turned."""
    real = os.path.realpath(path)
    return real if os.path.dirname(real) == os.path.dirname(path) else path  # noqa: PTH120
