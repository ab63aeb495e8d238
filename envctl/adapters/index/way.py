"""The way from a tool to the indexes: straight, or through a gate. It costs nothing to import."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from envctl.domain.manifest import Index

if TYPE_CHECKING:
    from envctl.adapters.index.client import IndexClient
    from envctl.adapters.index.gate import Gate


def _nobody() -> "IndexClient":
    raise AssertionError("nobody reads pages on this way")


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """Each index with the address to use for it, the default last (none: the tool's own default).

    ``client`` reads pages of the indexes where the tool does not tell enough. ``extra``: variables for the tool.
    """

    indexes: tuple[tuple[Index, str], ...]
    client: "Callable[[], IndexClient]" = _nobody
    gate: "Gate | None" = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def tables(self) -> list[dict[str, Any]]:
        """Return uv's table of indexes."""
        found: list[dict[str, Any]] = []
        for number, (index, url) in enumerate(self.indexes):
            found.append({"name": f"gate{number}" if self.gate else index.name, "url": url})
            if index.packages and not self.gate:
                found[-1]["explicit"] = True
        if found and not self.indexes[-1][0].packages:
            found[-1]["default"] = True
        return found

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return what uv must have in its environment besides."""
        return {**self.extra, **(self.gate.variables(environ) if self.gate else {})}

    def entrance(self, index: str, name: str) -> str:
        """Return the address to use for a project of an index, which is given by its canonical address."""
        return self.gate.entrance(index, name) if self.gate else index

    def upstream(self, index: str) -> str:
        """Return where ``client`` reads an index: at its mirror, where it has one."""
        return self.gate.upstream(index) if self.gate else index

    def plain(self, text: str) -> str:
        """Return what a tool said, with the real addresses."""
        return self.gate.plain(text) if self.gate else text


def straight(indexes: tuple[Index, ...], client: "Callable[[], IndexClient]") -> Way:
    """Return the way without a gate, for indexes that all may be asked for everything."""
    return Way(
        indexes=tuple((index, index.url) for index in (*indexes[1:], *indexes[:1])), client=client
    )
