"""A builder's last words as an error."""

from envctl.errors import ContainerError
from envctl.readers.engine_failure import explain_build


def failed(text: str, step: str | None, *, where: str | None = None) -> ContainerError:
    """Return what a failed build's log means; ``step`` is the title of the one that failed."""
    known = explain_build(text, step, where=where)
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    return ContainerError(
        known.message if known else f"the build failed: {last}",
        where=known.where if known else None,
        hint=known.hint if known else "see what the builder said (`--verbose` shows it again)",
        details=text,
    )
