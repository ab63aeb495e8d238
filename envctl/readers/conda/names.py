"""Look-ups in ``envctl/data/conda.json``: what conda's packages are called on an index, a dated table."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, cast

from packaging.utils import canonicalize_name


@cache
def _data() -> dict[str, Any]:
    text = files("envctl").joinpath("data/conda.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


@cache
def _names() -> dict[str, str]:
    data = _data()
    return {name: name for name in data["same"]} | dict(data["renamed"])


@cache
def _reasons() -> dict[str, str]:
    return {name: row["why"] for row in _data()["other"] for name in row["names"]}


def on_an_index(conda_name: str) -> str | None:
    """Return the name, with an extra where that says the same, or ``None``: the table does not know it."""
    return _names().get(canonicalize_name(conda_name))


def why_not(conda_name: str) -> str | None:
    """Return why a package has no place in a manifest, if that is known."""
    return _reasons().get(canonicalize_name(conda_name))


def is_part(conda_name: str) -> bool:
    """Whether a package is a library of conda's own world, which wheels bring by themselves."""
    return canonicalize_name(conda_name) in _data()["parts"]["names"]


def why_no_part() -> str:
    """Return what is to be said of those."""
    return str(_data()["parts"]["why"])
