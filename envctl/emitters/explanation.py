"""``envctl run --explain``: whose word each variable is, for people and as data. No secret stands in either."""

from collections.abc import Iterator
from typing import Any

from envctl.domain.environment.activation import Assignment
from envctl.domain.environment.explanation import Explanation
from envctl.domain.variables import classify
from envctl.emitters.printable import printable

_NAMED = {"local": "local.toml"}
_SECRET = "(secret)"  # noqa: S105  # what is shown instead of one


def text(found: Explanation) -> str:
    """Return a table: name, who decided, value; below each the words that count less."""
    rows = [row for each in found.variables for row in _rows(each, found)]
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(
        f"{name:<{widths[0]}}  {who:<{widths[1]}}  {value}\n" for name, who, value in rows
    )


def remarks(found: Explanation) -> Iterator[str]:
    """Yield what is to be said beside the table."""
    sources = {each.source for each in found.variables}
    if found.scheduler and "scheduler" in sources:
        yield f"in a job of {found.scheduler}: its word on devices counts, set or unset"
    if found.active and "caller" in sources:
        yield "this environment is active already: what activation set is the caller's word here"
    if found.left_out is None:
        yield "every other variable stays as it is here"
    else:
        yield f"isolated: {found.left_out} other variables of yours are left out"


def table(found: Explanation) -> dict[str, Any]:
    """Return the same as data: a value is null where it is unset, or a secret."""
    return {
        "environment": found.environment,
        "program": found.program,
        "scheduler": found.scheduler,
        "isolated": found.left_out is not None,
        "variables": [
            {
                "name": each.name,
                **_word(each, each, found),
                "over": [_word(other, each, found) for other in each.over],
            }
            for each in found.variables
        ],
    }


def _word(each: Assignment, winner: Assignment, found: Explanation) -> dict[str, Any]:
    hidden = _hidden(each, winner, found)
    return {
        "source": each.source,
        "value": None if hidden else each.value,
        "set": each.value is not None,
        "secret": hidden,
    }


def _rows(each: Assignment, found: Explanation) -> Iterator[tuple[str, str, str]]:
    yield each.name, _who(each, found), _shown(each.value, hidden=_hidden(each, each, found))
    for other in each.over:
        value = _shown(other.value, hidden=_hidden(other, each, found))
        yield "", f"  not {_who(other, found)}", value


def _who(each: Assignment, found: Explanation) -> str:
    if each.source == "scheduler" and found.scheduler:
        return f"scheduler ({found.scheduler})"
    return _NAMED.get(each.source, each.source)


def _hidden(each: Assignment, winner: Assignment, found: Explanation) -> bool:
    """Whether a value is not to be shown: where an env-file has, or had, a word, the caller's may come from it."""
    theirs = each.source not in ("manifest", "profile", "local")
    known = any(one.source == "env-file" for one in (winner, *winner.over))
    known = known or (found.env_file and each.source == "caller" and classify(each.name) is None)
    return each.secret or (theirs and known)


def _shown(value: str | None, *, hidden: bool) -> str:
    """Return a value on one line; in quotes where it could be taken for something else."""
    if value is None:
        return "(unset)"
    if hidden:
        return _SECRET
    plain = value.isprintable() and value == value.strip() and value[:1] not in ("", '"', "(")
    if plain:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'
