"""What differs, as text for people: grouped lines in their order, each with its reason; no colours."""

from envctl.domain.difference import Comparison, Difference
from envctl.emitters.printable import printable

_LONG = 60


def emit(found: Comparison) -> str:
    """Return the ranked list, most telling first; one sentence where nothing differs."""
    if not found.differences:
        return "nothing that envctl knows of differs\n"
    width = len(str(len(found.differences)))
    following = (*found.differences[1:], None)
    return "".join(
        line
        for number, (each, after) in enumerate(zip(found.differences, following, strict=True), 1)
        for line in _lines(each, f"{number:>{width}}. ", last=not _alike(each, after))
    )


def _alike(each: Difference, after: Difference | None) -> bool:
    return after is not None and (each.group, each.reason) == (after.group, after.reason)


def _lines(each: Difference, head: str, *, last: bool) -> list[str]:
    """Return a difference's lines; of several that follow each other for one reason the last says it."""
    indent = " " * len(head)
    before, after = _side(each, each.before), _side(each, each.after)
    where = f" ({', '.join(map(printable, each.locks))})" if each.locks else ""
    subject = f"{each.group}: {printable(each.subject)}{where}"
    lines = [f"{head}{subject}  {before} → {after}\n"]
    if len(before) + len(after) > _LONG:
        lines = [f"{head}{subject}\n", f"{indent}  A {before}\n", f"{indent}  B {after}\n"]
    return [*lines, f"{indent}{printable(each.reason)}\n"] if last else lines


def _side(each: Difference, value: str | None) -> str:
    if value is None:
        return "(not set)" if each.group == "variables" else "(not there)"
    return printable(value) if value else '""'
