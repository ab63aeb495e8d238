"""The name of an image as people write it, and what it stands for (distribution/reference)."""

import re
from dataclasses import dataclass

from envctl.errors import ImageError

HUB = "docker.io"
_HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?))*"
_FORM = re.compile(
    rf"(?:(?P<registry>(?:{_HOST}|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?)/)?"
    rf"(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_LONGEST = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An image: its registry's host, its repository there, and a tag, a digest or both."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def asked(self) -> str:
        """What a registry is asked for: the digest, where there is one."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        """Return it written out in full."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str, where: str | None = None) -> Reference:
    """Read a reference as docker does: ``python:3.11`` is ``docker.io/library/python:3.11``, no tag is ``latest``.

    Raises ``ImageError``. The first part is a registry if it has a dot, a colon or a capital, or is ``localhost``.
    """
    match = _FORM.fullmatch(_with_registry(text))
    if match is None or len(match["repository"]) > _LONGEST:
        raise ImageError(
            f"{text!r} is not the name of an image",
            where=where,
            hint='write it as "registry.example/team/vision:1.0", in small letters',
        )
    registry, repository = str(match["registry"]).lower(), match["repository"]
    if registry in _HUB_NAMES:
        registry = HUB
        repository = repository if "/" in repository else f"library/{repository}"
    tag, digest = match["tag"], match["digest"]
    return Reference(
        registry=registry,
        repository=repository,
        tag=tag if tag or digest else "latest",
        digest=digest,
    )


def _with_registry(text: str) -> str:
    first, slash, _ = text.partition("/")
    named = slash and (re.search(r"[.:A-Z]", first) or first == "localhost")
    return text if named else f"{HUB}/{text}"
