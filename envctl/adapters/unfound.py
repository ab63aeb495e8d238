"""The error for a command that the environment does not have: a typing mistake, or a package that is not asked for."""

import os
from collections.abc import Iterator, Mapping

from envctl.domain.nearest import nearest
from envctl.errors import ToolMissingError


def unfound(name: str, env: Mapping[str, str]) -> ToolMissingError:
    """Return the error for a program that is on no folder of ``PATH``, with the nearest one that is."""
    close = nearest(name, dict.fromkeys(_programs(env)))
    return ToolMissingError(
        f"`{name}` was not found",
        where="PATH",
        hint=f"did you mean `{close}`?"
        if close
        else "correct the name, or add the package that brings it with `envctl add`",
    )


def _programs(env: Mapping[str, str]) -> Iterator[str]:
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        try:
            with os.scandir(folder or os.curdir) as entries:
                yield from (each.name for each in entries)
        except OSError:
            continue
