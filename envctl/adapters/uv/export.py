"""What uv exports, once per root: parsed once, though each root's text repeats what others hold.

A package's block is the same in every export but for its ``marker``. With ten groups the texts are ten locks; what is
new in each is little, and parsing is what takes time.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from packaging.markers import Marker
from packaging.pylock import Package, Pylock

from envctl.domain.lock.entry import version_of
from envctl.domain.lock.markers import implied, joined

_BLOCK = "\n[[packages]]\n"
_MARKER = re.compile(r"^marker = .*\n?", re.MULTILINE)
_HEAD = 'lock-version = "1.0"\ncreated-by = "uv"\n'
_Marked = tuple[Package, str | None]


class Exports:
    """Reads the exports of one lock; ``environments`` are the markers of the platforms that it is for."""

    def __init__(self, environments: Iterable[str]) -> None:
        environments = tuple(environments)
        self._known: dict[str, Package] = {}
        self._roots: dict[str, tuple[_Marked, ...]] = {}
        self._plain = cache(lambda line: _meaning(line, environments))

    def add(self, root: str, text: str) -> None:
        """Read the export of one root."""
        blocks = f"\n{text}".split(_BLOCK)[1:]
        parts = [(_MARKER.sub("", block, count=1), _MARKER.search(block)) for block in blocks]
        new = list(dict.fromkeys(rest for rest, _ in parts if rest not in self._known))
        whole = _HEAD + ("".join(_BLOCK + rest for rest in new) or "packages = []\n")
        packages = Pylock.from_dict(tomllib.loads(whole)).packages
        self._known.update(zip(new, packages, strict=True))
        self._roots[root] = tuple(
            (self._known[rest], self._plain(line[0]) if line else None) for rest, line in parts
        )

    def packages(self) -> Iterator[Package]:
        """Yield each package with its marker: over all the roots through which it comes."""
        found: dict[tuple[str, str, str | None], tuple[Package, dict[str, str | None]]] = {}
        for root, packages in self._roots.items():
            for package, marker in packages:
                key = (package.name, version_of(package), package.index)
                _, markers = found.setdefault(key, (package, {}))
                markers[root] = marker
        for package, markers in found.values():
            yield replace(package, marker=joined(markers))


def _meaning(line: str, environments: tuple[str, ...]) -> str | None:
    """Return what a line ``marker = "…"`` says beyond the environments."""
    return implied(str(Marker(tomllib.loads(line)["marker"])), environments)
