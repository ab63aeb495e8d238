"""An image's files, read from the engine as one stream (``docker save``): no container is made, nothing is run."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any, cast

from envctl.adapters.image_files import layer as layers
from envctl.adapters.image_files.headers import OddLayerError
from envctl.adapters.image_files.layer import Seen
from envctl.domain.image.contents import Contents, Entry, Layer, Mark, Start, behind_links, merge
from envctl.errors import ContainerError

_DOCUMENT = 16 << 20  # bytes; the engine's own descriptions
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_TAR_MAGIC = slice(257, 262)  # ustar; an empty layer is two blocks of zeros


@dataclass(slots=True)
class _Archive:
    """What was found in a saved image: documents and layers by their names, and links between the names."""

    documents: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, tuple[Layer, Seen]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """Return where a name leads: the engine saves two equal layers as one and a link."""
        return self.links.get(name, name)


def read(chunks: Iterable[bytes], reference: str) -> Contents:
    """Read a saved image to its end; ``reference`` is for the messages.

    Raises ``ContainerError`` for what is no image, is not what its own digests say, or cannot be read.
    """
    archive = _Archive()
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", Chunks(chunks)), mode="r|", bufsize=1 << 20, errorlevel=2
        ) as tar:
            for member in tar:
                _take(archive, tar, member)
        return _contents(archive)
    except (tarfile.TarError, EOFError, OSError, OddLayerError) as error:
        raise _odd(reference, str(error) or type(error).__name__) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IndexError) as error:
        raise _odd(reference, f"its description cannot be read ({error})") from error


def _take(archive: _Archive, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    if member.issym() or member.islnk():
        folder = member.name.rpartition("/")[0] if member.issym() else ""
        archive.links[member.name] = _joined(folder, member.linkname)
        return
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        return
    stream = io.BufferedReader(cast("io.RawIOBase", content), 1 << 20)
    start = stream.peek(512)[:512]
    if start.startswith(_ZSTD):
        raise OddLayerError("its layers are packed with zstd, which envctl cannot read")
    if start.startswith(_GZIP):
        seen = Seen()
        with gzip.open(stream) as unpacked:
            archive.layers[member.name] = (layers.read(cast("IO[bytes]", unpacked), seen), seen)
    elif start[_TAR_MAGIC] == b"ustar" or (start and not start.strip(b"\0")):
        seen = Seen()
        archive.layers[member.name] = (layers.read(stream, seen), seen)
    elif member.size <= _DOCUMENT:
        archive.documents[member.name] = stream.read()


def _joined(folder: str, target: str) -> str:
    parts: list[str] = []
    for part in f"{folder}/{target}".split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _contents(archive: _Archive) -> Contents:
    (manifest,) = json.loads(archive.documents["manifest.json"])
    described = archive.documents[archive.name(manifest["Config"])]
    whole: dict[str, Any] = json.loads(described)
    found = [archive.layers[archive.name(name)] for name in manifest["Layers"]]
    digests = whole["rootfs"]["diff_ids"]
    if [layer.digest for layer, _ in found] != digests:
        raise OddLayerError("its layers are not those that it names by their digests")
    stacked = tuple(_at(layer, number) for number, (layer, _) in enumerate(found))
    if odd := next(behind_links(stacked), None):
        raise OddLayerError(f"/{odd} lies behind a link: engines disagree on where that leads")
    return Contents(
        identity=f"sha256:{layers.digest_of(described)}",
        machine=_MACHINES.get(whole.get("architecture", ""), str(whole.get("architecture", ""))),
        start=_start(whole.get("config") or {}),
        layers=stacked,
        files=merge(stacked),
        history=tuple(_history(whole)),
        texts={digest: text for _, seen in found for digest, text in seen.texts.items()},
        objects={digest: needs for _, seen in found for digest, needs in seen.objects.items()},
        marks=tuple(
            Mark(what=what, path=path, layer=number)
            for number, (_, seen) in enumerate(found)
            for what, path in seen.marks
        ),
    )


def _at(layer: Layer, number: int) -> Layer:
    entries: dict[str, Entry] = {
        path: replace(entry, layer=number) for path, entry in layer.entries.items()
    }
    return replace(layer, entries=entries)


def _history(whole: dict[str, Any]) -> Iterator[str]:
    for step in whole.get("history") or ():
        yield " ".join(str(step.get(key) or "") for key in ("created_by", "comment", "author"))


def _start(config: dict[str, Any]) -> Start:
    """Read the configuration's own part; an engine writes ``null`` for what is empty."""
    pairs = (str(pair).partition("=") for pair in config.get("Env") or ())
    health = (config.get("Healthcheck") or {}).get("Test") or ()
    return Start(
        user=str(config.get("User") or ""),
        env={name: value for name, _, value in pairs},
        labels={str(k): str(v) for k, v in (config.get("Labels") or {}).items()},
        entrypoint=tuple(map(str, config.get("Entrypoint") or ())),
        command=tuple(map(str, config.get("Cmd") or ())),
        folder=str(config.get("WorkingDir") or ""),
        volumes=tuple(sorted(map(str, config.get("Volumes") or ()))),
        later=tuple(map(str, config.get("OnBuild") or ())),
        health=tuple(map(str, health)),
        shell=tuple(map(str, config.get("Shell") or ())),
    )


def _odd(reference: str, what: str) -> ContainerError:
    return ContainerError(
        f"the image cannot be read as the engine gives it: {what}",
        where=reference,
        hint="build it again, or look at it with `docker image inspect`",
    )


class Chunks(io.RawIOBase):
    """The pieces of an answer as a file that can be read once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as the next piece goes."""
        while not self._left:
            piece = next(self._chunks, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
