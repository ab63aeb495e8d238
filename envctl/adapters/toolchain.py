"""Which compilers this machine has. Nothing is compiled: they are looked for, and nvcc is asked for its version."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from envctl.domain.resolution import Interpreter
from envctl.domain.workshop.toolchain import Toolchain
from envctl.errors import ToolMissingError
from envctl.ports import Runner

_RELEASE = re.compile(r"\brelease (\d+\.\d+)")
_HEADERS = (
    "import os, sysconfig; "
    "print(os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))"
)
_SECONDS = 30.0


def look(run: Runner, environ: Mapping[str, str], interpreter: Interpreter) -> Toolchain:
    """Look for compilers as the build tools do: $CC and $CXX, $CUDA_HOME, the PATH."""
    search = environ.get("PATH")
    nvcc = _nvcc(environ)
    return Toolchain(
        c=_program(environ.get("CC"), ("cc", "gcc", "clang"), search),
        cxx=_program(environ.get("CXX"), ("c++", "g++", "clang++"), search),
        rust=_rust(search),
        nvcc=nvcc,
        nvcc_version=_version(nvcc, run) if nvcc else None,
        headers=_headers(interpreter, run),
    )


def _program(named: str | None, names: tuple[str, ...], search: str | None) -> str | None:
    """Return the program that is used: the one named (``ccache gcc`` is two words), or else the first there is."""
    if words := (named or "").split():
        return shutil.which(words[0], path=search)
    return next((found for name in names if (found := shutil.which(name, path=search))), None)


def _rust(search: str | None) -> str | None:
    return shutil.which("cargo", path=search) and shutil.which("rustc", path=search)


def _nvcc(environ: Mapping[str, str]) -> str | None:
    """Return nvcc where torch looks: $CUDA_HOME or $CUDA_PATH, the PATH, then ``/usr/local/cuda``."""
    home = environ.get("CUDA_HOME") or environ.get("CUDA_PATH")
    if home:
        return shutil.which("nvcc", path=str(Path(home) / "bin"))
    usual = f"{environ.get('PATH', '')}:/usr/local/cuda/bin"
    return shutil.which("nvcc", path=usual.removeprefix(":"))


def _version(nvcc: str, run: Runner) -> str | None:
    """Return ``12.6`` from ``Cuda compilation tools, release 12.6, V12.6.77``."""
    try:
        said = run([nvcc, "--version"], timeout=_SECONDS)
    except ToolMissingError:
        return None
    match = _RELEASE.search(said.stdout)
    return match[1] if match else None


def _headers(interpreter: Interpreter, run: Runner) -> bool:
    try:
        return run([interpreter.path, "-c", _HEADERS], timeout=_SECONDS).stdout.strip() != "False"
    except ToolMissingError:
        return True  # that it does not start is said better elsewhere
