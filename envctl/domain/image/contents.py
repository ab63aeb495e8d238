"""What an image holds, put together from its layers as an engine does it (OCI image-spec 1.1, layer.md).

Nothing of it is run, and no link in it is followed by the system: the names are keys of a mapping, without a leading
slash.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["file", "folder", "link", "other"]
_MOST_LINKS = 40  # as Linux has it (ELOOP)
SETUID, SETGID = 0o4000, 0o2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file, folder or link.

    ``digest``: SHA-256 in hex of a file's bytes. ``layer``: from the bottom, 0 is the base image's first.
    ``capable``: it has capabilities (capabilities(7)), which are as good as setuid. ``head``: the first 16 bytes of a
    byte-compiled file.
    """

    kind: Kind
    mode: int = 0o644
    owner: int = 0
    size: int = 0
    digest: str = ""
    target: str = ""
    layer: int = 0
    capable: bool = False
    head: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """What a layer changes. ``removed``: paths that it takes away, ``emptied``: folders of which it hides the rest."""

    digest: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """How an image says that it is started. ``later``: what ``ONBUILD`` adds to images made from it."""

    user: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    folder: str = ""
    volumes: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Something that looks like a secret: ``what``, where it stands, and in which layer. Never the secret."""

    what: str
    path: str
    layer: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """A whole image.

    ``identity`` is the digest of its configuration (the engine's image ID), ``machine`` as wheels say it. ``files`` is
    what a container would see; ``texts`` are the bytes of some small files by their digest, ``objects`` what the ELF
    files of the environment need, by digest. ``history``: what each layer was made by, as far as it says.
    """

    identity: str
    machine: str
    start: Start
    layers: tuple[Layer, ...]
    files: Mapping[str, Entry]
    history: tuple[str, ...] = ()
    texts: Mapping[str, bytes] = field(default_factory=dict)
    objects: Mapping[str, "Needs"] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()

    def text(self, path: str) -> str | None:
        """Return a kept file's text; links are followed. ``None``: there is none, or it was not kept."""
        found = self.files.get(resolve(self.files, path) or "")
        content = self.texts.get(found.digest) if found and found.kind == "file" else None
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def below(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """Yield what lies below a folder, by its path from there."""
        start = f"{folder}/"
        for path, entry in self.files.items():
            if path.startswith(start):
                yield path[len(start) :], entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What an ELF file says to the loader (gABI, "Dynamic Section").

    ``needed``: DT_NEEDED in order; ``paths``: DT_RUNPATH, else DT_RPATH, split; ``name``: DT_SONAME.
    """

    machine: str
    needed: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    name: str = ""


def merge(layers: Iterable[Layer]) -> dict[str, Entry]:
    """Return what a container sees of these layers, the lowest first."""
    found: dict[str, Entry] = {}
    for layer in layers:
        _hide(found, layer)
        for path, entry in layer.entries.items():
            for parent in _parents(path):
                if parent not in layer.entries and parent not in found:
                    found[parent] = Entry(kind="folder", mode=0o755, layer=entry.layer)
            found[path] = entry
    return found


def behind_links(layers: Iterable[Layer]) -> Iterator[str]:
    """Yield paths that a layer brings below what is a link or file there, or was one in the layers below.

    Where they come to lie depends on how an engine stores layers: in the folder that the link leads to, or in its
    place. Builders write to the folder's own path.
    """
    seen: dict[str, Entry] = {}
    for layer in layers:
        own = layer.entries
        above = {parent for path in own for parent in _parents(path)}
        for parent in sorted(above):
            entry = own.get(parent) or (None if _taken(parent, layer) else seen.get(parent))
            if entry is not None and entry.kind != "folder":
                yield parent
        _hide(seen, layer)
        seen.update(own)


def _taken(path: str, layer: Layer) -> bool:
    """Whether a layer takes away what lay there, or what that lay in."""
    every = (path, *_parents(path))
    return any(each in layer.removed for each in every) or any(
        each in layer.emptied for each in every[1:]
    )


def _hide(found: dict[str, Entry], layer: Layer) -> None:
    """Take away what a layer removes, and what cannot stay below or above what it brings."""
    gone, emptied = set(layer.removed), set(layer.emptied)
    for path, entry in layer.entries.items():
        old = found.get(path)
        if old is not None and (old.kind == "folder") != (entry.kind == "folder"):
            gone.add(path)
        for parent in _parents(path):
            above = found.get(parent)
            if above is not None and above.kind != "folder" and parent not in layer.entries:
                gone.add(parent)
    if not (gone or emptied):
        return
    for path in [*found]:
        parents = set(_parents(path))
        if path in gone or parents & gone or parents & emptied:
            del found[path]


def _parents(path: str) -> Iterator[str]:
    at = path.rfind("/")
    while at > 0:
        path = path[:at]
        yield path
        at = path.rfind("/")


def resolve(files: Mapping[str, Entry], path: str, followed: list[str] | None = None) -> str | None:
    """Return where a path leads, all links followed within the image; ``None``: nowhere.

    ``followed`` gets the links on the way.
    """
    left = [*reversed(path.split("/"))]
    at: list[str] = []
    links = [] if followed is None else followed
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = at[:-1]
            continue
        entry = files.get("/".join([*at, part]))
        if entry is None:
            return None
        if entry.kind != "link":
            at.append(part)
            continue
        links.append("/".join([*at, part]))
        if len(links) > _MOST_LINKS:
            return None
        if entry.target.startswith("/"):
            at = []
        left += reversed(entry.target.split("/"))
    return "/".join(at)
