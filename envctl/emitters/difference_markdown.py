"""What differs, as Markdown for a pull request: one table a group, the groups and their rows in the order of weight.

GitHub's flavour (GFM 0.29, "Tables"). Names and values come from files that anybody may have written: each stands in
``<code>`` with every character that Markdown, HTML or GitHub gives a meaning written as a reference. A code span will
not do: it cannot hold a backslash before a ``|`` in a table.
"""

import re
from collections.abc import Iterator, Sequence

from envctl.domain.difference import Comparison, Difference, Group
from envctl.emitters.printable import printable

LONGEST = 60_000
"""Characters; GitHub takes 65,536 in a comment or a pull request's text."""
_VALUE = 160
_SENTENCE = 1000
_OPEN = 15
_TITLES: dict[Group, str] = {
    "code": "Code",
    "packages": "Packages",
    "files": "Files",
    "interpreter": "Interpreter",
    "machine": "Machine",
    "variables": "Variables",
}
_HEAD = "| # | what | A | B | why it may matter |\n|---|---|---|---|---|\n"


def emit(found: Comparison) -> str:
    """Return the whole text; one sentence where nothing differs."""
    head = f"A: {code(found.a)}<br>B: {code(found.b)}\n\n" if found.a else ""
    if not found.differences:
        return f"{head}Nothing that envctl knows of differs.\n{_remarks(found)}"
    groups: dict[Group, list[tuple[int, Difference]]] = {}
    for number, each in enumerate(found.differences, 1):
        groups.setdefault(each.group, []).append((number, each))
    counts = ", ".join(f"{group} {len(rows)}" for group, rows in groups.items())
    whole = f"{head}Differences: {counts}. The lower the number, the more it explains.\n"
    room, left = LONGEST - len(whole) - len(_remarks(found)), 0
    for group, rows in groups.items():
        text, missing = _table(_TITLES[group], rows, room)
        whole, room, left = whole + text, room - len(text), left + missing
    said = f"\n{left} more are left out here: `envctl diff` lists them.\n" if left else ""
    return whole + said + _remarks(found)


def _table(title: str, rows: Sequence[tuple[int, Difference]], room: int) -> tuple[str, int]:
    """Return a group's table, the long tail of it folded, and how many rows found no room."""
    lines = [_row(number, each) for number, each in rows]
    taken, used = 0, len(title) + 4 * len(_HEAD)
    while taken < len(lines) and used + len(lines[taken]) < room:
        used += len(lines[taken])
        taken += 1
    if not taken:
        return "", len(lines)
    text = f"\n### {title}\n\n{_HEAD}{''.join(lines[: min(taken, _OPEN)])}"
    if taken > _OPEN:
        rest = "".join(lines[_OPEN:taken])
        text += f"\n<details><summary>{taken - _OPEN} more</summary>\n\n{_HEAD}{rest}\n</details>\n"
    return text, len(lines) - taken


def _row(number: int, each: Difference) -> str:
    where = f" ({', '.join(map(code, each.locks))})" if each.locks else ""
    sides = (_side(each, each.before), _side(each, each.after))
    return f"| {number} | {code(each.subject)}{where} | {sides[0]} | {sides[1]} | {plain(each.reason)} |\n"


def _side(each: Difference, value: str | None) -> str:
    if value is None:
        return "not set" if each.group == "variables" else "not there"
    return code(value) if value else "empty"


def _remarks(found: Comparison) -> str:
    return (
        "".join(["\n", *(f"- {plain(each)}\n" for each in found.remarks)]) if found.remarks else ""
    )


def code(text: str) -> str:
    """Return a name or value as it is, whatever stands in it; a long one is cut."""
    return f"<code>{_shown(text, _VALUE)}</code>"


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is, in a cell of a table and at the start of a line too."""
    # `1.` and `1)` would begin a list.
    return re.sub(r"^(\s*\d+)([.)])", lambda m: f"{m[1]}&#{ord(m[2])};", _shown(text, _SENTENCE))


def _shown(text: str, longest: int) -> str:
    shown = printable(text)
    cut = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return "".join(_written(cut))


def _written(text: str) -> Iterator[str]:
    for at, each in enumerate(text):
        edge = at in (0, len(text) - 1) and each == " "
        meant = each.isascii() and not each.isalnum() and each not in " ,.()"
        # `www.` alone becomes a link (GFM, "Autolinks").
        dotted = each == "." and text[max(at - 3, 0) : at].lower() == "www"
        yield f"&#{ord(each)};" if meant or edge or dotted else each
