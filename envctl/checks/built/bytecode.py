"""Are the byte-compiled files of an image what Python compiles of their sources?

Their own word for it, a hash of the source (PEP 552), proves nothing about the code beside it.
"""

import re
from collections.abc import Iterator

from envctl.checks.built.findings import differs, listed
from envctl.checks.built.records import Rows
from envctl.domain.finding import Finding
from envctl.domain.image.configuration import read_configuration
from envctl.domain.image.contents import Contents, Entry
from envctl.domain.image.proof import ENVIRONMENT, Evidence, Promise

_CHECKED_HASH = 0b11  # PEP 552: Python looks at the source before it believes the file
_PATCH_LEVEL = re.compile(r'#define\s+PY_VERSION\s+"([0-9.]+)')


def check(
    contents: Contents, promise: Promise, evidence: Evidence, rows: Rows
) -> Iterator[Finding]:
    """Yield those that are not, and how many nobody can tell of."""
    found = [
        (path, above, entry)
        for path, entry in sorted(contents.below(ENVIRONMENT))
        if (above := source(path, promise)) in rows and above is not None
    ]
    for path, _, entry in found:
        if not _checked(entry):
            said = f"{path} runs whatever its source says: it is not checked by hash"
            yield differs(path, said)
    known = evidence.compiled()
    there = version(contents, promise)
    checked = [each for each in found if _checked(each[2])]
    odd = [path for path, above, entry in checked if known.get(above, entry.digest) != entry.digest]
    # Of packages whose wheels are not at hand, and of those that are built, it is said elsewhere.
    unknown = [p for p, a, _ in checked if a not in known and rows[a][0] in evidence.brought]
    if evidence.compiler != there:
        unknown += odd
    else:
        for path in odd:
            said = f"{path} is not what Python compiles of its source: other code runs"
            yield differs(path, said)
    if unknown:
        yield _unproved(unknown, there)


def source(path: str, promise: Promise) -> str | None:
    """Return the source that a byte-compiled file is of (PEP 3147); ``None`` for what is none.

    Of other Pythons and other levels of optimisation there are none: nothing that makes the image writes such.
    """
    above, _, name = path.rpartition("/")
    ending = f".cpython-{promise.minor.replace('.', '')}.pyc"
    if not above.endswith("__pycache__") or not name.endswith(ending):
        return None
    return f"{above.removesuffix('__pycache__')}{name.removesuffix(ending)}.py"


def _checked(entry: Entry) -> bool:
    flags = int.from_bytes(entry.head[4:8], "little")
    return entry.kind == "file" and flags == _CHECKED_HASH


def version(contents: Contents, promise: Promise) -> str:
    """Return the exact version of the image's Python: by its headers, else as the environment says."""
    for folder in ("usr/local", "usr"):
        text = contents.text(f"{folder}/include/python{promise.minor}/patchlevel.h") or ""
        if found := _PATCH_LEVEL.search(text):
            return found[1]
    return read_configuration(contents.text(f"{ENVIRONMENT}/pyvenv.cfg") or "").version


def _unproved(paths: list[str], version: str) -> Finding:
    return differs(
        "bytecode",
        f"{len(paths)} byte-compiled files could not be told from what Python compiles of their sources: "
        f"{listed(paths)}",
        advice=f"have Python {version} on this machine, then verify again",
        severity="warning",
        code="image-unproved",
    )
