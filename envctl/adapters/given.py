"""A file that somebody names on the command line, read once: a plain one, or a pipe as a shell's ``<(…)`` makes it."""

from pathlib import Path

from envctl.errors import DescriptionError

_MOST = 64 * 1024**2


def given(folder: Path, name: str) -> str | None:
    """Return its text, ``None`` where there is none; ``name`` is seen from ``folder``. Raises ``DescriptionError``."""
    path = folder / name
    try:
        if path.is_dir():
            raise DescriptionError("that is a folder", where=name, hint="name the file in it")
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # not to be read, or a name that no file can have
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else str(error)
        raise DescriptionError(
            f"cannot be read: {reason}", where=name, hint="check its name and its permissions"
        ) from error
    if len(content) > _MOST:
        raise DescriptionError("too large", where=name, hint="name a run's own file")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DescriptionError(
            "not UTF-8", where=name, hint="name a file as `envctl run` wrote it"
        ) from error
