"""What registries answer: indexes, manifests and configurations (OCI image-spec 1.1, Docker image manifest 2.2).

Each reader takes the bytes and raises ``ValueError`` for anything else: they come from elsewhere.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One image: where its configuration lies, and how large its layers are together (bytes, packed)."""

    configuration: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """How an image is started, and how it was made."""

    platform: str
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    created: str = ""
    history: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()


def read_manifest(data: bytes) -> Manifest | dict[str, str]:
    """Return one image's manifest; for an index, platform → digest of what it leads to.

    What an index holds besides images (attestations, of platform ``unknown/unknown``) is left out.
    """
    table = _object(data)
    if isinstance(table.get("manifests"), list):
        entries = [each for each in table["manifests"] if isinstance(each, dict)]
        pairs = ((_platform(each.get("platform")), _digest(each)) for each in entries)
        found: dict[str, str] = {}
        for name, digest in pairs:
            if name is not None:
                found.setdefault(name, digest)
        return found
    layers = table.get("layers")
    if not isinstance(table.get("config"), dict) or not isinstance(layers, list):
        raise ValueError("it is no image's manifest")  # noqa: TRY004  # not the type, the content
    sizes = [layer.get("size") for layer in layers if isinstance(layer, dict)]
    return Manifest(
        configuration=_digest(table["config"]),
        size=sum(size for size in sizes if isinstance(size, int)),
    )


def read_configuration(data: bytes) -> Configuration:
    """Return an image's configuration."""
    table = _object(data)
    own = table.get("config")
    own = own if isinstance(own, dict) else {}
    pairs = [text.partition("=") for text in _list(own.get("Env")) if isinstance(text, str)]
    steps = [
        step.get("created_by") for step in _list(table.get("history")) if isinstance(step, dict)
    ]
    return Configuration(
        platform=_platform(table) or "unknown",
        labels=_texts(own.get("Labels")),
        env={name: value for name, _, value in pairs},
        user=_text(own.get("User")),
        created=_text(table.get("created")),
        history=tuple(text for text in steps if isinstance(text, str)),
        layers=_layers(table.get("rootfs")),
    )


def _layers(rootfs: object) -> tuple[str, ...]:
    """Return the digests of the unpacked layers, the lowest first."""
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    return tuple(each for each in _list(found) if isinstance(each, str) and _DIGEST.fullmatch(each))


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(found, dict):
        raise ValueError("it is not an object")  # noqa: TRY004  # not the type, the content
    return found


def _digest(descriptor: Mapping[str, Any]) -> str:
    digest = descriptor.get("digest")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError("it names something without its sha256")
    return digest


def _platform(table: object) -> str | None:
    """Return ``os/architecture[/variant]``; ``None`` for none, or for one that is not known."""
    if not isinstance(table, dict):
        return None
    words = [table.get(key) for key in ("os", "architecture", "variant")]
    named = [word for word in words if isinstance(word, str) and _WORD.fullmatch(word)]
    return "/".join(named) if len(named) > 1 and "unknown" not in named else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> dict[str, str]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {key: text for key, text in pairs if isinstance(text, str)}
