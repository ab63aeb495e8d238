"""The last look at a new environment: did uv's cache give what the wheels brought? Then its snapshot is written.

uv unpacks a wheel once, gives each file the time of that moment, and hard-links it into every environment. So a file
that is younger than its package's ``WHEEL``, or has another size than its row in RECORD, was written to later, in some
environment or in the cache, and is hashed; one that came after ``WHEEL`` in its archive is hashed needlessly. Files
that were copied have times of their own: of those nothing is said, and no edit reaches the cache from them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from envctl.adapters import installed
from envctl.adapters.integrity import archives, collector, oddities, records, snapshot
from envctl.adapters.integrity.records import Record
from envctl.disk import tree

# Signatures of a wheel, which no RECORD may list ("The .dist-info directory").
_UNLISTED = (".dist-info/RECORD", ".dist-info/RECORD.jws", ".dist-info/RECORD.p7s")
_NEVER = 1 << 63


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fresh:
    """A new environment. ``rows``: path → package and hash, ``unpacked``: package → when its wheel was unpacked.

    ``sizes``: path below ``site`` → size in bytes as the RECORD has it, in digits.
    """

    environment: Path
    site: str
    found: tree.Tree
    times: dict[str, int]
    rows: dict[str, tuple[str, str]]
    sizes: dict[str, str]
    unpacked: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Suspect:
    """A file that is not as its RECORD has it; ``word``: how ``oddities`` calls that."""

    package: str
    path: str
    word: str


def seal(
    environment: Path,
    own: str | None,
    *,
    distrusted: Collection[str] = (),
    fetched: Collection[str] = (),
) -> tuple[str, ...]:
    """Write the snapshot of what was just installed, or return the packages whose files uv's cache has wrong.

    ``own``: the package that is the project itself. Of the ``distrusted`` every file is hashed. ``fetched``: those
    whose wheels were fetched because of what was found: what is odd in them now is so by their makers' doing.
    """
    with collector.paused():
        walking = tree.Walking(str(environment))
        read = records.read(environment)
        rows = records.known(environment, read)
        found = walking.end()
        fresh = _fresh(environment, found, read, rows)
        suspects = [*_changed(fresh, distrusted), *_strays(fresh)]
        bad = _judged(environment, read, suspects, fetched) if suspects else ()
        if not bad:
            listed = {path for path, (_, expected) in fresh.rows.items() if expected}
            snapshot.write(environment, found, read, listed=listed, own=own)
    return bad


def _fresh(
    environment: Path,
    found: tree.Tree,
    read: tuple[Record, ...],
    rows: dict[str, tuple[str, str]],
) -> _Fresh:
    times = dict(zip(found.paths, found.stats[1::3], strict=True))
    wheels = {each.package.name: f"{each.path.removesuffix('RECORD')}WHEEL" for each in read}
    site = installed.site_packages(environment)
    return _Fresh(
        environment=environment,
        site=site.relative_to(environment).as_posix() if site else "",
        found=found,
        times=times,
        rows=rows,
        sizes={path: size for each in read for path, size in each.sizes.items()},
        unpacked={name: times[path] for name, path in wheels.items() if path in times},
    )


def _judged(
    environment: Path,
    read: tuple[Record, ...],
    suspects: list[_Suspect],
    fetched: Collection[str],
) -> tuple[str, ...]:
    """Return whose files are damaged; by no clock: times of copies are those of now, and clocks jump.

    A path that two packages have is under suspicion for both: the bytes are either's.
    """
    odd = oddities.known()
    new = [each for each in suspects if each.word not in odd]
    shared = records.owners(environment, read, {each.path for each in new})
    bad = {each.package for each in new}.union(*shared.values())
    if bad <= {*fetched}:
        if new:
            oddities.learn(sorted({each.word for each in new}))
        return ()
    return tuple(sorted(bad))


def _changed(fresh: _Fresh, distrusted: Collection[str]) -> Iterator[_Suspect]:
    """Find what is not as its RECORD has it, among the files that may not be."""
    rows, times, unpacked = fresh.rows, fresh.times, fresh.unpacked
    for path in rows.keys() - times.keys():
        package, expected = rows[path]
        if expected and package in unpacked:
            yield _Suspect(package=package, path=path, word=oddities.missing(path, expected))
    later = [
        path
        for path, (package, expected) in rows.items()
        if expected and times.get(path, 0) > unpacked.get(package, _NEVER)
    ]
    hashed = [path for path in {*later, *_resized(fresh)} if _linked(fresh, path)]
    if distrusted:
        hashed += [path for path in times if rows.get(path, ("", ""))[0] in distrusted]
    for path, actual in snapshot.digests(fresh.environment, fresh.found, hashed).items():
        package, expected = rows[path]
        if expected and not records.fits(fresh.environment / path, actual, expected):
            yield _Suspect(package=package, path=path, word=oddities.other(expected, actual))


def _strays(fresh: _Fresh) -> Iterator[_Suspect]:
    """Find what somebody put into an unpacked wheel: no RECORD lists it."""
    strays = [
        path
        for path in fresh.times.keys() - fresh.rows.keys()
        if path.startswith(f"{fresh.site}/")
        and not path.endswith(_UNLISTED)
        and _linked(fresh, path)
    ]
    for path, actual in snapshot.digests(fresh.environment, fresh.found, strays).items():
        package = archives.owner(path.removeprefix(f"{fresh.site}/"), fresh.environment / path)
        if package in fresh.unpacked:
            yield _Suspect(package=package, path=path, word=oddities.unlisted(path, actual))


def _resized(fresh: _Fresh) -> Iterator[str]:
    """Find the files that have not the size of their row: a copy over them may have brought an old time along."""
    start = len(fresh.site) + 1
    sizes = fresh.sizes
    for path, size in zip(fresh.found.paths, fresh.found.stats[::3], strict=True):
        if sizes.get(path[start:], "") not in ("", str(size)) and path in fresh.rows:
            yield path


def _linked(fresh: _Fresh, path: str) -> bool:
    return (fresh.environment / path).lstat().st_nlink > 1
