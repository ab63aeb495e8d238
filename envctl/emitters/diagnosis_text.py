"""What ``doctor`` found, for people: a line a check, and under it what mends it."""

import textwrap
from collections.abc import Iterable, Iterator

from envctl.domain.diagnosis import Diagnosis
from envctl.emitters.printable import printable

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
    """Yield the lines of one entry; a word, such as a path, is never taken apart."""
    plain = printable(text, names=True)
    if width is None or width < _NARROWEST:
        yield f"{head}{plain}"
        return
    yield from textwrap.wrap(
        plain,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [head.rstrip()]
