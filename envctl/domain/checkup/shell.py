"""The shell that envctl was started from."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ShellFacts:
    """``shell``: its bare name, ``None`` where nobody says. ``completes``: whether its files mention the completion.

    ``active``: the environment that VIRTUAL_ENV names; ``there``: whether that still is one; ``same``: whether it is
    the project's; ``first``: whether ``python`` is the active environment's (``None``: there is no ``python``).
    """

    shell: str | None = None
    completes: bool = False
    active: str | None = None
    there: bool = True
    same: bool = True
    first: bool | None = True
