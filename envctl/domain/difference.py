"""What differs between two things of one kind, most telling first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Group = Literal["code", "packages", "files", "interpreter", "machine", "variables"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that differs, with what it is on either side (``None``: not there) and why it may matter."""

    group: Group
    subject: str
    before: str | None
    after: str | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {
            "group": self.group,
            "subject": self.subject,
            "a": self.before,
            "b": self.after,
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All that differs, the likeliest explanation of different results first; ``remarks``: what cannot be told."""

    differences: tuple[Difference, ...] = ()
    remarks: tuple[str, ...] = ()


def told(
    group: Group, subject: str, before: str | None, after: str | None, reason: str
) -> Iterator[Difference]:
    """Yield a difference between two facts that are both known."""
    if before is not None and after is not None and before != after:
        yield Difference(group=group, subject=subject, before=before, after=after, reason=reason)
