"""Which index may be asked for a package: what keeps a private name from ever being looked up elsewhere.

An index with ``packages`` claims these names: they come from it and from nowhere else, and it is asked for nothing
else. The others, the open ones, serve all the rest, in the manifest's order; the first is the default.
"""

from collections.abc import Sequence

from packaging.utils import canonicalize_name

from envctl.domain.manifest import Index, claimant


def served_by(indexes: Sequence[Index], name: str) -> tuple[Index, ...]:
    """Return the indexes that may be asked for a name: the one that claims it, or else the open ones."""
    claiming = claimant(indexes, canonicalize_name(name))
    return (claiming,) if claiming else tuple(index for index in indexes if not index.packages)


def complete(indexes: Sequence[Index], default: str) -> tuple[Index, ...]:
    """Return the indexes with an open one among them: without any, resolvers take their own default."""
    if any(not index.packages for index in indexes):
        return tuple(indexes)
    taken = {index.name for index in indexes}
    name = next(each for each in ("default", "default-index", "-") if each not in taken)
    return (*indexes, Index(name=name, url=default.rstrip("/")))
