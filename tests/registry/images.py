"""Images pushed by hand over the distribution API: one manifest, or an index for several platforms."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.registry.server import PASSWORD, USER, RealRegistry, call

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, kw_only=True)
class MadeImage:
    """What one image says of itself; its only layer is an empty tar."""

    platform: str = "linux/amd64"
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Sequence[str] = ("PATH=/usr/local/bin:/usr/bin:/bin",)
    history: Sequence[str] = ()

    def configuration(self) -> bytes:
        system, machine, *variant = self.platform.split("/")
        table: dict[str, Any] = {
            "os": system,
            "architecture": machine,
            **({"variant": variant[0]} if variant else {}),
            "created": "2026-11-01T00:00:00Z",
            "config": {"Env": list(self.env), "Labels": dict(self.labels), "User": "10001:0"},
            "rootfs": {"type": "layers", "diff_ids": [sha256(empty_tar())]},
            "history": [{"created_by": text} for text in self.history],
        }
        return json.dumps(table).encode()


@dataclass
class Pusher:
    """Pushes into one registry, with its login if it has one."""

    registry: RealRegistry
    repository: str = "team/base"
    token: str = ""

    def image(self, image: MadeImage, tag: str | None = None, *, docker: bool = False) -> str:
        """Push one image; return its manifest's digest."""
        return self._manifest(json.loads(self._image(image, docker=docker)), tag)

    def index(
        self,
        images: Sequence[MadeImage],
        tag: str | None = None,
        *,
        docker: bool = False,
        attested: bool = False,
    ) -> str:
        """Push an index of images; ``attested``: with an attestation manifest beside them, as buildx makes it."""
        entries = []
        for image in images:
            text = self._image(image, docker=docker)
            digest = self._manifest(json.loads(text), None)
            system, machine, *variant = image.platform.split("/")
            entries.append(
                {
                    "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
                    "digest": digest,
                    "size": len(text),
                    "platform": {
                        "os": system,
                        "architecture": machine,
                        **({"variant": variant[0]} if variant else {}),
                    },
                }
            )
        if attested:
            entries.append({**entries[0], "platform": {"os": "unknown", "architecture": "unknown"}})
        table = {
            "schemaVersion": 2,
            "mediaType": DOCKER_LIST if docker else OCI_INDEX,
            "manifests": entries,
        }
        return self._manifest(table, tag)

    def delete(self, digest: str) -> None:
        """Take a manifest away, and with it the tags that lead to it."""
        self._call("DELETE", f"manifests/{digest}")

    def _image(self, image: MadeImage, *, docker: bool) -> bytes:
        layer = gzip.compress(empty_tar(), mtime=0)
        configuration = image.configuration()
        kinds = (
            ("application/vnd.docker.container.image.v1+json",
             "application/vnd.docker.image.rootfs.diff.tar.gzip")
            if docker
            else ("application/vnd.oci.image.config.v1+json",
                  "application/vnd.oci.image.layer.v1.tar+gzip")
        )  # fmt: skip
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
                "config": self._blob(configuration, kinds[0]),
                "layers": [self._blob(layer, kinds[1])],
            }
        ).encode()

    def _blob(self, data: bytes, kind: str) -> dict[str, Any]:
        digest = sha256(data)
        place = self._call("POST", "blobs/uploads/")["Location"]
        place = place if place.startswith("http") else f"{self.registry.url}{place}"
        joint = "&" if "?" in place else "?"
        headers = {**self._headers(), "Content-Type": "application/octet-stream"}
        call("PUT", f"{place}{joint}digest={digest}", data, headers)
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def _manifest(self, table: Mapping[str, Any], tag: str | None) -> str:
        data = json.dumps(table).encode()
        digest = sha256(data)
        headers = {"Content-Type": str(table["mediaType"])}
        self._call("PUT", f"manifests/{tag or digest}", data, headers)
        return digest

    def _call(
        self, method: str, path: str, data: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Any:
        address = f"{self.registry.url}/v2/{self.repository}/{path}"
        return call(method, address, data, {**self._headers(), **(headers or {})})

    def _headers(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"Authorization": basic(USER, PASSWORD)} if self.registry.htpasswd else {}


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def empty_tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w"):
        pass
    return made.getvalue()
