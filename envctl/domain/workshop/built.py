"""A wheel that was built on this machine, and how it takes its source's place in what the installer is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import quote

from packaging.pylock import Package, PackageWheel
from packaging.utils import parse_wheel_filename

from envctl.domain.lock.slices import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A wheel on this machine's disk."""

    path: str
    sha256: str

    @property
    def filename(self) -> str:
        """The wheel's name, which holds its version and tags."""
        return PurePosixPath(self.path).name


def with_built(items: Iterable[Item], built: Mapping[str, Built]) -> tuple[Item, ...]:
    """Put built wheels (by ``name==version``) in the place of their sources.

    As a ``wheels`` entry, not an ``archive``: so uv installs it as it would a wheel of the index, and writes no
    ``direct_url.json``. The slice's digest stays that of the sources.
    """
    return tuple(_wheel(item, built.get(f"{item.name}=={item.version}")) for item in items)


def item_of(built: Built) -> Item:
    """Return a wheel that is in no lock as one that the installer can be given; its name must be a wheel's."""
    name, version, _, _ = parse_wheel_filename(built.filename)
    return Item(package=Package(name=name, version=version), artefact=_file(built))


def _wheel(item: Item, built: Built | None) -> Item:
    if built is None:
        return item
    return replace(item, artefact=_file(built))


def _file(built: Built) -> PackageWheel:
    return PackageWheel(
        name=built.filename, url="file://" + quote(built.path), hashes={"sha256": built.sha256}
    )
