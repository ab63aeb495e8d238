"""A real driver, or all of these tests are skipped; what it said is printed at the end."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import world as world  # noqa: PLC0414
from tests.integration.world import World

CUDA = Path(__file__).with_name("cuda.py")
_HIDING = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
_SAID = pytest.StashKey[list[str]]()


def cuda(variables: Mapping[str, str | None] = {}) -> list[dict[str, Any]] | None:
    """Return the devices that a CUDA program sees under these variables; `None`: there is no driver that works."""
    env = {name: value for name, value in os.environ.items() if name not in _HIDING}
    env |= {name: value for name, value in variables.items() if value is not None}
    argv = [sys.executable, str(CUDA), "devices"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)
    found: list[dict[str, Any]] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


@pytest.fixture(scope="session")
def devices() -> list[dict[str, Any]]:
    """Give all devices of this machine, by PCI address."""
    found = cuda({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    if not found:
        pytest.skip("no GPU with an NVIDIA driver here")
    return found


@pytest.fixture
def project(world: World) -> World:
    """Give a synced project that declares no devices."""
    world.edit("pyproject.toml", 'CUDA_VISIBLE_DEVICES = "2"\n', "")
    world.envctl("lock")
    world.envctl("sync")
    return world


@pytest.fixture
def said(pytestconfig: pytest.Config) -> list[str]:
    """Give a list whose lines are printed at the end."""
    return pytestconfig.stash.setdefault(_SAID, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what the driver said."""
    lines = config.stash.get(_SAID, [])
    if lines:
        terminalreporter.section("the real driver")
        for line in lines:
            terminalreporter.write_line(line)
