"""A machine with four GPUs that several share: envctl in a project, a made-up driver, and a folder of leases."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters.leases.shared import SharedLeases
from envctl.domain.devices.lease import Lease, Waiter
from envctl.domain.record import Record
from tests import machines
from tests.driver_usage import nvml_in_use
from tests.integration.trouble import environment, project
from tests.integration.world import World

GIB = 1024**3
PATIENCE_S = 120.0


def four() -> Record:
    """Return a machine with four equal GPUs, whose order in NVML is not that of their PCI addresses."""
    record = machines.load("hpc-a100")
    uuids = [f"GPU-{number}{'0' * 7}-5b68-501d-9e0f-9a9337da15ab" for number in range(4)]
    return replace(
        record,
        gpus=tuple(
            replace(gpu, index=index, uuid=uuids[number], pci_bus_id=f"0000:{number + 1:02x}:00.0")
            for index, (gpu, number) in enumerate(zip(record.gpus, (1, 0, 2, 3), strict=False))
        ),
    )


GPUS = tuple(sorted(gpu.uuid or "" for gpu in four().gpus))
"""The UUIDs in the order of their PCI addresses."""


@dataclass
class Box:
    """The machine: ``start`` a command with a lease, ``run`` one to its end."""

    world: World
    base: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.base / "tmp/leases"

    @property
    def leases(self) -> SharedLeases:
        return SharedLeases(self.folder)

    def held(self) -> Mapping[str, Lease]:
        return self.leases.held()

    def in_use(self, *lines: str) -> None:
        """Let others use devices, as `tests.driver_usage` has it."""
        library = self.base / "machine/usr/lib/x86_64-linux-gnu"
        (library / "nvml.usage.new").write_text("".join(f"{line}\n" for line in lines))
        (library / "nvml.usage.new").rename(library / "nvml.usage")

    def is_a(self, record: Record) -> None:
        """Let the machine be another one."""
        shutil.rmtree(self.base / "machine", ignore_errors=True)
        (self.base / "machine").mkdir(mode=0o755)
        nvml_in_use(self.base / "machine", record, [])

    def environ(self, **more: str) -> dict[str, str]:
        own = {"ENVCTL_SYSROOT": str(self.base / "machine"), "ENVCTL_LEASES": str(self.folder)}
        return {**environment(self.world), **own, **more}

    def start(
        self, *words: str, before: Sequence[str] = (), user: int | None = None, **env: str
    ) -> "subprocess.Popen[str]":
        """Start envctl in a group of its own."""
        started = subprocess.Popen(
            [*before, *_as(user), sys.executable, "-m", "envctl", *words],
            cwd=self.world.root,
            env=self.environ(**env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(started)
        return started

    def run(self, *words: str, code: int = 0, **more: Any) -> "subprocess.CompletedProcess[str]":
        started = self.start(*words, **more)
        out, err = started.communicate(timeout=PATIENCE_S)
        assert started.returncode == code, f"{words}: {started.returncode}\n{out}{err}"
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(words, code, out, err)

    def holds(self, *words: str, **more: Any) -> "subprocess.Popen[str]":
        """Start a command that holds its devices until its stdin is closed, and wait until it has them."""
        script = 'echo "$CUDA_VISIBLE_DEVICES"; read line'
        started = self.start("run", *words, "--", "sh", "-c", script, **more)
        assert started.stdout
        devices = started.stdout.readline().strip()
        assert devices, started.communicate()[1]
        return started

    def waits(self, *words: str, **more: Any) -> "subprocess.Popen[str]":
        """Start a command that has to wait, and wait until it is in line."""
        before = len(self.waiting())
        started = self.start("run", "--wait", *words, **more)
        self.until(lambda: len(self.waiting()) > before or started.poll() is not None)
        assert started.poll() is None, started.communicate()
        return started

    def waiting(self) -> tuple[Waiter, ...]:
        return self.leases.waiting()

    def until(self, true: Any) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, "it does not come to be"
            time.sleep(0.02)

    def end(self) -> None:
        for each in self.started:
            with suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
            each.communicate()
        self.started.clear()


@contextmanager
def shared_box() -> Iterator[Box]:
    """Make it, in a folder that every user can enter: pytest's own are its user's alone."""
    base = Path(tempfile.mkdtemp(prefix="envctl-test-"))
    try:
        base.chmod(0o755)
        (base / "tmp").mkdir()
        (base / "tmp").chmod(0o1777)
        with project(base) as world:
            world.edit("pyproject.toml", 'CUDA_VISIBLE_DEVICES = "2"\n', "")
            box = Box(world=world, base=base)
            box.is_a(four())
            yield box
    finally:
        shutil.rmtree(base)


def explained(box: Box, *words: str, **env: Any) -> dict[str, dict[str, Any]]:
    """Return what `run --explain --json` says, by variable."""
    done = box.run("run", "--explain", "--json", *words, **env)
    return {each["name"]: each for each in json.loads(done.stdout)["result"]["variables"]}


@cache
def other_users() -> tuple[int, int]:
    """Return two users who are neither root nor known here; only root can start what runs as another."""
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must run as root: only root can be two users")
        pytest.skip("only root can be two users")
    first, second = 52001, 52002
    probe = [*_as(first), sys.executable, "-c", "import envctl.cli.run, click, pynvml"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"another user cannot start envctl: {done.stderr}"
    return first, second


def _as(user: int | None) -> list[str]:
    """Return what to put before a command that another user runs, who may read whatever root has installed.

    The checkout or the interpreter may lie in a folder that only its owner can enter. It bars no write.
    """
    if user is None:
        return []
    ids = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    readers = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    if subprocess.run(["setpriv", *readers, "true"], capture_output=True, check=False).returncode:
        readers = []  # a container without that capability
    return ["setpriv", *ids, *readers, "--"]
