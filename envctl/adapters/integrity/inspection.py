"""Is every file of an environment as it was installed? By its size and time, or by every byte."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from envctl.adapters import installed
from envctl.adapters.integrity import collector, oddities, records, snapshot
from envctl.adapters.integrity.records import Record
from envctl.adapters.integrity.snapshot import Snapshot
from envctl.adapters.venv import pending
from envctl.disk import contents, tree
from envctl.disk.tree import Tree
from envctl.domain.environment import FileProblem, FileTrouble, Inspection, Stamp
from envctl.emitters import inject
from envctl.emitters.shells import FAMILIES

Stat = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class _View:
    """An environment as it is now, and as it was when it was finished.

    ``rows``: what its RECORDs say of a file, ``strangers``: what those say that came later. ``rewritten``: the packages
    whose RECORD is another one now, and so says nothing of their files.
    """

    environment: Path
    site: str
    now: dict[str, Stat]
    links: dict[str, str]
    then: Snapshot | None
    records: tuple[Record, ...]
    rows: dict[str, tuple[str, str]]
    strangers: dict[str, tuple[str, str]]
    rewritten: frozenset[str]


@collector.paused()
def inspect(environment: Path, stamp: Stamp | None, *, full: bool) -> Inspection:
    """List what is not as it was installed; ``full``: whatever sizes and times say.

    A file whose size or time has changed is hashed: with the same bytes it is no problem. Byte-compiled files are
    Python's own, and the files with the variables have a check of their own.
    """
    then = snapshot.read(environment, stamp.files) if stamp else None
    if full or then is None:
        found, hashes = contents.every_byte(str(environment))
        view = _view(environment, found, then)
        digests = dict(zip(found.paths, hashes, strict=True))
        problems = [*_by_bytes(view, digests), *_rewritten(view, stamp)]
        seen = contents.digest(found, hashes) if full else tree.digest(found)
    else:
        found = tree.walk(str(environment))
        problems = list(_by_stat(environment, found, then))
        seen = tree.digest(found)
    ours = _ours(environment)
    left = sorted(
        (each for each in problems if each.path not in ours and not pending.staged(each.path)),
        key=lambda p: p.path,
    )
    return Inspection(
        problems=tuple(left), seen=("bytes" if full else "tree", seen), compared=then is not None
    )


def _view(environment: Path, found: Tree, then: Snapshot | None) -> _View:
    numbers = iter(found.stats)
    threes = zip(numbers, numbers, numbers, strict=True)
    read = records.read(environment)
    # What another tool installed since speaks for itself only.
    since = tuple(each for each in read if then and each.path not in then.stats)
    read = tuple(each for each in read if each not in since)
    return _View(
        environment=environment,
        site=_site(environment),
        now=dict(zip(found.paths, threes, strict=True)),
        links=found.links,
        then=then,
        records=read,
        rows=records.known(environment, read),
        strangers=records.known(environment, since),
        rewritten=frozenset(
            each.package.name
            for each in read
            if then and then.hashes.get(each.path, each.own_hash) != each.own_hash
        ),
    )


def _by_stat(environment: Path, found: Tree, then: Snapshot) -> Iterator[FileProblem]:
    numbers = iter(found.stats)
    now = dict(zip(found.paths, zip(numbers, numbers, numbers, strict=True), strict=True))
    touched = [
        path
        for path, (size, time, _) in now.items()
        if then.stats.get(path, (-1,))[:2] != (size, time)
        or found.links.get(path) != then.links.get(path)
    ]
    gone = then.stats.keys() - now.keys()
    empty = _empty(environment, now)
    if not (touched or gone or empty):
        return
    view = _view(environment, found, then)
    some = snapshot.part(found, touched)
    digests = dict(zip(some.paths, contents.hashed(str(environment), some), strict=True))
    for path in touched:
        if path not in then.stats:
            yield _problem(view, path, "added")
        elif not (_same(view, path, digests[path]) or _odd(view, path, digests[path])):
            yield _problem(view, path, "modified")
    yield from (_problem(view, path, "missing") for path in gone)
    yield from (_problem(view, path, "added") for path in empty)


def _by_bytes(view: _View, digests: dict[str, bytes]) -> Iterator[FileProblem]:
    then = view.then.stats if view.then else {}
    odd = oddities.known()
    expected = {*(path for path, (_, hash_) in view.rows.items() if hash_), *then}
    for path in expected:
        _, hash_ = view.rows.get(path, ("", ""))
        if path not in view.now:
            if path in then or oddities.missing(path, hash_) not in odd:
                yield _problem(view, path, "missing")
        elif not (_same(view, path, digests[path]) or _odd(view, path, digests[path])):
            yield _problem(view, path, "modified")
    for path in view.now.keys() - (then.keys() or expected | view.rows.keys()):
        # Without a snapshot only what lies in site-packages can be told from what virtualenv makes.
        if view.then or (path.startswith(f"{view.site}/") and not _virtualenvs(view, path)):
            yield _problem(view, path, "added")
    yield from (_problem(view, path, "added") for path in _empty(view.environment, view.now))


def _rewritten(view: _View, stamp: Stamp | None) -> Iterator[FileProblem]:
    """Without a snapshot the stamp alone tells that a RECORD was changed, not which."""
    if view.then or stamp is None or not stamp.fingerprint:
        return
    own = stamp.own.name if stamp.own else None
    if snapshot.fingerprint_of(view.records, own) != stamp.fingerprint:
        yield FileProblem(package="", path=f"{view.site}/*.dist-info/RECORD", trouble="record")


def _same(view: _View, path: str, digest: bytes) -> bool:
    """Whether a file that is there, or a link, is as it was installed."""
    then = view.then
    if path in view.links or (then and path in then.links):
        return then is None or view.links.get(path) == then.links.get(path)
    expected = (then.hashes.get(path) if then else None) or view.rows.get(path, ("", ""))[1]
    if then and view.rewritten and path not in then.hashes:
        # A row that was written to fit the edit: only that nobody has touched the file speaks for it.
        touched = view.now[path][:2] != then.stats.get(path, (-1,))[:2]
        if touched and view.rows.get(path, ("",))[0] in view.rewritten:
            return False
    actual = records.spelled(digest)
    # For twenty thousand of them a Path each would cost as much as reading them.
    return expected in ("", actual) or records.fits(view.environment / path, actual, expected)


def _odd(view: _View, path: str, digest: bytes) -> bool:
    """Whether its wheel brought it so."""
    _, expected = view.rows.get(path, ("", ""))
    return oddities.other(expected, records.spelled(digest)) in oddities.known()


def _problem(view: _View, path: str, trouble: FileTrouble) -> FileProblem:
    if trouble == "modified" and path.endswith(".dist-info/RECORD"):
        trouble = "record"
    shared = False
    if trouble == "modified" and view.then and path in view.then.stats:
        with suppress(OSError):  # gone in this moment
            links = (view.environment / path).lstat().st_nlink
            shared = links > 1 and view.now[path][2] == view.then.stats[path][2]
    return FileProblem(package=_owner(view, path), path=path, trouble=trouble, shared=shared)


def _owner(view: _View, path: str) -> str:
    """Return the package that a file belongs to; the best guess for a stray one is its folder's name."""
    parts = path.removeprefix(f"{view.site}/").split("/")
    if parts[0].endswith(".dist-info"):
        return installed.name_and_version(parts[0])[0]
    name = parts[0] if "." in parts[0] else canonicalize_name(parts[0])
    return (view.rows.get(path) or view.strangers.get(path) or (name, ""))[0]


def _empty(environment: Path, paths: Iterable[str]) -> list[str]:
    """Return the metadata folders without a file: each counts as a package all the same."""
    site = _site(environment)
    if not site:
        return []
    start = len(site) + 1
    filled = {path[start:].partition("/")[0] for path in paths if path.startswith(site)}
    there = (environment / site).glob("*.dist-info")
    return [f"{site}/{each.name}" for each in there if each.name not in filled]


def _site(environment: Path) -> str:
    folder = installed.site_packages(environment)
    return folder.relative_to(environment).as_posix() if folder else ""


def _virtualenvs(view: _View, path: str) -> bool:
    return path in (f"{view.site}/_virtualenv.py", f"{view.site}/_virtualenv.pth")


def _ours(environment: Path) -> set[str]:
    """Return the files that carry the variables: rewritten when those change."""
    scripts = {f"bin/{name}" for family in FAMILIES for name in family.SCRIPTS}
    return scripts | {f"{_site(environment)}/{inject.NAME}"}
