"""``requirements.txt``: every package with the hash of each of its files, for ``pip install --require-hashes``."""

from collections.abc import Iterator

from envctl.domain.export import Excerpt, Exported, Option, Settings
from envctl.emitters import pip_lines

NAME = "requirements"
SUMMARY = "A requirements.txt with hashes, for pip and uv."
FILE = "requirements.txt"
FILES = r".+"
EXAMPLE = "envctl export requirements --output requirements.txt"
OPTIONS: tuple[Option, ...] = (
    Option(name="no-hashes", help="Write versions only: what git and folders need."),
)


def emit(excerpt: Excerpt, settings: Settings) -> Exported:
    """Write one requirement a package. The bytes depend on the lock and the choice alone."""
    verified = not settings.get("no_hashes", False)
    lines = [*_header(excerpt, verified=verified)]
    lines += pip_lines.index_lines(excerpt.indexes, excerpt.pip_index)
    for package in excerpt.packages:
        parts = (
            pip_lines.requirement(package, verified=verified),
            *(pip_lines.hashes(package) if verified else ()),
        )
        lines.append(" \\\n    ".join(parts))
    text = "\n".join(lines) + "\n"
    return Exported(text=text, warnings=tuple(_warnings(excerpt, verified=verified)))


def _header(excerpt: Excerpt, *, verified: bool) -> Iterator[str]:
    yield f"# Written from {excerpt.lock_name} by `{excerpt.command}`:"
    yield "# change pyproject.toml, run `envctl lock`, then that command."
    if verified:
        yield "# Install with `pip install --require-hashes -r FILE`."
    python = excerpt.target.python if excerpt.target else excerpt.lock.pylock.requires_python
    if excerpt.platforms:
        yield f"# Platforms: {', '.join(excerpt.platforms)}"
    if python:
        yield f"# Python: {python}"
    if len(excerpt.indexes) > 1:
        yield "# pip asks every index below for every package: it cannot tie one to the other."


def _warnings(excerpt: Excerpt, *, verified: bool) -> Iterator[str]:
    if len(excerpt.indexes) < 2:
        return
    asked = "pip cannot tie a package to an index and asks each of them for every name: "
    yield asked + (
        "the hashes keep it from installing anything else, but the names of private packages "
        "become known to the other indexes"
        if verified
        else "whoever has a private package's name on another index can have theirs installed; "
        "write the file with hashes"
    )
