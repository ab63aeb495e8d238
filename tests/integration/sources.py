"""Packages that have no wheel: sdists whose backend lies in them, calls the compilers itself and counts its builds."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.index import backend, wheels
from tests.index.wheels import Wheel
from tests.integration.world import World

LOG = "builds.log"
"""In the home folder: one line per build, the package's name."""

EXTENSION = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(ANSWER); }

static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "NAME", "", -1, methods};

PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&module); }
"""

_PYPROJECT = """\
[build-system]
requires = {requires}
build-backend = "making"
backend-path = ["in_tree"]
"""

# Standard library only. `BEFORE` runs first: imports of what must be there, or worse.
_MAKING = """\
import os, shlex, subprocess, sys, sysconfig
from pathlib import Path
{before}
from packing import TREE, WHEEL_NAME, _dist_info, _tree, pack, prepare_metadata_for_build_wheel

NAME = {name!r}
SOURCES = {sources!r}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.path.join(os.environ["HOME"], {log!r}), "a") as log:
        log.write(NAME + "\\n")
    files = {{}}
    module = NAME.replace("-", "_")
    for source in SOURCES:
        if source.endswith(".cu"):
            command = ["nvcc", "-c", source, "-o", source + ".o"]
        else:
            suffix = sysconfig.get_config_var("EXT_SUFFIX")
            compiler = shlex.split(os.environ.get("CC", "cc"))
            include = sysconfig.get_paths()["include"]
            command = [*compiler, "-shared", "-fPIC", "-I", include, source, "-o", module + suffix]
            files[module + suffix] = None
        subprocess.run(command, check=True)
    entries = _tree()
    for name in files:
        entries[name] = Path(name).read_bytes()
    found = Path(WHEEL_NAME).read_text().strip()
    if files:
        tag = "cp{{0}}{{1}}-cp{{0}}{{1}}-".format(*sys.version_info)
        found = found.replace("py3-none-any", tag + sysconfig.get_platform().replace("-", "_"))
    Path(wheel_directory, found).write_bytes(pack(entries, _dist_info(entries)))
    return found
"""


def source(
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    build_requires: Sequence[str] = (),
    sources: Mapping[str, str] | None = None,
    before: str = "",
    static: bool = True,
    answer: int = 42,
) -> tuple[str, bytes]:
    """Make an sdist; by default it is one C extension whose ``answer()`` gives ``answer``.

    Not ``static``: what it depends on is told by its backend only (PEP 643).
    """
    module = name.replace("-", "_")
    wheel = Wheel(name, version, requires=requires, files={})
    text = EXTENSION.replace("NAME", module).replace("ANSWER", str(answer))
    files = {f"{module}.c": text} if sources is None else sources
    contents = {
        "PKG-INFO": wheels.metadata(wheel) if static else wheels._dynamic_metadata(wheel),
        "pyproject.toml": _PYPROJECT.format(requires=list(build_requires)).encode(),
        "in_tree/packing.py": inspect.getsource(backend).encode(),
        "in_tree/making.py": _MAKING.format(
            name=name, sources=list(files), before=before, log=LOG
        ).encode(),
        backend.WHEEL_NAME: wheel.filename.encode(),
    }
    contents |= {each: text.encode() for each, text in files.items()}
    contents |= {f"{backend.TREE}/{each}": data for each, data in wheels._entries(wheel).items()}
    return wheel.sdist_filename, wheels._tar_gz(wheel.stem, contents)


def serve(world: World, *made: tuple[str, bytes]) -> None:
    """Put sdists on the project's index."""
    folder = world.root.parent / "sdists"
    folder.mkdir(exist_ok=True)
    for name, content in made:
        (folder / name).write_bytes(content)
    world.index.serve_folder(folder)


def builds(world: World) -> list[str]:
    """Return what was built so far, in order."""
    log = Path(world.environ["HOME"]) / LOG
    return log.read_text().split() if log.exists() else []


def program(folder: Path, name: str, text: str) -> Path:
    """Make an executable script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
