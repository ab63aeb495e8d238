"""Interpreters for tests: a real Python in a folder of its own, which says of itself what a test wants it to say."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OWN: str = os.path.realpath(sys._base_executable)  # type: ignore[attr-defined]

_ASK = """
import json, sys, sysconfig
print(json.dumps([list(sys.version_info[:3]), sysconfig.get_path("stdlib")]))
"""
_SAYS = """
import sys
from collections import namedtuple
version = namedtuple("version", "major minor micro releaselevel serial")({numbers}, {level!r}, {serial})
sys.version_info = sys.implementation.version = version
sys.version = {text!r} + " " + sys.version.partition(" ")[2]
"""
BUILDS: Mapping[str, str] = {
    "free-threaded": 'import sysconfig; sysconfig.get_config_vars()["Py_GIL_DISABLED"] = 1\n',
    "debug": 'import sysconfig; sysconfig.get_config_vars()["Py_DEBUG"] = 1\n',
    "PyPy": 'import platform, sys; platform.python_implementation = lambda: "PyPy"\n'
    "sys.pypy_version_info = (7, 3, 17)\n",
    "32-bit": "import struct; struct.calcsize = lambda form: 4\n",
    "other machine": 'import sysconfig; sysconfig.get_platform = lambda: "linux-aarch64"\n',
}
"""What makes a Python say that it is another build: code that runs when it starts."""
_LEVELS = {"a": "alpha", "b": "beta", "rc": "candidate"}


@dataclass(frozen=True)
class Real:
    """A Python of this machine."""

    path: str
    version: str
    stdlib: Path

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


@cache
def real(path: str = OWN) -> Real:
    numbers, stdlib = json.loads(
        subprocess.run([path, "-I", "-c", _ASK], capture_output=True, check=True).stdout
    )
    return Real(path, ".".join(map(str, numbers)), Path(stdlib))


def plant(
    prefix: Path,
    *,
    of: str = OWN,
    version: str | None = None,
    build: str | None = None,
    start: str = "",
    without: tuple[str, ...] = (),
) -> Path:
    """Put a Python into a folder and return its executable; done again, it is an upgrade in place.

    ``version``: what it says it is. ``build``: which build (``BUILDS``). ``start``: more code that runs first.
    ``without``: what its standard library lacks.
    """
    known = real(of)
    binary = prefix / "bin" / f"python{known.minor}"
    binary.parent.mkdir(parents=True, exist_ok=True)
    binary.unlink(missing_ok=True)
    shutil.copyfile(os.path.realpath(of), binary)  # not copy2: what is put anew is newer
    binary.chmod(0o755)
    for name in ("python3", "python"):
        link = binary.with_name(name)
        link.unlink(missing_ok=True)
        link.symlink_to(binary.name)
    library = prefix / "lib" / f"python{known.minor}"
    shutil.rmtree(library, ignore_errors=True)
    library.mkdir(parents=True)
    apart = {"sitecustomize.py", "site-packages", "dist-packages", "__pycache__", *without}
    for entry in known.stdlib.iterdir():
        if entry.name not in apart:
            (library / entry.name).symlink_to(entry)
    code = (says(version) if version else "") + (BUILDS[build] if build else "") + start
    (library / "sitecustomize.py").write_text(code)
    return binary


def says(version: str) -> str:
    """Return code after which a Python says that it is this version."""
    release = version.rstrip("0123456789") if version[-2:-1].isalpha() else version
    level = release.lstrip("0123456789.")
    return _SAYS.format(
        numbers=", ".join(release.removesuffix(level).split(".")),
        level=_LEVELS.get(level, "final"),
        serial=int(version.removeprefix(release) or 0),
        text=version,
    )


def script(path: Path, text: str) -> Path:
    """Write something that only looks like an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
