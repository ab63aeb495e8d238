"""Look-ups in ``envctl/data/torch.json``: torch's own index, a dated table with its sources."""

import json
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, cast


@cache
def _data() -> dict[str, Any]:
    text = files("envctl").joinpath("data/torch.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def date() -> str:
    """Return the month up to which the tables were read."""
    return str(_data()["date"])


def index_url(build: str) -> str:
    """Return the address of the index that holds torch's ``build``."""
    return str(_data()["index"]["url"]).format(build=build)


def packages() -> tuple[str, ...]:
    """Return the packages that torch's index is the home of."""
    return tuple(_data()["packages"]["names"])


def platforms(build: str) -> tuple[str, ...]:
    """Return the names of the platforms that have such a build: the row with the longest matching name counts."""
    rows = [row for row in _data()["platforms"]["rows"] if build.startswith(row["build"])]
    return tuple(max(rows, key=lambda row: len(row["build"]))["platforms"]) if rows else ()


def accelerators(name: str) -> bool:
    """Whether a package comes with a build of torch: it may differ between profiles."""
    return any(fnmatchcase(name, pattern) for pattern in _data()["accelerator"]["patterns"])
