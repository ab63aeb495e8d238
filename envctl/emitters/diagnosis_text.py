"""What ``doctor`` found, for people: a line a check, and under it what mends it."""

from collections.abc import Iterable, Iterator

from envctl.domain.diagnosis import Diagnosis
from envctl.emitters.printable import printable
from envctl.emitters.wrapped import hung

_NARROWEST = 40


def emit(found: Iterable[Diagnosis], *, width: int | None = None) -> str:
    """Return the whole report; ``width``: the columns of a terminal that it is broken for."""
    lines: list[str] = []
    for each in found:
        lines += _broken(f"{each.state:<5} {each.check:<11} ", each.message, width)
        if each.mend and each.state != "ok":
            lines += _broken("      mend it: ", each.mend, width)
    return "".join(f"{line}\n" for line in lines)


def _broken(head: str, text: str, width: int | None) -> Iterator[str]:
    """Yield the lines of one entry; a command and a path are never taken apart."""
    plain = printable(text, names=True)
    if width is None or width < _NARROWEST:
        yield f"{head}{plain}"
    else:
        yield from hung(head, plain, width)
