"""The file with which an image's build fetches a source; it is copied as it is and never imported here."""

from functools import cache
from importlib.resources import files


@cache
def source() -> str:
    """Return the text of ``fetch.py``."""
    return files("envctl.emitters.fetching").joinpath("fetch.py").read_text(encoding="utf-8")
