"""Where another tool's settings take a package from: a folder, a repository, an index of theirs.

envctl does not follow these settings. A name that they lead elsewhere must not be looked up on the usual index
instead: whoever registered it there would be a stranger (dependency confusion).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.manifest import Manifest, Source, claimant
from envctl.errors import ManifestError

_KINDS = {
    "path": "a folder or file",
    "git": "a repository",
    "url": "an address",
    "file": "a file",
    "workspace": "this workspace",
    "develop": "a folder",
    "index": "another index",
    "source": "another index",
}


def elsewhere(data: reading.Table) -> dict[str, Source]:
    """Return, by normalised name, what ``[tool.uv.sources]`` and Poetry's tables say of a package's origin."""
    found: dict[str, Source] = {}
    for where, table in _tables(data):
        for name, value in table.items():
            for option in value if isinstance(value, list) else [value]:
                options = _mapping(option)
                kind = next((kind for kind in _KINDS if kind in options), None)
                if kind:
                    index = str(options[kind]) if kind in ("index", "source") else None
                    source = Source(what=_KINDS[kind], where=f"{where}.{name}", index=index)
                    found.setdefault(canonicalize_name(name), source)
    return found


def _tables(data: reading.Table) -> Iterator[tuple[str, Mapping[str, Any]]]:
    tool = _mapping(data.get("tool"))
    yield "tool.uv.sources", _mapping(_mapping(tool.get("uv")).get("sources"))
    poetry = _mapping(tool.get("poetry"))
    yield "tool.poetry.dependencies", _mapping(poetry.get("dependencies"))
    for name, group in _mapping(poetry.get("group")).items():
        where = f"tool.poetry.group.{name}.dependencies"
        yield where, _mapping(_mapping(group).get("dependencies"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def refuse(manifest: Manifest) -> None:
    """Refuse to ask an index for a name that another tool takes from elsewhere; raises ``ManifestError``."""
    sets = (manifest.dependencies, *manifest.extras.values(), *manifest.groups.values())
    for text in (text for texts in sets for text in texts):
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        source = manifest.elsewhere.get(name)
        if source is None or wanted.url or claimant(manifest.indexes, name):
            continue
        if source.index in {index.name for index in manifest.indexes}:
            continue
        raise ManifestError(
            f"`{name}` comes from {source.what}, by a setting that envctl does not follow: "
            "an index would be asked for it, and may have a stranger's package of that name",
            where=f"pyproject.toml: {source.where}",
            hint=f'write "{name} @ ADDRESS" in the dependencies (git+https://…, https://…, ./folder), name an index '
            "for it in tool.envctl.index, or take that setting out",
        )
