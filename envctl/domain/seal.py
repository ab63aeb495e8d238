"""A file's own digest inside it: whoever finds it knows whether anybody has changed the file since it was written."""

import hashlib
import re

_SEAL = re.compile(r"envctl-seal: [0-9a-f]{32}")
BLANK = "envctl-seal: " + "0" * 32
"""What stands where the seal will be, once, in a text that is to be sealed."""


def sealed(text: str) -> str:
    """Return the text with its seal in place of ``BLANK``."""
    return text.replace(BLANK, _seal(text), 1)


def intact(text: str) -> bool:
    """Whether this is a sealed text that nobody has changed, line ends apart."""
    found = _SEAL.search(text)
    if found is None:
        return False
    return found[0] == _seal(text[: found.start()] + BLANK + text[found.end() :])


def _seal(text: str) -> str:
    plain = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
    return f"envctl-seal: {hashlib.sha256(plain).hexdigest()[:32]}"
