"""An environment's files by their size and time. Standard library only, and no large part of it.

What Python writes when it likes (``__pycache__``) is left out, and so are envctl's own two files, which have checks of
their own.
"""

import marshal
import os

from envctl.disk import forked

STAMP = "envctl.json"
SNAPSHOT = "envctl.files"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN = (STAMP, SNAPSHOT, ".lock")  # the last is uv's, whenever it looks at an environment
_CACHES = "__pycache__"
_DEEPEST = 255
_KIND, _FILE, _LINK = 0o170000, 0o100000, 0o120000
_OTHER = -1
"""The size of what is no file: a pipe of the size and time of an empty file is not that file."""
_SHARED = 3  # folders deep is `lib/python3.X/site-packages`


class Tree:
    """The files below a folder. ``stats``: three numbers for each of ``paths``: size, mtime in ns, inode.

    A path and the target of a link may hold any byte but zero, as ``os.fsdecode`` spells it.
    """

    __slots__ = ("links", "paths", "stats")

    def __init__(self, paths: list[str], stats: list[int], links: dict[str, str]) -> None:
        self.paths = paths
        self.stats = stats
        self.links = links


def walk(top: str) -> Tree:
    """Walk a folder, following no link; what may not be entered counts as empty."""
    found = Tree([], [], {})
    _enter(top, None, "", found, (0, 1))
    return found


class Walking:
    """A walk in processes of its own: whoever waits for it can do something else before."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._count = forked.processors()
        numbers = range(self._count) if self._count > 1 else ()
        self._started = [forked.start(_share, top, number, self._count) for number in numbers]

    def end(self) -> Tree:
        """Return what was found."""
        parts = [forked.end(*each) for each in self._started] or [b""]
        found = Tree([], [], {})
        for number, part in enumerate(parts):
            answer = part or _share(self._top, number, self._count)
            paths, stats, links = marshal.loads(answer)  # noqa: S302  # from our own process
            found.paths += paths
            found.stats += stats
            found.links.update(links)
        return found


def _share(top: str, number: int, count: int) -> bytes:
    """Walk a share: of the folders at the depth of ``site-packages`` each ``count``-th; the first has the rest too."""
    found = Tree([], [], {})
    _enter(top, None, "", found, (number, count))
    return marshal.dumps((found.paths, found.stats, found.links))


def _enter(name: str, parent: int | None, prefix: str, found: Tree, share: tuple[int, int]) -> None:
    depth = prefix.count("/")
    if depth > _DEEPEST:
        return
    # By descriptors: a path is looked up anew from the root for each file, which is a quarter of the whole.
    try:
        folder = os.open(name, FOLDER, dir_fd=parent)
    except OSError:
        return
    number, count = share
    try:
        below = _list(folder, prefix, found, mine=depth > _SHARED or not number)
        for each in below[number::count] if depth == _SHARED else below:
            _enter(each, folder, f"{prefix}{each}/", found, share)
    finally:
        os.close(folder)


def _list(folder: int, prefix: str, found: Tree, *, mine: bool) -> list[str]:
    """Add a folder's files, if they are ``mine`` to add; return the names of the folders in it."""
    below = []
    paths, stats = found.paths, found.stats
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if name != _CACHES:
                    below.append(name)
            elif mine and (prefix or name not in _OWN):
                try:
                    seen = entry.stat(follow_symlinks=False)
                    if entry.is_symlink():
                        found.links[prefix + name] = os.readlink(name, dir_fd=folder)
                except OSError:  # gone in this moment
                    continue
                paths.append(prefix + name)
                kind = seen.st_mode & _KIND
                size = seen.st_size if kind in (_FILE, _LINK) else _OTHER
                stats += size, seen.st_mtime_ns, seen.st_ino
    return below


def digest(found: Tree) -> str:
    """Return a digest of the paths, sizes, times and links, not of the inodes: a copy has others."""
    numbers = found.stats[::3] + found.stats[1::3]
    return digest_of(found, marshal.dumps(numbers, 2))  # 2: no references, so one text for one list


def digest_of(found: Tree, rest: bytes) -> str:
    """Return a digest of the paths and links, and of what else is known of them."""
    from _blake2 import blake2b  # noqa: PLC0415  # hashlib would load OpenSSL: 3 ms

    names = "\0".join(found.paths)
    links = "\0".join(f"{path}\0{target}" for path, target in found.links.items())
    state = blake2b(os.fsencode(f"{len(found.paths)}\0{names}\0{links}\0"), digest_size=20)
    state.update(rest)
    return state.hexdigest()
