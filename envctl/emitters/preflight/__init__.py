"""The file with which an image checks itself; it is copied as it is and never imported here."""

from functools import cache
from importlib.resources import files


@cache
def source() -> str:
    """Return the text of ``preflight.py``."""
    return files("envctl.emitters.preflight").joinpath("preflight.py").read_text(encoding="utf-8")
