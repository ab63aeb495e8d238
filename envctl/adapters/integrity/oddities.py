"""Files that are not as their RECORD has them though nobody has touched them: some wheels are built so.

Learned from a wheel that was just fetched and whose own hash was right, kept for the user, and then no longer taken for
damage. Lost, it costs one more download.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def other(expected: str, actual: str) -> str:
    """Return the word for a file with another hash than its RECORD says."""
    return f"other {expected} {actual}"


def missing(path: str, expected: str) -> str:
    """Return the word for a file that a RECORD names and that is not there."""
    return f"missing {expected} {path.rpartition('/')[2]}"


def unlisted(path: str, actual: str) -> str:
    """Return the word for a file that no RECORD names."""
    return f"unlisted {actual} {path.rpartition('/')[2]}"


def known() -> frozenset[str]:
    """Return the words that were learned."""
    try:
        lines = _file().read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return frozenset()
    return frozenset(filter(None, lines))


def learn(words: Iterable[str]) -> None:
    """Keep words; where nothing can be written, they are learned again."""
    lines = "".join(f"{word}\n" for word in words if word.isprintable())
    with suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        with _file().open("a", encoding="utf-8") as file:
            file.write(lines)


def _file() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415  # lazy: seldom needed

    return user_cache_path("envctl") / "odd-files"
