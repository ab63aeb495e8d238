"""The programs that envctl calls, and which of several it is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """One program. ``path``: ``None`` where there is none; ``version``: ``None`` where it does not say.

    ``others``: programs of that name which are there and not used, as ``0.5.1 at /usr/bin/uv``.
    ``problem``: why it cannot be used, with ``mend``.
    """

    name: str
    path: str | None
    version: str | None = None
    others: tuple[str, ...] = ()
    problem: str | None = None
    mend: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """envctl itself, its tools by name, and what of its own requirements is not met (``uv>=0.11 (0.5.1 is here)``).

    ``python``: the version that runs envctl; ``prefix``: the folder that envctl is installed in.
    """

    envctl: str
    python: str
    prefix: str
    tools: tuple[Tool, ...] = ()
    unmet: tuple[str, ...] = ()

    def named(self, name: str) -> Tool:
        """Return a tool; one that nobody looked for is not there."""
        return next((each for each in self.tools if each.name == name), Tool(name=name, path=None))
