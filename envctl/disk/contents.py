"""An environment's files by every byte. Standard library only, and no large part of it."""

import os
from _stat import S_ISREG  # stat itself is larger

from envctl.disk import forked
from envctl.disk.tree import FOLDER, Tree, digest_of, walk

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe has no writer
_BLOCK = 1 << 20
_LARGE = 1 << 18
_WORTH = 4 << 20


def digest(found: Tree, hashes: list[bytes]) -> str:
    """Return a digest of the paths, every byte behind them (as ``hashed`` has them), and the links."""
    return digest_of(found, b"".join(hashes))


def hashed(top: str, found: Tree) -> list[bytes]:
    """Return each file's SHA-256, in the order of the paths; for a link, or what cannot be read, 32 zero bytes.

    In as many processes as there are processors, four at most: threads would wait for each other at small files.
    """
    return Reading(top, found).end()


def every_byte(top: str) -> tuple[Tree, list[bytes]]:
    """Walk a folder and hash all that is found; what was begun ahead is taken up."""
    reading = _ahead.get(os.path.realpath(top)) or Reading(top, walk(top))
    return reading.found, reading.end()


def begin(top: str) -> None:
    """Begin with ``every_byte`` while the caller still has something else to do."""
    real = os.path.realpath(top)
    if real not in _ahead:
        import atexit  # noqa: PLC0415

        _ahead[real] = Reading(real, walk(real))
        atexit.register(_ahead[real].stop)


class Reading:
    """Files that are being hashed, by processes of their own."""

    def __init__(self, top: str, found: Tree) -> None:
        # One for each 4 MB, where opening a file costs as much as 8 kB of it; for little none.
        work = sum(found.stats[::3]) + 8192 * len(found.paths)
        self.found = found
        self._top = top
        self._shares = _shares(found, min(forked.processors(), 1 + work // _WORTH))
        alone = len(self._shares) == 1
        self._started = (
            [] if alone else [forked.start(_hash, top, found, each) for each in self._shares]
        )
        self._hashes: list[bytes] = []

    def end(self) -> list[bytes]:
        """Wait for all of them; what one that died has left is done here."""
        if self._hashes or not self.found.paths:
            return self._hashes
        parts = [forked.end(*each) for each in self._started] or [b""]
        self._started = []
        hashes = [b""] * len(self.found.paths)
        for share, part in zip(self._shares, parts, strict=True):
            whole = part or _hash(self._top, self.found, share)
            for number, index in enumerate(share):
                hashes[index] = whole[32 * number : 32 * number + 32]
        self._hashes = hashes
        return hashes

    def stop(self) -> None:
        """End them: nobody waits for the answer any more."""
        for each in self._started:
            forked.stop(*each)
        self._started = []


_ahead: "dict[str, Reading]" = {}


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


def _hash(top: str, found: Tree, share: list[int]) -> bytes:
    """Return the digests of some files, one after the other."""
    try:
        from _hashlib import openssl_sha256 as sha256  # noqa: PLC0415  # less to import, and quick
    except ImportError:
        from hashlib import sha256  # noqa: PLC0415
    paths, sizes, answer = found.paths, found.stats[::3], []
    folder = os.open(top, FOLDER)
    for index in share:
        try:
            file = os.open(paths[index], _FILE, dir_fd=folder)
        except OSError:
            answer.append(bytes(32))
            continue
        try:
            if not S_ISREG(os.fstat(file).st_mode):  # an empty pipe reads as an empty file
                answer.append(bytes(32))
                continue
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
