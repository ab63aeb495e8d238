"""Which environment was in use before: names under ``.envctl/envs``, the newest first.

A name is written before its environment is put to use. So what counts is where the one in use stands: a kill in
between leaves a first line that has not come true, and loses nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envctl.adapters.staging import replace_all
from envctl.errors import EnvctlError

_FILE = "history"
_KEPT = 6


@contextmanager
def recorded(home: Path, new: str, before: str | None, *, after: str | None) -> Iterator[None]:
    """Note that ``new`` is about to be used instead of ``before``; raises ``ProjectError``.

    ``before`` is ``None`` where there was none, or it is not to come back. ``after``: where in history it stands.
    What fails inside leaves history as it was.
    """
    path, old = home / _FILE, _read(home)
    names = [new, *([before] if before else []), *_before(home, after)][:_KEPT]
    if path.is_symlink():  # a repository may bring one: what it leads to is not ours to write
        path.unlink()
    replace_all({path: _text(names)})
    try:
        yield
    except EnvctlError:
        # Nothing has changed. Whatever else ends us, Ctrl-C above all, may have come after the change.
        if old:
            replace_all({path: _text(old)})
        else:
            path.unlink(missing_ok=True)
        raise


def before(home: Path, current: str | None) -> list[str]:
    """Return the names of those that were in use before ``current``, the latest first."""
    return [name for name in dict.fromkeys(_before(home, current)) if name != current]


def latest(home: Path) -> str | None:
    """Return the name that was written last."""
    return next(iter(_read(home)), None)


def _before(home: Path, current: str | None) -> list[str]:
    names = _read(home)
    if current is None:
        return names
    return names[names.index(current) + 1 :] if current in names else []


def _text(names: list[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _read(home: Path) -> list[str]:
    path = home / _FILE
    try:
        if path.is_symlink() or not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return []
    # A name and nothing else: what a hostile repository brings must not lead elsewhere.
    return [name for name in lines if name and name == Path(name).name and name[0] != "."]
