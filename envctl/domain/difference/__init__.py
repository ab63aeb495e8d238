"""What differs between two things that can be compared, most telling first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

Group = Literal["code", "packages", "files", "interpreter", "machine", "variables"]
GROUPS: tuple[Group, ...] = ("code", "packages", "files", "interpreter", "machine", "variables")


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that differs, with what it is on either side (``None``: not there) and why it may matter.

    ``locks``: those that it differs in, where several were compared; empty: all of them.
    """

    group: Group
    subject: str
    before: str | None
    after: str | None
    reason: str
    locks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {
            "group": self.group,
            "subject": self.subject,
            "a": self.before,
            "b": self.after,
            "reason": self.reason,
            **({"locks": list(self.locks)} if self.locks else {}),
        }

    def freed(self, clean: Callable[[str], str]) -> "Difference":
        """Return it with every text as ``clean`` makes it: values come from files that anybody may have written."""
        return replace(
            self,
            subject=clean(self.subject),
            before=None if self.before is None else clean(self.before),
            after=None if self.after is None else clean(self.after),
            reason=clean(self.reason),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All that differs, the likeliest explanation of different results first; ``remarks``: what cannot be told.

    ``a`` and ``b``: what was compared, in words.
    """

    differences: tuple[Difference, ...] = ()
    remarks: tuple[str, ...] = ()
    a: str = ""
    b: str = ""


def told(
    group: Group, subject: str, before: str | None, after: str | None, reason: str
) -> Iterator[Difference]:
    """Yield a difference between two facts that are both known."""
    if before is not None and after is not None and before != after:
        yield Difference(group=group, subject=subject, before=before, after=after, reason=reason)
