"""Images as `docker save` writes them, made without an engine: honest ones, and such as no engine would make."""

import copy
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class File:
    """A file, folder (`content` is `None`) or link (`target`)."""

    content: bytes | None = b""
    mode: int = 0o444
    owner: int = 0
    target: str | None = None
    kind: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


Tree = dict[str, File]


@dataclass
class Saved:
    """Layers, the lowest first, and the configuration."""

    layers: list[Tree]
    config: dict[str, Any]
    history: list[str] = field(default_factory=list)
    packed: bool = False
    links: dict[int, int] = field(default_factory=dict)
    digests: list[str] | None = None

    def copy(self) -> "Saved":
        return copy.deepcopy(self)

    @property
    def base(self) -> tuple[str, ...]:
        """The digest of the lowest layer."""
        return (_digest(tar(self.layers[0])),)

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        whole = self.bytes()
        yield from (whole[at : at + size] for at in range(0, len(whole), size))

    def bytes(self) -> bytes:
        tars = [tar(layer) for layer in self.layers]
        described = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": self.config,
                "history": [{"created_by": text} for text in self.history],
                "rootfs": {"type": "layers", "diff_ids": self.digests or [*map(_digest, tars)]},
            }
        ).encode()
        name = f"{hashlib.sha256(described).hexdigest()}.json"
        entries: Tree = {}
        for number, data in enumerate(tars):
            path = f"{number:064x}/layer.tar"
            if number in self.links:
                entries[path] = File(None, target=f"../{self.links[number]:064x}/layer.tar")
            else:
                entries[path] = File(gzip.compress(data, mtime=0) if self.packed else data)
        entries[name] = File(described)
        manifest = [{"Config": name, "Layers": [path for path in entries if path != name]}]
        entries["manifest.json"] = File(json.dumps(manifest).encode())
        return tar(entries)


def tar(tree: Tree) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, file in tree.items():
            info = tarfile.TarInfo(name)
            info.mode, info.uid, info.pax_headers = file.mode, file.owner, dict(file.headers)
            if file.target is not None:
                info.type, info.linkname = file.kind or tarfile.SYMTYPE, file.target
            elif file.content is None:
                info.type = file.kind or tarfile.DIRTYPE
            else:
                info.size = len(file.content)
            made.addfile(info, io.BytesIO(file.content or b""))
    return out.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def parents(paths: Sequence[str]) -> Tree:
    """The folders of these paths."""
    found: Tree = {}
    for path in paths:
        steps = path.split("/")[:-1]
        for number in range(1, len(steps) + 1):
            found["/".join(steps[:number])] = File(None, mode=0o755)
    return found
