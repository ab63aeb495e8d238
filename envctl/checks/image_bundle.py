"""Are the files here that a hermetic build reads, and are they the ones that the lock means?"""

from collections.abc import Callable, Iterator, Mapping

from envctl.domain import image
from envctl.domain.blocks import Block
from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.image import Names
from envctl.domain.image.bundle import FOLDER, read_sums, shelves, sums_name

Read = Callable[[str], str | None]
Listing = Callable[[str], tuple[str, ...]]
Amiss = Callable[[Mapping[str, str]], Mapping[str, str]]
_SHOWN = 3


def check(
    names: Names,
    block: Block,
    read: Read,
    listing: Listing,
    *,
    amiss: Amiss | None = None,
    required: bool = False,
) -> Iterator[Finding]:
    """Yield what a build would miss.

    The files are not committed: that they are not here is an error where they are ``required``, else a note. ``amiss``
    looks into them: without it nothing is opened, and only what is not there is said.
    """
    wanted = _wanted(names, block, read)
    here = {
        f"{folder}/{name}"
        for folder in dict.fromkeys(path.rpartition("/")[0] for path in wanted)
        for name in listing(folder)
    }
    if missing := [path for path in wanted if path not in here]:
        yield _finding(
            "bundle-missing",
            f"{names.folder}/{FOLDER}",
            f"{len(missing)} of the {len(wanted)} files that the build reads are not in "
            f"`{names.folder}/{FOLDER}`: {_some(missing)}",
            severity="error" if required else "note",
        )
    present = {path: sha256 for path, sha256 in wanted.items() if path in here}
    for path, state in (amiss(present) if amiss else {}).items():
        if state == "altered":
            yield _finding(
                "bundle-altered",
                path,
                f"`{path}` is not the file that the lock means: its sha256 differs",
                expected=wanted[path],
            )


def _wanted(names: Names, block: Block, read: Read) -> dict[str, str]:
    """Return the files that the Dockerfile's own lists name: path in the project → sha256."""
    found: dict[str, str] = {}
    for shelf in shelves(image.recorded(block, "file")):
        texts = read_sums(read(f"{names.folder}/{sums_name(shelf)}") or "")
        folder = f"{names.folder}/{FOLDER}/{shelf}"
        found |= {f"{folder}/{name}": sha256 for name, sha256 in texts.items()}
    return found


def _some(paths: list[str]) -> str:
    shown = ", ".join(path.rpartition("/")[2] for path in paths[:_SHOWN])
    return shown + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")


def _finding(
    code: Code,
    subject: str,
    message: str,
    *,
    severity: Severity = "error",
    expected: str | None = None,
) -> Finding:
    return Finding(
        code=code,
        layer="image",
        severity=severity,
        subject=subject,
        message=message,
        expected=expected,
        actual=None,
        fix="envctl dockerize",
        advice=None,
    )
