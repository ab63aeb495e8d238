"""A locked and synced project that each test may spoil, and what must hold of envctl when it gives up.

The project is made once for a module and put back from a copy before each test: that is a tenth of a sync's time.
Its folder has a space and letters beyond ASCII, and every call runs under ``LC_ALL=C``.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import STOCK, World

Tree = dict[str, bytes]
_OWN = {".envctl/cache", ".envctl/runs", ".envctl/state.lock"}
"""What a command may leave behind whatever happens: notes of the fast path, the descriptions of runs, the lock."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one call of envctl said, as bytes decoded from UTF-8 whatever the locale is."""

    code: int
    out: str
    err: str

    def envelope(self) -> dict[str, Any]:
        """Return stdout as the one JSON value that it must be."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def tree(root: Path) -> Tree:
    """Return every file with its mode and content, and every link with its target."""
    found: Tree = {}
    for folder, folders, files in os.walk(root):
        paths = {name: Path(folder, name) for name in [*folders, *files]}
        names = {name: str(path.relative_to(root)) for name, path in paths.items()}
        folders[:] = [name for name in folders if names[name] not in _OWN]
        for name, path in paths.items():
            if names[name] in _OWN:
                continue
            if path.is_symlink():
                found[names[name]] = b"-> " + os.fsencode(path.readlink())
            elif path.is_file():
                mode = oct(path.stat().st_mode).encode()
                found[names[name]] = mode + b" " + path.read_bytes()
    return found


def call(
    world: World,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    root: Path | None = None,
) -> Said:
    """Run envctl; it must give no traceback, and every file as it was unless it ends with 0."""
    place = root or world.root
    before = tree(place)
    done = subprocess.run(
        [sys.executable, "-m", "envctl", *arguments],
        cwd=cwd or place,
        env={**environment(world), **(env or {})},
        capture_output=True,
        timeout=120,
        check=False,
    )
    said = Said(
        code=done.returncode,
        out=done.stdout.decode("utf-8", "surrogateescape"),
        err=done.stderr.decode("utf-8", "surrogateescape"),
    )
    assert "Traceback" not in said.err, said.err
    assert "a bug in envctl" not in said.err
    if said.code:
        after = tree(place)
        assert after == before, {n for n in {*before, *after} if before.get(n) != after.get(n)}
    return said


def environment(world: World) -> dict[str, str]:
    """Return the variables of a call: a bare locale, and none of the caller's that envctl heeds."""
    foreign = (
        "ENVCTL_",
        "SLURM_",
        "UV_",
        "PIP_",
        "CUDA_",
        "PYTHONHASHSEED",
        "LANG",
        "LC_",
        "VIRTUAL_ENV",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **world.environ, "LC_ALL": "C"}


def refusal(said: Said, code: int, *words: str) -> None:
    """One message on stderr, with place and next step; nothing on stdout."""
    show = f"{said.code}\n{said.out}{said.err}"
    assert said.code == code, show
    assert said.out == "", show
    lines = said.err.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1, show
    if code != 2:
        assert any(line.startswith("  where: ") for line in lines), show
        assert any(line.startswith("  next:  ") for line in lines), show
    for word in words:
        assert word in said.err, f"{word!r} is not in\n{show}"


@contextmanager
def project(folder: Path) -> Iterator[World]:
    """Make a locked and synced project with its index."""
    root = folder / "pro jekt é ü"
    root.mkdir()
    with LocalIndex(mode="html") as index:
        index.add(*STOCK, Wheel("uv", version("uv")))
        made = World(
            root=root,
            index=index,
            environ={
                "UV_CACHE_DIR": str(folder / "uv cache"),
                "UV_HTTP_RETRIES": "0",
                "PIP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1",
                "HOME": str(folder / "home"),
            },
        )
        made.write("pyproject.toml", made.manifest())
        made.envctl("lock")
        made.envctl("sync")
        shutil.copytree(root, folder / "copy", symlinks=True)
        yield made


def put_back(world: World) -> None:
    """Make project and index what they were."""
    copy = world.root.parent / "copy"
    shutil.rmtree(world.root, ignore_errors=True)
    shutil.copytree(copy, world.root, symlinks=True)
    world.index.fault = None
    world.index.fault_paths = "/"
    world.index.add(*STOCK)


@contextmanager
def mounted(target: Path, *options: str, size: str = "") -> Iterator[Path]:
    """Mount a small file system in memory at ``target``: permissions do not bind root, a mount does."""
    target.mkdir(exist_ok=True)
    chosen = ",".join([*options, *([f"size={size}"] if size else [])])
    command = ["mount", "-t", "tmpfs", *(["-o", chosen] if chosen else []), "envctl-test"]
    try:
        done = subprocess.run(
            [*command, str(target)], capture_output=True, text=True, check=False, timeout=30
        )
        trouble = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError:
        trouble = "there is no mount(8)"
    if trouble:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must be able to mount: {trouble}")
        pytest.skip(f"a file system can be mounted by root only: {trouble}")
    try:
        yield target
    finally:
        unmount(target)


def unmount(target: Path) -> None:
    """Take a file system away, as soon as nobody uses it."""
    for _ in range(50):
        if (
            subprocess.run(["umount", str(target)], capture_output=True, check=False).returncode
            == 0
        ):
            return
        time.sleep(0.1)
    subprocess.run(["umount", "--lazy", str(target)], check=True)


def read_only(target: Path) -> None:
    """Make a mounted file system refuse writes."""
    subprocess.run(["mount", "-o", "remount,ro", str(target)], check=True)


def fill(folder: Path, *, leave: int = 0) -> None:
    """Use up the file system that ``folder`` lies on, but for ``leave`` bytes."""
    found = os.statvfs(folder)
    size = found.f_bavail * found.f_frsize - leave
    with (folder / "filler").open("wb") as file:
        file.write(b"\0" * max(size, 0))
