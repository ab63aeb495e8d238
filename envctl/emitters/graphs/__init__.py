"""The locked graph as text of several kinds, by the names that ``envctl tree --format`` takes."""

from typing import Protocol

from envctl.domain.graph.views import View
from envctl.emitters.graphs import dot, mermaid, text


class Format(Protocol):
    """Draws a view; ``all_edges`` keeps those that follow from others."""

    def __call__(self, view: View, *, all_edges: bool = False) -> str: ...


FORMATS: dict[str, Format] = {"text": text.emit, "mermaid": mermaid.emit, "dot": dot.emit}
