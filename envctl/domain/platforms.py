"""The platforms that a lock may be made for, by the names that a manifest uses.

A platform is ``<os>-<machine>``, on Linux optionally with a libc floor: ``linux-x86_64-glibc2.28``.
"""

import re
from dataclasses import dataclass

from envctl.domain.nearest import meant
from envctl.errors import ManifestError

# os, machine -> sys_platform, platform_machine as PEP 508 markers see them, and platform.system().
_KNOWN = {
    ("linux", "x86_64"): ("linux", "x86_64", "Linux", "posix"),
    ("linux", "aarch64"): ("linux", "aarch64", "Linux", "posix"),
    ("macos", "arm64"): ("darwin", "arm64", "Darwin", "posix"),
    ("macos", "x86_64"): ("darwin", "x86_64", "Darwin", "posix"),
    ("windows", "x86_64"): ("win32", "AMD64", "Windows", "nt"),
    ("windows", "arm64"): ("win32", "ARM64", "Windows", "nt"),
}
_FORM = re.compile(r"(?P<os>[a-z]+)-(?P<machine>[a-z0-9_]+?)(?:-glibc(?P<libc>\d+\.\d+))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """One target: operating system, machine and, on Linux, the oldest glibc that must do."""

    os: str
    machine: str
    libc: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The name as a manifest writes it."""
        floor = f"-glibc{self.libc[0]}.{self.libc[1]}" if self.libc else ""
        return f"{self.os}-{self.machine}{floor}"

    @property
    def sys_platform(self) -> str:
        """``sys.platform`` there."""
        return _KNOWN[self.os, self.machine][0]

    @property
    def platform_machine(self) -> str:
        """``platform.machine()`` there."""
        return _KNOWN[self.os, self.machine][1]

    @property
    def marker(self) -> str:
        """The PEP 508 marker that is true there and on no other known platform."""
        return f"platform_machine == '{self.platform_machine}' and sys_platform == '{self.sys_platform}'"

    def environment(self, python: str) -> dict[str, str]:
        """Return the marker environment of CPython ``python`` (``3.11`` or ``3.11.7``) there."""
        sys_platform, machine, system, os_name = _KNOWN[self.os, self.machine]
        full = python if python.count(".") > 1 else f"{python}.0"
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": os_name,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": full,
            "python_version": ".".join(full.split(".")[:2]),
            "sys_platform": sys_platform,
        }


def parse_platform(text: str, where: str = "tool.envctl.platforms") -> Platform:
    """Read a platform's name; raises ``ManifestError`` that lists the known ones."""
    match = _FORM.fullmatch(text)
    if match and (match["os"], match["machine"]) in _KNOWN:
        libc = match["libc"]
        if libc is None or match["os"] == "linux":
            major, _, minor = (libc or "").partition(".")
            return Platform(
                os=match["os"],
                machine=match["machine"],
                libc=(int(major), int(minor)) if libc else None,
            )
    known = ["-".join(pair) for pair in _KNOWN]
    hint = meant(text, known, otherwise=f"known: {', '.join(known)}")
    raise ManifestError(f"`{text}` is not a platform", where=where, hint=hint)


def platform_of(sys_platform: str, machine: str) -> Platform | None:
    """Return the platform on which Python reports these two values, if it is a known one."""
    for (os, name), (system, reported, _, _) in _KNOWN.items():
        if system == sys_platform and reported.lower() == machine.lower():
            return Platform(os=os, machine=name)
    return None
