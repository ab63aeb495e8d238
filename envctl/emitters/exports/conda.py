"""``environment.yml`` for conda and mamba: Python from a channel, everything else through its ``pip:`` section."""

import re
from collections.abc import Iterator
from typing import Any

from envctl.domain.export import Excerpt, Exported, Option, Settings
from envctl.domain.variables import classify
from envctl.emitters import pip_lines, quoted_yaml
from envctl.emitters.quoted_yaml import Text

NAME = "environment"
SUMMARY = "An environment.yml for conda and mamba."
FILE = "environment.yml"
FILES = r".+"
EXAMPLE = "envctl export environment --output environment.yml"
OPTIONS: tuple[Option, ...] = ()
# `nodefaults`: without it conda adds its own default channels, which not everybody may use.
_CHANNELS = ["conda-forge", "nodefaults"]


def emit(excerpt: Excerpt, settings: Settings) -> Exported:  # noqa: ARG001  # the protocol's
    """Write the file; every text that comes from elsewhere stands in double quotes."""
    python = _python(excerpt)
    pip = [
        *pip_lines.index_lines(excerpt.indexes, excerpt.pip_index),
        *(pip_lines.requirement(package, verified=False) for package in excerpt.packages),
    ]
    table: dict[str, Any] = {
        "name": Text(_name(excerpt.project)),
        "channels": _CHANNELS,
        "dependencies": [
            Text(python),
            "pip",
            *([{"pip": [Text(line) for line in pip]}] if pip else []),
        ],
    }
    kept = {name: Text(value) for name, value in excerpt.env.items() if classify(name) != "host"}
    if kept:
        table["variables"] = kept
    header = (
        f"# Written from {excerpt.lock_name} by `{excerpt.command}`:\n"
        "# change pyproject.toml, run `envctl lock`, then that command.\n"
    )
    return Exported(
        text=header + quoted_yaml.dump(table), warnings=tuple(_warnings(excerpt, python))
    )


def _name(project: str) -> str:
    """Return a name that conda takes: it has no room for spaces, slashes, colons and hashes."""
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-") or "environment"


def _python(excerpt: Excerpt) -> str:
    """Return Python as conda asks for it: ``python=3.11`` is any 3.11, ``python>=3.11,<3.14`` a range."""
    pinned = excerpt.target.python if excerpt.target else excerpt.python
    if pinned:
        return f"python={pinned}"
    wanted = excerpt.lock.pylock.requires_python
    exact = re.fullmatch(r"==(3(?:\.\d+)+)(?:\.\*)?", str(wanted or ""))
    if exact:
        return f"python={exact[1]}"
    return f"python{wanted}" if wanted else "python"


def _warnings(excerpt: Excerpt, python: str) -> Iterator[str]:
    if len(excerpt.indexes) > 1:
        yield (
            "pip cannot tie a package to an index and asks each of them for every name: "
            "whoever has a private package's name on another index can have theirs installed"
        )
    for name in excerpt.env:
        if classify(name) == "host":
            yield (
                f"{name} means something on one machine only and is left out: "
                "conda would set it inside a scheduler's job as well"
            )
    if python == "python":
        yield "nothing says which Python: name one in tool.envctl.python"
