"""What the benchmarks lock and install: made-up packages for the resolver, a real data stack for the installer."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.index.wheels import Wheel, write

PACKAGES = 170
DATA_STACK = (
    *("numpy", "pandas", "scikit-learn", "matplotlib", "jupyterlab"),
    *("sympy", "networkx", "seaborn", "statsmodels", "dask", "pyarrow"),
)

# The wheels that a package with compiled parts has for one CPython, as on a public index.
_TAGS = tuple(
    f"cp{minor}-cp{minor}-{platform}"
    for minor in (310, 311, 312, 313)
    for platform in (
        "macosx_11_0_arm64",
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "manylinux_2_17_aarch64.manylinux2014_aarch64",
        "musllinux_1_2_x86_64",
        "win_amd64",
    )
)


def made_up(folder: Path) -> tuple[str, ...]:
    """Write 170 packages in a web of requirements, a third of them compiled; return the roots' names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(PACKAGES):
        needs = tuple(
            f"zz-made-{number * 2 + step:03d}>=1" for step in (1, 2) if number * 2 + step < PACKAGES
        )
        tags = _TAGS if number % 3 == 0 else ("py3-none-any",)
        for each in ("1.0", "1.1", "2.0"):
            for tag in tags:
                write(Wheel(f"zz-made-{number:03d}", each, requires=needs, tags=(tag,)), folder)
    installer(folder)
    return ("zz-made-000",)


def installer(folder: Path) -> None:
    """Write a wheel that is called like the uv that is used here: a Dockerfile pins one, nothing installs it."""
    write(Wheel("uv", version("uv")), folder)


def real(folder: Path) -> None:
    """Download the data stack's wheels for this interpreter, once."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / "complete"
    wanted = " ".join(DATA_STACK)
    if not marker.exists() or marker.read_text() != wanted:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
        subprocess.run([*command, "--dest", str(folder), *DATA_STACK], check=True)
        marker.write_text(wanted)
    installer(folder)
