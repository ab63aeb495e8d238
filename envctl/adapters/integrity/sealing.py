"""The last look at a new environment: did uv's cache give what the wheels brought? Then its snapshot is written.

uv unpacks a wheel once, gives each file the time of that moment, and hard-links it into every environment. So a file
that is younger than its package's ``WHEEL`` was written to later, in some environment or in the cache, and is hashed;
one that came after ``WHEEL`` in its archive is hashed needlessly. Files that were copied have times of their own: of
those nothing is said, and no edit reaches the cache from them.
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

    ``begun``: when this installation began.
    """

    environment: Path
    site: str
    found: tree.Tree
    times: dict[str, int]
    rows: dict[str, tuple[str, str]]
    unpacked: dict[str, int]
    begun: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Suspect:
    """A file that is not as its RECORD has it; ``word``: how ``oddities`` calls that."""

    package: str
    word: str


def seal(
    environment: Path, own: str | None, *, distrusted: Collection[str] = ()
) -> tuple[str, ...]:
    """Write the snapshot of what was just installed, or return the packages whose files uv's cache has wrong.

    ``own``: the package that is the project itself. Of the ``distrusted`` every file is hashed.
    """
    with collector.paused():
        walking = tree.Walking(str(environment))
        read = records.read(environment)
        rows = records.known(environment, read)
        found = walking.end()
        fresh = _fresh(environment, found, read, rows)
        suspects = [*_changed(fresh, distrusted), *_strays(fresh)]
        bad = _judged(fresh, suspects) if suspects else ()
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
        unpacked={name: times[path] for name, path in wheels.items() if path in times},
        begun=times.get("pyvenv.cfg", 0),
    )


def _judged(fresh: _Fresh, suspects: list[_Suspect]) -> tuple[str, ...]:
    """Return whose files are damaged; of a wheel that came just now whatever is odd is its own."""
    just_now = {name for name, time in fresh.unpacked.items() if time >= fresh.begun}
    odd = oddities.known()
    new = {each.word for each in suspects if each.package in just_now and each.word not in odd}
    if new:
        oddities.learn(sorted(new))
    bad = {each.package for each in suspects if each.word not in odd} - just_now
    return tuple(sorted(bad))


def _changed(fresh: _Fresh, distrusted: Collection[str]) -> Iterator[_Suspect]:
    """Find what is not as its RECORD has it, among the files that may not be."""
    rows, times, unpacked = fresh.rows, fresh.times, fresh.unpacked
    for path in rows.keys() - times.keys():
        package, expected = rows[path]
        if expected and package in unpacked:
            yield _Suspect(package=package, word=oddities.missing(path, expected))
    later = [
        path
        for path, (package, expected) in rows.items()
        if expected and times.get(path, 0) > unpacked.get(package, _NEVER)
    ]
    hashed = [path for path in later if _linked(fresh, path)]
    if distrusted:
        hashed += [path for path in times if rows.get(path, ("", ""))[0] in distrusted]
    for path, actual in snapshot.digests(fresh.environment, fresh.found, hashed).items():
        package, expected = rows[path]
        if expected and not records.fits(fresh.environment / path, actual, expected):
            yield _Suspect(package=package, word=oddities.other(expected, actual))


def _strays(fresh: _Fresh) -> Iterator[_Suspect]:
    """Find what somebody put into an unpacked wheel: no RECORD lists it, and it is younger than the wheel."""
    strays = [
        path
        for path in fresh.times.keys() - fresh.rows.keys()
        if path.startswith(f"{fresh.site}/")
        and not path.endswith(_UNLISTED)
        and _linked(fresh, path)
    ]
    for path, actual in snapshot.digests(fresh.environment, fresh.found, strays).items():
        package = archives.owner(path.removeprefix(f"{fresh.site}/"), fresh.environment / path)
        if package in fresh.unpacked and fresh.times[path] > fresh.unpacked[package]:
            yield _Suspect(package=package, word=oddities.unlisted(path, actual))


def _linked(fresh: _Fresh, path: str) -> bool:
    return (fresh.environment / path).lstat().st_nlink > 1
