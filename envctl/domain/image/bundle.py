"""The bundle: the files that a hermetic build reads, fetched and hash-checked outside it.

They lie beside the install lists, in ``wheels/heavy``, ``wheels/light``, ``wheels/uv`` (the installer) and a folder for
each source that is compiled, with a ``SHA256SUMS`` in the form of coreutils in each. Those are committed, the files
are not: so a build without them can say what it misses, and anyone can check them without envctl.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from packaging.pylock import PackageSdist, PackageWheel
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envctl.domain.image.layers import Slices, is_source, part_of
from envctl.domain.image.sources import Source
from envctl.domain.image.wheels import checked, file_name
from envctl.domain.lock.hashes import strong
from envctl.domain.lock.slices import Item, Target
from envctl.domain.manifest import ImageSettings
from envctl.errors import ImageError, LockError

FOLDER = "wheels"
SUMS = "SHA256SUMS"
IGNORE = f"{FOLDER}/.gitignore"
IGNORED = (
    "# Written by envctl: what is fetched is not committed.\n*\n!*/\n!.gitignore\n!SHA256SUMS\n"
)
_LINE = re.compile(
    r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._+!-]{0,240}\.(?:whl|tar\.gz|tgz|zip|tar\.bz2|tar\.xz))"
)
_LIST = re.compile(rf"{FOLDER}/([a-z0-9_-]+)/{SUMS}")
_KEPT_APART = ("url", "path", "upload-time")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundled:
    """One file; ``shelf`` is its folder. ``url``: ``None`` for the installer's, which an index is asked for by name."""

    shelf: str
    name: str
    sha256: str
    url: str | None = None
    size: int | None = None

    @property
    def path(self) -> str:
        """Where it lies below the image's folder."""
        return f"{FOLDER}/{self.shelf}/{self.name}"


def refuse(settings: ImageSettings, debian: Iterable[str]) -> None:
    """Raise ``ImageError`` for what a build without network cannot do; ``debian``: what the builder needs of Debian."""
    where = "tool.envctl.image"
    if settings.system_packages:
        raise ImageError(
            'build = "hermetic" has no network, so Debian\'s packages cannot be installed in it',
            where=f"{where}.system-packages",
            hint="name an image that has them in tool.envctl.image.base, and empty this list; "
            "docs/how-to/hermetic-images.md shows how to make one",
        )
    if lacking := ", ".join(debian):
        raise ImageError(
            f'build = "hermetic" has no network, and what is compiled needs {lacking} of Debian',
            where=f"{where}.build-packages" if settings.build_packages else f"{where}.builder",
            hint="name an image that has them in tool.envctl.image.builder, without build-packages, "
            'or use build = "buildkit"',
        )


def wheels(found: Slices, where: str) -> tuple[Bundled, ...]:
    """Return the wheels of the slices, by shelf and name; raises ``LockError`` for one that cannot be bundled."""
    items = (item for taken in found.values() for item in taken.items if not is_source(item))
    return _each((_wheel(item, part_of(item.name), where) for item in items), where)


def of_builds(sources: Iterable[Source], where: str) -> tuple[Bundled, ...]:
    """Return what the sources are built from: each one's own file, and the wheels of its build environment."""
    return _each((file for source in sources for file in _of_build(source, where)), where)


def located(table: Mapping[str, Any], shelf: str) -> dict[str, Any]:
    """Return an install list (TOML-able) whose wheels lie beside it instead of on an index."""

    def moved(wheel: Mapping[str, Any]) -> dict[str, Any]:
        name = file_name(PackageWheel(name=wheel.get("name"), url=wheel["url"], hashes={}))
        own = {key: value for key, value in wheel.items() if key not in _KEPT_APART}
        return {**own, "path": f"{FOLDER}/{shelf}/{name}"}

    packages = [
        {**package, "wheels": [moved(wheel) for wheel in package["wheels"]]}
        for package in table["packages"]
    ]
    return {**table, "packages": packages}


def sdist_name(sdist: PackageSdist) -> str:
    """Return the name of a source's file as the lock gives it; ``sources`` has checked it."""
    return sdist.name or unquote((sdist.url or "").rpartition("/")[2])


def sums(found: Iterable[Bundled]) -> str:
    """Return the text of ``SHA256SUMS`` (sha256sum(1)), sorted."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(_named(found).items()))


def sums_name(shelf: str) -> str:
    """Return where a shelf's list of hashes lies in the image's folder."""
    return f"{FOLDER}/{shelf}/{SUMS}"


def shelves(names: Iterable[str]) -> tuple[str, ...]:
    """Return the shelves whose lists of hashes are among these files of the image's folder."""
    found = (_LIST.fullmatch(name) for name in names)
    return tuple(match[1] for match in found if match)


def read_sums(text: str) -> dict[str, str]:
    """Return name → sha256; other lines are left out: whoever wrote them, nothing is opened for them."""
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match[2]: match[1] for match in found if match}


def installers(
    files: Mapping[str, str], found: Slices, python: str, libc: tuple[int, int] | None
) -> tuple[Bundled, ...]:
    """Choose uv's wheel for each platform among its files (name → sha256); raises ``ImageError`` if one has none."""
    chosen: dict[str, Bundled] = {}
    for platform in found:
        target = Target(platform=platform, python=python, libc=libc or platform.libc)
        name = _best(files, target.tags())
        if name is None:
            raise ImageError(
                f"the index has no wheel of uv for {platform.name}",
                where="tool.envctl.platforms",
                hint="put uv's wheels on the project's index, or run it again where it is reached",
            )
        chosen[name] = Bundled(shelf="uv", name=name, sha256=files[name])
    return tuple(chosen[name] for name in sorted(chosen))


def version_of(installer: str) -> str:
    """Return the version that a wheel's file name says."""
    return str(parse_wheel_filename(installer)[1])


def _best(files: Mapping[str, str], tags: Iterable[Tag]) -> str | None:
    own: dict[Tag, str] = {}
    for name in sorted(files):
        try:
            project, _, _, marks = parse_wheel_filename(name)
        except InvalidWheelFilename:
            continue
        if project == "uv" and _LINE.fullmatch(f"{files[name]}  {name}"):
            own |= dict.fromkeys(marks, name)
    return next((own[tag] for tag in tags if tag in own), None)


def _of_build(source: Source, where: str) -> Iterator[Bundled]:
    for items in source.within.values():
        for item in items:
            yield _wheel(item, source.stage, where)
    if source.file is not None:
        name = sdist_name(source.file)
        sha256 = _sha256(source.file.hashes, f"the source of `{source.name}`", where)
        size = source.file.size
        yield Bundled(shelf=source.stage, name=name, sha256=sha256, url=source.file.url, size=size)


def _wheel(item: Item, shelf: str, where: str) -> Bundled:
    file = checked(item, where)
    sha256 = _sha256(file.hashes, f"the wheel of `{item.name}`", where)
    return Bundled(shelf=shelf, name=file_name(file), sha256=sha256, url=file.url, size=file.size)


def _sha256(hashes: Mapping[str, str], what: str, where: str) -> str:
    found = strong(hashes).get("sha256")
    if found is None:
        raise LockError(
            f"{what} has no sha256, by which a hermetic build checks it",
            where=where,
            hint="run `envctl lock`",
        )
    return found


def _each(found: Iterable[Bundled], where: str) -> tuple[Bundled, ...]:
    """Return each file once: two of one name would lie in one place, on a disk that ignores case as well."""
    known: dict[tuple[str, str], Bundled] = {}
    for file in found:
        other = known.setdefault((file.shelf, file.name.lower()), file)
        if (other.name, other.sha256) != (file.name, file.sha256):
            raise LockError(
                f"the lock has two files of the name {file.name}",
                where=where,
                hint="run `envctl lock`",
            )
    return tuple(sorted(known.values(), key=lambda file: (file.shelf, file.name)))


def _named(found: Iterable[Bundled]) -> dict[str, str]:
    return {file.name: file.sha256 for file in found}
