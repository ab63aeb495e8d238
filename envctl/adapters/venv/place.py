"""What lies under the name ``.venv``: one of ours, or what somebody else made of it.

An environment of ours is known by its stamp. ``.venv`` is a link to it; where there can be no links it is the
environment itself, whose name then stands in its ``pyvenv.cfg``.
"""

import os
from pathlib import Path

from envctl.domain.environment import STAMP, Current, Stamp, parse_stamp

LINK = ".venv"
HOME = Path(".envctl") / "envs"
ADOPTED = "adopted-"
NAME_KEY = "envctl-name"
_RELOCATABLE = "relocatable"  # the key that `making` adds
_MOUNTS = Path("/proc/self/mountinfo")


def look(root: Path) -> Current:
    """Say what ``.venv`` of the project in ``root`` is."""
    link = root / LINK
    if not os.path.lexists(link):
        return Current(kind="absent")
    if link.is_symlink():
        target = Path(os.path.normpath(root / link.readlink()))
        if target.parent != root / HOME or target.name.startswith(ADOPTED):
            return _foreign(link)
        if not target.is_dir():
            return Current(kind="absent")
        return ours(target)
    # No links here, or a copy that has none (`scp -r` follows them); a stamp alone anybody may have put there.
    if (link / STAMP).is_file() and _RELOCATABLE in _configuration(link):
        return ours(link)
    return _foreign(link)


def ours(folder: Path) -> Current:
    """Describe an environment of ours; where it has no stamp to go by, ``found`` says why."""
    found = stamp(folder)
    why = "" if found else _why_unfinished(folder)
    return Current(kind="ours", path=str(folder), stamp=found, found=why)


def stamp(folder: Path) -> Stamp | None:
    """Return the stamp of an environment; ``None``: unfinished, unusable, or from another envctl."""
    if not usable(folder) or _RELOCATABLE not in _configuration(folder):
        return None  # its interpreter was removed, or another tool made it anew
    try:
        path = folder / STAMP
        return parse_stamp(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return None


def usable(folder: Path) -> bool:
    """Whether that is a virtual environment (PEP 405) with an interpreter that is still there."""
    return (folder / "pyvenv.cfg").is_file() and os.access(folder / "bin" / "python", os.X_OK)


def name_of(folder: Path) -> str | None:
    """Return the name that an environment made to lie at ``.venv`` itself has; ``None``: it was made for a link."""
    return _configuration(folder).get(NAME_KEY)


def mounted(path: Path) -> bool:
    """Whether something is mounted there, or below: that can be neither renamed nor removed."""
    if path.is_symlink() or not path.is_dir():
        return False
    try:
        lines = _MOUNTS.read_bytes().split(b"\n")
    except OSError:
        return os.path.ismount(path)
    # proc_pid_mountinfo(5): the fifth field, with `\040` for a space and the like.
    points = (line.split(b" ")[4] for line in lines if line.count(b" ") > 4)
    real = os.fsencode(os.path.realpath(path)) + b"/"
    found = (point.decode("unicode_escape").encode("latin-1") + b"/" for point in points)
    return any(point.startswith(real) for point in found)


def _foreign(link: Path) -> Current:
    folder = _led_to(link)
    return Current(
        kind="foreign",
        path=str(folder) if usable(folder) else None,
        found=_described(link, folder),
        python=_version(folder),
        movable=not mounted(link) and _beside_home(link),
    )


def _beside_home(link: Path) -> bool:
    """Whether it lies on the disk where what is kept aside goes: `.envctl` may be a link."""
    state = link.parent / HOME.parent
    return not state.exists() or link.lstat().st_dev == state.stat().st_dev


def _version(folder: Path) -> str:
    found = _configuration(folder)
    return ".".join((found.get("version_info") or found.get("version", "")).split(".")[:3])


def _led_to(link: Path) -> Path:
    """Return the folder that ``.venv`` leads to: through a link, or a file that names it (PEP 832)."""
    if link.is_file():
        try:
            line = link.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            return link
        return link.parent / line if line and "\n" not in line and "\0" not in line else link
    return Path(os.path.realpath(link)) if link.is_symlink() else link


def _described(link: Path, folder: Path) -> str:
    maker = made_by(folder) if usable(folder) else ""
    by = f" (made by {maker})" if maker else ""
    by += "" if _beside_home(link) else ", on another disk than .envctl"
    if link.is_symlink():
        gone = "" if link.exists() else ", which is not there"
        return f"a link to {_spelled(link.readlink())}{by}{gone}"
    if link.is_file():
        leads = folder != link and folder.is_dir()
        return f"a file that leads to {folder}{by}" if leads else "a file that envctl did not make"
    if not folder.is_dir():
        return "neither a folder nor a file"
    what = "a virtual environment" if usable(folder) else "a folder"
    where = ", and something is mounted in it" if mounted(link) else ""
    return f"{what} that envctl did not make{by}{where}"


def _spelled(path: Path) -> str:
    """Return a path on one line."""
    return str(path).replace("\n", "\\n").replace("\r", "\\r")


def made_by(folder: Path) -> str:
    """Return the tool that made a virtual environment, by what it left in ``pyvenv.cfg``."""
    found = _configuration(folder)
    for tool in ("uv", "virtualenv"):
        if tool in found:
            return f"{tool} {found[tool]}"
    return "python -m venv" if "command" in found else ""


def _why_unfinished(folder: Path) -> str:
    if (folder / STAMP).is_file() and not usable(folder):
        return f"the interpreter of the environment is gone ({_base(folder)})"
    maker = made_by(folder) if usable(folder) else ""
    if maker and _RELOCATABLE not in _configuration(folder):
        return f"another tool made the environment anew ({maker})"
    return ""


def _base(folder: Path) -> str:
    return os.path.realpath(folder / "bin" / "python")


def _configuration(folder: Path) -> dict[str, str]:
    """Return the keys of ``pyvenv.cfg`` (PEP 405)."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {key.strip().lower(): value.strip() for key, _, value in pairs if value}
