"""Where interpreters lie that no ``PATH`` leads to: those of pyenv, mise, asdf and conda; and whose a path is.

uv's own, and the Windows registry, are found by ``python_discovery`` itself.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_SAID = re.compile(r"(\d+(?:\.\d+)*)")
_CONDA_ROOTS = (
    *("miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba"),
    *(".local/share/mamba", "/opt/conda", "/opt/miniforge3", "/opt/miniconda3", "/opt/anaconda3"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An executable that should be an interpreter; ``said`` is the version in its folder's name, or empty."""

    path: str
    said: str


def more(environ: Mapping[str, str]) -> Iterator[Place]:
    """Yield what lies where no ``PATH`` leads, each tool's newest first; nothing is started."""
    for folder in (_pyenv(environ) / "versions", *_installs(environ)):
        yield from _below(folder)
    yield from _conda(environ)


def source(path: str, environ: Mapping[str, str]) -> str:
    """Say whose an interpreter is: a tool's name, or ``PATH``."""
    owners = {
        "pyenv": [_pyenv(environ) / "versions"],
        "mise, asdf": _installs(environ),
        "uv": _uv(environ),
    }
    for name, folders in owners.items():
        for folder in folders:
            if any(_within(each, folder) for each in (path, os.path.realpath(path))):
                return name
    prefix = Path(os.path.realpath(path)).parent.parent
    return "conda" if (prefix / "conda-meta").is_dir() else "PATH"


def programs(environ: Mapping[str, str]) -> str:
    """Return ``PATH`` with pyenv's shims replaced by the versions that are switched on.

    A shim of another version fails, slowly. Folders that cannot be read are left out.
    """
    entries: list[str] = []
    for entry in (environ.get("PATH") or os.defpath).split(os.pathsep):
        root = Path(entry).parent
        if Path(entry).name == "shims" and (root / "versions").is_dir():
            entries += [str(root / "versions" / name / "bin") for name in _active(root, environ)]
        elif os.access(entry, os.R_OK | os.X_OK):
            entries.append(entry)
    return os.pathsep.join(entries)


def pyenv_definitions(environ: Mapping[str, str]) -> Path | None:
    """Return the folder that has one file for each version that pyenv can install; ``None``: there is no pyenv."""
    from shutil import which  # noqa: PLC0415  # only an error asks

    program = which("pyenv", path=environ.get("PATH"))
    roots = [_pyenv(environ)]
    roots += [Path(os.path.realpath(program)).parents[1]] if program else []
    folders = (root / "plugins" / "python-build" / "share" / "python-build" for root in roots)
    return next((folder for folder in folders if folder.is_dir()), None)


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111  # never fails


def _pyenv(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("PYENV_ROOT") or _home(environ) / ".pyenv")


def _installs(environ: Mapping[str, str]) -> list[Path]:
    """Return where mise and asdf put the versions of Python."""
    data = Path(environ.get("XDG_DATA_HOME") or _home(environ) / ".local" / "share")
    mise = Path(environ.get("MISE_DATA_DIR") or data / "mise")
    asdf = Path(environ.get("ASDF_DATA_DIR") or _home(environ) / ".asdf")
    return [root / "installs" / "python" for root in (mise, asdf)]


def _uv(environ: Mapping[str, str]) -> list[Path]:
    """Return where uv keeps the versions that it installs, as ``uv python dir`` says it."""
    if chosen := environ.get("UV_PYTHON_INSTALL_DIR"):
        return [Path(chosen)]
    data = Path(environ.get("XDG_DATA_HOME") or _home(environ) / ".local" / "share")
    return [data / "uv" / "python", _home(environ) / "Library/Application Support/uv/python"]


def _below(folder: Path) -> Iterator[Place]:
    """Yield the interpreter of each version in a tool's folder; links and virtual environments are other names."""
    found = []
    for each in _entries(folder):
        if each.is_symlink() or (each / "pyvenv.cfg").exists():
            continue
        match = _SAID.match(each.name)
        found.append((_numbers(each.name), match[1] if match else "", each))
    for _, said, each in sorted(found, reverse=True):
        yield Place(path=str(each / "bin" / "python"), said=said)


def _conda(environ: Mapping[str, str]) -> Iterator[Place]:
    """Yield conda's: the active environment, each root with its environments, and all that conda remembers."""
    home = _home(environ)
    program = environ.get("CONDA_EXE") or environ.get("MAMBA_EXE")
    roots = [home / name for name in _CONDA_ROOTS]
    roots += [Path(environ["MAMBA_ROOT_PREFIX"])] if environ.get("MAMBA_ROOT_PREFIX") else []
    roots += [Path(program).parent.parent] if program else []
    prefixes = [Path(environ["CONDA_PREFIX"])] if environ.get("CONDA_PREFIX") else []
    for root in roots:
        prefixes += [root, *_entries(root / "envs")]
    prefixes += _remembered(home / ".conda" / "environments.txt")
    for prefix in dict.fromkeys(prefixes):
        for record in sorted((prefix / "conda-meta").glob("python-[0-9]*.json")):
            said = record.name.split("-")[1]
            yield Place(path=str(prefix / "bin" / "python"), said=said)


def _remembered(file: Path) -> list[Path]:
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [Path(line.strip()) for line in lines if line.strip().startswith("/")]


def _active(root: Path, environ: Mapping[str, str]) -> list[str]:
    """Return the versions of pyenv's that are switched on: by its variable, the nearest file, or for the user."""
    words = (environ.get("PYENV_VERSION") or "").split(":")
    if not any(words):
        try:
            here = Path.cwd()
            files = [folder / ".python-version" for folder in (here, *here.parents)]
        except OSError:  # the folder is gone
            files = []
        words = next(filter(None, map(_words, [*files, root / "version"])), [])
    names = sorted((each.name for each in _entries(root / "versions")), key=_numbers, reverse=True)
    found = (_named(word, names) for word in words)
    return [name for name in found if name]


def _named(word: str, names: list[str]) -> str | None:
    """Return the version that a word switches on: itself, or the newest that it is the beginning of."""
    plain = word.removeprefix("python-")
    if plain in names:
        return plain
    return next((name for name in names if name.startswith(f"{plain}.")), None)


def _words(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")[:4096]
    except OSError:
        return []
    return [word for line in text.splitlines() for word in line.partition("#")[0].split()]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _numbers(name: str) -> list[int]:
    match = _SAID.match(name)
    return [int(number) for number in match[1].split(".")] if match else []


def _within(path: str, folder: Path) -> bool:
    return any(Path(path).is_relative_to(each) for each in (folder, os.path.realpath(folder)))
