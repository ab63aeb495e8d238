"""What ``doctor`` found, for people: a line a check, and under it what mends it."""

from collections.abc import Iterable

from envctl.domain.diagnosis import Diagnosis
from envctl.emitters.printable import printable


def emit(found: Iterable[Diagnosis]) -> str:
    """Return the whole report."""
    lines = []
    for each in found:
        lines.append(f"{each.state:<5} {each.check:<11} {printable(each.message, names=True)}")
        if each.mend and each.state != "ok":
            lines.append(f"      mend it: {printable(each.mend, names=True)}")
    return "".join(f"{line}\n" for line in lines)
