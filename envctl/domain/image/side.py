"""An image as one of two things that are compared: what the engine has, or what a registry says of it."""

import csv
import io
import re
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from envctl.domain import contract as contracts
from envctl.domain.contract import Contract
from envctl.domain.difference import settings
from envctl.domain.difference.packages import Held, counts
from envctl.domain.difference.side import Needs, Side
from envctl.domain.image.contents import Contents, Start
from envctl.domain.image.described import Described
from envctl.domain.image.proof import ENVIRONMENT
from envctl.errors import LockError

_SITE = re.compile(r"(.*?)lib/python(3\.\d+)t?/(?:site|dist)-packages/([^/]+)\.dist-info/RECORD")
_BASE = "org.opencontainers.image.base.name"
_DIGEST = "org.opencontainers.image.base.digest"


def local_side(found: Contents, name: str) -> Side:
    """Return an image as its files tell it."""
    held, python = _installed(found)
    versions = ((key, each.version, ()) for key, each in held.items())
    start = found.start
    return Side(
        kind="image",
        name=name,
        packages=held,
        needs=_needs(start.labels) or Needs(contract=contracts.derive(versions), basis="versions"),
        variables=settings.baked(start.env),
        facts={
            **_facts(start.labels, found.machine),
            "python": start.labels.get("io.envctl.python") or python,
            "architecture": found.machine,
            **_start(start),
        },
    )


def remote_side(found: Described, name: str) -> Side:
    """Return an image as its registry describes it: the packages are not told."""
    machine = (found.platform or "").partition("/")[2]
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.partition("/")[0], machine)
    return Side(
        kind="image",
        name=name,
        needs=_needs(found.labels),
        variables=settings.baked(found.env),
        facts={
            **_facts(found.labels, machine),
            "python": found.labels.get("io.envctl.python"),
            "architecture": machine or None,
            "user": found.user,
        },
    )


def _start(start: Start) -> dict[str, str]:
    return {"user": start.user, "entry point": " ".join((*start.entrypoint, *start.command))}


def _facts(labels: Mapping[str, str], machine: str) -> dict[str, str | None]:
    base = labels.get(_BASE)
    return {
        "base image": f"{base}@{labels[_DIGEST]}" if base and _DIGEST in labels else base,
        "slice": slice_of(labels, machine),
    }


def slice_of(labels: Mapping[str, str], machine: str) -> str | None:
    """Return the digest of the slice that an image for a machine was made from, as its label says."""
    start = f"io.envctl.slice.linux-{machine}"
    return next((text for key, text in labels.items() if key.startswith(start)), None)


def _needs(labels: Mapping[str, str]) -> Needs | None:
    if "io.envctl.accelerator" not in labels:
        return None
    capabilities = labels.get("io.envctl.compute-capabilities", "")
    table = {
        "accelerator": labels["io.envctl.accelerator"],
        "cuda": labels.get("io.envctl.cuda"),
        "driver-limited": labels.get("io.envctl.driver.min"),
        "driver-full": labels.get("io.envctl.driver.full"),
        "compute-capabilities": [each for each in capabilities.split(",") if each],
    }
    try:
        known = {key: value for key, value in table.items() if value}
        contract: Contract = contracts.from_table(known, "the image's labels")
    except LockError:  # labels that anybody may have written
        return None
    return Needs(contract=contract, basis="labels")


def _installed(found: Contents) -> tuple[dict[str, Held], str | None]:
    """Return the packages of the image's environment; in an image that has none, those of its Pythons."""
    places = [match for path in found.files if (match := _SITE.fullmatch(path))]
    own = [match for match in places if match[1] == f"{ENVIRONMENT}/"]
    held: dict[str, Held] = {}
    for match in own or places:
        name, _, version = match[3].partition("-")
        site = match[0].removesuffix(f"{match[3]}.dist-info/RECORD")
        held[canonicalize_name(name)] = Held(
            version=version, files=dict(_files(found, site, match[0])), basis="installed"
        )
    minors = sorted({match[2] for match in own or places}, key=lambda minor: int(minor[2:]))
    return held, minors[-1] if minors else None


def _files(found: Contents, site: str, record: str) -> Iterator[tuple[str, str]]:
    """Yield the files that a RECORD names with the hashes that they have, whatever it says."""
    try:
        rows = [
            row[0] for row in csv.reader(io.StringIO(found.text(record) or "", newline="")) if row
        ]
    except csv.Error:
        return
    for row in rows:
        entry = found.files.get(f"{site}{row}")
        if entry and entry.kind == "file" and counts(row):
            yield row, entry.digest
