"""Real shared objects for the tests, made by the compiler of this machine."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest


def shared_object(
    folder: Path,
    name: str,
    *,
    needs: Sequence[str] = (),
    runpath: str | None = None,
    soname: str | None = None,
) -> bytes:
    """Link an empty library that asks for others, which need not exist, and return its bytes."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("a C compiler is needed for shared objects")
        pytest.skip("there is no C compiler")
    stubs = folder / "stubs"
    stubs.mkdir(parents=True, exist_ok=True)
    base = [compiler, "-shared", "-fPIC", "-nostdlib", "-x", "c", "/dev/null"]
    for need in needs:  # the linker wants to see what it writes down
        subprocess.run([*base, f"-Wl,-soname,{need}", "-o", str(stubs / need)], check=True)
    path = folder / name
    more = [f"-Wl,-soname,{soname}"] if soname else []
    more += [f"-Wl,-rpath,{runpath}"] if runpath else []
    wanted = [str(stubs / need) for need in needs]
    argv = [*base, *more, "-Wl,--no-as-needed", "-x", "none", *wanted, "-o", str(path)]
    subprocess.run(argv, check=True)
    return path.read_bytes()
