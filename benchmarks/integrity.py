"""The ratios of `envctl verify --only environment`, by size and time and by every byte."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Command, Ratio, compare, run

# What anybody would write who wants every file's size and time and nothing else.
WALK = """\
import os, sys

def walk(folder):
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            walk(entry.path)
        else:
            entry.stat(follow_symlinks=False)

walk(sys.argv[1])
"""


def ratios(envctl: str, folder: Path, env: Mapping[str, str]) -> tuple[Ratio, Ratio]:
    """Measure both in a project whose environment is in order."""
    top = os.path.realpath(folder / ".venv")
    files = folder / "files"
    paths = [os.path.join(parent, name) for parent, _, names in os.walk(top) for name in names]  # noqa: PTH118
    real = [path for path in paths if not Path(path).is_symlink()]
    files.write_bytes(b"\0".join(os.fsencode(path) for path in real))
    for options in ((), ("--full",)):
        run([envctl, "verify", "--only", "environment", *options], folder, env)
    count = f"{len(paths):,} files"
    return (
        compare(
            f"envctl verify --only environment / stat walk in Python, {count}",
            1.3,
            _command(folder, env, envctl, "verify", "--only", "environment"),
            _command(folder, env, sys.executable, "-c", WALK, top),
            pairs=25,
        ),
        compare(
            f"envctl verify --only environment --full / xargs -P2 sha256sum, {count}",
            0.8,
            _command(folder, env, envctl, "verify", "--only", "environment", "--full"),
            _command(folder, env, "sh", "-c", "xargs -0 -P2 sha256sum <files >/dev/null"),
            pairs=15,
        ),
    )


def _command(folder: Path, env: Mapping[str, str], *step: str) -> Command:
    return Command(name=step[0], steps=(step,), prepare=lambda: folder, env=env)
