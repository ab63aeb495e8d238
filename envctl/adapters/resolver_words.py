"""What both resolvers' failures and warnings are turned into: one form of words for one thing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from envctl.errors import ResolutionError

_SHOWN = 8
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """Who asks for what: ``who`` as a sentence begins with it, ``wants`` a requirement.

    ``asks``: the project itself, one of its groups or extras.
    """

    who: str
    wants: str
    asks: bool = False

    @property
    def sentence(self) -> str:
        """The demand as a person says it."""
        return f"{self.who} {'asks for' if self.asks else 'needs'} {self.wants}"

    @property
    def name(self) -> str:
        """The package that is wanted."""
        found = _NAME.match(self.wants)
        return found[0] if found else self.wants


def collision(
    demands: Sequence[Demand], facts: Sequence[str] = (), *, place: str = ""
) -> ResolutionError:
    """Say which demands cannot be met together; ``facts`` are sentences about what there is."""
    unique = list(dict.fromkeys(demands))
    heading, enough = _heading(unique)
    if enough:  # what else there is explains nothing then
        facts = [fact for fact in facts if not fact.startswith("there is only")]
    ordered = sorted(unique, key=lambda demand: not demand.asks)
    lines = [demand.sentence for demand in ordered] + list(dict.fromkeys(facts))
    more = [f"… and {len(lines) - _SHOWN} more (--verbose)"] if len(lines) > _SHOWN else []
    return ResolutionError(
        f"{heading}{f' on {place}' if place else ''}",
        where="pyproject.toml",
        why=[*lines[:_SHOWN], *more],
        hint="relax or remove one of the requirements named above",
    )


def absent(name: str, places: Sequence[str], by: Sequence[Demand] = ()) -> ResolutionError:
    """Say that there is no such package, and which others need it."""
    others = [demand.who for demand in by if not demand.asks]
    return ResolutionError(
        f"there is no package `{name}` on {' or '.join(places) or 'the index'}"
        + (f" ({others[0]} needs it)" if others else ""),
        where="pyproject.toml",
        hint=f"correct its name, or add the index that has `{name}`",
    )


def too_new(name: str, published: str = "") -> ResolutionError:
    """Say that everything of a package came after the day that the manifest names."""
    last = f" (the latest one on {published})" if published else ""
    return ResolutionError(
        f"every version of `{name}` was published after the day that envctl resolves for{last}",
        where="tool.envctl.exclude-newer",
        hint="name a later day",
    )


def misnamed(name: str, other: str) -> ResolutionError:
    """Say that an address leads to another package."""
    return ResolutionError(
        f"`{name}` names the address of a file that holds `{other}`",
        where="pyproject.toml",
        hint="correct the name or the address",
    )


def _heading(demands: Sequence[Demand]) -> tuple[str, bool]:
    """Return what is wrong in one line, and whether the demands alone show it."""
    names = [demand.name for demand in demands if demand.name != "Python"]
    most = max(names, key=names.count, default="")
    if names.count(most) > 1:
        return f"no version of `{most}` suits all who ask for it", True
    for demand in demands:
        if demand.name == "Python":
            return f"no version of `{demand.who.split()[0]}` is for the project's Python", True
    return "no versions satisfy all requirements", False


def yanked(name: str, version: str, reason: str = "") -> str:
    """Return the note for a locked version that its index has withdrawn (PEP 592)."""
    return (
        f"`{name}` {version} is yanked on its index{f' ({reason})' if reason else ''}; the lock keeps it: "
        f"another one comes with `envctl lock --upgrade-package {name}`"
    )


def no_extra(name: str, version: str, extra: str) -> str:
    """Return the note for an extra that is asked of a package without it; ``version`` may be empty."""
    shown = f"`{name}` {version}" if version else f"`{name}`"
    return f"{shown} has no extra `{extra}`: nothing is locked for it; correct its name, or leave it out"
