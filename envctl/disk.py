"""What lies in an environment's folder: its files by size and time, or by every byte.

Standard library only, and no large part of it: the fast path looks through this. What Python writes when it likes
(``__pycache__``) is left out, and so are envctl's own two files, which
have checks of their own.
"""

import marshal
import os

TYPE_CHECKING = False  # typing would be the largest import here
if TYPE_CHECKING:
    from collections.abc import Callable

STAMP = "envctl.json"
SNAPSHOT = "envctl.files"
_OWN = (STAMP, SNAPSHOT, ".lock")  # the last is uv's, whenever it looks at an environment
_CACHES = "__pycache__"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe has no writer
_BLOCK = 1 << 20
_LARGE = 1 << 18
_WORTH = 4 << 20
_MOST = 4  # processes: more of them wait for the disk
_DEEPEST = 255
_SHARED = 3  # folders deep is `lib/python3.X/site-packages`
_WHOLE = b"whole"


class Tree:
    """The files below a folder. ``stats``: three numbers for each of ``paths``: size, mtime in ns, inode.

    A path and the target of a link may hold any byte but zero, as ``os.fsdecode`` spells it.
    """

    __slots__ = ("links", "paths", "stats")

    def __init__(self, paths: list[str], stats: list[int], links: dict[str, str]) -> None:
        self.paths = paths
        self.stats = stats
        self.links = links


def tree(top: str) -> Tree:
    """Walk a folder, following no link; what may not be entered counts as empty."""
    found = Tree([], [], {})
    _enter(top, None, "", found, (0, 1))
    return found


class Walking:
    """A walk that others do, in two processes: whoever waits for it can do something else before."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._count = min(2, _processors())
        numbers = range(self._count) if self._count > 1 else ()
        self._started = [_start(_walk, top, number, self._count) for number in numbers]

    def end(self) -> Tree:
        """Return what was found."""
        parts = [_end(*each) for each in self._started] or [b""]
        found = Tree([], [], {})
        for number, part in enumerate(parts):
            answer = part or _walk(self._top, number, self._count)
            paths, stats, links = marshal.loads(answer)  # noqa: S302  # from our own process
            found.paths += paths
            found.stats += stats
            found.links.update(links)
        return found


def _walk(top: str, number: int, count: int) -> bytes:
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
        folder = os.open(name, _FOLDER, dir_fd=parent)
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
                stats += seen.st_size, seen.st_mtime_ns, seen.st_ino
    return below


def tree_digest(found: Tree) -> str:
    """Return a digest of the paths, sizes, times and links, not of the inodes: a copy has others."""
    numbers = found.stats[::3] + found.stats[1::3]
    return _digest(found, marshal.dumps(numbers, 2))  # 2: no references, so one text for one list


def contents_digest(found: Tree, contents: list[bytes]) -> str:
    """Return a digest of the paths, every byte behind them (as ``contents`` has them), and the links."""
    return _digest(found, b"".join(contents))


def _digest(found: Tree, rest: bytes) -> str:
    from _blake2 import blake2b  # noqa: PLC0415  # hashlib would load OpenSSL: 3 ms

    names = "\0".join(found.paths)
    links = "\0".join(f"{path}\0{target}" for path, target in found.links.items())
    state = blake2b(os.fsencode(f"{len(found.paths)}\0{names}\0{links}\0"), digest_size=20)
    state.update(rest)
    return state.hexdigest()


def contents(top: str, found: Tree) -> list[bytes]:
    """Return each file's SHA-256, in the order of the paths; for a link, or what cannot be read, 32 zero bytes.

    In as many processes as there are processors, four at most: threads would wait for each other at small files.
    """
    return Reading(top, found).end()


def every_byte(top: str) -> tuple[Tree, list[bytes]]:
    """Walk a folder and hash all that is found; what was begun ahead is taken up."""
    reading = _ahead.get(os.path.realpath(top)) or Reading(top, tree(top))
    return reading.found, reading.end()


def begin(top: str) -> None:
    """Begin with ``every_byte`` while the caller still has something else to do."""
    real = os.path.realpath(top)
    if real not in _ahead:
        import atexit  # noqa: PLC0415

        _ahead[real] = Reading(real, tree(real))
        atexit.register(_ahead[real].stop)


class Reading:
    """Files that are being hashed, by processes of their own."""

    def __init__(self, top: str, found: Tree) -> None:
        # One for each 4 MB, where opening a file costs as much as 8 kB of it; for little none.
        work = sum(found.stats[::3]) + 8192 * len(found.paths)
        self.found = found
        self._top = top
        self._shares = _shares(found, min(_processors(), 1 + work // _WORTH))
        alone = len(self._shares) == 1
        self._started = [] if alone else [_start(_hash, top, found, each) for each in self._shares]
        self._digests: list[bytes] = []

    def end(self) -> list[bytes]:
        """Wait for all of them; what one that died has left is done here."""
        if self._digests or not self.found.paths:
            return self._digests
        parts = [_end(*each) for each in self._started] or [b""]
        self._started = []
        digests = [b""] * len(self.found.paths)
        for share, part in zip(self._shares, parts, strict=True):
            whole = part or _hash(self._top, self.found, share)
            for number, index in enumerate(share):
                digests[index] = whole[32 * number : 32 * number + 32]
        self._digests = digests
        return digests

    def stop(self) -> None:
        """End them: nobody waits for the answer any more."""
        for process, reader in self._started:
            os.close(reader)
            os.kill(process, 9)
            os.waitpid(process, 0)
        self._started = []


_ahead: "dict[str, Reading]" = {}


def _processors() -> int:
    if not hasattr(os, "fork"):
        return 1
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(there or 1, _MOST)


def _shares(found: Tree, count: int) -> list[list[int]]:
    """Deal the files out: the large ones one by one to whoever has least, of the small ones each gets the n-th."""
    sizes = found.stats[::3]
    large = [index for index, size in enumerate(sizes) if size > _LARGE]
    small = [index for index, size in enumerate(sizes) if size <= _LARGE]
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for index in sorted(large, key=sizes.__getitem__, reverse=True):
        least = loads.index(min(loads))
        shares[least].append(index)
        loads[least] += sizes[index]
    return [[*share, *small[number::count]] for number, share in enumerate(shares)]


def _start(work: "Callable[..., bytes]", *arguments: object) -> tuple[int, int]:
    """Do some work in a process of its own; return its number and where its answer is read."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    try:
        answer = memoryview(work(*arguments) + _WHOLE)
        while answer:
            answer = answer[os.write(writer, answer) :]
    finally:
        os._exit(0)


def _end(process: int, reader: int) -> bytes:
    """Return the answer of a process; empty where it came to grief."""
    parts = []
    while part := os.read(reader, _BLOCK):
        parts.append(part)
    os.close(reader)
    os.waitpid(process, 0)
    answer = b"".join(parts)
    return answer[: -len(_WHOLE)] if answer.endswith(_WHOLE) else b""


def _hash(top: str, found: Tree, share: list[int]) -> bytes:
    """Return the digests of some files, one after the other."""
    try:
        from _hashlib import openssl_sha256 as sha256  # noqa: PLC0415  # less to import, and quick
    except ImportError:
        from hashlib import sha256  # noqa: PLC0415
    paths, sizes, answer = found.paths, found.stats[::3], []
    folder = os.open(top, _FOLDER)
    for index in share:
        try:
            file = os.open(paths[index], _FILE, dir_fd=folder)
        except OSError:
            answer.append(bytes(32))
            continue
        try:
            block = os.read(file, _BLOCK)
            state = sha256(block)
            size = len(block)
            while block and size != sizes[index]:
                block = os.read(file, _BLOCK)
                state.update(block)
                size += len(block)
            answer.append(state.digest())
        except OSError:
            answer.append(bytes(32))
        finally:
            os.close(file)
    os.close(folder)
    return b"".join(answer)
