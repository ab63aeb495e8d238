"""Did a merge leave its markers in the Dockerfile, or in a file that its build reads?"""

from collections.abc import Callable, Iterator

from envctl.domain import blocks, image
from envctl.domain.blocks import Block
from envctl.domain.finding import Finding
from envctl.domain.image import Names
from envctl.errors import ImageError

Read = Callable[[str], str | None]


def check(names: Names, block: Block, read: Read) -> Iterator[Finding]:
    """Yield each file with markers of a merge conflict; those in a user's own lines are a person's to settle."""
    yield from _of(block, names.dockerfile)
    for name, digest in image.recorded(block, "file").items():
        path = f"{names.folder}/{name}"
        text = read(path) or ""
        if blocks.conflicts(text) and blocks.digest(text) != digest:
            yield _finding(path, f"`{path}` holds merge-conflict markers")
    try:
        ignore = blocks.find(read(names.ignore) or "", names.ignore)
    except ImageError:  # the check of what was edited says it
        return
    if ignore is not None:
        yield from _of(ignore, names.ignore)


def _of(block: Block, name: str) -> Iterator[Finding]:
    try:
        blocks.settled(block, name)
    except ImageError as error:
        yield _finding(name, f"{error.message} ({error.where})", advice=error.hint)
        return
    if block.conflict:
        said = f"the generated block of `{name}` holds merge-conflict markers"
        yield _finding(name, said)


def _finding(path: str, message: str, *, advice: str | None = None) -> Finding:
    return Finding(
        code="dockerfile-conflict",
        layer="image",
        severity="error",
        subject=path,
        message=message,
        fix=None if advice else "envctl dockerize",
        advice=advice,
        file=path,
    )
