"""The resolvers, by the name that ``tool.envctl.resolver`` gives them."""

from importlib import import_module
from typing import cast

from envctl.ports import Engine

# By module name: each brings imports that only its own resolution needs.
ENGINES = {"uv": "envctl.adapters.engines.uv", "pip-tools": "envctl.adapters.engines.piptools"}


def engine(name: str) -> Engine:
    """Return the resolver of that name."""
    return cast("Engine", import_module(ENGINES[name]))
