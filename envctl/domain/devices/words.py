"""The words of a ``CUDA_VISIBLE_DEVICES``, read as the CUDA driver reads them, without any machine.

Sources: CUDA Programming Guide 5.2.1.1; MIG User Guide, CUDA Device Enumeration; where NVIDIA is silent, PyTorch's
``torch.cuda._parse_visible_devices`` and nvitop's ``parse_cuda_visible_devices``, which follow what drivers do.
"""

import re
from dataclasses import dataclass
from typing import Literal

WordKind = Literal["index", "nothing", "gpu", "mig", "mig-place"]
_SPACE = " \t\n\v\f\r"  # C's isspace()
_NUMBER = re.compile(r"([+-]?)([0-9]+)(.*)", re.DOTALL)
_PLACE = re.compile(r"MIG-(GPU-[^/]*)/([0-9]+)/([0-9]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One item of the list. ``text`` is as written, ``id`` what counts of it.

    ``index``: ``number``, of which strtoul(3) has read the digits and ignored the ``rest``. ``gpu``, ``mig``: a UUID
    or its beginning. ``mig-place``: ``MIG-<GPU-UUID>/<GPU instance>/<compute instance>``, the form of drivers before
    470.42.01; ``place`` has its three parts. ``nothing``: none of these.
    """

    text: str
    kind: WordKind
    id: str
    number: int = 0
    rest: str = ""
    place: tuple[str, int, int] | None = None

    @property
    def is_uuid(self) -> bool:
        """Whether it names a device by what does not depend on an order."""
        return self.kind in ("gpu", "mig", "mig-place")


def words(value: str) -> tuple[Word, ...]:
    """Split a value at its commas; an empty value has no words."""
    return tuple(_word(text) for text in value.split(",")) if value.strip(_SPACE) else ()


def _word(text: str) -> Word:
    own = text.strip(_SPACE)
    if own.startswith("GPU-"):
        return Word(text=text, kind="gpu", id=own)
    if found := _PLACE.fullmatch(own):
        place = (found[1], int(found[2][:19]), int(found[3][:19]))
        return Word(text=text, kind="mig-place", id=own, place=place)
    if own.startswith("MIG-"):
        return Word(text=text, kind="mig", id=own)
    if number := _NUMBER.fullmatch(own):
        digits = number[2][:19]  # far beyond any device already, and Python refuses very long ones
        value = -int(digits) if number[1] == "-" else int(digits)
        return Word(text=text, kind="index", id=own, number=value, rest=number[3])
    return Word(text=text, kind="nothing", id=own)
