"""Is an image's environment exactly the slice, down to the files?"""

from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envctl.checks.built import bytecode, records
from envctl.checks.built.findings import differs, listed
from envctl.domain.finding import Finding
from envctl.domain.image.contents import Contents, Entry
from envctl.domain.image.proof import ENVIRONMENT, Evidence, Promise

_MANY = 5
_OTHERS_WRITE = 0o022


def check(contents: Contents, promise: Promise, evidence: Evidence) -> Iterator[Finding]:
    """Yield packages and files that differ."""
    files = dict(contents.below(ENVIRONMENT))
    infos = _installed(files, promise.site)
    yield from _packages(promise, infos)
    accepted = evidence.accepted()
    compared = {name for name in infos if name in evidence.brought}
    loose = records.by_their_word(
        contents, promise, {n: f for n, (_, f) in infos.items() if n not in compared}
    )
    yield from _metadata(contents, promise, infos)
    wanted = {
        path: row
        for path, row in accepted.items()
        if row[0] in infos  # of one that is not there at all its name is said
    }
    yield from _altered(files, {**loose, **wanted})
    yield from _strays(files, promise, {**loose, **wanted}, infos)
    yield from bytecode.check(contents, promise, evidence, {**loose, **wanted})
    yield from records.check(contents, promise, evidence, infos)
    yield from _unproved(promise, infos, compared)
    yield from _own(files, promise, loose)
    yield from _writable(files)


_Infos = Mapping[str, tuple[str, str]]  # name → version, folder


def _installed(files: Mapping[str, Entry], site: str) -> dict[str, tuple[str, str]]:
    """Return what the names of the ``.dist-info`` folders say: name → version, folder."""
    start = f"{site}/"
    folders = {path[len(start) :].partition("/")[0] for path in files if path.startswith(start)}
    found: dict[str, tuple[str, str]] = {}
    for folder in sorted(each for each in folders if each.endswith(".dist-info")):
        name, _, version = folder.removesuffix(".dist-info").partition("-")
        found[canonicalize_name(name)] = (_normal(version), folder)
    return found


def _normal(version: str) -> str:
    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def _packages(promise: Promise, infos: _Infos) -> Iterator[Finding]:
    wanted = dict(promise.packages)
    for name in sorted({*wanted, *infos} - {promise.own or ""}):
        need, have = wanted.get(name), infos[name][0] if name in infos else None
        if have is None:
            yield differs(name, f"`{name}` {need} is not in the image", expected=need)
        elif need is None:
            said = f"`{name}` {have} is in the image, and its slice of the lock has none"
            yield differs(name, said, actual=have)
        elif need and _normal(need) != have:
            said = f"`{name}` is {have} in the image, the lock has {need}"
            yield differs(name, said, expected=need, actual=have)
    if promise.own and promise.own not in infos:
        yield differs(promise.own, f"the project's own package `{promise.own}` is not in the image")


def _metadata(contents: Contents, promise: Promise, infos: _Infos) -> Iterator[Finding]:
    """Yield where a folder's name and the METADATA in it tell two stories: pip believes the second."""
    for name, (version, folder) in infos.items():
        text = contents.text(f"{ENVIRONMENT}/{promise.site}/{folder}/METADATA") or ""
        head = dict(
            line.split(":", 1)
            for line in reversed(text.split("\n\n", 1)[0].splitlines())
            if ":" in line
        )
        said = (
            canonicalize_name(head.get("Name", "").strip()),
            _normal(head.get("Version", "").strip()),
        )
        if said != (name, version):
            have = " ".join(said).strip() or "nothing"
            yield differs(
                folder, f"its METADATA says it is {have}", expected=f"{name} {version}", actual=have
            )


def _altered(files: Mapping[str, Entry], rows: records.Rows) -> Iterator[Finding]:
    missing: dict[str, list[str]] = {}
    for path, (package, digests) in sorted(rows.items()):
        entry = files.get(path)
        if records.noted(path):
            continue
        if entry is not None:
            yield from _file(path, package, digests, entry)
        elif digests:
            missing.setdefault(package, []).append(path)
    for package, paths in missing.items():
        if len(paths) > _MANY:
            yield differs(package, f"`{package}`: {len(paths)} files are gone: {listed(paths)}")
        else:
            yield from (differs(path, f"{path} of `{package}` is gone") for path in paths)


def _file(path: str, package: str, digests: tuple[str, ...], entry: Entry) -> Iterator[Finding]:
    if entry.kind == "link":
        said = f"{path} of `{package}` is a link to {entry.target}, not the file of its wheel"
        yield differs(path, said, actual=f"a link to {entry.target}")
    elif entry.kind != "file":
        yield differs(path, f"{path} of `{package}` is no file")
    elif digests and entry.digest not in digests:
        yield differs(
            path,
            f"{path} of `{package}` is not the file of its wheel",
            expected=f"sha256:{digests[0]}",
            actual=f"sha256:{entry.digest}",
        )


def _strays(
    files: Mapping[str, Entry], promise: Promise, rows: records.Rows, infos: _Infos
) -> Iterator[Finding]:
    noted = {f"{promise.site}/{folder}" for _, folder in infos.values()}
    strays: dict[str, list[str]] = {}
    for path, entry in sorted(files.items()):
        above = path.rpartition("/")[0]
        if entry.kind == "folder" or path in rows or _skeleton(path, entry, promise):
            continue
        if above in noted and records.noted(path) and entry.kind == "file":
            continue
        if bytecode.source(path, promise) not in rows:
            strays.setdefault(_place(path, entry, promise), []).append(path)
    for place, paths in strays.items():
        if len(paths) > _MANY:
            said = f"{len(paths)} files belong to no package of the lock: {listed(paths)}"
            yield differs(place, said)
        else:
            yield from (_stray(path, files[path]) for path in paths)


def _place(path: str, entry: Entry, promise: Promise) -> str:
    """Return with which others a stray is told: what Python runs or reads at its start is named by itself."""
    loud = path.endswith((".py", ".pth", ".so")) and path.rpartition("/")[0] in (
        promise.site,
        "bin",
    )
    if loud or entry.kind != "file":
        return path
    return path.removeprefix(f"{promise.site}/").partition("/")[0]


def _stray(path: str, entry: Entry) -> Finding:
    what = f" (a link to {entry.target})" if entry.kind == "link" else ""
    return differs(path, f"{path}{what} belongs to no package of the lock")


def _skeleton(path: str, entry: Entry, promise: Promise) -> bool:
    """Whether ``python -m venv`` makes this: what matters of it is looked at in ``python``."""
    if path in ("bin/python", "bin/python3", f"bin/python{promise.minor}"):
        return True
    if entry.kind == "link":
        return path == "lib64" and entry.target == "lib"
    plain = ("pyvenv.cfg", ".gitignore", "CACHEDIR.TAG", "bin/Activate.ps1")
    scripts = ("bin/activate", "bin/activate.csh", "bin/activate.fish", "bin/activate.nu")
    return entry.kind == "file" and path in (*plain, *scripts)


def _unproved(promise: Promise, infos: _Infos, compared: Iterable[str]) -> Iterator[Finding]:
    left = sorted({*infos} & {*promise.packages} - {*compared})
    built = [name for name in left if name in promise.built]
    others = [name for name in left if name not in promise.built]
    if built:
        said = f"built from source in the image, so their bytes are their own: {listed(built)}"
        yield _note(said, "nothing: their versions and their own RECORDs agree")
    if others:
        said = (
            f"the bytes of {len(others)} packages were compared with their own RECORDs only, "
            f"their wheels are not at hand: {listed(others)}"
        )
        advice = "run `envctl sync` here, or `envctl dockerize` for the hermetic flavour, then verify again"
        yield _note(said, advice, severity="warning")


def _own(files: Mapping[str, Entry], promise: Promise, loose: records.Rows) -> Iterator[Finding]:
    """Yield which modules of the project's own package are no files of this folder: its wheel is made in the image."""
    if promise.own is None:
        return
    other = [
        path
        for path, (name, _) in sorted(loose.items())
        if name == promise.own
        and path.endswith(".py")
        and path in files
        and files[path].digest not in promise.packed
    ]
    if other:
        said = (
            f"{len(other)} modules of `{promise.own}` are no files of this folder: {listed(other)}"
        )
        advice = (
            "build the image again, or take the edit back; what its build writes itself, look at"
        )
        yield differs(promise.own, said, severity="warning", advice=advice)
    yield _note(
        f"`{promise.own}` was built in the image: what is no module was compared with its own RECORD only",
        "nothing: its modules were compared with this folder",
    )


def _note(message: str, advice: str, severity: str = "note") -> Finding:
    return differs(
        "packages",
        message,
        advice=advice,
        code="image-unproved",
        severity="warning" if severity == "warning" else "note",
    )


def _writable(files: Mapping[str, Entry]) -> Iterator[Finding]:
    open_ = sorted(
        path
        for path, entry in files.items()
        if entry.kind in ("file", "folder") and (entry.owner or entry.mode & _OTHERS_WRITE)
    )
    if open_:
        said = f"whoever runs the image can change {len(open_)} files of the environment: {listed(open_)}"
        yield differs(f"/{ENVIRONMENT}", said)
