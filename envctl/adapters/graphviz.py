"""Graphviz' ``dot``, which lays graphs out."""

from envctl.errors import ToolFailedError, ToolMissingError
from envctl.ports import Runner

_LIMIT = 120.0  # seconds: 200 packages take a tenth of one
_OTHERWISE = "or take `--format mermaid`, which needs no program"


def svg(graph: str, *, run: Runner) -> str:
    """Return a DOT graph as an SVG; raises ``ToolMissingError``, ``ToolFailedError``."""
    try:
        ended = run(["dot", "-Tsvg"], stdin=graph, timeout=_LIMIT)
    except ToolMissingError as error:
        raise ToolMissingError(
            f"an SVG is drawn by Graphviz: {error.message}",
            where=error.where,
            hint="install the package `graphviz` (`apt-get install graphviz`, "
            f"`dnf install graphviz`, `brew install graphviz`), {_OTHERWISE}",
        ) from error
    if ended.code == 124:
        raise ToolFailedError(
            f"`dot` did not lay the graph out within {_LIMIT:.0f} seconds",
            where="dot",
            hint=f"show less of it with `--depth` or a package's name, {_OTHERWISE}",
        )
    if ended.code != 0 or "<svg" not in ended.stdout:
        raise ToolFailedError(
            f"`dot` failed with exit code {ended.code}",
            where="dot",
            hint=f"see what it said with `--verbose`, {_OTHERWISE}",
            details=ended.stderr,
        )
    return ended.stdout
