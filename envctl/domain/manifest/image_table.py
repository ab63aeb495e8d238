"""``[tool.envctl.image]`` → ``ImageSettings``; every error names its key."""

import re
from collections.abc import Collection
from typing import Any

from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.manifest import ImageSettings
from envctl.domain.manifest.tables import ROOT, known_groups
from envctl.errors import ManifestError

_KEYS = (
    "build",
    "for",
    "groups",
    "extras",
    "system-packages",
    "command",
    "base",
    "registry",
    "source",
    "project",
    "builder",
    "build-packages",
    "ports",
    "healthcheck",
    "stop-signal",
)
# Debian Policy 5.6.7, with an optional version as apt-get takes it; no minus at the end, by which it removes a package.
_DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](=[A-Za-z0-9.+:~-]+)?")
_SIGNAL = re.compile(r"SIG[A-Z][A-Z0-9+-]{1,10}|[1-9]|[1-5][0-9]|6[0-4]")
_LAST_PORT = 65535


def image(own: reading.Table, groups: Collection[str]) -> ImageSettings:
    """Read ``[tool.envctl.image]``; raises ``ManifestError``."""
    table = reading.table(own, "image", ROOT)
    where = f"{ROOT}.image"
    reading.only(table, _KEYS, where)
    named = known_groups(reading.texts(table, "groups", where), groups, "image.groups")
    return ImageSettings(
        build=reading.text(table, "build", where, choices=("buildkit", "hermetic")) or "buildkit",
        target=reading.text(table, "for", where, choices=("docker", "slurm", "kubernetes"))
        or "docker",
        groups=named,
        extras=tuple(canonicalize_name(e) for e in reading.texts(table, "extras", where)),
        system_packages=_packages(table, "system-packages", where),
        command=reading.texts(table, "command", where),
        base=reading.text(table, "base", where),
        registry=reading.text(table, "registry", where),
        source=reading.texts(table, "source", where),
        project=reading.text(table, "project", where, choices=("source", "package")) or "source",
        builder=reading.text(table, "builder", where),
        build_packages=_packages(table, "build-packages", where),
        ports=_ports(table, where),
        healthcheck=reading.texts(table, "healthcheck", where),
        stop_signal=_signal(table, where),
    )


def _packages(table: reading.Table, key: str, where: str) -> tuple[str, ...]:
    packages = reading.texts(table, key, where)
    for n, package in enumerate(packages):
        if not _DEBIAN_PACKAGE.fullmatch(package):
            raise ManifestError(
                f"`{package}` is not the name of a Debian package",
                where=f"{where}.{key}[{n}]",
                hint="write it as `apt-get install` takes it, for example `libgl1`",
            )
    return packages


def _ports(table: reading.Table, where: str) -> tuple[int, ...]:
    found: Any = table.get("ports", [])
    if not isinstance(found, list):
        raise reading.wrong("an array of ports", found, f"{where}.ports")
    for n, port in enumerate(found):
        if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= _LAST_PORT:
            raise reading.wrong("a port, 1 to 65535", port, f"{where}.ports[{n}]")
    return tuple(dict.fromkeys(found))


def _signal(table: reading.Table, where: str) -> str | None:
    name = reading.text(table, "stop-signal", where)
    if name is not None and not _SIGNAL.fullmatch(name):
        raise ManifestError(
            f"`{name}` is not a signal",
            where=f"{where}.stop-signal",
            hint='write its name, for example "SIGINT"',
        )
    return name
