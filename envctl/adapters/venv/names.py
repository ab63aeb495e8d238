"""What an environment is called under ``.envctl/envs``, and which name it, or what was adopted, gets."""

import os
from pathlib import Path

from envctl.adapters.venv import history, pending, place, removal
from envctl.domain.environment import Current
from envctl.errors import EnvironmentFailure


def own(path: Path) -> str:
    """Return the name that an environment of ours was given."""
    return place.name_of(path) or path.name


def known(home: Path, current: Current) -> str | None:
    """Return the name by which history knows what is at ``.venv``."""
    if current.kind == "ours" and current.path:
        return own(Path(current.path))
    last = history.latest(home)
    back = last and last.startswith(place.ADOPTED) and find(home, last) is None
    return last if current.kind == "foreign" and back else None


def find(home: Path, name: str) -> Path | None:
    """Return what of that name lies aside."""
    path = home / name
    if name.startswith(place.ADOPTED):
        return path if os.path.lexists(path) and not removal.is_staged(path) else None
    return next((each for each in removal.environments(home) if own(each) == name), None)


def before(home: Path, current: Current) -> Current | None:
    """Return what was at ``.venv`` before, as far as it is there still."""
    name = known(home, current)
    if current.kind == "foreign" and name is None:
        return None  # nobody knows what it took the place of
    for each in history.before(home, name):
        path = find(home, each)
        if path and each.startswith(place.ADOPTED):
            return Current(kind="foreign", path=str(path), found="what was at .venv before")
        if path:
            pending.complete(path)
            return place.ours(path)
    return None


def slot(root: Path, current: Current, *, forgo: bool) -> str | None:
    """Return where what is at ``.venv`` goes; ``None``: it is a link of ours, or nothing. ``forgo``: for good."""
    link, home = root / place.LINK, root / place.HOME
    if current.kind == "absent" or (current.kind == "ours" and link.is_symlink()):
        return None
    name = f"{place.ADOPTED}1" if current.kind == "foreign" else place.name_of(link)
    if name is None or (forgo and current.kind == "foreign"):
        return f"{removal.REPLACED}{os.getpid()}"
    return free(home, name).name


def new(root: Path, name: str) -> Path:
    """Return a path for a new environment. One that is unfinished may still be written to by a killed one's uv."""
    home = root / place.HOME
    if home.is_symlink():
        raise EnvironmentFailure(
            f"{place.HOME} is a link: what it leads to is not envctl's to fill and to clear",
            where=str(home),
            hint="remove that link; `.envctl` itself may be one",
        )
    path = free(home, name)
    while path.name == place.name_of(root / place.LINK):
        path = free(root / place.HOME, f"{path.name}-2")
    return path


def free(home: Path, name: str) -> Path:
    """Return a path that is not there yet."""
    for number in range(1, 1000):
        path = home / (name if number == 1 else f"{name}-{number}")
        if not os.path.lexists(path):
            return path
    raise EnvironmentFailure(
        "there are too many environments already",
        where=str(home),
        hint="remove those that nobody uses, or the whole folder: `envctl sync` makes what it needs",
    )
