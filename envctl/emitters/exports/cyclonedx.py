"""A CycloneDX bill of materials: what the lock installs, where each file comes from, and who needs whom.

Reproducible: the same lock and choice give the same bytes. So there is no timestamp, no version of envctl, and the
serial number is derived from the content, where the library would take the clock and chance.
"""

import json
import re
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from packaging.pylock import Package

from envctl.domain.export import (
    PROJECT,
    Excerpt,
    Exported,
    Option,
    Settings,
    file_uri,
    keyed,
    needs,
    silent,
    uri,
)
from envctl.domain.lock.entry import version_of
from envctl.errors import ExportError

if TYPE_CHECKING:
    from cyclonedx.model import ExternalReference, HashType, Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

NAME = "sbom"
SUMMARY = "A CycloneDX bill of materials (JSON)."
FILE = "bom.cdx.json"
FILES = r".+"
EXAMPLE = "envctl export sbom --no-default-groups --output bom.cdx.json"
OPTIONS: tuple[Option, ...] = (
    Option(name="spec-version", help="The version of CycloneDX.", choices=("1.6", "1.5")),
)
# The algorithms that the library maps to CycloneDX's closed list, and their hex digits (RFC 1321, FIPS 180-4, 202).
_DIGITS = {
    "md5": 32,
    "sha1": 40,
    **dict.fromkeys(("sha256", "sha3_256"), 64),
    **dict.fromkeys(("sha384", "sha3_384"), 96),
    **dict.fromkeys(("sha512", "sha3_512"), 128),
}
_SILENT = (
    "the lock does not say what some packages need (another tool wrote it): "
    "the bill's graph is not complete"
)
# A UUID of envctl's own, under which the serial numbers are derived (RFC 9562, version 5).
_NAMESPACE = uuid.UUID("6a1f3a5e-5c0b-4f5e-9a59-3f8f0f0e7c11")


def emit(excerpt: Excerpt, settings: Settings) -> Exported:
    """Write the bill; ``spec_version`` is ``1.5`` or ``1.6``."""
    from cyclonedx.output import make_outputter  # noqa: PLC0415  # lazy: 150 ms that only this format needs
    from cyclonedx.schema import OutputFormat, SchemaVersion  # noqa: PLC0415

    version = SchemaVersion.from_version(str(settings.get("spec_version", "1.6")))
    with warnings.catch_warnings():
        # The library warns, by Python's means, of a graph that is not complete: said below.
        warnings.simplefilter("ignore", UserWarning)
        text = make_outputter(_bom(excerpt), OutputFormat.JSON, version).output_as_string()
    return Exported(text=_reproducible(text), warnings=(_SILENT,) if silent(excerpt) else ())


def _reproducible(text: str) -> str:
    table: dict[str, Any] = json.loads(text)
    table["metadata"].pop("timestamp")
    table.pop("serialNumber")
    content = json.dumps(table, sort_keys=True)
    table["serialNumber"] = uuid.uuid5(_NAMESPACE, content).urn
    return json.dumps(table, indent=2, sort_keys=True) + "\n"


def _bom(excerpt: Excerpt) -> "Bom":
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415

    root = Component(
        name=excerpt.project,
        type=ComponentType.APPLICATION,
        bom_ref=PROJECT,
        properties=list(_properties(_of_project(excerpt))),
    )
    nodes = {
        key: _component(key, package, excerpt) for key, package in keyed(excerpt.packages).items()
    }
    bom = Bom(components=nodes.values())
    bom.metadata.component = root
    bom.metadata.tools.components.add(Component(name="envctl", type=ComponentType.APPLICATION))
    for key, found in needs(excerpt).items():
        bom.register_dependency(nodes.get(key, root), [nodes[each] for each in found])
    return bom


def _component(key: str, package: Package, excerpt: Excerpt) -> "Component":
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415

    references = list(_references(package))
    # One file: then it is the component. Several are alternatives, and each has its own hashes.
    single = references[0].hashes if len(references) == 1 else ()
    return Component(
        name=package.name,
        version=version_of(package) or None,
        type=ComponentType.LIBRARY,
        bom_ref=key,
        purl=_purl(package, excerpt.pip_index),
        hashes=single,
        external_references=references,
        properties=list(_properties(_of_package(package))),
    )


def _purl(package: Package, default_index: str) -> "PackageURL | None":
    """Return the package URL (purl-spec, type ``pypi``); ``None`` for a folder, which has no address."""
    from packageurl import PackageURL  # noqa: PLC0415

    qualifiers: dict[str, str] = {}
    if package.directory:
        return None
    if package.vcs:
        vcs = package.vcs
        address = vcs.url or file_uri(vcs.path or "")
        qualifiers["vcs_url"] = f"{vcs.type}+{address}@{vcs.commit_id}"
    elif package.archive:
        archive = package.archive
        qualifiers["download_url"] = archive.url or file_uri(archive.path or "")
    elif package.index and package.index.rstrip("/") != default_index:
        qualifiers["repository_url"] = package.index
    return PackageURL("pypi", None, package.name, version_of(package) or None, qualifiers, None)


def _references(package: Package) -> "Iterator[ExternalReference]":
    """Yield where each file, the repository or the folder is."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri  # noqa: PLC0415

    if package.vcs:
        address = _address(package.vcs.url, package.vcs.path)
        comment = f"commit {package.vcs.commit_id}"
        yield ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(address), comment=comment)
    for file in (package.archive, package.sdist, *(package.wheels or ())):
        if file is not None:
            yield ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(_address(file.url, file.path)),
                hashes=list(_hashes(file.hashes, package.name)),
            )


def _address(url: str | None, path: str | None) -> str:
    return file_uri(path or "") if url is None else uri(url)


def _hashes(known: Mapping[str, str], name: str) -> "Iterator[HashType]":
    """Yield the hashes whose algorithm CycloneDX knows; raises ``ExportError`` for one that cannot be of it."""
    from cyclonedx.contrib.hash.factories import HashTypeFactory  # noqa: PLC0415

    for algorithm, value in known.items():
        digits = _DIGITS.get(algorithm.lower())
        if digits is None:
            continue
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", value.lower()):
            raise ExportError(
                f"a file of `{name}` has a hash that is no {algorithm}: it must be {digits} hex digits",
                where=name,
                hint="run `envctl lock`, which notes sha256",
            )
        yield HashTypeFactory().from_hashlib_alg(algorithm, value.lower())


def _of_project(excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    pylock = excerpt.lock.pylock
    yield "envctl:lock", excerpt.lock_name
    for name, value in excerpt.env.items():
        yield f"envctl:env:{name}", value
    for group in excerpt.groups:
        yield "envctl:group", group
    for extra in excerpt.extras:
        yield "envctl:extra", extra
    if excerpt.target is not None:
        yield "envctl:platform", excerpt.target.platform.name
        yield "envctl:python", excerpt.target.python
    elif pylock.requires_python:
        yield "envctl:requires-python", str(pylock.requires_python)


def _of_package(package: Package) -> Iterator[tuple[str, str]]:
    if package.marker is not None:
        yield "envctl:marker", str(package.marker)
    if package.directory:
        yield "envctl:path", package.directory.path


def _properties(pairs: Iterable[tuple[str, str]]) -> "Iterator[Property]":
    from cyclonedx.model import Property  # noqa: PLC0415

    return (Property(name=name, value=value) for name, value in pairs)
