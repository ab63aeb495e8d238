"""A live environment, read from its files: nothing of it is run.

A virtual environment, a conda prefix or any other folder with ``lib/pythonX.Y/site-packages`` in it (sys.prefix of an
image, for example).
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from envctl.adapters.live import conda as conda_notes
from envctl.adapters.live.packages import found_in
from envctl.adapters.live.site import Site
from envctl.domain.captured.packages import Capture, Captured, CondaPackage
from envctl.errors import EnvironmentFailure
from envctl.readers.conda.meta import CondaRecord

_SITES = ("lib", "lib64")


def look(path: Path, label: str) -> Capture:
    """Read the environment at ``path``: its folder, or its ``python``; raises ``EnvironmentFailure``."""
    prefix = _prefix(path)
    try:
        conda, damaged = conda_notes.records(prefix)
        python, sites = _sites(prefix, _version(prefix, conda))
        packages, remarks = _packages(prefix, sites, conda)
    except OSError as error:
        raise EnvironmentFailure(
            f"the environment cannot be read: {(error.strerror or str(error)).lower()}",
            where=str(error.filename or prefix),
            hint="check who owns it and its permissions",
        ) from error
    return Capture(
        label=label,
        python=python,
        executable=_executable(prefix, python),
        packages=conda_notes.marked(packages, damaged),
        conda=_of_conda_alone(conda, packages, sites),
        remarks=(*remarks, *conda_notes.remarks(damaged), *_outside(prefix)),
    )


def _prefix(path: Path) -> Path:
    """Return the folder of an environment; links are followed for folders, never for its ``python``."""
    folder = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would lead from bin/python to another place
    if folder.is_file() and folder.parent.name in ("bin", "Scripts"):
        folder = folder.parent.parent
    elif folder.is_file() and (led := _redirected(folder)):
        folder = led
    if folder.is_dir() and any(_folders(folder)):
        return Path(os.path.realpath(folder))
    if _debian(folder):
        raise EnvironmentFailure(
            "there is no Python environment here: a system's Python keeps its packages in "
            "dist-packages, which are not read",
            where=str(path),
            hint="they are the distribution's, not an index's; name a virtual environment, or list "
            "what the project imports in a requirements file and use `--from`",
        )
    raise EnvironmentFailure(
        "there is no Python environment here: no lib/python3.X/site-packages",
        where=str(path),
        hint="name the folder of a virtual environment or a conda environment, or its bin/python",
    )


def _debian(folder: Path) -> bool:
    return any(each.is_dir() for each in folder.glob("lib/python3*/dist-packages"))


def _redirected(file: Path) -> Path | None:
    """Return where a ``.venv`` file leads (PEP 832)."""
    try:
        text = file.read_text(encoding="utf-8")[:4096].strip()
        return file.parent / text if text and "\n" not in text and "\0" not in text else None
    except (OSError, UnicodeDecodeError):
        return None


def _folders(prefix: Path) -> Iterator[tuple[str, Path]]:
    """Yield each minor version with its folder of packages."""
    for lib in _SITES:
        for folder in sorted(prefix.glob(f"{lib}/python3.*/site-packages")):
            found = re.fullmatch(r"python(3\.\d+)t?", folder.parent.name)
            if found and folder.is_dir():
                yield found[1], folder


def _sites(prefix: Path, version: str | None) -> tuple[str, tuple[Path, ...]]:
    """Return the Python that the environment is for, and where its packages lie."""
    every = list(_folders(prefix))
    minors = {minor for minor, _ in every}
    minor = ".".join(version.split(".")[:2]) if version else ""
    if minor not in minors:
        minor = version = max(minors, key=lambda text: int(text.split(".")[1]))
    real = {os.path.realpath(folder): folder for each, folder in every if each == minor}
    return version or minor, tuple(real.values())


def _version(prefix: Path, conda: Iterable[CondaRecord]) -> str | None:
    """Return the full version that the environment's own files name."""
    settings = _settings(prefix)
    texts = [settings.get("version_info", ""), settings.get("version", "")]
    texts += [each.package.version for each in conda if each.package.name == "python"]
    return next((m[0] for text in texts if (m := re.match(r"3\.\d+\.\d+", text))), None)


def _settings(prefix: Path) -> dict[str, str]:
    """Read ``pyvenv.cfg``; empty where there is none."""
    try:
        text = (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _executable(prefix: Path, python: str) -> str | None:
    """Return the interpreter behind the environment: of a virtual one, the one that it was made from."""
    minor = ".".join(python.split(".")[:2])
    for name in (f"python{minor}", "python3", "python"):
        path = prefix / "bin" / name
        if path.is_file() and os.access(path, os.X_OK):
            return os.path.realpath(path)
    return None


def _outside(prefix: Path) -> Iterator[str]:
    if _settings(prefix).get("include-system-site-packages", "").lower() == "true":
        yield "it also sees the system's packages (include-system-site-packages): those are not read"
    if _debian(prefix):
        yield "it has dist-packages of the system's Python as well: those are not read"


def _packages(
    prefix: Path, sites: Iterable[Path], conda: Iterable[CondaRecord]
) -> tuple[tuple[Captured, ...], tuple[str, ...]]:
    by_folder = {folder: each for each in conda for folder in each.package.folders}
    found: dict[str, Captured] = {}
    remarks: list[str] = []
    for folder in sites:
        packages, said = found_in(Site(folder=folder, prefix=prefix, conda=by_folder))
        found = packages | found  # the first place on the path counts
        remarks += said
    return tuple(found[name] for name in sorted(found)), tuple(remarks)


def _of_conda_alone(
    conda: Iterable[CondaRecord], packages: Iterable[Captured], sites: Iterable[Path]
) -> tuple[CondaPackage, ...]:
    """Return the packages that have no metadata folder here: only conda knows them."""
    there = {entry.name for site in sites for entry in os.scandir(site)}
    names = {package.name for package in packages}
    return tuple(
        each.package
        for each in conda
        if not (there & set(each.package.folders)) and each.package.name not in names
    )
