"""The companions of a Dockerfile: the lists that its build reads, what an image checks itself by, and the bundle."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from envctl.domain.image import Image, bundle
from envctl.domain.image import layers as image_layers
from envctl.domain.image.bundle import Bundled, sums_name
from envctl.domain.image.layers import PARTS
from envctl.domain.image.settings import default_index
from envctl.domain.manifest import Manifest
from envctl.emitters import fetching, image_contract, preflight, pylock
from envctl.errors import ImageError
from envctl.ports import Project

LIST_HEADER = "# Written by envctl: what the image installs. Run `envctl dockerize` to renew it.\n"
BUILD_HEADER = (
    "# Written by envctl: what a build of the image needs. `envctl dockerize` renews it.\n"
)
_OF_A_BUILD = re.compile(
    r"pylock\.(build-[a-z0-9_-]+|package)\.toml|build-[a-z0-9_-]+\.txt|fetch\.py"
)
_UV = re.compile(r"uv==[0-9][0-9A-Za-z.]*(?:\s+(?:\\\n\s*)?--hash=sha256:[0-9a-f]{64})+")
_ADDRESS = re.compile(r"https?://[^\s'\"\\$`<>#]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Installer:
    """Where uv is asked for when it is not pinned yet.

    ``pin`` gives a line ``uv==… --hash=sha256:…`` with all hashes of one version for Linux; ``files`` the names of that
    version's files with their sha256.
    """

    pin: Callable[[], str]
    files: Callable[[], Mapping[str, str]]


def companions(
    image: Image, manifest: Manifest, kept: Project | None, installer: Installer
) -> tuple[dict[str, str], tuple[Bundled, ...]]:
    """Return the texts in the image's folder by name, and the files that must lie beside them.

    ``kept`` is the project whose pinned installer stays; ``None``: it is pinned anew.
    """
    lists = image_layers.parts(image.slices)
    texts = {"contract.json": image_contract.emit(image), "preflight.py": preflight.source()}
    if image.build != "hermetic":
        texts |= {f"pylock.{p}.toml": pylock.emit(table, LIST_HEADER) for p, table in lists.items()}
        texts["uv.txt"] = _remote(image, manifest, kept, installer)
        return texts | _of_builds(image), ()
    texts |= {
        f"pylock.{part}.toml": pylock.emit(bundle.located(lists[part], part), LIST_HEADER)
        for part in PARTS
    }
    if not image.items and not image.built.sources:
        return texts, ()
    own = _bundled(image, kept, installer)
    where = image.names.lock
    files = (
        *bundle.wheels(image.slices, where),
        *bundle.of_builds(image.built.sources, where),
        *own,
    )
    version = bundle.version_of(own[0].name)
    texts["uv.txt"] = _text(f"uv=={version} " + " ".join(_hash(file) for file in own))
    texts[bundle.IGNORE] = bundle.IGNORED
    for shelf in dict.fromkeys(file.shelf for file in files):
        texts[sums_name(shelf)] = bundle.sums(each for each in files if each.shelf == shelf)
    return texts | _of_builds(image), files


def gone(folder: str, there: Collection[str], companions: Collection[str]) -> tuple[str, ...]:
    """Return which files in the image's folder are lists of builds that there no longer are."""
    return tuple(
        f"{folder}/{name}"
        for name in there
        if _OF_A_BUILD.fullmatch(name) and name not in companions
    )


def _of_builds(image: Image) -> dict[str, str]:
    """Return what each build reads: the list of its environment, and where its source is."""
    found = {}
    hermetic = image.build == "hermetic"
    for source in image.built.sources:
        if any(source.within.values()):
            table = image_layers.merged(source.within)
            within = bundle.located(table, source.stage) if hermetic else table
            found[source.pylock] = pylock.emit(within, BUILD_HEADER)
        if source.file is not None:
            found["fetch.py"] = fetching.source()
            if not hermetic:
                found[source.fetched] = BUILD_HEADER + source.line()
    return found


def _remote(image: Image, manifest: Manifest, kept: Project | None, installer: Installer) -> str:
    """Return pip's list for the installer: uv as pinned so far, else as pinned now."""
    folder = image.names.folder
    earlier = kept.read(f"{folder}/uv.txt") if kept else None
    if kept and kept.read(f"{folder}/{sums_name('uv')}") is not None:
        earlier = None  # a bundle's: with the hashes of the wheels in it alone
    found = _UV.search(earlier or "") or _UV.fullmatch(installer.pin().strip())
    if found is None:
        raise ImageError(
            "uv cannot be pinned: no hashes are known for it",
            where=f"{folder}/uv.txt",
            hint="run it again where the index is reached; let it serve uv",
        )
    index = default_index(manifest)
    if index is not None and not _ADDRESS.fullmatch(index):
        raise ImageError(
            f"{index!r} is not an address",
            where="tool.envctl.index",
            hint="write it as `https://index.example/simple`",
        )
    return (f"--index-url {index}\n" if index else "") + _text(found[0])


def _bundled(image: Image, kept: Project | None, installer: Installer) -> tuple[Bundled, ...]:
    """Return uv's wheels for the platforms: those of the bundle so far, else of the version that is used here."""

    def chosen(files: Mapping[str, str]) -> tuple[Bundled, ...]:
        return bundle.installers(files, image.slices, image.python, image.base.libc)

    earlier = kept.read(f"{image.names.folder}/{sums_name('uv')}") if kept else None
    if earlier:
        try:
            found = chosen(bundle.read_sums(earlier))
        except ImageError:  # for another platform than it was made for
            found = ()
        if len({bundle.version_of(wheel.name) for wheel in found}) == 1:
            return found
    return chosen(installer.files())


def _hash(file: Bundled) -> str:
    return f"--hash=sha256:{file.sha256}"


def _text(requirement: str) -> str:
    return " \\\n    ".join(requirement.replace("\\\n", " ").split()) + "\n"
