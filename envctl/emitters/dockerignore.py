"""The ``.dockerignore``: nothing but what the image needs is sent to the engine.

A list of exceptions would leak the next file that nobody thought of: checkpoints, data, tokens, ``.venv``.
"""

from envctl.domain.image import Image

_NEVER = (
    "**/__pycache__",
    "**/*.pyc",
    "**/.env",
    "**/.env.*",
    "**/.netrc",
    "**/.git",
    "**/.venv",
)


def emit(image: Image) -> tuple[str, ...]:
    """Return the lines of the block; a user's own lines below it count more (the last match decides)."""
    return (
        "**",
        "!.envctl/image",
        *(f"!{path}" for path in image.source or image.package),
        *_NEVER,
    )
