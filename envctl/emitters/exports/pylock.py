"""A PEP 751 lock for one platform and one Python, with no choice left in it: one file a package, no markers."""

from collections.abc import Iterator
from typing import Any

from packaging.pylock import Package

from envctl.domain.export import Excerpt, Exported, Option, Settings
from envctl.domain.lock.entry import CREATOR, package_table
from envctl.domain.lock.slices import Target
from envctl.emitters import pylock
from envctl.errors import UsageError

NAME = "pylock"
SUMMARY = "A lock for one platform, for pip and uv."
FILE = "pylock.linux.toml"
FILES = r"pylock\.[^.]+\.toml"  # PEP 751, "File Name"; the plain one is the project's
EXAMPLE = "envctl export pylock --platform linux-aarch64 --output pylock.aarch64.toml"
OPTIONS: tuple[Option, ...] = ()


def emit(excerpt: Excerpt, settings: Settings) -> Exported:  # noqa: ARG001  # the protocol's
    """Write the lock; raises ``UsageError`` when no platform was named."""
    if excerpt.target is None:
        raise UsageError(
            "such a lock is for one platform",
            where="--platform",
            hint=f"name it, for example `{EXAMPLE}`",
        )
    header = (
        f"# Written from {excerpt.lock_name} by `{excerpt.command}`:\n"
        "# change pyproject.toml, run `envctl lock`, then that command.\n"
    )
    text = pylock.emit(_table(excerpt, excerpt.target), header=header)
    return Exported(text=text, warnings=tuple(_warnings(excerpt.packages)))


def _table(excerpt: Excerpt, target: Target) -> dict[str, Any]:
    exact = target.python.count(".") == 2
    return {
        "lock-version": "1.0",
        "environments": [target.platform.marker],
        "requires-python": f"=={target.python}" if exact else f"=={target.python}.*",
        "created-by": CREATOR,
        "packages": [package_table(package) for package in excerpt.packages],
    }


def _warnings(packages: tuple[Package, ...]) -> Iterator[str]:
    direct = [f"`{package.name}`" for package in packages if package.is_direct]
    if direct:
        yield (
            f"{', '.join(direct)}: from an address, not from an index; "
            "pip refuses such a lock as a whole, uv installs it"
        )
