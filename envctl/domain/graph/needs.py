"""What a lock and its inputs say of who needs what, as text: read into needs, once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envctl.domain.graph.nodes import Kind, Node
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.markers import spelled

Key = tuple[str, str]
"""A package's name and version."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_KINDS: dict[str, Kind] = {"requires": "project", "extra": "extra", "group": "group"}
_ORDER = tuple(_KINDS.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One requirement; ``asked`` is its text where a root asks, ``specifier`` may be ``@ URL``."""

    name: str
    extras: tuple[str, ...] = ()
    marker: str | None = None
    specifier: str = ""
    asked: str = ""

    def fits(self, version: str) -> bool:
        """Return whether that version answers it; a source tree (no version) answers an address or no specifier."""
        if not self.specifier or self.specifier.startswith("@"):
            return True
        try:
            return bool(version) and SpecifierSet(self.specifier).contains(
                version, prereleases=True
            )
        except InvalidSpecifier:  # another tool's `dependencies` may hold anything
            return False


def heads(inputs: Iterable[str]) -> dict[Node, tuple[Need, ...]]:
    """Read who asks for what out of lines as ``envctl.domain.lock.inputs_of`` writes them.

    The project comes first, then extras, then groups, each by name. Other lines are about other things.
    """
    found: dict[tuple[Kind, str], list[Need]] = {}
    for line in inputs:
        word, _, text = line.partition(" ")
        if word not in _KINDS:
            continue
        name, text = ("", text) if word == "requires" else text.partition(": ")[::2]
        found.setdefault((_KINDS[word], name), []).extend(_needs(text, asked=text))
    return {
        Node(id=f"{kind}:{name}", kind=kind, name=name): tuple(found[kind, name])
        for kind, name in sorted(found, key=lambda root: (_ORDER.index(root[0]), root[1]))
    }


def written(lock: Lock) -> dict[Key, tuple[Need, ...]]:
    """Read what the lock says of each package's needs: in envctl's table, else in PEP 751's ``dependencies``.

    A package of which it says nothing is not in the answer.
    """
    ours = {(entry.name, entry.version): entry.requires for entry in lock.entries}
    found: dict[Key, tuple[Need, ...]] = {}
    for package in lock.pylock.packages:
        key = (package.name, version_of(package))
        if key in ours:
            found[key] = tuple(need for text in ours[key] for need in _needs(text))
        elif package.dependencies is not None:
            found[key] = tuple(_referred(each) for each in package.dependencies)
    return found


def _needs(text: str, *, asked: str = "") -> Iterator[Need]:
    """Read one requirement; of a text that is none (a lock edited by hand) its name, if it begins with one."""
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        if match := _NAME.match(text):
            yield Need(name=canonicalize_name(match[0]), asked=asked)
        return
    yield Need(
        name=canonicalize_name(parsed.name),
        extras=tuple(sorted(parsed.extras)),
        marker=spelled(parsed.marker) if parsed.marker else None,
        specifier=f"@ {parsed.url}" if parsed.url else str(parsed.specifier),
        asked=asked,
    )


def _referred(reference: Mapping[str, object]) -> Need:
    """Read PEP 751's reference to another entry: as many of that one's keys as tell it apart."""
    version = reference.get("version")
    return Need(
        name=canonicalize_name(str(reference.get("name", ""))),
        specifier=f"=={version}" if version else "",
    )
