"""A builder's last words as an error."""

from envctl.emitters.image_text import brief
from envctl.errors import ContainerError
from envctl.readers.engine_failure import explain_build


def failed(text: str, step: str | None, *, where: str | None = None) -> ContainerError:
    """Return what a failed build's log means; ``step`` is the title of the one that failed."""
    known = explain_build(text, step, where=where)
    place = known.where if known else None
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    return ContainerError(
        known.message if known else f"the build failed: {last}",
        where=brief(step) if known and step and known.where == step else place,
        hint=known.hint if known else "see what the builder said (`--verbose` shows it again)",
        details=text,
    )
