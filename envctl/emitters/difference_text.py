"""What differs, as text for people: grouped lines in their order, each with its reason; no colours."""

from envctl.domain.difference import Comparison, Difference
from envctl.emitters.printable import printable

_LONG = 60


def emit(found: Comparison) -> str:
    """Return the ranked list, most telling first; one sentence where nothing differs."""
    if not found.differences:
        return "nothing that envctl knows of differs\n"
    width = len(str(len(found.differences)))
    return "".join(
        line
        for number, each in enumerate(found.differences, 1)
        for line in _lines(each, f"{number:>{width}}. ")
    )


def _lines(each: Difference, head: str) -> list[str]:
    indent = " " * len(head)
    before, after = _side(each, each.before), _side(each, each.after)
    subject = f"{each.group}: {printable(each.subject)}"
    lines = [f"{head}{subject}  {before} → {after}\n"]
    if len(before) + len(after) > _LONG:
        lines = [f"{head}{subject}\n", f"{indent}  A {before}\n", f"{indent}  B {after}\n"]
    return [*lines, f"{indent}{each.reason}\n"]


def _side(each: Difference, value: str | None) -> str:
    if value is None:
        return "(not set)" if each.group == "variables" else "(not there)"
    return printable(value) if value else '""'
