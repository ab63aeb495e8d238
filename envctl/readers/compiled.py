"""What pip-compile writes (``--annotation-style=line --no-header``): a pin per line, and who asks for it.

requests[socks]==2.34.2 ; python_version > "3"  # via -r base.in, -c constraints.txt, demo
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.errors import ResolutionError

_LINE = re.compile(r"(?P<requirement>.*?)(?:(?:^|\s+)#\s*(?:via\s+(?P<via>.*)|.*))?", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """One pinned package: a version, or a URL for a direct reference; ``via``: the packages that need it.

    ``roots`` are the input files that name it.
    """

    name: str
    version: str | None = None
    url: str | None = None
    extras: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()


def read_compiled(text: str) -> tuple[Compiled, ...]:
    """Read pip-compile's output; raises ``ResolutionError`` at a line that pins nothing."""
    return tuple(_pins(text))


def _pins(text: str) -> Iterator[Compiled]:
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        requirement = match["requirement"] if match else line
        # Empty: a comment. With a dash: an option such as --index-url.
        if requirement and not requirement.startswith("-"):
            yield _pin(requirement, (match["via"] if match else None) or "")
        elif requirement.startswith(("-e", "--editable")):
            raise _unread(line)


def _pin(text: str, via: str) -> Compiled:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise _unread(text) from error
    exact = [each.version for each in requirement.specifier if each.operator in ("==", "===")]
    if not (requirement.url or exact):
        raise _unread(text)
    asking = [each.strip() for each in via.split(",") if each.strip()]
    return Compiled(
        name=canonicalize_name(requirement.name),
        version=exact[0] if exact else None,
        url=requirement.url,
        extras=tuple(sorted(requirement.extras)),
        via=tuple(sorted({_package(each) for each in asking if not each.startswith("-")})),
        roots=tuple(sorted({each.split()[-1] for each in asking if each.startswith("-r")})),
    )


def _package(text: str) -> str:
    return canonicalize_name(text.partition("[")[0])


def _unread(line: str) -> ResolutionError:
    return ResolutionError(
        f"pip-compile wrote a line that pins no version: `{line.strip()}`",
        where="pip-tools",
        hint='use `resolver = "uv"` in [tool.envctl], which knows this kind of requirement',
        details=line,
    )


def reach(pins: Iterable[Compiled]) -> dict[str, set[str]]:
    """Return, for each package, the input files from which a chain of needs leads to it."""
    pins = tuple(pins)
    needs: dict[str, set[str]] = {}
    found: dict[str, set[str]] = {pin.name: set() for pin in pins}
    waiting = [(pin.name, root) for pin in pins for root in pin.roots]
    for pin in pins:
        for parent in pin.via:
            needs.setdefault(parent, set()).add(pin.name)
    while waiting:
        name, root = waiting.pop()
        if root not in found[name]:
            found[name].add(root)
            waiting += [(child, root) for child in needs.get(name, ())]
    return found


def edges(pins: Iterable[Compiled]) -> dict[str, tuple[str, ...]]:
    """Return, for each package, the packages that it brings, sorted."""
    pins = tuple(pins)
    return {
        parent.name: tuple(sorted({pin.name for pin in pins if parent.name in pin.via}))
        for parent in pins
    }
