"""How a machine comes to be too old, too new or too bare for a lock: this one, and one that the team recorded."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from envctl.domain.finding.codes import Code
from envctl.domain.record import Record
from envctl.domain.workshop.toolchain import Toolchain
from tests import machines
from tests.integration.provoking import Case, Near, Way
from tests.integration.provoking.locks import asks
from tests.integration.sources import serve, source
from tests.integration.world import MINOR, World

_Provoke = Callable[[Near], None]
TOOLS = Toolchain(c="/usr/bin/cc", cxx="/usr/bin/c++", nvcc="/usr/local/cuda/bin/nvcc")


def machine(name: str, **changes: Any) -> Record:
    """Return a machine with the Python of this test: notes on others are tested elsewhere."""
    found = machines.load(name)
    python = replace(found.python, version=f"{MINOR}.2")
    return replace(found, python=python, name=name, **changes)


def here(torch: str, record: Record, *, more: str = "") -> _Provoke:
    """Say that this machine is that one, with a lock of that torch."""

    def provoke(world: Near) -> None:
        _asked(world, torch, more)
        world.doors["machine"] = replace(record, machine_id=None)

    return provoke


def recorded(torch: str, *records: Record, more: str = "") -> _Provoke:
    """Put machines into the project, with a lock of that torch."""

    def provoke(world: Near) -> None:
        _asked(world, torch, more)
        for record in records:
            save(world, record)

    return provoke


def save(world: Near, record: Record) -> None:
    """Record a machine, by envctl itself on that machine."""
    world.doors["machine"] = record
    world.envctl("record", "--save", record.name or "")
    del world.doors["machine"]


def _asked(world: World, torch: str, more: str) -> None:
    """Lock with that torch, then ask for any: an older one is then allowed."""
    if more:
        world.write("pyproject.toml", world.read("pyproject.toml") + more)
    asks(world, torch)
    world.edit("pyproject.toml", f'"{torch}"', '"torch"')
    world.envctl("lock")


_BOTH: Mapping[Code, tuple[str, Record, str, tuple[Way, Way]]] = {
    "driver-too-old": ("torch==2.11.0", machine("hpc-a100"), "", ("advice", "fix")),
    "driver-too-new": (
        "torch==2.9.1+cu126",
        machine("lab-v100", driver="595.45.04", cuda_level="13.2"),
        "",
        ("advice", "advice"),
    ),
    "driver-limited": ("torch==2.10.0", machine("hpc-a100"), "", ("advice", "advice")),
    "driver-forward": (
        "torch==2.11.0",
        machine("hpc-a100", driver="535.183.01", cuda_compat="13.0"),
        "",
        ("advice", "advice"),
    ),
    "no-kernel-for-gpu": ("torch==2.11.0", machine("lab-v100"), "", ("advice", "fix")),
    "kernels-unknown": (
        "torch==2.10.0",
        machine(
            "h100",
            gpus=tuple(
                replace(each, name="NVIDIA Z1", compute_capability=None)
                for each in machines.load("h100").gpus
            ),
        ),
        "",
        ("advice", "advice"),
    ),
    "gpu-missing": (
        "torch==2.11.0",
        machine("no-gpu"),
        "\n[tool.envctl.gpu]\nrequired = true\n",
        ("advice", "advice"),
    ),
    "gpu-unused": ("torch==2.11.0", machine("broken-driver"), "", ("advice", "advice")),
    "libc-too-old": ("torch==2.10.0", machine("h100", libc="glibc 2.17"), "", ("advice", "advice")),
}
"""By code: the torch in the lock, the machine, more of the manifest, and what mends it here and in the fleet."""


def builds(needs: str, there: Toolchain) -> _Provoke:
    """Lock a package that must be built here with these compilers."""

    def provoke(world: Near) -> None:
        serve(world, source("zz-made-ext"))
        settings = f"\n[tool.envctl.build.zz-made-ext]\nneeds = [{needs}]\n"
        world.write("pyproject.toml", world.read("pyproject.toml") + settings)
        world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-ext"')
        world.environ = {**world.environ, "XDG_CACHE_HOME": str(world.root / "cache")}
        world.envctl("lock")
        world.doors["tools"] = there

    return provoke


def updated(world: Near) -> None:
    """Record a machine, then give it another driver."""
    old = machine("hpc-a100")
    save(world, old)
    world.doors["machine"] = replace(old, driver="570.86.10", cuda_level="12.8")


PROFILES = """
[tool.envctl.profiles.gpu]
dependencies = ["torch"]
[tool.envctl.profiles.plain]
"""


def profiled(world: World, torch: str) -> None:
    """Give the project a profile with that torch, and one without any."""
    world.edit("pyproject.toml", '"torch", ', "")
    more = PROFILES.replace("torch", torch)
    world.write("pyproject.toml", world.read("pyproject.toml") + more)
    (world.root / "pylock.toml").unlink()
    world.envctl("lock")


def synced(torch: str, record: Record) -> _Provoke:
    """Sync the profile with that torch, on a machine that does not run it."""

    def provoke(world: Near) -> None:
        profiled(world, torch)
        world.doors["machine"] = replace(record, machine_id=None)
        world.envctl("sync", "--profile", "gpu")

    return provoke


def idle(world: Near) -> None:
    """Record a machine whose GPUs the newest torch cannot use."""
    profiled(world, "torch==2.11.0")
    world.edit("pyproject.toml", '"torch==2.11.0"', '"torch<2.99"')
    world.envctl("lock")
    save(world, machine("lab-v100"))


CASES = (
    *(
        Case(
            code=code,
            layer="machine",
            way=ways[0],
            stage="torch",
            provoke=here(torch, record, more=more),
        )
        for code, (torch, record, more, ways) in _BOTH.items()
    ),
    *(
        Case(
            code=code,
            layer="fleet",
            way=ways[1],
            stage="torch",
            provoke=recorded(torch, record, more=more),
        )
        for code, (torch, record, more, ways) in _BOTH.items()
    ),
    *(
        Case(code=code, layer="machine", way="fix", stage="torch", provoke=synced(torch, record))
        for code, (torch, record, _, _) in _BOTH.items()
        if code in ("driver-too-old", "driver-too-new", "no-kernel-for-gpu")
    ),
    Case(code="gpu-unused", layer="fleet", way="fix", stage="torch", provoke=idle),
    Case(
        code="platform-unserved",
        layer="fleet",
        way="advice",
        stage="torch",
        provoke=recorded("torch==2.10.0", machine("jetson-orin")),
    ),
    Case(
        code="python-version",
        layer="fleet",
        way="advice",
        stage="torch",
        provoke=recorded(
            "torch==2.10.0",
            replace(machine("h100"), python=replace(machine("h100").python, version="3.9.2")),
        ),
    ),
    Case(
        code="compiler-missing",
        layer="machine",
        way="advice",
        provoke=builds('"c"', replace(TOOLS, c=None)),
    ),
    Case(
        code="nvcc-missing",
        layer="machine",
        way="advice",
        provoke=builds('"nvcc"', replace(TOOLS, nvcc=None)),
    ),
    Case(
        code="python-headers-missing",
        layer="machine",
        way="advice",
        provoke=builds('"c"', replace(TOOLS, headers=False)),
    ),
    Case(code="record-stale", layer="machine", way="fix", provoke=updated),
)
