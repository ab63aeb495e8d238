"""The driver of `tests.driver`, with devices that are in use."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from envctl.domain.record import Record
from tests.driver import ASSETS, LIBRARY, nvml_machine, tree


def nvml_in_use(root: Path, record: Record, usage: Iterable[str], *flags: str) -> Path:
    """Build the library below a root, speaking of a recorded machine; `usage`: the lines of `nvml.usage`."""
    folder = root / "usr/lib/x86_64-linux-gnu"
    lines = "".join(f"{line}\n" for line in usage)
    tree(folder, {"nvml.machine": nvml_machine(record), "nvml.usage": lines})
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("a C compiler is needed for tests/assets/nvml_usage.c")
        pytest.skip("there is no C compiler for tests/assets/nvml_usage.c")
    source = str(ASSETS / "nvml_usage.c")
    argv = [compiler, "-shared", "-fPIC", *flags, "-o", str(folder / LIBRARY), source]
    subprocess.run(argv, check=True)
    return root


def process(root: Path, pid: int, name: str) -> None:
    """Put a process of this user's below a root."""
    tree(root, {f"proc/{pid}/comm": f"{name}\n"})


def smi_in_use(root: Path, answers: Mapping[str, str]) -> Path:
    """Put an `nvidia-smi` below a root that answers each question, known by its first word, with a text."""
    cases = "\n".join(
        f"'{question}') cat <<'EOT'\n{text}\nEOT\n;;" for question, text in answers.items()
    )
    script = f'#!/bin/sh\ncase "${{1%%,*}}" in\n{cases}\n*) exit 1;;\nesac\n'
    tree(root, {"usr/bin/nvidia-smi": script})
    (root / "usr/bin/nvidia-smi").chmod(0o755)
    return root
