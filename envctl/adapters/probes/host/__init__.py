"""The machine below Python: system, kernel, libc, processor, memory; the container and the job around us.

Files are read below ``sysroot``; what files do not tell is asked of our own process.
"""

import os
import platform
import re
import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from envctl.adapters.probes.host import cgroup, surroundings
from envctl.domain.record import Cpu, OperatingSystem, machine_id
from envctl.errors import EnvctlError
from envctl.ports import Runner

NAME = "host"


def probe(*, run: Runner, sysroot: Path) -> Mapping[str, Any]:
    """Return what the machine is, and what of it a container or a scheduler's job leaves."""
    kernel = _text(sysroot, "proc/sys/kernel/osrelease") or platform.release()
    read, exists = partial(_text, sysroot), partial(_is, sysroot)
    cpu, memory = _cpu(sysroot), _memory(sysroot)
    container = surroundings.container(read, exists, kernel, os.environ)
    return {
        "machine_id": machine_id(
            _text(sysroot, "etc/machine-id") or _text(sysroot, "var/lib/dbus/machine-id")
        ),
        "os": _system(sysroot),
        "kernel": kernel,
        "libc": _libc(run, sysroot),
        # /proc/sys/kernel/arch is there since Linux 6.1
        "architecture": _text(sysroot, "proc/sys/kernel/arch") or platform.machine(),
        "cpu": cpu,
        "memory_bytes": memory,
        "container": container,
        "scheduler": surroundings.scheduler(read, os.environ, container),
        "cpu_limit": cgroup.cpu_limit(read, cpu.cores),
        "memory_limit_bytes": cgroup.memory_limit(read, memory),
    }


def _text(sysroot: Path, name: str) -> str | None:
    try:
        text = (sysroot / name).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # a path with a NUL
        return None
    return text.strip("\0\n ") or None


def _system(sysroot: Path) -> OperatingSystem:
    text = _text(sysroot, "etc/os-release") or _text(sysroot, "usr/lib/os-release")
    if text is None:
        system, version = platform.system(), platform.mac_ver()[0] or None
        name = f"macOS {version}" if version else system
        return OperatingSystem(name=name, id=system.lower(), version=version)
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            fields[key] = _unquoted(value)
    # os-release(5) gives these two defaults
    own = fields.get("ID") or "linux"
    name = fields.get("PRETTY_NAME") or fields.get("NAME") or "Linux"
    return OperatingSystem(name=name, id=own, version=fields.get("VERSION_ID") or None)


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def _libc(run: Runner, sysroot: Path) -> str | None:
    """Return ``glibc 2.36`` as the C library itself says it, or musl's version from its loader."""
    try:
        if own := os.confstr("CS_GNU_LIBC_VERSION"):
            return own
    except (AttributeError, OSError, ValueError):
        pass  # no glibc under this Python
    for loader in sorted(sysroot.glob("lib/ld-musl-*.so.1")):
        try:
            said = run([str(loader)], timeout=5).stderr
        except EnvctlError:
            said = ""
        version = re.search(r"^Version (\S+)", said, re.MULTILINE)
        return f"musl {version[1]}" if version else "musl"
    return None


def _cpu(sysroot: Path) -> Cpu:
    text = _text(sysroot, "proc/cpuinfo") or ""
    cores = len(re.findall(r"^processor\s*:", text, re.MULTILINE)) or os.cpu_count()
    model = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(\S.*?)\s*$", text, re.MULTILINE)
    # ARM's cpuinfo often has numbers only; a Jetson names itself in the device tree.
    name = model[1] if model else _text(sysroot, "sys/firmware/devicetree/base/model")
    return Cpu(model=name, cores=cores)


def _memory(sysroot: Path) -> int | None:
    total = re.search(r"^MemTotal:\s*(\d+) kB", _text(sysroot, "proc/meminfo") or "", re.MULTILINE)
    if total:
        return int(total[1]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def _is(sysroot: Path, name: str) -> bool:
    try:
        return (sysroot / name).exists()
    except OSError:
        return False
